//! Filters of Describe operations: all of them must match, each by one of its values, which may have `*` and `?`.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html>

use api_models::ec2::{ClientError, Filter};

use super::errors::error;

/// What a filter of some name is compared with.
pub enum Field {
    /// The values that the resource has under that name; one of them must match.
    Values(Vec<String>),
    /// The resource knows no such filter.
    Unknown,
}

impl Field {
    #[must_use]
    pub fn one(value: impl Into<String>) -> Self {
        Self::Values(vec![value.into()])
    }

    #[must_use]
    pub fn maybe(value: Option<impl Into<String>>) -> Self {
        Self::Values(value.into_iter().map(Into::into).collect())
    }

    #[must_use]
    pub fn many(values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::Values(values.into_iter().map(Into::into).collect())
    }
}

/// Filters that are there and have values.
#[derive(Clone, Debug)]
pub struct Filters(Vec<(String, Vec<String>)>);

impl Filters {
    /// # Errors
    /// A filter without a name or without values.
    pub fn new(given: Option<Vec<Filter>>) -> Result<Self, ClientError> {
        let checked = given.unwrap_or_default().into_iter().map(|filter| {
            let name = filter.name.unwrap_or_default();
            let values = filter.values.unwrap_or_default();
            if name.is_empty() || values.is_empty() {
                return Err(error("InvalidParameterValue", "The filter 'null' is invalid"));
            }
            Ok((name, values))
        });
        Ok(Self(checked.collect::<Result<_, _>>()?))
    }

    /// Whether a resource passes; `field` says what it has for a filter's name.
    ///
    /// # Errors
    /// A filter of a name that it does not know.
    pub fn pass(&self, mut field: impl FnMut(&str) -> Field) -> Result<bool, ClientError> {
        let mut passes = true;
        for (name, wanted) in &self.0 {
            match field(name) {
                Field::Values(values) => {
                    passes &= values.iter().any(|value| wanted.iter().any(|wanted| matches(wanted, value)));
                }
                Field::Unknown => {
                    return Err(error("InvalidParameterValue", format!("The filter '{name}' is invalid")));
                }
            }
        }
        Ok(passes)
    }
}

/// The tags' part of every resource's filters: `tag:<key>`, `tag-key`, `tag-value`.
#[must_use]
pub fn of_tags(name: &str, tags: &std::collections::BTreeMap<String, String>) -> Field {
    if let Some(key) = name.strip_prefix("tag:") {
        return Field::maybe(tags.get(key).cloned());
    }
    match name {
        "tag-key" => Field::many(tags.keys().cloned()),
        "tag-value" => Field::many(tags.values().cloned()),
        _ => Field::Unknown,
    }
}

/// Whether `text` fits `pattern`: `*` is any text, `?` any letter, `\` takes the next letter as it is.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // The last `*` seen, and the text it stands for so far: enough to go back to.
    let (mut at, mut pos, mut star): (usize, usize, Option<(usize, usize)>) = (0, 0, None);
    while pos < text.len() {
        let (literal, width) = match pattern.get(at) {
            Some('\\') if at + 1 < pattern.len() => (pattern.get(at + 1), 2),
            Some('*') => {
                star = Some((at + 1, pos));
                at += 1;
                continue;
            }
            Some('?') => (text.get(pos), 1),
            other => (other, 1),
        };
        if literal == text.get(pos) {
            at += width;
            pos += 1;
        } else if let Some((resume, from)) = star {
            at = resume;
            pos = from + 1;
            star = Some((resume, pos));
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, text, fits) in [
            ("web", "web", true),
            ("web", "webs", false),
            ("w*", "web", true),
            ("*b", "web", true),
            ("w?b", "web", true),
            ("w?", "web", false),
            ("*e*", "web", true),
            ("*", "", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b", false),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn all_filters_must_match_and_be_known() {
        let filter = |name: &str, values: &[&str]| Filter {
            name: Some(name.into()),
            values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
        };
        let field = |name: &str| match name {
            "a" => Field::one("1"),
            "b" => Field::many(["2", "3"]),
            _ => Field::Unknown,
        };
        let pass = |filters: Vec<Filter>| Filters::new(Some(filters)).expect("filters").pass(field);
        assert_eq!(pass(vec![filter("a", &["0", "1"]), filter("b", &["3"])]), Ok(true));
        assert_eq!(pass(vec![filter("a", &["1"]), filter("b", &["4"])]), Ok(false));
        let error = pass(vec![filter("c", &["1"])]).expect_err("unknown");
        assert_eq!(error.message.as_deref(), Some("The filter 'c' is invalid"));
        assert!(Filters::new(Some(vec![filter("a", &[])])).is_err());
    }
}
