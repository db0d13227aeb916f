//! Patterns for events in JSON: `{ $.user.id = 1 && ($.name = "a*" || $.list[*] = %x.y%) }`.

use std::collections::BTreeMap;

use api_models::Untyped;

use super::condition::Condition;
use super::cursor::Cursor;
use super::value::{Comparison, Value};
use super::{InvalidPattern, MAX_REGEXES};

/// How many wildcards there may be in a selector, and in a whole pattern.
const MAX_WILDCARDS_OF_SELECTOR: usize = 1;
const MAX_WILDCARDS: usize = 3;

#[derive(Debug)]
pub(super) struct Json {
    condition: Condition<Clause>,
}

/// A selector and what must hold for what it selects.
#[derive(Debug)]
struct Clause {
    /// As it is written, which is the name of what is extracted.
    written: String,
    selector: Vec<Step>,
    test: Test,
}

#[derive(Debug)]
enum Step {
    Key(String),
    Element(usize),
    AnyKey,
    AnyElement,
}

#[derive(Debug)]
enum Test {
    Compare(Comparison),
    IsNull,
    Is(bool),
    NotExists,
}

impl Json {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let mut cursor = Cursor::new(text);
        cursor.expect("{")?;
        let condition = Condition::parse(&mut cursor, &mut Clause::parse)?;
        cursor.expect("}")?;
        if !cursor.is_at_end() {
            return Err(InvalidPattern);
        }
        let (mut wildcards, mut regexes) = (0, 0);
        condition.each(&mut |clause| {
            wildcards += clause.wildcards();
            let is_regex = matches!(&clause.test, Test::Compare(Comparison { value: Value::Regex(_), .. }));
            regexes += usize::from(is_regex);
        });
        if wildcards > MAX_WILDCARDS || regexes > MAX_REGEXES {
            return Err(InvalidPattern);
        }
        Ok(Self { condition })
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        let Some(event) = read(message) else { return false };
        self.condition.holds(&|clause| clause.holds(&event))
    }

    pub(super) fn extract(&self, message: &str) -> BTreeMap<String, String> {
        let mut values = BTreeMap::new();
        let Some(event) = read(message) else { return values };
        self.condition.each(&mut |clause| {
            let mut found = Vec::new();
            select(&event, &clause.selector, &mut found);
            if let Some(text) = found.first().and_then(|value| shown(value)) {
                values.insert(clause.written.clone(), text);
            }
        });
        values
    }
}

/// An event that is a JSON object.
fn read(message: &str) -> Option<Untyped> {
    // Most messages are none; this is quicker than to try.
    if !message.trim_start().starts_with('{') {
        return None;
    }
    serde_json::from_str(message).ok()
}

impl Clause {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, InvalidPattern> {
        cursor.skip_whitespace();
        let (written, selector) = selector(cursor)?;
        let clause = |test| Self { written, selector, test };
        let clause = if cursor.take_word("IS") {
            if cursor.take_word("NULL") {
                clause(Test::IsNull)
            } else if cursor.take_word("TRUE") {
                clause(Test::Is(true))
            } else if cursor.take_word("FALSE") {
                clause(Test::Is(false))
            } else {
                return Err(InvalidPattern);
            }
        } else if cursor.take_word("NOT") {
            if !cursor.take_word("EXISTS") {
                return Err(InvalidPattern);
            }
            clause(Test::NotExists)
        } else {
            clause(Test::Compare(Comparison::parse(cursor, "}")?))
        };
        if clause.wildcards() > MAX_WILDCARDS_OF_SELECTOR { Err(InvalidPattern) } else { Ok(clause) }
    }

    fn wildcards(&self) -> usize {
        self.selector.iter().filter(|step| matches!(step, Step::AnyKey | Step::AnyElement)).count()
    }

