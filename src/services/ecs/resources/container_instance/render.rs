//! Container instances as the API shows them.

use std::collections::BTreeSet;

use api_models::ecs::{
    self, ContainerInstanceField, ContainerInstanceHealthStatus, InstanceHealthCheckResult, InstanceHealthCheckState,
    InstanceHealthCheckType, Resource,
};

use super::registration::RESERVED_PORTS;
use super::{ContainerInstance, Loads, Resources};
use crate::time::Timestamp;

impl ContainerInstance {
    /// The instance as DescribeContainerInstances shows it with these `include` values; `tags` is there in any case,
    /// empty unless asked for.
    #[must_use]
    pub fn to_api(&self, loads: &Loads, include: &[ContainerInstanceField], now: Timestamp) -> ecs::ContainerInstance {
        let (running, pending) = loads.of(&self.key);
        let tags = include.contains(&ContainerInstanceField::Tags).then(|| self.tags.clone());
        let health = include.contains(&ContainerInstanceField::ContainerInstanceHealth);
        ecs::ContainerInstance {
            container_instance_arn: Some(self.key.arn()),
            ec2_instance_id: self.ec2_instance_id.clone(),
            capacity_provider_name: self.capacity_provider.clone(),
            version: Some(self.version),
            version_info: Some(Box::new(self.version_info.clone())),
            remaining_resources: Some(self.remaining.to_api()),
            registered_resources: Some(self.registered.to_api()),
            status: Some(self.status.clone()),
            status_reason: self.status_reason.clone(),
            agent_connected: Some(self.agent_connected),
            running_tasks_count: Some(running),
            pending_tasks_count: Some(pending),
            attributes: Some(self.attributes.to_vec()),
            registered_at: Some(self.registered_at),
            attachments: Some(Vec::new()),
            tags: Some(tags.unwrap_or_default()),
            health_status: health.then(|| Box::new(self.health(now))),
            ..ecs::ContainerInstance::default()
        }
    }

    /// Docker is asked all the time; a failure would show as a disconnected agent.
    fn health(&self, now: Timestamp) -> ContainerInstanceHealthStatus {
        let state = if self.agent_connected {
            InstanceHealthCheckState::Ok
        } else {
            InstanceHealthCheckState::InsufficientData
        };
        let result = |kind, state: &InstanceHealthCheckState| InstanceHealthCheckResult {
            r#type: Some(kind),
            status: Some(state.clone()),
            last_updated: Some(now),
            last_status_change: Some(self.registered_at),
            ..InstanceHealthCheckResult::default()
        };
        let mut details = vec![result(InstanceHealthCheckType::ContainerRuntime, &state)];
        let daemons = self.health_of_daemons();
        details.extend(daemons.iter().map(|state| result(InstanceHealthCheckType::Daemon, state)));
        ContainerInstanceHealthStatus { overall_status: daemons.or(Some(state)), details: Some(details) }
    }

    /// That of the daemons, if the instance is to run any: a critical one that does not run impairs it.
    fn health_of_daemons(&self) -> Option<InstanceHealthCheckState> {
        if self.impaired {
            Some(InstanceHealthCheckState::Impaired)
        } else if self.status == "REGISTERING" {
            Some(InstanceHealthCheckState::Initializing)
        } else {
            (self.agent_connected && !self.daemons.is_empty()).then_some(InstanceHealthCheckState::Ok)
        }
    }
}

impl Resources {
    /// In AWS's order, every member of every resource filled in as AWS does.
    #[must_use]
    pub fn to_api(&self) -> Vec<Resource> {
        let resource = |name: &str, kind: &str, integer: i32, set: Option<Vec<String>>| Resource {
            name: Some(name.to_owned()),
            r#type: Some(kind.to_owned()),
            double_value: Some(0.0),
            long_value: Some(0),
            integer_value: Some(integer),
            string_set_value: set,
        };
        let mut all = vec![
            resource("CPU", "INTEGER", self.cpu, None),
            resource("MEMORY", "INTEGER", self.memory, None),
            resource("PORTS", "STRINGSET", 0, Some(ports(&self.tcp_ports))),
            resource("PORTS_UDP", "STRINGSET", 0, Some(ports(&self.udp_ports))),
        ];
        if !self.gpus.is_empty() {
            all.push(resource("GPU", "STRINGSET", 0, Some(self.gpus.clone())));
        }
        all
    }
}

/// The agent's own ports first, in the order in which AWS prints them.
fn ports(taken: &BTreeSet<u16>) -> Vec<String> {
    let own = RESERVED_PORTS.into_iter().filter(|port| taken.contains(port));
    own.chain(taken.iter().copied().filter(|port| !RESERVED_PORTS.contains(port)))
        .map(|port| port.to_string())
        .collect()
}
