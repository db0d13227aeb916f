//! What a group needs next: a pure function of the group, the phases of its instances and the time.
//!
//! First every member moves as far as it can, through its hooks and to its end. When all stand still, the capacity is
//! looked at: too few, and instances are launched where the zone has the fewest; too many, and the termination policies
//! choose who goes; just right but uneven, and one more is launched in the emptiest zone before one of the fullest goes.

#[cfg(test)]
mod tests;
mod victims;

use std::collections::BTreeMap;

use super::resources::group::{Group, Lifecycle, Member};
use super::resources::hook::{Transition, seconds_after};
use crate::services::ec2::resources::Phase;
use crate::time::Timestamp;

/// All that the plan depends on.
pub struct View<'a> {
    pub group: &'a Group,
    /// The phases of the members that EC2 knows.
    pub phases: &'a BTreeMap<String, Phase>,
    pub now: Timestamp,
}

/// Why a member is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// There are more than desired.
    Surplus,
    /// EC2 says that it does not run.
    NotRunning,
    /// Somebody said that it is unhealthy.
    Unhealthy,
    /// Its launch was abandoned by a hook.
    Abandoned,
    /// It is older than the group allows.
    Lifetime,
    /// Somebody asked for it.
    Asked,
    /// The group is being deleted.
    Deleted,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Launch {
        zone: String,
        /// To even out the zones, one more than desired.
        rebalances: bool,
    },
    /// Takes a member out of service.
    Take { id: String, why: Why },
    /// Lets a member wait for the hooks of a transition, where the group has some; else it goes on.
    Wait { id: String, transition: Transition },
    /// A member is in service.
    Serve { id: String },
    /// EC2 is told to terminate a member.
    Terminate { id: String },
    /// A member is gone.
    Remove { id: String },
    /// The group is gone.
    Delete,
}

/// What to do, and when to look again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub steps: Vec<Step>,
    pub wake: Option<Timestamp>,
}

impl Plan {
    fn wake_at(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |known| known.min(at)));
    }
}

/// Decides.
#[must_use]
pub fn plan(view: &View<'_>) -> Plan {
    let mut plan = Plan::default();
    for (id, member) in &view.group.members {
        if let Some(step) = member_step(view, id, member, &mut plan) {
            plan.steps.push(step);
        }
    }
    if plan.steps.is_empty() {
        if view.group.deleting {
            delete(view.group, &mut plan);
        } else {
            capacity(view, &mut plan);
        }
    }
    plan
}

/// How one member moves on.
fn member_step(view: &View<'_>, id: &str, member: &Member, plan: &mut Plan) -> Option<Step> {
    let phase = view.phases.get(id).copied().unwrap_or(Phase::Terminated);
    let id = id.to_owned();
    let gone = phase == Phase::Terminated;
    match member.lifecycle {
        Lifecycle::Pending if phase.is_over() => Some(Step::Remove { id }),
        Lifecycle::Pending => (phase == Phase::Running).then_some(Step::Wait { id, transition: Transition::Launching }),
        Lifecycle::PendingWait if phase.is_over() => Some(Step::Remove { id }),
        Lifecycle::PendingWait => match wait_result(view, member, plan) {
            Some(true) => Some(Step::Serve { id }),
            Some(false) => Some(Step::Take { id, why: Why::Abandoned }),
            None => None,
        },
        Lifecycle::InService => in_service(view, id, member, phase, plan),
        Lifecycle::Standby => gone.then_some(Step::Remove { id }),
        Lifecycle::Terminating | Lifecycle::TerminatingWait | Lifecycle::TerminatingProceed if gone => {
            Some(Step::Remove { id })
        }
        Lifecycle::Terminating => Some(Step::Wait { id, transition: Transition::Terminating }),
        // Whatever the answer was, it goes.
        Lifecycle::TerminatingWait => wait_result(view, member, plan).map(|_| Step::Terminate { id }),
        Lifecycle::TerminatingProceed => (!phase.is_over()).then_some(Step::Terminate { id }),
    }
}

/// What came of a wait: whether to go on; `None` while it lasts.
fn wait_result(view: &View<'_>, member: &Member, plan: &mut Plan) -> Option<bool> {
    let Some(wait) = &member.wait else { return Some(true) };
    if wait.is_over() {
        return Some(!wait.abandoned);
    }
    if view.now < wait.until {
        plan.wake_at(wait.until);
        return None;
    }
    // A hook that was deleted meanwhile asks for nothing.
    Some(wait.open.iter().all(|hook| view.group.hooks.get(hook).is_none_or(|hook| hook.continues)))
}

