//! Labels of versions.
//!
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-labels.html>

use super::Parameter;

/// How many labels a version can have.
pub(super) const MAX_LABELS: usize = 10;

/// Letters, digits and `.-_`; not beginning with a digit, `aws` or `ssm`.
#[must_use]
pub fn is_valid(label: &str) -> bool {
    let lower = label.to_ascii_lowercase();
    label.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c))
        && !lower.starts_with(|c: char| c.is_ascii_digit())
        && !lower.starts_with("aws")
        && !lower.starts_with("ssm")
}

impl Parameter {
    /// Moves labels to a version; each is on one version at a time. Returns whether the version can have that many.
    pub fn label(&mut self, number: i64, labels: &[String]) -> bool {
        for version in &mut self.versions {
            if version.number != number {
                version.labels.retain(|label| !labels.contains(label));
                continue;
            }
            for label in labels {
                if !version.labels.contains(label) {
                    version.labels.push(label.clone());
                }
            }
        }
        self.version(number).is_none_or(|version| version.labels.len() <= MAX_LABELS)
    }

    /// Takes labels from a version; returns those that it had.
    pub fn unlabel(&mut self, number: i64, labels: &[String]) -> Vec<String> {
        let Some(version) = self.versions.iter_mut().find(|version| version.number == number) else {
            return Vec::new();
        };
        let (removed, kept) = version.labels.drain(..).partition(|label| labels.contains(label));
        version.labels = kept;
        removed
    }
}
