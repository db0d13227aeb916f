//! Terms: `ERROR`, `"a phrase"`, `%regex%`; all of them must be in a message, unless marked with `?` (any of these) or
//! `-` (none of these). Letters' case counts.

use super::cursor::Cursor;
use super::regex::Regex;
use super::{InvalidPattern, MAX_REGEXES};

#[derive(Debug)]
pub(super) struct Terms {
    required: Vec<Term>,
    excluded: Vec<Term>,
    /// Of no effect when there are others: so says the guide.
    optional: Vec<Term>,
}

#[derive(Debug)]
enum Term {
    Text(String),
    Regex(Regex),
}

impl Terms {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let mut terms = Self { required: Vec::new(), excluded: Vec::new(), optional: Vec::new() };
        let mut cursor = Cursor::new(text);
        let mut regexes = 0;
        while !cursor.is_at_end() {
            cursor.skip_whitespace();
            let list = if cursor.take("?") {
                &mut terms.optional
            } else if cursor.take("-") {
                &mut terms.excluded
            } else {
                &mut terms.required
            };
            let term = match cursor.peek() {
                Some('"') => Term::Text(cursor.take_quoted('"')?),
                Some('%') => {
                    regexes += 1;
                    Term::Regex(cursor.take_regex()?)
                }
                // Other characters need quotes.
                _ => Term::Text(cursor.take_while(|char| char.is_alphanumeric() || char == '_')?.to_owned()),
            };
            if cursor.peek().is_some_and(|char| !char.is_whitespace()) || regexes > MAX_REGEXES {
                return Err(InvalidPattern);
            }
            list.push(term);
        }
        Ok(terms)
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        let has = |term: &Term| term.is_in(message);
        let marked_only = self.required.is_empty() && self.excluded.is_empty();
        self.required.iter().all(has)
            && !self.excluded.iter().any(has)
            && (!marked_only || self.optional.iter().any(has))
    }
}

impl Term {
    fn is_in(&self, message: &str) -> bool {
        match self {
            // `" "` matches every event, also one without a space.
            Self::Text(text) if text.trim().is_empty() => true,
            Self::Text(text) => message.contains(text.as_str()),
            Self::Regex(regex) => regex.is_match(message),
        }
    }
}
