//! `--auto-instances`: when tasks find no container instance, or none with room, one is made that fits.
//!
//! On AWS such tasks fail, so this is off by default; then the log hints at it, once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::services::Shared;
use crate::services::ec2::instance_types::{self, InstanceType};
use crate::services::ecs::network;
use crate::services::ecs::resources::cluster::instances_of;
use crate::services::ecs::resources::container_instance::Origin;
use crate::services::ecs::resources::container_instance::launch::{NewInstance, draft};
use crate::services::ecs::resources::{ClusterKey, ContainerInstance};
use crate::services::ecs::scheduler::placement::{
    self, Candidate, NOT_MEMBER, Requirements, Strategy, ZONE_ATTRIBUTE, attribute,
};
use crate::store::{State, Transaction};

/// Families to choose from first, the smallest size that fits; then all others.
const FAMILIES: [&str; 8] = ["m5", "r5", "m6g", "r6g", "g4dn", "g5", "g5g", "p4d"];

/// Has instances made until `count` tasks that ask for this find room on them, where that is possible. Does nothing unless
/// the user wants it.
pub fn make_room(
    tx: &mut Transaction,
    shared: &Shared,
    cluster: &ClusterKey,
    requirements: &Requirements<'_>,
    strategies: &[Strategy],
    count: usize,
) {
    if !shared.config.auto_instances {
        return;
    }
    // Each that is made takes one task at least.
    for _ in 0..count {
        let instances: Vec<Arc<ContainerInstance>> =
            instances_of(tx, cluster).filter(|instance| instance.status == "ACTIVE").cloned().collect();
        let all = instances.iter().map(|instance| &**instance);
        let candidates = Candidate::with_loads(all, &tx.instance_loads, requirements.group);
        let mut random = |bound| shared.ids.below(bound);
        let plan = placement::place(&candidates, requirements, strategies, count, &mut random);
        if plan.placements.len() >= count {
            return;
        }
        let Some(fitting) = fitting(tx, shared, cluster, requirements) else { return };
        tracing::info!(
            cluster = &*cluster.name,
            instance_type = attribute(&fitting, "ecs.instance-type"),
            zone = attribute(&fitting, ZONE_ATTRIBUTE),
            "a container instance is made for tasks that found no room"
        );
        tx.put(fitting);
    }
}

/// An instance, not written yet, that takes a task that asks for this.
fn fitting(
    state: &State,
    shared: &Shared,
    cluster: &ClusterKey,
    requirements: &Requirements<'_>,
) -> Option<ContainerInstance> {
    let mut zones: BTreeMap<String, usize> =
        network::zones(&cluster.scope.region).into_iter().map(|zone| (zone, 0)).collect();
    for instance in instances_of(state, cluster).filter(|instance| instance.status == "ACTIVE") {
        let zone = attribute(instance, ZONE_ATTRIBUTE).and_then(|zone| zones.get_mut(zone));
        zone.into_iter().for_each(|count| *count += 1);
    }
    let mut zones: Vec<(String, usize)> = zones.into_iter().collect();
    zones.sort_by_key(|(_, count)| *count);
    for instance_type in types(requirements) {
        for (zone, _) in &zones {
            let new = NewInstance::new(cluster.clone(), instance_type, zone, Origin::Automatic);
            let instance = draft(state, shared, new);
            match placement::refusal(&Candidate::alone(&instance), requirements) {
                None => return Some(instance),
                // Only expressions may want another zone.
                Some(NOT_MEMBER) => {}
                Some(_) => break,
            }
        }
    }
    None
}

/// The types that are large enough, those that one would choose first.
fn types(requirements: &Requirements<'_>) -> Vec<&'static InstanceType> {
    let needs = &requirements.needs;
    let own = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x86_64" };
    let architecture = requirements.cpu_architecture.unwrap_or(own);
    let fits = |known: &&InstanceType| {
        let cpu = i64::from(known.vcpus) * 1024;
        let memory = i64::try_from(known.usable_memory()).unwrap_or(i64::MAX);
        known.architecture() == architecture
            && !known.metal
            && (known.gpu_count() > 0) == (needs.gpus > 0)
            && known.gpu_count() as usize >= needs.gpus
            && cpu >= i64::from(needs.cpu)
            && memory >= i64::from(needs.memory)
    };
    let mut types: Vec<&InstanceType> = instance_types::all().iter().filter(fits).collect();
    let family =
        |known: &InstanceType| FAMILIES.iter().position(|family| *family == known.family()).unwrap_or(FAMILIES.len());
    types.sort_by_key(|known| (family(known), !known.current, known.gpu_count(), known.memory, known.vcpus));
    types
}

/// Says once that there is such an option.
pub fn hint(shared: &Shared) {
    static HINTED: AtomicBool = AtomicBool::new(false);
    if !shared.config.auto_instances && !HINTED.swap(true, Ordering::Relaxed) {
        tracing::info!(
            "a task found no container instance in its cluster, as on AWS: add some with `localecs instances add`, or have \
             them made with --auto-instances"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::ecs::resources::reservation::Needs;

    fn first(needs: Needs, change: impl FnOnce(&mut Requirements<'_>)) -> Option<&'static str> {
        let mut requirements = Requirements { needs, cpu_architecture: Some("x86_64"), ..Requirements::default() };
        change(&mut requirements);
        types(&requirements).first().map(|known| known.name.as_str())
    }

    #[test]
    fn the_smallest_that_fits_is_chosen() {
        let needs = |cpu, memory, gpus| Needs { cpu, memory, gpus, ..Needs::default() };
        assert_eq!(first(needs(256, 512, 0), |_| {}), Some("m5.large"));
        assert_eq!(first(needs(2048, 7679, 0), |_| {}), Some("m5.large"));
        assert_eq!(first(needs(2049, 512, 0), |_| {}), Some("m5.xlarge"));
        assert_eq!(first(needs(0, 7680, 0), |_| {}), Some("m5.xlarge"));
        assert_eq!(first(needs(0, 600_000, 0), |_| {}), Some("r5.24xlarge"));
        assert_eq!(first(needs(0, 512, 0), |it| it.cpu_architecture = Some("arm64")), Some("m6g.medium"));
        assert_eq!(first(needs(0, 512, 1), |_| {}), Some("g4dn.xlarge"));
        assert_eq!(first(needs(0, 512, 8), |_| {}), Some("g5.48xlarge"));
        assert_eq!(first(needs(i32::MAX, 0, 0), |_| {}), None);
    }
}
