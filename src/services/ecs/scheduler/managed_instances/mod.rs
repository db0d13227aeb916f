//! Pure: which instances ECS launches for a Managed Instances capacity provider, and which it retires.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ManagedInstances.html>
//!
//! Each task that found no room gets a place on an instance of the smallest type that the provider's requirements allow
//! and the task fits on, together with others that wait. An instance without tasks is retired after a while.

mod requirements;

use std::collections::BTreeMap;
use std::time::Duration;

use api_models::ecs::{InstanceRequirementsRequest, ManagedInstancesProvider};

pub use self::requirements::allows;
pub use super::packing::Group;
use super::packing::{fits_on, pack, refused_by_choice};
use super::placement::Requirements;
use crate::services::ec2::instance_types::{self, InstanceType};
use crate::services::ecs::resources::reservation::Needs;
use crate::services::ecs::resources::{ContainerInstance, ContainerInstanceKey};
use crate::time::Timestamp;

/// How long an instance without tasks is kept where `scaleInAfter` does not say. AWS gives no number.
const KEPT_IDLE: Duration = Duration::from_secs(300);

/// What a plan is made from.
pub struct View<'a> {
    pub provider: &'a ManagedInstancesProvider,
    /// Whether it was deleted.
    pub deleted: bool,
    /// The provider's, but for INACTIVE ones.
    pub instances: Vec<Standing<'a>>,
    /// Tasks that none of these has room for now.
    pub waiting: Vec<Group<'a>>,
    /// What the daemons of the provider take of each new instance.
    pub daemons: Needs,
    /// The provider's subnets, and the zone of each.
    pub subnets: Vec<(String, String)>,
    pub now: Timestamp,
}

/// An instance and what it does.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    pub instance: &'a ContainerInstance,
    /// Those that have not stopped, but for daemons'.
    pub tasks: usize,
    /// When its last task stopped, or it was launched.
    pub idle_since: Timestamp,
}

/// An instance to be launched.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    pub instance_type: &'static InstanceType,
    pub subnet: String,
    pub zone: String,
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub launch: Vec<Launch>,
    pub retire: Vec<ContainerInstanceKey>,
    /// How many of the waiting tasks no instance could be launched for.
    pub hopeless: usize,
    /// When to look again if nothing happens before.
    pub wake: Option<Timestamp>,
}

/// The plan for a provider.
#[must_use]
pub fn plan(view: &View<'_>) -> Plan {
    let mut plan = Plan::default();
    launch(view, &mut plan);
    retire(view, &mut plan);
    plan
}

fn launch(view: &View<'_>, plan: &mut Plan) {
    let template = view.provider.instance_launch_template.as_deref();
    let required = template.and_then(|template| template.instance_requirements.as_deref());
    let idle = || view.instances.iter().filter(|it| it.tasks == 0).map(|it| it.instance);
    // Those whose daemons do not run yet will have room.
    let registering = view.instances.iter().filter(|it| it.instance.status == "REGISTERING");
    let coming: Vec<_> = registering.filter_map(|it| type_of(it.instance)).collect();
    let packed = pack(&view.waiting, &coming, &view.daemons, |requirements| {
        let in_vain = view.deleted || refused_by_choice(idle(), requirements);
        if in_vain { None } else { smallest(required, requirements, &view.daemons) }
    });
    plan.hopeless = packed.hopeless;
    let mut zones: BTreeMap<&str, usize> = BTreeMap::new();
    for it in &view.instances {
        let zone = super::placement::attribute(it.instance, super::placement::ZONE_ATTRIBUTE);
        *zones.entry(zone.unwrap_or_default()).or_default() += 1;
    }
    for instance_type in packed.instances {
        let fewest = view.subnets.iter().min_by_key(|(_, zone)| zones.get(zone.as_str()).copied().unwrap_or(0));
        let Some((subnet, zone)) = fewest else { return };
        *zones.entry(zone).or_default() += 1;
        plan.launch.push(Launch { instance_type, subnet: subnet.clone(), zone: zone.clone() });
    }
}

fn type_of(instance: &ContainerInstance) -> Option<&'static InstanceType> {
    instance_types::find(super::placement::attribute(instance, "ecs.instance-type")?)
}

/// The smallest allowed type that a task fits on beside the daemons: without accelerators if it can be, of the architecture that tasks
/// have by default if nothing says another, then by vCPUs, memory and name.
#[must_use]
pub fn smallest(
    required: Option<&InstanceRequirementsRequest>,
    requirements: &Requirements<'_>,
    daemons: &Needs,
) -> Option<&'static InstanceType> {
    let fits = |it: &&InstanceType| fits_on(it, requirements, daemons) && allows(required, it);
    instance_types::all().iter().filter(fits).min_by_key(|it| {
        let accelerators: u32 = it.gpus.iter().chain(&it.accelerators).map(|one| one.count).sum();
        (accelerators, it.architecture() != "x86_64", it.vcpus, it.memory, &it.name)
    })
}

fn retire(view: &View<'_>, plan: &mut Plan) {
    let given = view.provider.infrastructure_optimization.as_ref().and_then(|it| it.scale_in_after);
    let after = match given {
        _ if view.deleted => Duration::ZERO,
        None => KEPT_IDLE,
        Some(seconds) => match u64::try_from(seconds) {
            Ok(seconds) => Duration::from_secs(seconds),
            // -1: they are kept.
            Err(_) => return,
        },
    };
    // One whose daemons don't run yet is kept for the tasks that wait for it.
    let awaited = |it: &&Standing<'_>| it.instance.status == "REGISTERING" && !view.waiting.is_empty() && !view.deleted;
    for it in view.instances.iter().filter(|it| it.tasks == 0 && !awaited(it)) {
        let due = it.idle_since.saturating_add(after);
        if due <= view.now || it.instance.status == "DRAINING" {
            plan.retire.push(it.instance.key.clone());
        } else {
            plan.wake = Some(plan.wake.map_or(due, |other| other.min(due)));
        }
    }
}

#[cfg(test)]
mod tests;
