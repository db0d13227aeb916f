//! Carries out one step of a plan.

use super::launch;
use crate::services::Shared;
use crate::services::autoscaling::plan::{Step, Why};
use crate::services::autoscaling::resources::activity::{self, Activity, ActivityKey, activities_of};
use crate::services::autoscaling::resources::group::{Group, GroupKey, Lifecycle, Member};
use crate::services::autoscaling::resources::hook::{Transition, Wait};
use crate::services::ec2::resources::instance::USER_SHUTDOWN;
use crate::services::ec2::resources::{Instance, InstanceKey};
use crate::store::Transaction;
use crate::time::Timestamp;

/// `group` is the caller's to write back.
/// The group's capacity was `before` when the plan was made.
pub(super) fn perform(
    tx: &mut Transaction,
    shared: &Shared,
    group: &mut Group,
    step: &Step,
    before: i32,
    now: Timestamp,
) {
    match step {
        Step::Launch { zone, rebalances } => launch::launch(tx, shared, group, zone, *rebalances, before, now),
        Step::Take { id, why } => take(tx, shared, group, id, *why, before, now),
        Step::Wait { id, transition } => wait(tx, shared, group, id, *transition, now),
        Step::Serve { id } => serve(tx, group, id, now),
        Step::Terminate { id } => terminate(tx, group, id, now),
        Step::Remove { id } => remove(tx, group, id, now),
        Step::Delete => {}
    }
}

/// Forgets a group, and what it did.
pub fn delete(tx: &mut Transaction, key: &GroupKey) {
    let old: Vec<_> = activities_of(tx, key).map(|activity| activity.key.clone()).collect();
    for key in old {
        tx.delete::<Activity>(&key);
    }
    tx.delete::<Group>(key);
}

/// Begins a member's end; one that is ending already is left alone. The group's capacity was `before` when that was
/// decided.
pub fn take(tx: &mut Transaction, shared: &Shared, group: &mut Group, id: &str, why: Why, before: i32, now: Timestamp) {
    let desired = group.desired;
    let Some(member) = group.members.get_mut(id).filter(|member| !member.lifecycle.is_ending()) else { return };
    let counted = member.lifecycle.counts();
    let at = now.to_rfc3339();
    let sentence = match why {
        Why::Surplus => format!(
            "an instance was taken out of service in response to a difference between desired and actual capacity, \
             shrinking the capacity from {before} to {desired}. At {at} instance {id} was selected for termination."
        ),
        Why::NotRunning => "an instance was taken out of service in response to an EC2 health check indicating it has \
                            been terminated or stopped."
            .to_owned(),
        Why::Unhealthy => "an instance was taken out of service in response to a user health-check.".to_owned(),
        Why::Abandoned => {
            "an instance was taken out of service in response to a lifecycle action that was abandoned.".to_owned()
        }
        Why::Lifetime => {
            "an instance was taken out of service in response to the maximum instance lifetime.".to_owned()
        }
        Why::Asked => format!(
            "instance {id} was taken out of service in response to a user request{}.",
            if counted && before > desired {
                format!(", shrinking the capacity from {before} to {desired}")
            } else {
                String::new()
            }
        ),
        Why::Deleted => format!(
            "an instance was taken out of service in response to a difference between desired and actual capacity, \
             shrinking the capacity from {before} to 0. At {at} instance {id} was selected for termination."
        ),
    };
    member.healthy &= !matches!(why, Why::NotRunning);
    member.lifecycle = Lifecycle::Terminating;
    member.since = now;
    member.wait = None;
    let description = format!("Terminating EC2 instance: {id}");
    let place = Place::of(member);
    let ended = member.activity.take();
    if let Some(activity) = ended {
        activity::end(tx, &group.key, &activity, "Cancelled", None, now);
    }
    let cause = sentence_at(group.cause.as_deref(), now, &sentence);
    let activity = begin(tx, shared, group, description, cause, &place, now);
    if let Some(member) = group.members.get_mut(id) {
        member.activity = Some(activity);
    }
}

/// Where something happens.
pub(super) struct Place {
    pub(super) zone: String,
    pub(super) subnet: String,
}

impl Place {
    pub(super) fn of(member: &Member) -> Self {
        Self { zone: member.zone.clone(), subnet: member.subnet.clone() }
    }
}

/// `<cause> At <now> <sentence>`
pub(super) fn sentence_at(cause: Option<&str>, now: Timestamp, sentence: &str) -> String {
    let cause = cause.map(|cause| format!("{cause}  ")).unwrap_or_default();
    format!("{cause}At {} {sentence}", now.to_rfc3339())
}

/// Writes an activity down, and returns its id.
pub(super) fn begin(
    tx: &mut Transaction,
    shared: &Shared,
    group: &Group,
    description: String,
    cause: String,
    place: &Place,
    now: Timestamp,
) -> String {
    let id = shared.ids.uuid();
    let key = ActivityKey { group: group.key.clone(), started_at: now, id: id.as_str().into() };
    let Place { zone, subnet } = place;
    let activity = Activity {
        key,
        group_arn: group.arn(),
        description,
        cause,
        status: "InProgress".to_owned(),
        message: None,
        ended_at: None,
        details: format!(r#"{{"Subnet ID":"{subnet}","Availability Zone":"{zone}"}}"#),
    };
    activity::begin(tx, activity);
    id
}

fn wait(tx: &mut Transaction, shared: &Shared, group: &mut Group, id: &str, transition: Transition, now: Timestamp) {
    let wait = Wait::begin(group.hooks.iter(), transition, shared.ids.uuid(), now);
    let Some(member) = group.members.get_mut(id) else { return };
    member.since = now;
    match (wait, transition) {
        (Some(wait), _) => {
            member.wait = Some(wait);
            member.lifecycle = match transition {
                Transition::Launching => Lifecycle::PendingWait,
                Transition::Terminating => Lifecycle::TerminatingWait,
            };
        }
        (None, Transition::Launching) => serve(tx, group, id, now),
        (None, Transition::Terminating) => terminate(tx, group, id, now),
    }
}

fn serve(tx: &mut Transaction, group: &mut Group, id: &str, now: Timestamp) {
    let Some(member) = group.members.get_mut(id) else { return };
    member.lifecycle = Lifecycle::InService;
    member.since = now;
    member.wait = None;
    member.rebalances = false;
    if let Some(activity) = member.activity.take() {
        activity::end(tx, &group.key, &activity, "Successful", None, now);
    }
}

fn terminate(tx: &mut Transaction, group: &mut Group, id: &str, now: Timestamp) {
    let Some(member) = group.members.get_mut(id) else { return };
    member.lifecycle = Lifecycle::TerminatingProceed;
    member.since = now;
    member.wait = None;
    tx.update(&InstanceKey::new(&group.key.scope, id), |instance: &mut Instance| {
        !instance.terminate(now, USER_SHUTDOWN).is_over()
    });
}

fn remove(tx: &mut Transaction, group: &mut Group, id: &str, now: Timestamp) {
    let Some(member) = group.members.remove(id) else { return };
    if let Some(activity) = member.activity {
        let (status, message) = match member.lifecycle.is_ending() {
            true => ("Successful", None),
            false => ("Failed", Some(format!("Instance failed to launch: {id} is terminated"))),
        };
        activity::end(tx, &group.key, &activity, status, message, now);
    }
}
