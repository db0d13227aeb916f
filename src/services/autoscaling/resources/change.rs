//! Finding and changing groups, inside a transaction: for the operations, and for ECS's capacity providers, which set
//! capacities, protect instances and answer hooks. The keeper hears of what is written.

use std::sync::Arc;

use api_models::autoscaling::{CommonError, ScalingActivityInProgressFault};

use super::errors::{invalid, no_group};
use super::group::{Group, GroupKey, Lifecycle, Member};
use super::hook::{Hook, Transition, seconds_after};
use crate::identity::Scope;
use crate::services::ec2::resources::InstanceKey;
use crate::store::{State, Transaction};
use crate::time::Timestamp;

/// The group of that name.
///
/// # Errors
/// There is none.
pub fn find<'s>(state: &'s State, scope: &Scope, name: &str) -> Result<&'s Arc<Group>, CommonError> {
    state.auto_scaling_groups.get(&GroupKey::new(scope, name)).ok_or_else(|| no_group(name))
}

/// The group of that ARN, which may also be its plain name, as in capacity providers.
#[must_use]
pub fn by_arn<'s>(state: &'s State, scope: &Scope, arn: &str) -> Option<&'s Arc<Group>> {
    let name = arn.split_once(":autoScalingGroupName/").map_or(arn, |(_, name)| name);
    let group = state.auto_scaling_groups.get(&GroupKey::new(scope, name))?;
    (!arn.starts_with("arn:") || group.arn() == arn).then_some(group)
}

/// All groups of a scope, by name.
pub fn groups_of<'s>(state: &'s State, scope: &Scope) -> impl Iterator<Item = &'s Arc<Group>> + 's {
    let first = GroupKey::new(scope, "");
    let scope = scope.clone();
    state.auto_scaling_groups.range(first..).map(|(_, group)| group).take_while(move |group| group.key.scope == scope)
}

/// The group that an instance is a member of.
#[must_use]
pub fn group_of_instance(state: &State, scope: &Scope, id: &str) -> Option<GroupKey> {
    let name = state.ec2_instances.get(&InstanceKey::new(scope, id))?.group.clone()?;
    let key = GroupKey::new(scope, &name);
    state.auto_scaling_groups.get(&key).is_some_and(|group| group.members.contains_key(id)).then_some(key)
}

/// Changes a group.
///
/// # Errors
/// There is none of that name, or what `change` says; then nothing is written.
pub fn change<T>(
    tx: &mut Transaction,
    scope: &Scope,
    name: &str,
    change: impl FnOnce(&mut Group) -> Result<T, CommonError>,
) -> Result<T, CommonError> {
    let mut group = Group::clone(find(tx, scope, name)?);
    let value = change(&mut group)?;
    tx.put(group);
    Ok(value)
}

/// Sets how many instances a group is to have. `cause` is told by the activities that come of it, followed by
/// "changing the desired capacity from 1 to 2.": "At 2026-01-01T00:00:00Z a user request explicitly set group desired
/// capacity".
///
/// # Errors
/// It is below the group's least size or above its greatest.
pub fn set_desired(group: &mut Group, desired: i32, cause: &str, now: Timestamp) -> Result<(), CommonError> {
    if desired > group.max {
        let max = group.max;
        return Err(invalid(format!(
            "New SetDesiredCapacity value {desired} is above max value {max} for the AutoScalingGroup."
        )));
    }
    if desired < group.min {
        let min = group.min;
        return Err(invalid(format!(
            "New SetDesiredCapacity value {desired} is below min value {min} for the AutoScalingGroup."
        )));
    }
    write_desired(group, desired, cause, now);
    Ok(())
}

/// The same, once it is checked.
pub fn write_desired(group: &mut Group, desired: i32, cause: &str, now: Timestamp) {
    if desired != group.desired {
        group.cause = Some(format!("{cause} changing the desired capacity from {} to {desired}.", group.desired));
        group.desired = desired;
        group.scaled_at = Some(now);
        group.launches_after = None;
    }
}

