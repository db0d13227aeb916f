//! Auto Scaling groups of capacity providers: scaled with the tasks, drained and protected as the provider says.

use std::sync::Arc;

use api_models::ecs::{AutoScalingGroupProvider, ManagedDraining, ManagedTerminationProtection};

use super::place;
use crate::services::autoscaling::resources::group::{Group, GroupTag};
use crate::services::autoscaling::resources::hook::{Hook, Transition};
use crate::services::autoscaling::resources::{change, source};
use crate::services::ec2::instance_types;
use crate::services::ec2::resources::InstanceKey;
use crate::services::ecs::resources::capacity_provider::{DRAINING_HOOK, clusters_of};
use crate::services::ecs::resources::service::{Scheduling, ServiceKey};
use crate::services::ecs::resources::{CapacityProvider, ClusterKey, ContainerInstance, ContainerInstanceKey};
use crate::services::ecs::scheduler::managed_scaling::{self, Member, View};
use crate::services::ecs::scheduler::packing;
use crate::store::{State, Transaction};
use crate::time::Timestamp;

/// The tag by which AWS knows groups of capacity providers.
const MANAGED_TAG: &str = "AmazonECSManaged";
/// Seconds: how long a hook waits without a heartbeat.
const HEARTBEAT: i32 = 3600;

/// Does what is to be done for the provider's group; returns when to look again.
pub(super) fn manage(
    tx: &mut Transaction,
    provider: &CapacityProvider,
    settings: &AutoScalingGroupProvider,
    now: Timestamp,
) -> Option<Timestamp> {
    let scope = &provider.key.scope;
    let arn = settings.auto_scaling_group_arn.as_deref()?;
    let group = change::by_arn(tx, scope, arn)?.clone();
    let attached = provider.is_active() && clusters_of(tx, &provider.key).next().is_some();
    let mut after = Group::clone(&group);
    attach(&mut after, attached && settings.managed_draining == Some(ManagedDraining::Enabled), attached);
    if attached {
        adopt(tx, provider, &after);
        protect(tx, provider, settings, &mut after);
    }
    let wake = drain(tx, &mut after, now);
    let wake = match attached && provider.has_managed_scaling() && !after.deleting {
        true => scale(tx, provider, settings, &mut after, now).into_iter().chain(wake).min(),
        false => wake,
    };
    if after != *group {
        tx.put(after);
    }
    wake
}

/// The group has the draining hook, and the tag, as long as a cluster has the provider.
fn attach(group: &mut Group, drains: bool, attached: bool) {
    if attached && !group.tags.contains_key(MANAGED_TAG) {
        group.tags.insert(MANAGED_TAG.to_owned(), GroupTag { value: String::new(), propagates: true });
    }
    if drains && !group.hooks.contains_key(DRAINING_HOOK) {
        let hook = Hook {
            transition: Transition::Terminating,
            heartbeat_timeout: HEARTBEAT,
            continues: true,
            metadata: None,
            target_arn: None,
            role_arn: None,
        };
        group.hooks.insert(DRAINING_HOOK.to_owned(), hook);
    }
    if !drains {
        change::remove_hook(group, DRAINING_HOOK);
    }
}

/// Instances that joined a cluster before it had the provider are the provider's from now on. On AWS they "might not be";
/// there they take minutes to join, though, and here they are always faster than what is created after their group.
fn adopt(tx: &mut Transaction, provider: &CapacityProvider, group: &Group) {
    let clusters: Vec<ClusterKey> = clusters_of(tx, &provider.key).cloned().collect();
    let nobodys = |id: &String| {
        let instance = joined(tx, group, id).filter(|instance| instance.capacity_provider.is_none())?;
        (instance.status != "INACTIVE" && clusters.contains(&instance.key.cluster())).then(|| instance.key.clone())
    };
    let adopted: Vec<ContainerInstanceKey> = group.members.keys().filter_map(nobodys).collect();
    for key in adopted {
        tx.update(&key, |instance: &mut ContainerInstance| {
            instance.capacity_provider = Some(provider.key.name.to_string());
            instance.version += 1;
            true
        });
    }
}

/// When managed termination protection was turned off, its instances lose their protection. On AWS they keep it when the
/// provider is taken from its clusters or deleted, and so they do here.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/update-managed-termination-protection.html>
fn protect(tx: &mut Transaction, provider: &CapacityProvider, settings: &AutoScalingGroupProvider, group: &mut Group) {
    let protects = provider.has_managed_scaling()
        && settings.managed_termination_protection == Some(ManagedTerminationProtection::Enabled);
    if provider.protects && !protects {
        group.members.values_mut().for_each(|member| member.protected = false);
    }
    tx.update(&provider.key, |provider: &mut CapacityProvider| {
        std::mem::replace(&mut provider.protects, protects) != protects
    });
}

/// The container instance that an EC2 instance became.
fn joined<'s>(state: &'s State, group: &Group, id: &str) -> Option<&'s Arc<ContainerInstance>> {
    let key = state.ec2_instances.get(&InstanceKey::new(&group.key.scope, id))?.joined.as_ref()?;
    state.container_instances.get(key)
}

