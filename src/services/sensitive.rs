//! Values that must not be seen in logs: their `Debug` does not show them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A value that only [`expose`](Self::expose) shows. It is written to the journal as it is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sensitive<T>(T);

impl<T> Sensitive<T> {
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself: for an answer that is to have it, or a container's environment.
    #[must_use]
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(sensitive)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_it_and_the_journal_keeps_it() {
        let secret = Sensitive::new("hunter2".to_owned());
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "(sensitive) Some((sensitive))");
        let json = serde_json::to_string(&secret).expect("JSON");
        assert_eq!(json, "\"hunter2\"");
        assert_eq!(serde_json::from_str::<Sensitive<String>>(&json).expect("the same"), secret);
    }
}