/// The cooldown after the last change of the capacity must be over.
///
/// # Errors
/// ScalingActivityInProgress.
pub fn check_cooldown(group: &Group, now: Timestamp) -> Result<(), CommonError> {
    match group.scaled_at.map(|at| seconds_after(at, group.cooldown)) {
        Some(end) if end > now => {
            let name = &group.key.name;
            let message = format!(
                "Scaling activity initiated by a user is in progress and blocks this action: {name} is in its cooldown."
            );
            Err(ScalingActivityInProgressFault::new(message).into())
        }
        _ => Ok(()),
    }
}

/// Protects instances from scale-in, or takes their protection away.
///
/// # Errors
/// One of them is no member of the group, or not in service.
pub fn set_protection(group: &mut Group, ids: &[String], protected: bool) -> Result<(), CommonError> {
    for id in ids {
        let member = member(group, id)?;
        let may = matches!(
            member.lifecycle,
            Lifecycle::Pending | Lifecycle::PendingWait | Lifecycle::InService | Lifecycle::Standby
        );
        if !may {
            let state = member.lifecycle.shown();
            return Err(invalid(format!(
                "The instance {id} is not in InService or EnteringStandby or Standby, but {state}."
            )));
        }
    }
    for id in ids {
        if let Some(member) = group.members.get_mut(id) {
            member.protected = protected;
        }
    }
    Ok(())
}

/// A member of the group.
///
/// # Errors
/// It is none.
pub fn member<'g>(group: &'g Group, id: &str) -> Result<&'g Member, CommonError> {
    group
        .members
        .get(id)
        .ok_or_else(|| invalid(format!("The instance {id} is not part of Auto Scaling group {}.", group.key.name)))
}

/// Makes or replaces a hook; instances that wait already go on waiting for what they do.
pub fn put_hook(group: &mut Group, name: &str, hook: Hook) {
    group.hooks.insert(name.to_owned(), hook);
}

/// Answers a hook for an instance that waits for it: CONTINUE, or else ABANDON.
///
/// # Errors
/// It does not wait for that hook.
pub fn answer_hook(group: &mut Group, hook: &str, instance: &str, continues: bool) -> Result<(), CommonError> {
    let wait = group.members.get_mut(instance).and_then(|member| member.wait.as_mut());
    match wait.filter(|wait| wait.open.contains(hook)) {
        Some(wait) => {
            wait.answer(hook, continues);
            Ok(())
        }
        None => Err(invalid(format!("No active Lifecycle Action found with instance ID {instance}"))),
    }
}

/// The instance that waits for a hook, named by its id or by the token of the notification.
///
/// # Errors
/// None waits so.
pub fn waiting(group: &Group, hook: &str, instance: Option<&str>, token: Option<&str>) -> Result<String, CommonError> {
    if !group.hooks.contains_key(hook) {
        return Err(invalid(format!(
            "No Lifecycle Hook found with name {hook} in Auto Scaling group {}",
            group.key.name
        )));
    }
    let is_meant = |id: &str, member: &Member| match (instance, token) {
        (Some(instance), _) => id == instance,
        (None, Some(token)) => member.wait.as_ref().is_some_and(|wait| wait.token == token),
        (None, None) => false,
    };
    let found = group.members.iter().find(|(id, member)| is_meant(id, member) && waits_for(member, hook));
    found.map(|(id, _)| id.clone()).ok_or_else(|| match (instance, token) {
        (Some(instance), _) => invalid(format!("No active Lifecycle Action found with instance ID {instance}")),
        (None, Some(token)) => invalid(format!("No active Lifecycle Action found with token {token}")),
        (None, None) => invalid("Either an instance ID or a lifecycle action token is required."),
    })
}

/// Takes a hook away: who waits for it at its launch is given up, who waits at its end goes on. Whether there was one.
pub fn remove_hook(group: &mut Group, name: &str) -> bool {
    let Some(hook) = group.hooks.remove(name) else { return false };
    for wait in group.members.values_mut().filter_map(|member| member.wait.as_mut()) {
        if wait.open.contains(name) {
            wait.answer(name, hook.transition == Transition::Terminating);
        }
    }
    true
}

/// No group has that instance.
#[must_use]
pub fn no_instance(id: &str) -> CommonError {
    invalid(format!("Instance Id not found - No managed instance found for instance ID: {id}"))
}

/// Whether an instance waits for that hook.
#[must_use]
pub fn waits_for(member: &Member, hook: &str) -> bool {
    member.wait.as_ref().is_some_and(|wait| wait.open.contains(hook))
}