/// How many tasks keep the instance in use: all that have not stopped, but for those of daemons, which are everywhere.
fn in_use_by(state: &State, instance: &ContainerInstanceKey) -> usize {
    let cluster = instance.cluster();
    let daemon = |group: &str| {
        let service = group.strip_prefix("service:").map(|name| ServiceKey::new(&cluster, name));
        let service = service.and_then(|key| state.services.get(&key));
        service.is_some_and(|service| service.scheduling == Scheduling::Daemon)
    };
    let load = state.instance_loads.of(instance).into_iter();
    load.flat_map(|load| load.live()).filter(|(group, _)| !daemon(group)).map(|(_, tasks)| tasks).sum()
}

/// Instances that are to be terminated lose their tasks first.
fn drain(tx: &mut Transaction, group: &mut Group, now: Timestamp) -> Option<Timestamp> {
    let waiting: Vec<String> = group
        .members
        .iter()
        .filter(|(_, member)| change::waits_for(member, DRAINING_HOOK))
        .map(|(id, _)| id.clone())
        .collect();
    let mut wake: Option<Timestamp> = None;
    for id in waiting {
        let instance = joined(tx, group, &id).filter(|instance| instance.status != "INACTIVE").cloned();
        let busy = instance.as_ref().is_some_and(|instance| in_use_by(tx, &instance.key) > 0);
        if let Some(instance) = instance.filter(|instance| instance.status == "ACTIVE") {
            tx.update(&instance.key, |instance: &mut ContainerInstance| {
                "DRAINING".clone_into(&mut instance.status);
                instance.version += 1;
                true
            });
        }
        if !busy {
            // It waits for this hook, so there is something to answer.
            let _ = change::answer_hook(group, DRAINING_HOOK, &id, true);
            continue;
        }
        // As long as there are tasks, ECS says that it is still there.
        let hook = group.hooks.get(DRAINING_HOOK).cloned();
        let wait = group.members.get_mut(&id).and_then(|member| member.wait.as_mut());
        if let (Some(hook), Some(wait)) = (hook, wait) {
            let half = std::time::Duration::from_secs(u64::from(HEARTBEAT.unsigned_abs()) / 2);
            if wait.until <= now.saturating_add(half) {
                wait.beat(&hook, now);
            }
            let again = now.saturating_add(half);
            wake = Some(wake.map_or(again, |other| other.min(again)));
        }
    }
    wake
}

fn scale(
    tx: &mut Transaction,
    provider: &CapacityProvider,
    settings: &AutoScalingGroupProvider,
    group: &mut Group,
    now: Timestamp,
) -> Option<Timestamp> {
    let scaling = settings.managed_scaling.as_deref()?;
    let plan = {
        let state: &State = tx;
        let batches = place::waiting(state, &provider.key);
        let launched = source::resolve(state, &group.key.scope, &group.source).ok();
        let instance_type = launched.and_then(|resolved| resolved.spec.instance_type);
        let members = group.members.iter().filter(|(_, member)| member.lifecycle.counts()).map(|(id, member)| {
            let instance = joined(state, group, id).map(|instance| &**instance);
            let tasks = instance.map_or(0, |instance| in_use_by(state, &instance.key));
            Member { id, launched_at: member.launched_at, instance, tasks }
        });
        let waiting =
            batches.iter().map(|batch| packing::Group { requirements: batch.requirements(), count: batch.tasks.len() });
        managed_scaling::plan(&View {
            settings: scaling,
            min: group.min,
            max: group.max,
            desired: group.desired,
            members: members.collect(),
            waiting: waiting.collect(),
            instance_type: instance_type.as_deref().and_then(instance_types::find),
            memory: provider.scaling,
            now,
        })
    };
    tracing::debug!(provider = %provider.key.name, reservation = plan.reservation, ?plan.desired, "managed scaling");
    if plan.hopeless > 0 {
        tracing::info!(
            provider = %provider.key.name, tasks = plan.hopeless,
            "tasks wait, and no instance that the Auto Scaling group launches would do for them"
        );
    }
    if settings.managed_termination_protection == Some(ManagedTerminationProtection::Enabled) {
        for (id, protected) in &plan.protect {
            if let Some(member) = group.members.get_mut(id) {
                member.protected = *protected;
            }
        }
    }
    if let Some((desired, alarm)) = plan.desired {
        let cause = format!(
            "At {} a monitor alarm TargetTracking-{}-{alarm}-{} in state ALARM triggered policy \
             ECSManagedAutoScalingPolicy-{}",
            now.to_rfc3339(),
            group.key.name,
            provider.attachment_ids.policy,
            provider.attachment_ids.policy_name,
        );
        change::write_desired(group, desired.clamp(group.min, group.max), &cause, now);
    }
    if plan.memory != provider.scaling {
        tx.update(&provider.key, |provider: &mut CapacityProvider| {
            provider.scaling = plan.memory;
            true
        });
    }
    plan.wake
}
