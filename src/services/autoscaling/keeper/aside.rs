//! Members that somebody takes out of their group's capacity, for a while or for good, and lets run.

use api_models::autoscaling::{Activity, CommonError};

use super::perform::{Place, begin, sentence_at};
use crate::services::Shared;
use crate::services::autoscaling::resources::errors::invalid;
use crate::services::autoscaling::resources::group::{Group, Lifecycle, count};
use crate::services::autoscaling::resources::{activity, change};
use crate::services::ec2::resources::{Instance, InstanceKey};
use crate::store::Transaction;
use crate::time::Timestamp;

/// Where they go. `shrinks`: the desired capacity goes down with them, so that nobody takes their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aside {
    Standby {
        shrinks: bool,
    },
    Detached {
        shrinks: bool,
    },
    /// From standby into service.
    Back,
}

/// Sets members aside, all or none; `group` is the caller's to write back. Returns an activity for each.
///
/// # Errors
/// One is no member, or not in the state for it; or the capacity would leave the group's bounds.
pub fn set_aside(
    tx: &mut Transaction,
    shared: &Shared,
    group: &mut Group,
    ids: &[String],
    to: Aside,
    now: Timestamp,
) -> Result<Vec<Activity>, CommonError> {
    for id in ids {
        check(group, id, to)?;
    }
    let how_many = count(ids.iter());
    let before = group.desired;
    match to {
        Aside::Standby { shrinks: true } | Aside::Detached { shrinks: true } => group.desired -= how_many,
        Aside::Back => group.desired += how_many,
        _ => {}
    }
    if group.desired < group.min || group.desired > group.max {
        let (name, min, max) = (&group.key.name, group.min, group.max);
        return Err(invalid(format!(
            "AutoScalingGroup {name} has min-size={min}, max-size={max}, and desired-size={before}. To take {how_many} \
             instance(s) in or out of it, please update the AutoScalingGroup sizes appropriately."
        )));
    }
    Ok(ids.iter().filter_map(|id| one(tx, shared, group, id, to, before, now)).collect())
}

fn check(group: &Group, id: &str, to: Aside) -> Result<(), CommonError> {
    let lifecycle = change::member(group, id)?.lifecycle;
    let (fits, wanted) = match to {
        Aside::Standby { .. } => (lifecycle == Lifecycle::InService, "InService"),
        Aside::Back => (lifecycle == Lifecycle::Standby, "Standby"),
        Aside::Detached { .. } => {
            (matches!(lifecycle, Lifecycle::InService | Lifecycle::Standby), "InService or Standby")
        }
    };
    if fits {
        return Ok(());
    }
    Err(invalid(format!("The instance {id} is in {} and not in {wanted}.", lifecycle.shown())))
}

fn one(
    tx: &mut Transaction,
    shared: &Shared,
    group: &mut Group,
    id: &str,
    to: Aside,
    before: i32,
    now: Timestamp,
) -> Option<Activity> {
    let place = Place::of(group.members.get(id)?);
    let after = group.desired;
    let shrinking =
        if after < before { format!(", shrinking the capacity from {before} to {after}") } else { String::new() };
    let (description, sentence) = match to {
        Aside::Standby { .. } => (
            format!("Moving EC2 instance to Standby: {id}"),
            format!("instance {id} was moved to standby in response to a user request{shrinking}."),
        ),
        Aside::Detached { .. } => (
            format!("Detaching EC2 instance: {id}"),
            format!("instance {id} was detached in response to a user request{shrinking}."),
        ),
        Aside::Back => (
            format!("Moving EC2 instance out of Standby: {id}"),
            format!(
                "instance {id} was moved out of standby in response to a user request, increasing the capacity from \
                 {before} to {after}."
            ),
        ),
    };
    let activity = begin(tx, shared, group, description, sentence_at(None, now, &sentence), &place, now);
    activity::end(tx, &group.key, &activity, "Successful", None, now);
    if let Aside::Detached { .. } = to {
        group.members.remove(id);
        tx.update(&InstanceKey::new(&group.key.scope, id), |instance: &mut Instance| {
            instance.group = None;
            instance.tags.remove("aws:autoscaling:groupName");
            true
        });
    } else if let Some(member) = group.members.get_mut(id) {
        member.lifecycle = if to == Aside::Back { Lifecycle::InService } else { Lifecycle::Standby };
        member.since = now;
    }
    activity::activities_of(tx, &group.key).rev().find(|it| *it.key.id == *activity).map(|it| it.shown())
}
