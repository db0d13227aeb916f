//! What a record is: anything with a key of its own that serde can write.

use std::fmt::Debug;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Change, State};

/// A table of the state: its records in the order of their keys. Cloning it is cheap and shares everything.
pub type Table<R> = imbl::OrdMap<<R as Record>::Key, Arc<R>>;

/// Something the store keeps. The key is derived from the record, so the two can't disagree.
pub trait Record: Serialize + DeserializeOwned + Debug + Send + Sync + 'static {
    type Key: Ord + Clone + Debug + Serialize + Send + Sync + 'static;

    fn key(&self) -> Self::Key;

    /// Brings what the state derives from the table up to date with a change of one record; `None` is a record that is
    /// not there. Called for every write.
    fn follow(_state: &mut State, _old: Option<&Self>, _new: Option<&Self>) {}

    /// Called once, when all records were read from the journal: what equal records shared before, each of them has a
    /// copy of now.
    fn loaded(_state: &mut State) {}
}

/// A record that has its table in [`State`]; implemented by the `tables!` list in `state.rs`.
pub trait Stored: Record {
    fn table(state: &State) -> &Table<Self>
    where
        Self: Sized;
    fn table_mut(state: &mut State) -> &mut Table<Self>
    where
        Self: Sized;
    fn change(key: Self::Key) -> Change;
}
