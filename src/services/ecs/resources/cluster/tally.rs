//! How many tasks of which kind each cluster has, without a look at all of them.

use api_models::ecs::LaunchType;

use super::ClusterKey;
use crate::services::ecs::resources::{Task, TaskStatus};

/// The tasks of one cluster, counted. The arrays go by what tasks run on: EC2, Fargate, external and managed instances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub(super) running: [i32; 4],
    pub(super) pending: [i32; 4],
    waiting: usize,
}

impl Tally {
    /// Tasks in PROVISIONING that wait for instances of an Auto Scaling group.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    fn add(&mut self, part: &Part<'_>) {
        self.running[part.kind] += i32::from(part.running);
        self.pending[part.kind] += i32::from(part.pending);
        self.waiting += usize::from(part.waits);
    }

    fn take_off(&mut self, part: &Part<'_>) {
        self.running[part.kind] -= i32::from(part.running);
        self.pending[part.kind] -= i32::from(part.pending);
        self.waiting -= usize::from(part.waits);
    }
}

/// What a task adds to the tally of its cluster.
struct Part<'a> {
    task: &'a Task,
    kind: usize,
    running: bool,
    pending: bool,
    waits: bool,
}

impl<'a> Part<'a> {
    fn of(task: &'a Task) -> Option<Self> {
        let kind = match &task.launch_type {
            Some(LaunchType::ManagedInstances) => 3,
            Some(LaunchType::External) => 2,
            Some(LaunchType::Fargate) => 1,
            Some(_) => 0,
            // A capacity provider chose: what has no container instance runs on Fargate.
            None => usize::from(task.container_instance.is_none()),
        };
        let pending =
            matches!(task.last_status, TaskStatus::Provisioning | TaskStatus::Pending | TaskStatus::Activating);
        let part = Self {
            task,
            kind,
            running: task.last_status == TaskStatus::Running,
            pending,
            waits: pending && task.waits() && task.launch_type != Some(LaunchType::ManagedInstances),
        };
        (part.running || part.pending).then_some(part)
    }

    fn counts_as(&self, other: &Self) -> bool {
        let numbers = |part: &Self| (part.kind, part.running, part.pending, part.waits);
        numbers(self) == numbers(other)
    }
}

/// The tally of every cluster that has tasks which run or are to run, kept in step with the table of tasks by the store.
#[derive(Clone, Debug, Default)]
pub struct ClusterTallies(imbl::OrdMap<ClusterKey, Tally>);

impl ClusterTallies {
    /// The tasks of a cluster, counted.
    #[must_use]
    pub fn of(&self, cluster: &ClusterKey) -> Tally {
        self.0.get(cluster).copied().unwrap_or_default()
    }

    /// Follows a change of a task's record; `None` is a task that is not there.
    pub(in crate::services::ecs::resources) fn follow(&mut self, old: Option<&Task>, new: Option<&Task>) {
        let (old, new) = (old.and_then(Part::of), new.and_then(Part::of));
        match (&old, &new) {
            (None, None) => return,
            (Some(old), Some(new)) if old.counts_as(new) => return,
            _ => {}
        }
        // Both are of one cluster: it is in the key of the record.
        let Some(cluster) = old.as_ref().or(new.as_ref()).map(|part| part.task.key.cluster()) else { return };
        let mut tally = self.of(&cluster);
        old.iter().for_each(|part| tally.take_off(part));
        new.iter().for_each(|part| tally.add(part));
        if tally == Tally::default() {
            self.0.remove(&cluster);
        } else {
            self.0.insert(cluster, tally);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use api_models::ecs::NetworkMode;
    use proptest::prelude::*;

    use super::*;
    use crate::services::ecs::agent::fixtures::{container, definition, task};
    use crate::services::ecs::resources::Waiting;

    const STATUSES: [TaskStatus; 5] = [
        TaskStatus::Provisioning,
        TaskStatus::Pending,
        TaskStatus::Running,
        TaskStatus::Deprovisioning,
        TaskStatus::Stopped,
    ];

    fn launch_type(number: usize) -> Option<LaunchType> {
        let types = [LaunchType::Ec2, LaunchType::Fargate, LaunchType::External, LaunchType::ManagedInstances];
        types.into_iter().nth(number)
    }

    /// The same by a look at all tasks.
    fn counted<'a>(tasks: impl Iterator<Item = &'a Task> + Clone) -> (Vec<usize>, usize) {
        let count = |kind: usize, status: &dyn Fn(TaskStatus) -> bool| {
            let is_of = |task: &&Task| match task.launch_type {
                None => kind == 1,
                _ => task.launch_type == launch_type(kind),
            };
            tasks.clone().filter(is_of).filter(|task| status(task.last_status)).count()
        };
        let pending = |status| matches!(status, TaskStatus::Provisioning | TaskStatus::Pending);
        let running = |status| status == TaskStatus::Running;
        let counts = (0..4).flat_map(|kind| [count(kind, &running), count(kind, &pending)]);
        let waits = |task: &&Task| {
            task.waiting.is_some()
                && task.desired_status == TaskStatus::Running
                && pending(task.last_status)
                && task.launch_type != Some(LaunchType::ManagedInstances)
        };
        (counts.collect(), tasks.clone().filter(waits).count())
    }

    proptest! {
        #[test]
        fn the_index_says_what_a_look_at_all_tasks_says(
            steps in prop::collection::vec(
                (0_u32..6, 0_usize..2, prop::option::of((0_usize..5, 0_usize..5, any::<bool>(), any::<bool>()))),
                0..40,
            ),
        ) {
            let definition = definition(NetworkMode::Bridge, vec![container("web", true)]);
            let mut index = ClusterTallies::default();
            let mut tasks = BTreeMap::<(usize, u32), Task>::new();
            let (names, scope) = (["one", "two"], task(&definition, 0).key.scope);
            for (number, cluster, change) in steps {
                let new = change.map(|(kind, status, waits, stays)| {
                    let mut task = task(&definition, number);
                    task.key.cluster = names[cluster].into();
                    task.launch_type = launch_type(kind);
                    task.container_instance = None;
                    task.last_status = STATUSES[status];
                    task.desired_status = if stays { TaskStatus::Running } else { TaskStatus::Stopped };
                    task.waiting = waits.then(|| Box::new(Waiting::default()));
                    task
                });
                index.follow(tasks.get(&(cluster, number)), new.as_ref());
                match new {
                    Some(task) => drop(tasks.insert((cluster, number), task)),
                    None => drop(tasks.remove(&(cluster, number))),
                }
                for (cluster, name) in names.into_iter().enumerate() {
                    let own = tasks.iter().filter(|((of, _), _)| *of == cluster).map(|(_, task)| task);
                    let tally = index.of(&ClusterKey::new(&scope, name));
                    let shown = (0..4).flat_map(|kind| [tally.running[kind], tally.pending[kind]]);
                    let shown = shown.map(|count| usize::try_from(count).expect("none is negative"));
                    prop_assert_eq!((shown.collect::<Vec<_>>(), tally.waiting()), counted(own));
                }
                prop_assert!(!tasks.is_empty() || index.0.is_empty());
            }
        }
    }
}
