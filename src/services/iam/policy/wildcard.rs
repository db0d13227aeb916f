//! `*` and `?` in actions, resources and conditions.

/// Whether `text` is what `pattern` describes: `*` is any run of characters, `?` any one.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut read) = (0, 0);
    // The last star, and how much of the text it has taken: more is tried when the rest does not fit.
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == text[read] => {
                at += 1;
                read += 1;
            }
            _ => match &mut star {
                Some((place, taken)) => {
                    *taken += 1;
                    (at, read) = (*place + 1, *taken);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}

/// The same for ARNs: a wildcard stays within its part, but for the last one. `*` alone is any ARN.
pub(super) fn matches_arn(pattern: &str, arn: &str) -> bool {
    let split = |text| str::splitn(text, 6, ':').collect::<Vec<_>>();
    let (patterns, parts) = (split(pattern), split(arn));
    if patterns.len() != 6 || parts.len() != 6 {
        return matches(pattern, arn);
    }
    patterns.iter().zip(parts).all(|(pattern, part)| matches(pattern, part))
}
