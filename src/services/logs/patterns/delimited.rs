//! Patterns for events whose fields have spaces between them: `[ip, user, ..., status = 404 || status = 410, bytes]`.

use std::collections::BTreeMap;

use super::condition::Condition;
use super::cursor::Cursor;
use super::value::{Comparison, Value};
use super::{InvalidPattern, MAX_REGEXES};

#[derive(Debug)]
pub(super) struct Delimited {
    fields: Vec<Field>,
}

#[derive(Debug)]
enum Field {
    /// `...`: any number of fields, also none.
    Any,
    Named {
        name: String,
        condition: Option<Condition<Comparison>>,
    },
}

impl Delimited {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let mut cursor = Cursor::new(text);
        cursor.expect("[")?;
        let mut fields = Vec::new();
        loop {
            fields.push(Field::parse(&mut cursor)?);
            cursor.skip_whitespace();
            if !cursor.take(",") {
                break;
            }
        }
        cursor.expect("]")?;
        if !cursor.is_at_end() || regexes(&fields) > MAX_REGEXES {
            return Err(InvalidPattern);
        }
        Ok(Self { fields })
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        let values = split(message);
        self.assign(&values, message).is_some()
    }

    pub(super) fn extract(&self, message: &str) -> BTreeMap<String, String> {
        let values = split(message);
        let Some(places) = self.assign(&values, message) else { return BTreeMap::new() };
        let mut extracted = BTreeMap::new();
        for (index, value) in values.iter().enumerate() {
            let field = places.iter().position(|place| *place == Some(index)).map(|field| &self.fields[field]);
            let (name, text) = match field {
                Some(Field::Named { name, .. }) if self.takes_the_rest() && name == self.last_name() => {
                    (name.clone(), &message[value.start..])
                }
                Some(Field::Named { name, .. }) => (name.clone(), value.text),
                // Behind a last field that takes the rest there is nothing.
                _ if self.takes_the_rest() => continue,
                // What `...` stands for has its number for a name.
                _ => ((index + 1).to_string(), value.text),
            };
            extracted.insert(format!("${name}"), text.to_owned());
        }
        extracted
    }

    /// A last field without a condition takes all that is left (so that `[w1=ERROR, w2]` means lines that begin with
    /// ERROR), unless there is an ellipsis, which does that.
    fn takes_the_rest(&self) -> bool {
        let ellipsis = self.fields.iter().any(|field| matches!(field, Field::Any));
        !ellipsis && matches!(self.fields.last(), Some(Field::Named { condition: None, .. }))
    }

    fn last_name(&self) -> &str {
        match self.fields.last() {
            Some(Field::Named { name, .. }) => name,
            _ => "",
        }
    }

    /// Says of each field of the pattern which of the values it is; `None` when they do not fit.
    fn assign(&self, values: &[Part<'_>], message: &str) -> Option<Vec<Option<usize>>> {
        let mut places = vec![None; self.fields.len()];
        if self.takes_the_rest() && values.len() > self.fields.len() {
            let last = self.fields.len() - 1;
            for (field, place) in places.iter_mut().enumerate() {
                let text = if field == last { &message[values[last].start..] } else { values[field].text };
                if !self.fields[field].fits(text) {
                    return None;
                }
                *place = Some(field);
            }
            return Some(places);
        }
        // Like a text and a pattern with `*`: go on, and where it does not, let the last ellipsis take one more.
        let (mut field, mut value) = (0, 0);
        let mut retry = None;
        while value < values.len() {
            match self.fields.get(field) {
                Some(Field::Any) => {
                    retry = Some((field, value));
                    field += 1;
                }
                Some(named) if named.fits(values[value].text) => {
                    places[field] = Some(value);
                    field += 1;
                    value += 1;
                }
                _ => {
                    let (ellipsis, taken) = retry?;
                    retry = Some((ellipsis, taken + 1));
                    field = ellipsis + 1;
                    value = taken + 1;
                }
            }
        }
        let done = self.fields[field..].iter().all(|field| matches!(field, Field::Any));
        done.then_some(places)
    }
}

impl Field {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, InvalidPattern> {
        cursor.skip_whitespace();
        if cursor.take("...") {
            return Ok(Self::Any);
        }
        let mut bare = *cursor;
        if let Ok(name) = name(&mut bare) {
            bare.skip_whitespace();
            if matches!(bare.peek(), Some(',' | ']')) {
                *cursor = bare;
                return Ok(Self::Named { name: name.to_owned(), condition: None });
            }
        }
        // All conditions between two commas are about one field.
        let mut field: Option<String> = None;
        let condition = Condition::parse(cursor, &mut |cursor| {
            cursor.skip_whitespace();
            let name = name(cursor)?;
            if field.get_or_insert_with(|| name.to_owned()) != name {
                return Err(InvalidPattern);
            }
            Comparison::parse(cursor, ",]")
        })?;
        Ok(Self::Named { name: field.ok_or(InvalidPattern)?, condition: Some(condition) })
    }

    fn fits(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Named { condition, .. } => condition
                .as_ref()
                .is_none_or(|condition| condition.holds(&|comparison| comparison.holds_for_text(text))),
        }
    }
}

fn name<'a>(cursor: &mut Cursor<'a>) -> Result<&'a str, InvalidPattern> {
    cursor.take_while(|char| char.is_alphanumeric() || char == '_' || char == '-')
}

fn regexes(fields: &[Field]) -> usize {
    let mut count = 0;
    for field in fields {
        if let Field::Named { condition: Some(condition), .. } = field {
            condition.each(&mut |comparison| count += usize::from(matches!(comparison.value, Value::Regex(_))));
        }
    }
    count
}

/// A field of a message.
struct Part<'a> {
    /// Without the brackets or quotes around it.
    text: &'a str,
    /// Where it begins in the message, with what is around it.
    start: usize,
}

/// Cuts a message at its spaces; what is in brackets or double quotes is one field.
fn split(message: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut at = 0;
    while at < message.len() {
        let rest = &message[at..];
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        if trimmed.is_empty() {
            break;
        }
        let closing = match trimmed.as_bytes()[0] {
            b'[' => Some(']'),
            b'"' => Some('"'),
            _ => None,
        };
        let enclosed = closing.and_then(|closing| trimmed[1..].find(closing));
        let (text, length) = match enclosed {
            Some(end) => (&trimmed[1..=end], end + 2),
            None => {
                let end = trimmed.find(char::is_whitespace).unwrap_or(trimmed.len());
                (&trimmed[..end], end)
            }
        };
        parts.push(Part { text, start: at });
        at += length;
    }
    parts
}
