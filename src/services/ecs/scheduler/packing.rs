//! Pure: how many new instances the tasks that wait would fill.

use super::placement::{Candidate, Requirements, refusal};
use crate::services::ec2::instance_types::InstanceType;
use crate::services::ecs::resources::container_instance::registration::RESERVED_PORTS;
use crate::services::ecs::resources::reservation::Needs;
use crate::services::ecs::resources::{ContainerInstance, Resources};

/// Tasks that are alike, and have no room anywhere.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    pub requirements: Requirements<'a>,
    pub count: usize,
}

/// The outcome.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Packed {
    /// The type of each new instance.
    pub instances: Vec<&'static InstanceType>,
    /// Tasks that no new instance would help.
    pub hopeless: usize,
}

/// A new instance while tasks are put on it.
struct Bin<'a> {
    instance_type: &'static InstanceType,
    remaining: Resources,
    groups: Vec<&'a str>,
}

/// Puts the tasks on the instances that are `coming`, and on new ones, each on the first that has room; where none has,
/// `choose` says what type the next one is. `taken` is what of each is not for them.
pub fn pack<'a>(
    groups: &[Group<'a>],
    coming: &[&'static InstanceType],
    taken: &Needs,
    mut choose: impl FnMut(&Requirements<'a>) -> Option<&'static InstanceType>,
) -> Packed {
    let bin = |instance_type: &'static InstanceType| {
        let mut remaining = room_of(instance_type);
        let _ = taken.take(&mut remaining);
        Bin { instance_type, remaining, groups: Vec::new() }
    };
    let mut bins: Vec<Bin<'_>> = coming.iter().map(|instance_type| bin(instance_type)).collect();
    let mut hopeless = 0;
    for Group { requirements, count } in groups {
        let chosen = choose(requirements);
        for _ in 0..*count {
            let fits = |bin: &Bin<'_>| {
                requirements.needs.lacking(&bin.remaining).is_none()
                    && has_architecture(bin.instance_type, requirements)
                    && !(requirements.distinct_instance && bin.groups.contains(&requirements.group))
            };
            let index = match (bins.iter().position(fits), chosen) {
                (Some(index), _) => index,
                (None, Some(instance_type)) => {
                    bins.push(bin(instance_type));
                    bins.len() - 1
                }
                (None, None) => {
                    hopeless += 1;
                    continue;
                }
            };
            let _ = requirements.needs.take(&mut bins[index].remaining);
            bins[index].groups.push(requirements.group);
        }
    }
    Packed { instances: bins.into_iter().skip(coming.len()).map(|bin| bin.instance_type).collect(), hopeless }
}

/// Whether a task fits on an instance of the type that has nothing else to do than what has `taken` its part.
#[must_use]
pub fn fits_on(instance_type: &InstanceType, requirements: &Requirements<'_>, taken: &Needs) -> bool {
    let mut room = room_of(instance_type);
    if taken.lacking(&room).is_some() || !has_architecture(instance_type, requirements) {
        return false;
    }
    let _ = taken.take(&mut room);
    requirements.needs.lacking(&room).is_none()
}

fn has_architecture(instance_type: &InstanceType, requirements: &Requirements<'_>) -> bool {
    requirements.cpu_architecture.is_none_or(|needed| needed == instance_type.architecture())
}

/// Whether one of these instances, which have nothing to do, does not please the tasks for another reason than its
/// size: one more of the kind would not either.
pub fn refused_by_choice<'a>(
    mut idle: impl Iterator<Item = &'a ContainerInstance>,
    requirements: &Requirements<'_>,
) -> bool {
    idle.any(|instance| {
        instance.status == "ACTIVE"
            && instance.agent_connected
            && refusal(&Candidate::alone(instance), requirements).is_some_and(|reason| !reason.starts_with("RESOURCE:"))
    })
}

/// What a new instance of the type has for tasks.
fn room_of(instance_type: &InstanceType) -> Resources {
    let cap = |value: u64| i32::try_from(value).unwrap_or(i32::MAX);
    let nvidia: u32 = instance_type.gpus.iter().filter(|gpu| gpu.maker == "NVIDIA").map(|gpu| gpu.count).sum();
    Resources {
        cpu: cap(u64::from(instance_type.vcpus) * 1024),
        memory: cap(instance_type.usable_memory()),
        tcp_ports: RESERVED_PORTS.into(),
        gpus: (0..nvidia).map(|gpu| gpu.to_string()).collect(),
        ..Resources::default()
    }
}
