//! Pure: one value out of a secret that is a JSON object, as the ECS agent's program (in Go) writes it.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

/// Any JSON, numbers as Go reads them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Json {
    Null(()),
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

/// The value under `key`, as text.
///
/// # Errors
/// The agent's words; nothing of the secret is in them.
pub(super) fn value(secret: &str, key: &str) -> Result<String, String> {
    let object = match serde_json::from_str::<Json>(secret) {
        Ok(Json::Object(object)) => object,
        Ok(other) => {
            return Err(format!(
                "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
                other.kind()
            ));
        }
        Err(error) if error.is_eof() => return Err("unexpected end of JSON input".to_owned()),
        // Go shows the character, which is one of the secret's.
        Err(_) => return Err("invalid character looking for beginning of value".to_owned()),
    };
    let Some(value) = object.get(key) else {
        return Err(format!("retrieved secret from Secrets Manager did not contain json key {key}"));
    };
    let mut out = String::new();
    value.write(&mut out);
    Ok(out)
}

impl Json {
    fn kind(&self) -> &'static str {
        match self {
            Self::Null(()) => "null",
            Self::Bool(_) => "bool",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::List(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// Like Go's `%v`.
    fn write(&self, out: &mut String) {
        match self {
            Self::Null(()) => out.push_str("<nil>"),
            Self::Bool(value) => {
                let _ = write!(out, "{value}");
            }
            Self::Number(value) => number(*value, out),
            Self::Text(text) => out.push_str(text),
            Self::List(list) => {
                out.push('[');
                for (index, value) in list.iter().enumerate() {
                    out.push_str(if index > 0 { " " } else { "" });
                    value.write(out);
                }
                out.push(']');
            }
            Self::Object(object) => {
                out.push_str("map[");
                for (index, (key, value)) in object.iter().enumerate() {
                    let _ = write!(out, "{}{key}:", if index > 0 { " " } else { "" });
                    value.write(out);
                }
                out.push(']');
            }
        }
    }
}

/// With as few digits as say the number, and an exponent from a million up: users put larger numbers in quotes.
fn number(value: f64, out: &mut String) {
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let _ = if value != 0.0 && !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "{digits}e{sign}{:02}", exponent.abs())
    } else {
        write!(out, "{value}")
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_texts_as_go_writes_them() {
        let secret = r#"{"text":"a \"b\"","port":5432,"half":0.5,"yes":true,"no":null,"list":[1,"x"],"map":{"b":2,"a":"c"},"tiny":0.00001,"big":1234567}"#;
        for (key, expected) in [
            ("text", "a \"b\""),
            ("port", "5432"),
            ("half", "0.5"),
            ("yes", "true"),
            ("no", "<nil>"),
            ("list", "[1 x]"),
            ("map", "map[a:c b:2]"),
            ("tiny", "1e-05"),
            ("big", "1.234567e+06"),
        ] {
            assert_eq!(value(secret, key).as_deref(), Ok(expected), "{key}");
        }
    }

    #[test]
    fn what_is_not_there_is_named_and_nothing_of_the_secret_shown() {
        for (secret, expected) in [
            ("{}", "retrieved secret from Secrets Manager did not contain json key key"),
            ("hunter2", "invalid character looking for beginning of value"),
            ("", "unexpected end of JSON input"),
            ("\"hunter2\"", "json: cannot unmarshal string into Go value of type map[string]interface {}"),
        ] {
            assert_eq!(value(secret, "key"), Err(expected.to_owned()));
        }
    }
}
