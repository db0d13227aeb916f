//! The attributes of one instance, found by name without a walk through all of them.
//!
//! An instance has some eighty, placement asks for several of each of thousands of instances, and the record is copied
//! for each task that takes or gives back something. So copies share one list, and the first question makes an index of it:
//! numbers that lie together, because with thousands of instances each name that is looked at is far away in memory.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use api_models::ecs::Attribute;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Reads and changes as a list; cheap to clone.
#[derive(Clone, Default)]
pub struct AttributeList(Arc<Inner>);

#[derive(Clone, Default)]
struct Inner {
    list: Vec<Attribute>,
    /// A hash of each name and its place in the list, in this order.
    by_name: OnceLock<Box<[(u64, usize)]>>,
}

impl AttributeList {
    /// The value of the attribute called `name`, empty if it has none; `None` when there is no such attribute.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        let list = &self.0.list;
        let places = self.0.by_name.get_or_init(|| {
            let hashed =
                |(place, attribute): (usize, &Attribute)| (hash(attribute.name.as_deref().unwrap_or_default()), place);
            let mut places: Box<[_]> = list.iter().enumerate().map(hashed).collect();
            places.sort_unstable();
            places
        });
        let wanted = hash(name);
        let first = places.partition_point(|(hash, _)| *hash < wanted);
        let alike = places.get(first..)?.iter().take_while(|(hash, _)| *hash == wanted);
        let of_name = |attribute: &&Attribute| attribute.name.as_deref().unwrap_or_default() == name;
        let found = alike.filter_map(|(_, place)| list.get(*place)).find(of_name)?;
        Some(found.value.as_deref().unwrap_or(""))
    }
}

fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

impl Deref for AttributeList {
    type Target = Vec<Attribute>;

    fn deref(&self) -> &Vec<Attribute> {
        &self.0.list
    }
}

impl DerefMut for AttributeList {
    fn deref_mut(&mut self) -> &mut Vec<Attribute> {
        let inner = Arc::make_mut(&mut self.0);
        inner.by_name = OnceLock::new();
        &mut inner.list
    }
}

impl From<Vec<Attribute>> for AttributeList {
    fn from(list: Vec<Attribute>) -> Self {
        Self(Arc::new(Inner { list, by_name: OnceLock::new() }))
    }
}

impl PartialEq for AttributeList {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.list == other.0.list
    }
}

impl fmt::Debug for AttributeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.list, f)
    }
}

impl Serialize for AttributeList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.list.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AttributeList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::services::ecs::resources::container_instance::attributes::attribute;

    proptest! {
        #[test]
        fn a_value_is_that_of_the_first_of_its_name(
            names in prop::collection::vec(("[a-d]{0,2}", prop::option::of("[x-z]")), 0..9),
            asked in "[a-d]{0,2}",
            more in "[a-d]{0,2}",
        ) {
            let list: Vec<_> = names.iter().map(|(name, value)| attribute(name, value.as_deref())).collect();
            let naive = |list: &[Attribute]| {
                let found = list.iter().find(|it| it.name.as_deref() == Some(asked.as_str()))?;
                Some(found.value.clone().unwrap_or_default())
            };
            let mut ours = AttributeList::from(list.clone());
            prop_assert_eq!(ours.value(&asked).map(str::to_owned), naive(&list));
            let before = ours.clone();
            ours.insert(0, attribute(&more, Some("new")));
            prop_assert_eq!(ours.value(&asked).map(str::to_owned), naive(&ours));
            prop_assert_eq!(&*before, &list, "copies are not changed");
        }
    }
}
