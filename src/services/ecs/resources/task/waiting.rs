//! Tasks that wait in PROVISIONING until their capacity provider has room, and how they get their instance.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-scaling-behavior.html>

use std::sync::Arc;

use api_models::ecs::{self, NetworkConfiguration, PlacementConstraint, PlacementStrategy};
use serde::{Deserialize, Serialize};

use super::new::{ARCHITECTURE_ATTRIBUTE, architecture};
use super::{Task, TaskKey, TaskStatus};
use crate::identity::Region;
use crate::services::ecs::network;
use crate::services::ecs::resources::reservation::{gpus_of, override_of};
use crate::services::ecs::resources::{CapacityProviderKey, ContainerInstance, Resources};
use crate::services::ecs::scheduler::placement::{ZONE_ATTRIBUTE, attribute};

/// What placement has to know once there is room.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// Of the request or the service; those of the task definition are in it.
    pub constraints: Vec<PlacementConstraint>,
    pub strategy: Vec<PlacementStrategy>,
}

/// The waiting tasks of every capacity provider, kept in step with the table of tasks by the store.
#[derive(Clone, Debug, Default)]
pub struct WaitingTasks(imbl::OrdSet<(CapacityProviderKey, TaskKey)>);

impl WaitingTasks {
    /// The keys of those that wait for a provider.
    pub fn of<'a>(&'a self, provider: &'a CapacityProviderKey) -> impl Iterator<Item = &'a TaskKey> {
        let first = TaskKey { scope: provider.scope.clone(), cluster: "".into(), id: "".into() };
        let all = self.0.range((provider.clone(), first)..);
        all.take_while(move |(of, _)| of == provider).map(|(_, task)| task)
    }

    /// Follows a change of a task's record; `None` is a task that is not there.
    pub(super) fn follow(&mut self, old: Option<&Task>, new: Option<&Task>) {
        let (before, after) = (old.and_then(entry), new.and_then(entry));
        if before == after {
            return;
        }
        if let Some(entry) = before {
            self.0.remove(&entry);
        }
        if let Some(entry) = after {
            self.0.insert(entry);
        }
    }
}

fn entry(task: &Task) -> Option<(CapacityProviderKey, TaskKey)> {
    let provider = task.waiting.as_ref().and(task.capacity_provider.as_deref())?;
    let waits = task.desired_status == TaskStatus::Running;
    waits.then(|| (CapacityProviderKey::new(&task.key.scope, provider), task.key.clone()))
}

impl Task {
    /// Whether nothing can be done for it before it has an instance.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.waiting.is_some() && self.desired_status == TaskStatus::Running
    }

    /// The task gets its instance, of which `reserved` was taken. It leaves PROVISIONING when the agent begins with it.
    pub fn place_on(
        &mut self,
        instance: &ContainerInstance,
        reserved: Resources,
        definition: &ecs::TaskDefinition,
        turn: usize,
    ) {
        let zone = attribute(instance, ZONE_ATTRIBUTE);
        if let Some(attachment) = &mut self.attachment
            && let Some(subnet) = subnet(self.network_configuration.as_deref(), &self.key.scope.region, zone, turn)
        {
            attachment.subnet_id = subnet.into();
        }
        let own = definition.runtime_platform.as_ref().and_then(|platform| platform.cpu_architecture.as_ref());
        if let (None, Some(of_instance)) = (own, attribute(instance, ARCHITECTURE_ATTRIBUTE)) {
            self.attributes = [architecture(of_instance)].into();
        }
        let mut gpus = reserved.gpus.clone().into_iter();
        for container in &mut self.containers {
            let own = definition.container_definitions.iter().flatten();
            if let Some(own) = own.into_iter().find(|own| own.name.as_deref() == Some(&container.name)) {
                let given = override_of(&self.overrides, Some(&container.name));
                container.gpu_ids = gpus.by_ref().take(gpus_of(own, given)).collect();
            }
        }
        self.availability_zone = zone.map(Arc::from);
        self.host_address = instance.address;
        self.container_instance = Some(instance.key.clone());
        self.reserved = Some(Box::new(reserved));
        self.waiting = None;
        self.version += 1;
    }
}

/// The subnet of a task's interface: one in `zone`, or any when none is; `turn` goes round them.
fn subnet<'a>(
    network: Option<&'a NetworkConfiguration>,
    region: &Region,
    zone: Option<&str>,
    turn: usize,
) -> Option<&'a str> {
    let subnets = network?.awsvpc_configuration.as_ref()?.subnets.as_deref()?;
    let near: Vec<&String> = subnets
        .iter()
        .filter(|subnet| zone.is_none_or(|zone| network::zone_of_subnet(region, subnet) == zone))
        .collect();
    // Any subnet works, so an instance in none of their zones takes one of another.
    let chosen: Vec<&String> = if near.is_empty() { subnets.iter().collect() } else { near };
    chosen.get(turn % chosen.len().max(1)).map(|subnet| subnet.as_str())
}

/// Tasks that are made alike, so that they can be placed together.
#[must_use]
pub fn alike(one: &Arc<Task>, other: &Arc<Task>) -> bool {
    one.key.cluster == other.key.cluster
        && one.task_definition == other.task_definition
        && one.group == other.group
        && one.waiting == other.waiting
        && one.overrides == other.overrides
}
