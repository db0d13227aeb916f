//! Which tasks belong to a service or a daemon, without looking at all tasks.

use std::sync::Arc;

use super::{Task, TaskKey, TaskStatus};

/// Where a task stands, for the scheduler that started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not STOPPED.
    Live,
    /// STOPPED, and the scheduler has not taken note of it.
    Ended,
    /// STOPPED long since: only of interest to who lists tasks.
    Settled,
}

/// Something that tasks belong to, by its key.
pub trait Owner: Clone + Ord {
    /// Whose the task is, and whether its scheduler has taken note of its end.
    fn of(task: &Task) -> Option<(Self, bool)>;

    /// Whether two versions of a task say the same of that.
    fn same(one: &Task, other: &Task) -> bool;

    /// The key of its task with this id.
    fn task(&self, id: &Arc<str>) -> TaskKey;
}

/// The tasks of every owner, kept in step with the table of tasks by the store.
#[derive(Clone, Debug)]
pub struct TasksOf<K: Ord>(imbl::OrdSet<Entry<K>>);

impl<K: Ord + Clone> Default for TasksOf<K> {
    fn default() -> Self {
        Self(imbl::OrdSet::new())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry<K> {
    owner: K,
    phase: Phase,
    task: Arc<str>,
}

impl<K: Owner> Entry<K> {
    fn of(task: &Task) -> Option<Self> {
        let (owner, settled) = K::of(task)?;
        let phase = match (task.last_status, settled) {
            (TaskStatus::Stopped, false) => Phase::Ended,
            (TaskStatus::Stopped, true) => Phase::Settled,
            _ => Phase::Live,
        };
        Some(Self { owner, phase, task: task.key.id.clone() })
    }
}

impl<K: Owner> TasksOf<K> {
    /// The keys of an owner's tasks in `phase`, by id.
    pub fn of<'a>(&'a self, owner: &'a K, phase: Phase) -> impl Iterator<Item = TaskKey> + 'a {
        let first = Entry { owner: owner.clone(), phase, task: "".into() };
        let own = move |entry: &&Entry<K>| entry.phase == phase && entry.owner == *owner;
        self.0.range(first..).take_while(own).map(|entry| owner.task(&entry.task))
    }

    /// The keys of all of an owner's tasks, the stopped ones too, in no order.
    pub fn all<'a>(&'a self, owner: &'a K) -> impl Iterator<Item = TaskKey> + 'a {
        [Phase::Live, Phase::Ended, Phase::Settled].into_iter().flat_map(|phase| self.of(owner, phase))
    }

    /// Follows a change of a task's record; `None` is a task that is not there.
    pub(super) fn follow(&mut self, old: Option<&Task>, new: Option<&Task>) {
        // Almost every change leaves the task where it is.
        if let (Some(old), Some(new)) = (old, new)
            && K::same(old, new)
            && (old.last_status == TaskStatus::Stopped) == (new.last_status == TaskStatus::Stopped)
        {
            return;
        }
        if let Some(entry) = old.and_then(Entry::of) {
            self.0.remove(&entry);
        }
        if let Some(entry) = new.and_then(Entry::of) {
            self.0.insert(entry);
        }
    }
}
