//! What is known of all tasks' containers, and the way from a container's labels to its task.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::configuration::Configuration;
use super::observed::{ObservedTask, Slot};
use crate::identity::{Arn, Region, Scope};
use crate::runtime::{CONTAINER_NAME_LABEL, PAUSE_CONTAINER_NAME, TASK_ARN_LABEL};
use crate::services::ecs::resources::TaskKey;

/// The tasks that the engine holds something for, or soon will.
#[derive(Default)]
pub(super) struct Observations {
    tasks: Mutex<HashMap<TaskKey, Arc<Entry>>>,
}

/// One task.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) observed: Mutex<ObservedTask>,
    /// What its containers are given besides their definition; none when they want nothing, or have it all.
    pub(super) configuration: Mutex<Option<Configuration>>,
    /// Told when the task is to stop, so that a long pull is given up.
    pub(super) stop: Notify,
}

impl Entry {
    /// A copy of what is known now.
    pub(super) fn read(&self) -> ObservedTask {
        self.observed.lock().clone()
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut ObservedTask) -> T) -> T {
        change(&mut self.observed.lock())
    }
}

impl Observations {
    pub(super) fn entry(&self, key: &TaskKey) -> Arc<Entry> {
        self.tasks.lock().entry(key.clone()).or_default().clone()
    }

    pub(super) fn get(&self, key: &TaskKey) -> Option<Arc<Entry>> {
        self.tasks.lock().get(key).cloned()
    }

    pub(super) fn remove(&self, key: &TaskKey) {
        self.tasks.lock().remove(key);
    }

    pub(super) fn all(&self) -> Vec<(TaskKey, Arc<Entry>)> {
        self.tasks.lock().iter().map(|(key, entry)| (key.clone(), entry.clone())).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.lock().is_empty()
    }
}

/// Which task and which of its containers the labels belong to.
pub(super) fn owner(labels: &BTreeMap<String, String>) -> Option<(TaskKey, Slot)> {
    let key = task_key(labels.get(TASK_ARN_LABEL)?)?;
    let slot = match labels.get(CONTAINER_NAME_LABEL)?.as_str() {
        PAUSE_CONTAINER_NAME => Slot::Pause,
        name => Slot::Container(name.into()),
    };
    Some((key, slot))
}

/// The key in a task's ARN: `arn:aws:ecs:<region>:<account>:task/<cluster>/<id>`.
pub(super) fn task_key(arn: &str) -> Option<TaskKey> {
    let arn = Arn::parse(arn).ok()?;
    let (kind, rest) = arn.typed_resource()?;
    let (cluster, id) = rest.split_once('/')?;
    let scope = Scope::new(arn.account.parse().ok()?, Region::new(arn.region));
    (arn.service == "ecs" && kind == "task").then(|| TaskKey { scope, cluster: cluster.into(), id: id.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::AccountId;

    #[test]
    fn labels_lead_back_to_the_task() {
        let scope = Scope::new(AccountId::DEFAULT, Region::new("eu-west-1"));
        let key = TaskKey { scope, cluster: "blue".into(), id: "0123".into() };
        let mut labels = BTreeMap::from([
            (TASK_ARN_LABEL.to_owned(), key.arn()),
            (CONTAINER_NAME_LABEL.to_owned(), "web".to_owned()),
        ]);
        assert_eq!(owner(&labels), Some((key.clone(), Slot::Container("web".into()))));
        labels.insert(CONTAINER_NAME_LABEL.to_owned(), PAUSE_CONTAINER_NAME.to_owned());
        assert_eq!(owner(&labels), Some((key, Slot::Pause)));
        labels.insert(TASK_ARN_LABEL.to_owned(), "arn:aws:ecs:eu-west-1:000000000000:cluster/blue".to_owned());
        assert_eq!(owner(&labels), None);
    }
}
