//! A map for the few containers of a task: a sorted list that has just the room it needs.
//!
//! A `BTreeMap` of one entry has room for eleven, which is kilobytes for each of thousands of tasks.

use std::ops::Index;
use std::sync::Arc;

/// Values by the names of containers, in the order of the names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ByName<T>(Vec<(Arc<str>, T)>);

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> ByName<T> {
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(name))
    }

    #[must_use]
    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.place(name).ok().map(|place| &self.0[place].1)
    }

    #[must_use]
    pub(super) fn contains_key(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    /// Returns what stood there.
    pub(super) fn insert(&mut self, name: Arc<str>, value: T) -> Option<T> {
        match self.place(&name) {
            Ok(place) => Some(std::mem::replace(&mut self.0[place].1, value)),
            Err(place) => {
                self.0.reserve_exact(1);
                self.0.insert(place, (name, value));
                None
            }
        }
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<T> {
        self.place(name).ok().map(|place| self.0.remove(place).1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &T)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, value)| value)
    }
}

impl<T> Extend<(Arc<str>, T)> for ByName<T> {
    fn extend<I: IntoIterator<Item = (Arc<str>, T)>>(&mut self, values: I) {
        for (name, value) in values {
            self.insert(name, value);
        }
    }
}

impl<T> Index<&str> for ByName<T> {
    type Output = T;

    fn index(&self, name: &str) -> &T {
        match self.get(name) {
            Some(value) => value,
            None => panic!("no container is called {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(steps in prop::collection::vec((0_u8..5, prop::option::of(any::<u8>())), 0..30)) {
            let (mut ours, mut model) = (ByName::default(), BTreeMap::new());
            for (name, value) in steps {
                let name: Arc<str> = name.to_string().into();
                match value {
                    Some(value) => prop_assert_eq!(ours.insert(name.clone(), value), model.insert(name.clone(), value)),
                    None => prop_assert_eq!(ours.remove(&name), model.remove(&name)),
                }
                prop_assert_eq!(ours.get(&name), model.get(&name));
                prop_assert_eq!(ours.contains_key(&name), model.contains_key(&name));
                prop_assert!(ours.iter().eq(model.iter()));
                prop_assert!(ours.values().eq(model.values()));
            }
        }
    }
}