fn in_service(view: &View<'_>, id: String, member: &Member, phase: Phase, plan: &mut Plan) -> Option<Step> {
    let group = view.group;
    let not_running = !matches!(phase, Phase::Pending | Phase::Running) && group.runs("HealthCheck");
    if (not_running || !member.healthy) && group.runs("ReplaceUnhealthy") && group.runs("Terminate") {
        return Some(Step::Take { id, why: if member.healthy { Why::NotRunning } else { Why::Unhealthy } });
    }
    let lifetime = group.max_lifetime.filter(|seconds| *seconds > 0)?;
    let end = seconds_after(member.launched_at, lifetime);
    if end > view.now {
        plan.wake_at(end);
        return None;
    }
    // One after the other.
    let others_move = group.members.values().any(|other| other.lifecycle.is_ending());
    let one_is_planned = plan.steps.iter().any(|step| matches!(step, Step::Take { .. }));
    let may = group.runs("Terminate") && !others_move && !one_is_planned;
    may.then_some(Step::Take { id, why: Why::Lifetime })
}

fn delete(group: &Group, plan: &mut Plan) {
    let staying = group.members.iter().filter(|(_, member)| !member.lifecycle.is_ending());
    plan.steps.extend(staying.map(|(id, _)| Step::Take { id: id.clone(), why: Why::Deleted }));
    if group.members.is_empty() {
        plan.steps.push(Step::Delete);
    }
}

fn capacity(view: &View<'_>, plan: &mut Plan) {
    let group = view.group;
    let have = group.capacity();
    let settling = |member: &&Member| member.rebalances && member.lifecycle != Lifecycle::InService;
    let extra = i32::from(group.members.values().filter(|member| member.lifecycle.counts()).any(|it| settling(&it)));
    let may_launch = group.runs("Launch") && group.launches_after.is_none_or(|after| after <= view.now);
    if have < group.desired {
        if may_launch {
            let mut counts = by_zone(group);
            for _ in have..group.desired {
                let Some(zone) = emptiest(group, &counts) else { return };
                *counts.entry(zone.clone()).or_default() += 1;
                plan.steps.push(Step::Launch { zone, rebalances: false });
            }
        } else if let Some(after) = group.launches_after.filter(|_| group.runs("Launch")) {
            plan.wake_at(after);
        }
    } else if have > group.desired + extra {
        if group.runs("Terminate") {
            let surplus = usize::try_from(have - group.desired - extra).unwrap_or(0);
            let chosen = victims::choose(group, surplus, view.now);
            plan.steps.extend(chosen.into_iter().map(|id| Step::Take { id, why: Why::Surplus }));
        }
    } else if have == group.desired && may_launch {
        rebalance(group, plan);
    }
}

/// One more where the fewest are, when the zones are uneven by two or more, or members are in zones given up.
fn rebalance(group: &Group, plan: &mut Plan) {
    let still = |member: &Member| matches!(member.lifecycle, Lifecycle::InService | Lifecycle::Standby);
    if !group.members.values().all(still) || !group.runs("AZRebalance") || !group.runs("Terminate") {
        return;
    }
    let counts = by_zone(group);
    let Some(zone) = emptiest(group, &counts) else { return };
    let least = counts.get(&zone).copied().unwrap_or(0);
    let zones = group.all_zones();
    let uneven = counts.iter().any(|(zone, count)| if zones.contains(zone) { *count >= least + 2 } else { *count > 0 });
    // Who is protected where the most are would never go, and one would be launched again and again.
    if uneven && victims::frees(group, &counts, least) {
        plan.steps.push(Step::Launch { zone, rebalances: true });
    }
}

/// How many members each zone has that count.
fn by_zone(group: &Group) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for member in group.members.values().filter(|member| member.lifecycle.counts()) {
        *counts.entry(member.zone.clone()).or_default() += 1;
    }
    counts
}

/// The zone of the group with the fewest; of several, the first as the group names them.
fn emptiest(group: &Group, counts: &BTreeMap<String, usize>) -> Option<String> {
    let count = |zone: &&String| counts.get(*zone).copied().unwrap_or(0);
    group.zones.iter().min_by_key(count).cloned()
}
