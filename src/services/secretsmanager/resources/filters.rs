//! The filters of ListSecrets and BatchGetSecretValue.
//!
//! All filters must hold; of a filter's values one must. A value matches what begins with it (names, tags) or has
//! words that begin with its words (descriptions, `all`); `!` in front turns it round.
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_search-secret.html>

use api_models::secretsmanager::{Filter, FilterNameStringType, InvalidParameterException};

use super::Secret;

/// Filters whose keys are known.
#[derive(Debug)]
pub struct Filters<'a>(Vec<(&'a FilterNameStringType, &'a [String])>);

impl<'a> Filters<'a> {
    /// # Errors
    /// InvalidParameterException when a filter lacks its key or values.
    pub fn new(filters: Option<&'a [Filter]>) -> Result<Self, InvalidParameterException> {
        let checked = filters.unwrap_or_default().iter().map(|filter| match (&filter.key, &filter.values) {
            (None, _) => Err(InvalidParameterException::new("Invalid filter key")),
            (Some(key), Some(values)) if !values.is_empty() => Ok((key, values.as_slice())),
            (Some(key), _) => {
                Err(InvalidParameterException::new(format!("Invalid filter values for key: {}", key.as_str())))
            }
        });
        checked.collect::<Result<_, _>>().map(Self)
    }

    #[must_use]
    pub fn hold(&self, secret: &Secret) -> bool {
        self.0.iter().all(|(key, values)| {
            let (without, with): (Vec<&String>, Vec<&String>) = values.iter().partition(|value| value.starts_with('!'));
            let excluded = without.iter().any(|value| matches(key, value.trim_start_matches('!'), secret));
            !excluded && (with.is_empty() || with.iter().any(|value| matches(key, value, secret)))
        })
    }
}

fn matches(key: &FilterNameStringType, value: &str, secret: &Secret) -> bool {
    let description = secret.description.as_deref().unwrap_or_default();
    match key {
        FilterNameStringType::Name => secret.key.name.starts_with(value),
        FilterNameStringType::Description => has_words(description, value),
        FilterNameStringType::TagKey => secret.tags.keys().any(|key| key.starts_with(value)),
        FilterNameStringType::TagValue => secret.tags.values().any(|of_tag| of_tag.starts_with(value)),
        FilterNameStringType::PrimaryRegion => secret.key.scope.region.as_str().starts_with(value),
        FilterNameStringType::All => {
            let texts = secret.tags.iter().flat_map(|(key, value)| [key.as_str(), value.as_str()]);
            texts.chain([&*secret.key.name, description]).any(|text| has_words(text, value))
        }
        // No secret here is another service's.
        FilterNameStringType::OwningService | FilterNameStringType::Unrecognized(_) => false,
    }
}

/// Whether each word that is looked for begins a word of the text, in any case.
fn has_words(text: &str, wanted: &str) -> bool {
    let text = text.to_lowercase();
    let words: Vec<&str> = split(&text).collect();
    let wanted = wanted.to_lowercase();
    let begun = split(&wanted).all(|wanted| words.iter().any(|word| word.starts_with(wanted)));
    !wanted.is_empty() && begun
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}
