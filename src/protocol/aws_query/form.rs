//! The pairs of a form, sorted by key, so that all below a prefix are found together.

use std::borrow::Cow;

/// A decoded `application/x-www-form-urlencoded` text. Of a key that is there twice, the first counts.
#[derive(Debug)]
pub struct Form<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Form<'a> {
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Self {
        let mut pairs: Vec<_> = form_urlencoded::parse(text).collect();
        // Stable: the first of two equal keys stays the first.
        pairs.sort_by(|one, two| one.0.cmp(&two.0));
        Self { pairs }
    }

    /// The value of exactly this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let at = self.pairs.partition_point(|(known, _)| &**known < key);
        self.pairs.get(at).filter(|(known, _)| known == key).map(|(_, value)| &**value)
    }

    /// Of all keys that begin with `prefix`, what follows it, sorted.
    pub(super) fn below<'f>(&'f self, prefix: &'f str) -> impl Iterator<Item = &'f str> {
        let start = self.pairs.partition_point(|(known, _)| &**known < prefix);
        self.pairs[start..].iter().map_while(move |(known, _)| known.strip_prefix(prefix))
    }
}
