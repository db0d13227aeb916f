//! How much is going on on each instance, without a look at all tasks.

use std::sync::Arc;

use super::Resources;
use crate::services::ecs::resources::cluster::tasks_of;
use crate::services::ecs::resources::{ClusterKey, ContainerInstanceKey, Task, TaskStatus};
use crate::store::State;

/// The tasks of one instance, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    running: i32,
    pending: i32,
    /// Those in the status RUNNING that are to stay.
    staying: usize,
    /// Those that have not stopped, or are to stay, by group.
    groups: Vec<OfGroup>,
}

/// The tasks of one group on one instance, counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct OfGroup {
    group: Arc<str>,
    /// Those that are to stay.
    staying: usize,
    /// Those that have not stopped.
    live: usize,
}

impl Load {
    /// How many tasks in the status RUNNING are to stay.
    #[must_use]
    pub fn running_and_staying(&self) -> usize {
        self.staying
    }

    /// How many tasks of the group are to stay.
    #[must_use]
    pub fn of_group(&self, group: &str) -> usize {
        self.groups.iter().find(|known| *known.group == *group).map_or(0, |known| known.staying)
    }

    /// The groups of the tasks that are to stay.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<str>> {
        self.groups.iter().filter(|known| known.staying > 0).map(|known| &known.group)
    }

    /// How many tasks of each group have not stopped.
    pub fn live(&self) -> impl Iterator<Item = (&Arc<str>, usize)> {
        self.groups.iter().filter(|known| known.live > 0).map(|known| (&known.group, known.live))
    }

    fn add(&mut self, part: &Part<'_>) {
        self.running += i32::from(part.running);
        self.pending += i32::from(part.pending);
        self.staying += usize::from(part.running && part.stays);
        let place = self.groups.iter().position(|known| known.group == *part.group).unwrap_or_else(|| {
            self.groups.push(OfGroup { group: part.group.clone(), staying: 0, live: 0 });
            self.groups.len() - 1
        });
        self.groups[place].staying += usize::from(part.stays);
        self.groups[place].live += usize::from(part.live);
    }

    fn take_off(&mut self, part: &Part<'_>) {
        self.running -= i32::from(part.running);
        self.pending -= i32::from(part.pending);
        self.staying -= usize::from(part.running && part.stays);
        if let Some(place) = self.groups.iter().position(|known| known.group == *part.group) {
            let of_group = &mut self.groups[place];
            of_group.staying -= usize::from(part.stays);
            of_group.live -= usize::from(part.live);
            if (of_group.staying, of_group.live) == (0, 0) {
                self.groups.swap_remove(place);
            }
        }
    }
}

/// What a task adds to the load of its instance.
#[derive(PartialEq)]
struct Part<'a> {
    instance: &'a ContainerInstanceKey,
    group: &'a Arc<str>,
    running: bool,
    pending: bool,
    /// It is not to stop.
    stays: bool,
    /// It has not stopped.
    live: bool,
}

impl<'a> Part<'a> {
    fn of(task: &'a Task) -> Option<Self> {
        let part = Self {
            instance: task.container_instance.as_ref()?,
            group: &task.group,
            running: task.last_status == TaskStatus::Running,
            pending: matches!(
                task.last_status,
                TaskStatus::Provisioning | TaskStatus::Pending | TaskStatus::Activating
            ),
            stays: task.desired_status == TaskStatus::Running,
            live: task.last_status != TaskStatus::Stopped,
        };
        (part.stays || part.live).then_some(part)
    }
}

/// The load of every instance that has any, kept in step with the table of tasks by the store.
#[derive(Clone, Debug, Default)]
pub struct InstanceLoads(imbl::OrdMap<ContainerInstanceKey, Arc<Load>>);

impl InstanceLoads {
    /// What is going on on the instance; `None` when it has no tasks.
    #[must_use]
    pub fn of(&self, instance: &ContainerInstanceKey) -> Option<&Load> {
        self.0.get(instance).map(|load| &**load)
    }

    /// Follows a change of a task's record; `None` is a task that is not there.
    pub(in crate::services::ecs::resources) fn follow(&mut self, old: Option<&Task>, new: Option<&Task>) {
        let (old, new) = (old.and_then(Part::of), new.and_then(Part::of));
        if old == new {
            return;
        }
        if let Some(part) = old {
            self.change(part.instance, |load| load.take_off(&part));
        }
        if let Some(part) = new {
            self.change(part.instance, |load| load.add(&part));
        }
    }

