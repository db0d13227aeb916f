//! What a property or field is compared with.

use std::cmp::Ordering;

use super::InvalidPattern;
use super::cursor::Cursor;
use super::regex::Regex;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, InvalidPattern> {
        cursor.skip_whitespace();
        // The longer ones first.
        let operators = [
            ("!=", Self::NotEqual),
            ("<=", Self::LessOrEqual),
            (">=", Self::GreaterOrEqual),
            ("<", Self::Less),
            (">", Self::Greater),
            ("=", Self::Equal),
        ];
        let found = operators.into_iter().find(|(text, _)| cursor.take(text));
        found.map(|(_, operator)| operator).ok_or(InvalidPattern)
    }

    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

#[derive(Debug)]
pub(super) enum Value {
    /// With `*` for any characters, also none.
    Text(String),
    Number(f64, String),
    Regex(Regex),
}

/// An operator and what is behind it.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) operator: Operator,
    pub(super) value: Value,
}

impl Comparison {
    /// Reads `= "text"`, `> 5`, `!= 4*`, `= %regex%`. A value without quotes ends at whitespace, a logical operator, or
    /// one of the characters in `ends`.
    pub(super) fn parse(cursor: &mut Cursor<'_>, ends: &str) -> Result<Self, InvalidPattern> {
        let operator = Operator::parse(cursor)?;
        cursor.skip_whitespace();
        let value =
            match cursor.peek() {
                Some('"') => Value::Text(cursor.take_quoted('"')?),
                Some('%') => Value::Regex(cursor.take_regex()?),
                _ => bare(cursor.take_while(|char| {
                    !char.is_whitespace() && !ends.contains(char) && !"\"%()&|=<>!".contains(char)
                })?),
            };
        let ordered = !matches!(operator, Operator::Equal | Operator::NotEqual);
        if ordered && !matches!(value, Value::Number(..)) {
            return Err(InvalidPattern);
        }
        Ok(Self { operator, value })
    }

    /// Compares a text; one that reads as a number is one where the pattern has a number.
    pub(super) fn holds_for_text(&self, text: &str) -> bool {
        match (&self.value, number(text)) {
            (Value::Number(..), Some(number)) => self.holds_for_number(number, text),
            _ => self.holds_for_characters(text),
        }
    }

    /// Compares a number, which is written like this.
    pub(super) fn holds_for_number(&self, number: f64, text: &str) -> bool {
        match &self.value {
            Value::Number(wanted, _) => number.partial_cmp(wanted).is_some_and(|it| self.operator.holds(it)),
            Value::Text(_) | Value::Regex(_) => self.holds_for_characters(text),
        }
    }

    /// Compares the characters of a text, whatever they stand for.
    pub(super) fn holds_for_characters(&self, text: &str) -> bool {
        let equal = match &self.value {
            Value::Text(glob) => glob_matches(glob, text),
            Value::Number(_, wanted) => wanted == text,
            Value::Regex(regex) => regex.is_match(text),
        };
        match self.operator {
            Operator::Equal => equal,
            Operator::NotEqual => !equal,
            // There is no order among texts.
            _ => false,
        }
    }
}

fn bare(text: &str) -> Value {
    match number(text) {
        Some(number) => Value::Number(number, text.to_owned()),
        None => Value::Text(text.to_owned()),
    }
}

/// A decimal number, maybe with an exponent; not what Rust takes for one besides that (`inf`, `NaN`).
pub(super) fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = digits.starts_with(|char: char| char.is_ascii_digit() || char == '.');
    if is_number { text.parse().ok() } else { None }
}

/// Whether the text is the pattern, where `*` stands for any characters. Takes time in the order of both lengths'
/// product at worst.
pub(in crate::services::logs) fn glob_matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
