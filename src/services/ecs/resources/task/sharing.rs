//! Has tasks that were read from the journal share again what they shared when they were made.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Container, Task};
use crate::services::ecs::resources::TaskDefinitionKey;
use crate::store::Table;

/// Tasks of one definition and group have most in common.
pub(super) fn share(tasks: &mut Table<Task>) {
    let mut models: HashMap<(TaskDefinitionKey, Arc<str>), Arc<Task>> = HashMap::new();
    let shared = tasks.values().map(|task| {
        let like = (task.task_definition.clone(), task.group.clone());
        let task = match models.get(&like) {
            Some(model) => Arc::new(Task::clone(task).sharing_with(model)),
            None => {
                models.insert(like, task.clone());
                task.clone()
            }
        };
        (task.key.clone(), task)
    });
    *tasks = shared.collect();
}

impl Task {
    /// The same task, with the parts of `model` where they are equal.
    fn sharing_with(mut self, model: &Self) -> Self {
        one(&mut self.key.scope.region, &model.key.scope.region);
        one(&mut self.key.cluster, &model.key.cluster);
        one(&mut self.task_definition, &model.task_definition);
        one(&mut self.group, &model.group);
        one(&mut self.started_by, &model.started_by);
        one(&mut self.service, &model.service);
        one(&mut self.platform_version, &model.platform_version);
        one(&mut self.platform_family, &model.platform_family);
        one(&mut self.availability_zone, &model.availability_zone);
        one(&mut self.attributes, &model.attributes);
        one(&mut self.cpu, &model.cpu);
        one(&mut self.memory, &model.memory);
        one(&mut self.overrides, &model.overrides);
        one(&mut self.network_configuration, &model.network_configuration);
        one(&mut self.tags, &model.tags);
        if let (Some(own), Some(other)) = (&mut self.container_instance, &model.container_instance) {
            one(&mut own.scope.region, &other.scope.region);
            one(&mut own.cluster, &other.cluster);
        }
        if let (Some(own), Some(other)) = (&mut self.attachment, &model.attachment) {
            one(&mut own.subnet_id, &other.subnet_id);
        }
        for (own, other) in self.containers.iter_mut().zip(&model.containers) {
            own.share_with(other);
        }
        self
    }
}

impl Container {
    fn share_with(&mut self, model: &Self) {
        one(&mut self.name, &model.name);
        one(&mut self.image, &model.image);
        one(&mut self.image_digest, &model.image_digest);
        one(&mut self.pinned_digest, &model.pinned_digest);
    }
}

/// Replaces a part by an equal one.
fn one<T: PartialEq + Clone>(own: &mut T, model: &T) {
    if *own == *model {
        own.clone_from(model);
    }
}

#[cfg(test)]
mod tests {
    use api_models::ecs::NetworkMode;

    use super::*;
    use crate::services::ecs::agent::fixtures::{container, definition, task};

    #[test]
    fn tasks_of_one_group_share_their_parts_and_stay_what_they_are() {
        let definition = definition(NetworkMode::Awsvpc, vec![container("web", true)]);
        let mut tasks: Table<Task> = Table::<Task>::new();
        for number in 0..9 {
            let task = task(&definition, number);
            let read: Task = serde_json::from_slice(&serde_json::to_vec(&task).expect("JSON")).expect("a task");
            tasks.insert(read.key.clone(), Arc::new(read));
        }
        let before = tasks.clone();
        share(&mut tasks);
        assert_eq!(tasks, before);
        let all: Vec<&Arc<Task>> = tasks.values().collect();
        for task in &all[1..] {
            assert!(Arc::ptr_eq(&task.overrides, &all[0].overrides));
            assert!(Arc::ptr_eq(&task.containers[0].image, &all[0].containers[0].image));
            assert!(Arc::ptr_eq(&task.key.cluster, &all[0].key.cluster));
        }
    }
}