    fn change(&mut self, instance: &ContainerInstanceKey, change: impl FnOnce(&mut Load)) {
        let mut load = self.of(instance).cloned().unwrap_or_default();
        change(&mut load);
        if load == Load::default() {
            self.0.remove(instance);
        } else {
            self.0.insert(instance.clone(), Arc::new(load));
        }
    }
}

/// Running and pending tasks of every instance, as the API counts them.
#[derive(Debug, Default)]
pub struct Loads(InstanceLoads);

impl Loads {
    #[must_use]
    pub fn of_cluster(state: &State, _: &ClusterKey) -> Self {
        Self(state.instance_loads.clone())
    }

    /// (running, pending) tasks on the instance.
    #[must_use]
    pub fn of(&self, instance: &ContainerInstanceKey) -> (i32, i32) {
        self.0.of(instance).map_or((0, 0), |load| (load.running, load.pending))
    }
}

/// What `registered` leaves once all that tasks hold of the instance is taken off.
#[must_use]
pub(super) fn remaining(state: &State, instance: &ContainerInstanceKey, registered: &Resources) -> Resources {
    let mut left = registered.clone();
    let cluster = instance.cluster();
    for task in tasks_of(state, &cluster).filter(|task| task.container_instance.as_ref() == Some(instance)) {
        let Some(held) = &task.reserved else { continue };
        left.cpu -= held.cpu;
        left.memory -= held.memory;
        left.tcp_ports.extend(&held.tcp_ports);
        left.udp_ports.extend(&held.udp_ports);
        left.gpus.retain(|gpu| !held.gpus.contains(gpu));
    }
    left
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use api_models::ecs::NetworkMode;
    use proptest::prelude::*;

    use super::*;
    use crate::services::ecs::agent::fixtures::{container, definition, task};

    const STATUSES: [TaskStatus; 5] = [
        TaskStatus::Pending,
        TaskStatus::Running,
        TaskStatus::Stopping,
        TaskStatus::Deprovisioning,
        TaskStatus::Stopped,
    ];

    proptest! {
        #[test]
        fn the_index_says_what_a_look_at_all_tasks_says(
            steps in prop::collection::vec((0_u32..6, prop::option::of((0_u32..3, 0_u32..2, 0_usize..5, any::<bool>()))), 0..40),
        ) {
            let definition = definition(NetworkMode::Bridge, vec![container("web", true)]);
            let (mut tasks, mut index) = (BTreeMap::<u32, Task>::new(), InstanceLoads::default());
            for (number, change) in steps {
                let new = change.map(|(instance, group, status, stays)| {
                    let mut task = task(&definition, number);
                    let (scope, cluster) = (task.key.scope.clone(), task.key.cluster.clone());
                    let key = |id: u32| ContainerInstanceKey { scope, cluster, id: id.to_string().into() };
                    task.container_instance = (instance > 0).then(|| key(instance));
                    task.group = format!("service:{group}").into();
                    task.last_status = STATUSES[status];
                    task.desired_status = if stays { TaskStatus::Running } else { TaskStatus::Stopped };
                    task
                });
                index.follow(tasks.get(&number), new.as_ref());
                match new {
                    Some(task) => drop(tasks.insert(number, task)),
                    None => drop(tasks.remove(&number)),
                }
                let mut fresh = InstanceLoads::default();
                tasks.values().for_each(|task| fresh.follow(None, Some(task)));
                let sorted = |loads: &InstanceLoads| -> Vec<(ContainerInstanceKey, Load)> {
                    let load = |load: &Load| {
                        let mut load = load.clone();
                        load.groups.sort();
                        load
                    };
                    loads.0.iter().map(|(key, known)| (key.clone(), load(known))).collect()
                };
                prop_assert_eq!(sorted(&index), sorted(&fresh));
                for task in tasks.values() {
                    let Some(instance) = &task.container_instance else { continue };
                    let same = |other: &&Task| other.container_instance.as_ref() == Some(instance);
                    let stays = |other: &&Task| other.desired_status == TaskStatus::Running;
                    let of_group = tasks.values().filter(same).filter(stays).filter(|it| it.group == task.group).count();
                    prop_assert_eq!(index.of(instance).map_or(0, |load| load.of_group(&task.group)), of_group);
                    let live = tasks.values().filter(same).filter(|it| it.last_status != TaskStatus::Stopped).count();
                    let counted = |load: &Load| load.live().map(|(_, tasks)| tasks).sum::<usize>();
                    prop_assert_eq!(index.of(instance).map_or(0, counted), live);
                }
            }
        }
    }
}
