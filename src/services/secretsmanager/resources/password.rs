//! Random passwords.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html>

use api_models::secretsmanager::{GetRandomPasswordRequest, InvalidParameterException};

use crate::ids::IdSource;

const DEFAULT_LENGTH: i64 = 32;

/// Makes a password as the request wants it.
///
/// # Errors
/// InvalidParameterException when the wishes contradict each other.
pub fn random(ids: &IdSource, wanted: &GetRandomPasswordRequest) -> Result<String, InvalidParameterException> {
    let length = usize::try_from(wanted.password_length.unwrap_or(DEFAULT_LENGTH)).unwrap_or(0);
    let excluded = wanted.exclude_characters.as_deref().unwrap_or_default();
    let types: [(Option<bool>, &str); 5] = [
        (wanted.exclude_lowercase, "abcdefghijklmnopqrstuvwxyz"),
        (wanted.exclude_uppercase, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        (wanted.exclude_numbers, "0123456789"),
        (wanted.exclude_punctuation, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
        (Some(wanted.include_space != Some(true)), " "),
    ];
    let allowed: Vec<Vec<u8>> = types
        .iter()
        .filter(|(excluded, _)| *excluded != Some(true))
        .map(|(_, letters)| letters.bytes().filter(|byte| !excluded.contains(char::from(*byte))).collect())
        .collect();
    let all = allowed.concat();
    if all.is_empty() {
        // (ours)
        return Err(InvalidParameterException::new("There are no characters left to make a password of."));
    }
    if wanted.require_each_included_type == Some(false) {
        return Ok(ids.characters(&all, length));
    }
    let each: Vec<&Vec<u8>> = allowed.iter().filter(|letters| !letters.is_empty()).collect();
    if each.len() > length {
        return Err(InvalidParameterException::new("Password length is too short based on the required types."));
    }
    let mut password: Vec<char> =
        each.iter().flat_map(|letters| ids.characters(letters, 1).chars().collect::<Vec<_>>()).collect();
    password.extend(ids.characters(&all, length - each.len()).chars());
    // So that the first characters do not tell their type.
    for last in (1..password.len()).rev() {
        let other = usize::try_from(ids.below(last as u64 + 1)).unwrap_or(last);
        password.swap(last, other);
    }
    Ok(password.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(wanted: GetRandomPasswordRequest) -> Result<String, InvalidParameterException> {
        random(&IdSource::seeded(3), &wanted)
    }

    #[test]
    fn a_password_has_each_type_unless_it_need_not() {
        let usual = password(GetRandomPasswordRequest::default()).expect("a password");
        assert_eq!(usual.len(), 32);
        for type_of in [
            |c: char| c.is_ascii_lowercase(),
            |c: char| c.is_ascii_uppercase(),
            |c: char| c.is_ascii_digit(),
            |c: char| c.is_ascii_punctuation(),
        ] {
            assert!(usual.contains(type_of), "{usual}");
        }
        let digits = GetRandomPasswordRequest {
            password_length: Some(6),
            exclude_lowercase: Some(true),
            exclude_uppercase: Some(true),
            exclude_punctuation: Some(true),
            exclude_characters: Some("01234567".into()),
            ..GetRandomPasswordRequest::default()
        };
        let digits = password(digits).expect("a password");
        assert!(digits.len() == 6 && digits.chars().all(|c| "89".contains(c)), "{digits}");
        let short = |require| GetRandomPasswordRequest {
            password_length: Some(3),
            require_each_included_type: require,
            ..GetRandomPasswordRequest::default()
        };
        assert!(password(short(None)).is_err());
        assert_eq!(password(short(Some(false))).expect("a password").len(), 3);
    }
}
