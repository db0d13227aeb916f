//! Texts that many containers have in common, such as the names of labels, kept once.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Every text that some container has.
#[derive(Debug, Default)]
pub(super) struct SharedTexts(HashSet<Arc<str>>);

/// A container's labels in the order of their names.
#[derive(Debug, Default)]
pub(super) struct Labels(Box<[(Arc<str>, Arc<str>)]>);

impl SharedTexts {
    pub(super) fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.0.insert(new.clone());
        new
    }

    pub(super) fn share_labels(&mut self, labels: &BTreeMap<String, String>) -> Labels {
        Labels(labels.iter().map(|(name, value)| (self.share(name), self.share(value))).collect())
    }

    /// Forgets the texts of labels that nobody has any more.
    pub(super) fn give_back(&mut self, labels: Labels) {
        for (name, value) in labels.0 {
            for text in [name, value] {
                // The set's own, and this one.
                if Arc::strong_count(&text) == 2 {
                    self.0.remove(&text);
                }
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Labels {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let place = self.0.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        Some(&self.0[place].1)
    }

    pub(super) fn to_map(&self) -> BTreeMap<String, String> {
        self.0.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_kept_once_and_forgotten_with_the_last_who_has_them() {
        let mut texts = SharedTexts::default();
        let labels = |role: &str| BTreeMap::from([("a".to_owned(), "x".to_owned()), ("b".to_owned(), role.to_owned())]);
        let (first, second) = (texts.share_labels(&labels("one")), texts.share_labels(&labels("two")));
        assert_eq!((first.get("b"), first.get("c")), (Some("one"), None));
        assert_eq!(second.to_map(), labels("two"));
        assert_eq!(texts.len(), 5, "a, b, x, one, two");
        texts.give_back(first);
        assert_eq!(texts.len(), 4);
        texts.give_back(second);
        assert_eq!(texts.len(), 0);
    }
}
