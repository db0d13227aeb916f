//! What a task takes of its container instance, and giving it back: CPU, memory, host ports, GPUs.
//!
//! The task's record remembers what it took, so what is given back is exactly that, and once, whatever happened to
//! its task definition meanwhile.

use std::collections::BTreeSet;

use api_models::ecs::{
    self, ContainerDefinition, ContainerOverride, NetworkMode, ResourceType, TaskOverride, TransportProtocol,
};

use super::{ContainerInstance, ContainerInstanceKey, Resources, Task};
use crate::store::Transaction;

/// How many ports of an instance can be reserved, its agent's among them. Those that the engine chooses do not count.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html>
const MAX_PORTS: usize = 100;

/// What an instance must have left for a task to fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// 1024 a vCPU.
    pub cpu: i32,
    /// MiB.
    pub memory: i32,
    /// Host ports that the task definition fixes; ports the engine may choose are not among them.
    pub tcp_ports: BTreeSet<u16>,
    pub udp_ports: BTreeSet<u16>,
    pub gpus: usize,
}

impl Needs {
    /// What a task of `definition` needs once `overrides` are applied: the task's size if it has one, else the sum of
    /// its containers' (of memory the hard limit, else the reservation).
    #[must_use]
    pub fn of(definition: &ecs::TaskDefinition, overrides: &TaskOverride) -> Self {
        let containers = definition.container_definitions.as_deref().unwrap_or_default();
        let mut needs = Self::default();
        let (mut cpu, mut memory) = (0_i32, 0_i32);
        for container in containers {
            let given = override_of(overrides, container.name.as_deref());
            cpu = cpu.saturating_add(given.and_then(|given| given.cpu).or(container.cpu).unwrap_or(0));
            memory = memory.saturating_add(memory_of(container, given));
            needs.gpus += gpus_of(container, given);
            needs.add_ports(container, definition.network_mode.as_ref());
        }
        let size = |given: &Option<String>, own: &Option<String>| {
            given.as_deref().or(own.as_deref()).and_then(|text| text.parse().ok())
        };
        needs.cpu = size(&overrides.cpu, &definition.cpu).unwrap_or(cpu);
        needs.memory = size(&overrides.memory, &definition.memory).unwrap_or(memory);
        needs
    }

    fn add_ports(&mut self, container: &ContainerDefinition, mode: Option<&NetworkMode>) {
        // In awsvpc mode a task has an address, and so all ports, of its own.
        if matches!(mode, Some(NetworkMode::Awsvpc | NetworkMode::None)) {
            return;
        }
        let host = mode == Some(&NetworkMode::Host);
        for mapping in container.port_mappings.iter().flatten() {
            let ports = match (mapping.host_port, &mapping.container_port_range) {
                (Some(port), _) if port != 0 => port..=port,
                (None, None) if host => match mapping.container_port {
                    Some(port) => port..=port,
                    None => continue,
                },
                (_, Some(range)) if host => match range.split_once('-') {
                    Some((first, last)) => first.parse().unwrap_or(1)..=last.parse().unwrap_or(0),
                    None => continue,
                },
                _ => continue,
            };
            let taken = match mapping.protocol {
                Some(TransportProtocol::Udp) => &mut self.udp_ports,
                _ => &mut self.tcp_ports,
            };
            taken.extend(ports.filter_map(|port| u16::try_from(port).ok()));
        }
    }

    /// The first thing `remaining` has too little of, by the name failures give it; `None` when the task fits.
    #[must_use]
    pub fn lacking(&self, remaining: &Resources) -> Option<&'static str> {
        if self.cpu > remaining.cpu {
            Some("RESOURCE:CPU")
        } else if self.memory > remaining.memory {
            Some("RESOURCE:MEMORY")
        } else if !self.has_ports(remaining) {
            Some("RESOURCE:PORTS")
        } else if self.gpus > remaining.gpus.len() {
            Some("RESOURCE:GPU")
        } else {
            None
        }
    }

    fn has_ports(&self, remaining: &Resources) -> bool {
        let wanted = self.tcp_ports.len() + self.udp_ports.len();
        let reserved = remaining.tcp_ports.len() + remaining.udp_ports.len();
        let free = self.tcp_ports.is_disjoint(&remaining.tcp_ports) && self.udp_ports.is_disjoint(&remaining.udp_ports);
        wanted == 0 || (free && reserved + wanted <= MAX_PORTS)
    }

    /// Takes the needs from `remaining`, and says what exactly was taken.
    #[must_use]
    pub fn take(&self, remaining: &mut Resources) -> Resources {
        remaining.cpu -= self.cpu;
        remaining.memory -= self.memory;
        remaining.tcp_ports.extend(&self.tcp_ports);
        remaining.udp_ports.extend(&self.udp_ports);
        let gpus = remaining.gpus.drain(..self.gpus.min(remaining.gpus.len())).collect();
        Resources {
            cpu: self.cpu,
            memory: self.memory,
            tcp_ports: self.tcp_ports.clone(),
            udp_ports: self.udp_ports.clone(),
            gpus,
        }
    }
}

/// The override for the container called `name`.
#[must_use]
pub fn override_of<'a>(overrides: &'a TaskOverride, name: Option<&str>) -> Option<&'a ContainerOverride> {
    overrides.container_overrides.iter().flatten().find(|given| given.name.as_deref() == name)
}

fn memory_of(container: &ContainerDefinition, given: Option<&ContainerOverride>) -> i32 {
    let hard = given.and_then(|given| given.memory).or(container.memory);
    let soft = given.and_then(|given| given.memory_reservation).or(container.memory_reservation);
    hard.or(soft).unwrap_or(0)
}

/// How many GPUs a container asks for.
#[must_use]
pub fn gpus_of(container: &ContainerDefinition, given: Option<&ContainerOverride>) -> usize {
    let own = container.resource_requirements.as_ref();
    given
        .and_then(|given| given.resource_requirements.as_ref())
        .or(own)
        .into_iter()
        .flatten()
        .filter(|requirement| requirement.r#type == Some(ResourceType::Gpu))
        .filter_map(|requirement| requirement.value.as_deref()?.parse::<usize>().ok())
        .sum()
}

/// Takes `needs` from the instance; what was taken belongs into [`Task::reserved`]. The caller has checked that it fits.
/// `None` when there is no such instance.
pub fn reserve(tx: &mut Transaction, instance: &ContainerInstanceKey, needs: &Needs) -> Option<Resources> {
    let mut taken = None;
    tx.update(instance, |instance: &mut ContainerInstance| {
        taken = Some(needs.take(&mut instance.remaining));
        instance.version += 1;
        true
    });
    taken
}

/// Gives back what `task` holds of its instance, to be called by whoever writes STOPPED. The task's record is changed
/// and not written: the caller does that, with all else that changed. Calling it again does nothing.
pub fn release(tx: &mut Transaction, task: &mut Task) {
    let Some(held) = task.reserved.take() else { return };
    let Some(instance) = &task.container_instance else { return };
    // An instance that was deregistered meanwhile takes nothing back.
    tx.update(instance, |instance: &mut ContainerInstance| {
        let remaining = &mut instance.remaining;
        remaining.cpu += held.cpu;
        remaining.memory += held.memory;
        remaining.tcp_ports.retain(|port| !held.tcp_ports.contains(port));
        remaining.udp_ports.retain(|port| !held.udp_ports.contains(port));
        remaining.gpus.extend(held.gpus);
        remaining.gpus.sort();
        instance.version += 1;
        true
    });
}
