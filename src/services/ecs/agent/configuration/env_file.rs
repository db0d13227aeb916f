//! Pure: environment files.
//!
//! `NAME=value` a line, taken as it stands: no quotes, no escapes, no spaces cut off. Lines that begin with `#`, that have
//! no `=`, or nothing on either side of it, are passed over.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/use-environment-file.html>

use crate::services::sensitive::Sensitive;

/// The variables of one file; of a name that comes twice the last value.
#[must_use]
pub(super) fn parse(file: &[u8]) -> Vec<(String, Sensitive<String>)> {
    let text = String::from_utf8_lossy(file);
    let mut variables: Vec<(String, Sensitive<String>)> = Vec::new();
    for line in text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)) {
        if line.starts_with('#') {
            continue;
        }
        // A NUL can't stand in an environment.
        let pair = line.split_once('=').filter(|(name, value)| !name.is_empty() && !value.is_empty());
        let Some((name, value)) = pair.filter(|_| !line.contains('\0')) else { continue };
        let value = Sensitive::new(value.to_owned());
        match variables.iter_mut().find(|(known, _)| known == name) {
            Some(known) => known.1 = value,
            None => variables.push((name.to_owned(), value)),
        }
    }
    variables
}

/// Bucket and key in `arn:aws:s3:::bucket/key`.
#[must_use]
pub(super) fn place(arn: &str) -> Option<(&str, &str)> {
    let (bucket, key) =
        crate::identity::Arn::parse(arn).ok().filter(|arn| arn.service == "s3")?.resource.split_once('/')?;
    (!bucket.is_empty() && !key.is_empty()).then_some((bucket, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_as_they_stand() {
        let file = b"# comment\nA=1\r\n\nB = x y \nC=\"q\"\nD=a=b\n=no\nE=\nF\n #G=7\nA=2\nH=\xffz";
        let parsed = parse(file);
        let parsed: Vec<(&str, &str)> =
            parsed.iter().map(|(name, value)| (name.as_str(), value.expose().as_str())).collect();
        assert_eq!(
            parsed,
            [("A", "2"), ("B ", " x y "), ("C", "\"q\""), ("D", "a=b"), (" #G", "7"), ("H", "\u{fffd}z")]
        );
    }

    #[test]
    fn arns_of_objects_have_a_bucket_and_a_key() {
        assert_eq!(place("arn:aws:s3:::bucket/dir/a.env"), Some(("bucket", "dir/a.env")));
        for bad in ["arn:aws:s3:::bucket", "arn:aws:s3:::/a.env", "arn:aws:ssm:::a/b", "a.env"] {
            assert_eq!(place(bad), None, "{bad}");
        }
    }
}