    fn holds(&self, event: &Untyped) -> bool {
        let mut found = Vec::new();
        select(event, &self.selector, &mut found);
        match &self.test {
            Test::NotExists => found.is_empty(),
            Test::IsNull => found.iter().any(|value| matches!(value, Untyped::Null)),
            Test::Is(wanted) => found.iter().any(|value| matches!(value, Untyped::Boolean(value) if value == wanted)),
            Test::Compare(comparison) => found.iter().any(|value| compare(comparison, value)),
        }
    }
}

/// `$.a`, `$.a.b`, `$.a[0][1].b`, `$.a[*]`, `$.*`, `$.['a.b']`.
fn selector(cursor: &mut Cursor<'_>) -> Result<(String, Vec<Step>), InvalidPattern> {
    let mut steps = Vec::new();
    let mut written = "$".to_owned();
    if !cursor.take("$") {
        return Err(InvalidPattern);
    }
    loop {
        if cursor.take(".") {
            written.push('.');
            if cursor.take("*") {
                written.push('*');
                steps.push(Step::AnyKey);
            } else if !cursor.starts_with("[") {
                let name = cursor.take_while(|char| char.is_alphanumeric() || char == '-' || char == '_')?;
                written.push_str(name);
                steps.push(Step::Key(name.to_owned()));
            }
        } else if cursor.take("[") {
            let step = match cursor.peek() {
                Some('*') if cursor.take("*") => {
                    written.push_str("[*]");
                    Step::AnyElement
                }
                Some(quote @ ('\'' | '"')) => {
                    let key = cursor.take_quoted(quote)?;
                    written.push_str(&format!("['{key}']"));
                    Step::Key(key)
                }
                _ => {
                    let digits = cursor.take_while(|char| char.is_ascii_digit())?;
                    written.push_str(&format!("[{digits}]"));
                    Step::Element(digits.parse().map_err(|_| InvalidPattern)?)
                }
            };
            if !cursor.take("]") {
                return Err(InvalidPattern);
            }
            steps.push(step);
        } else {
            break;
        }
    }
    if steps.is_empty() || written.ends_with('.') { Err(InvalidPattern) } else { Ok((written, steps)) }
}

/// Collects what the steps lead to.
fn select<'a>(value: &'a Untyped, steps: &[Step], found: &mut Vec<&'a Untyped>) {
    let Some((step, rest)) = steps.split_first() else {
        found.push(value);
        return;
    };
    match (step, value) {
        // Of a key that is there twice the last one counts, as for most readers of JSON.
        (Step::Key(name), Untyped::Map(map)) => {
            if let Some((_, value)) = map.iter().rev().find(|(key, _)| key == name) {
                select(value, rest, found);
            }
        }
        (Step::AnyKey, Untyped::Map(map)) => map.iter().for_each(|(_, value)| select(value, rest, found)),
        (Step::Element(index), Untyped::List(list)) => {
            if let Some(value) = list.get(*index) {
                select(value, rest, found);
            }
        }
        (Step::AnyElement, Untyped::List(list)) => list.iter().for_each(|value| select(value, rest, found)),
        _ => {}
    }
}

/// Lists, objects and null match no comparison.
fn compare(comparison: &Comparison, value: &Untyped) -> bool {
    match value {
        Untyped::Integer(number) => comparison.holds_for_number(*number as f64, &number.to_string()),
        Untyped::Double(number) => comparison.holds_for_number(*number, &number.to_string()),
        Untyped::String(text) => comparison.holds_for_characters(text),
        Untyped::Boolean(value) => comparison.holds_for_characters(if *value { "true" } else { "false" }),
        Untyped::Null | Untyped::List(_) | Untyped::Map(_) => false,
    }
}

fn shown(value: &Untyped) -> Option<String> {
    match value {
        Untyped::Integer(number) => Some(number.to_string()),
        Untyped::Double(number) => Some(number.to_string()),
        Untyped::String(text) => Some(text.clone()),
        Untyped::Boolean(value) => Some(value.to_string()),
        Untyped::Null | Untyped::List(_) | Untyped::Map(_) => None,
    }
}
