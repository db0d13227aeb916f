//! Who goes when a group has too many.
//! <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-termination-policies.html>

use std::collections::BTreeMap;

use super::by_zone;
use crate::services::autoscaling::resources::group::{Group, Made, Member};
use crate::time::Timestamp;

const HOUR_MS: i64 = 3_600_000;

type Candidate<'g> = (&'g String, &'g Member);

/// Chooses members to take out: each time from the zone with the most, then as the policies say. Members under
/// protection stay, so there may be fewer than asked for.
pub(super) fn choose(group: &Group, how_many: usize, now: Timestamp) -> Vec<String> {
    let mut counts = by_zone(group);
    let mut candidates: Vec<Candidate<'_>> = free(group).collect();
    let mut chosen = Vec::new();
    while chosen.len() < how_many {
        let fullest = candidates.iter().map(|(_, member)| weight(group, &counts, member)).max();
        let Some(fullest) = fullest else { break };
        let mut in_zone: Vec<Candidate<'_>> =
            candidates.iter().filter(|(_, member)| weight(group, &counts, member) == fullest).copied().collect();
        for policy in policies(group) {
            narrow(&mut in_zone, policy, now);
        }
        // Candidates are in the order of their ids: the first of those that are alike.
        let Some((id, member)) = in_zone.first().copied() else { break };
        chosen.push(id.clone());
        if let Some(count) = counts.get_mut(&member.zone) {
            *count -= 1;
        }
        candidates.retain(|(other, _)| *other != id);
    }
    chosen
}

/// Whether somebody may go from a zone that has two more than the emptiest, or that the group gave up.
pub(super) fn frees(group: &Group, counts: &BTreeMap<String, usize>, least: usize) -> bool {
    free(group).any(|(_, member)| weight(group, counts, member) >= least + 2)
}

fn free(group: &Group) -> impl Iterator<Item = Candidate<'_>> {
    group.members.iter().filter(|(_, member)| member.lifecycle.counts() && !member.protected)
}

/// How full a member's zone is; one that the group does not use any more is the fullest of all.
fn weight(group: &Group, counts: &BTreeMap<String, usize>, member: &Member) -> usize {
    match group.zones.contains(&member.zone) {
        true => counts.get(&member.zone).copied().unwrap_or(0),
        false => usize::MAX,
    }
}

fn policies(group: &Group) -> impl Iterator<Item = &str> {
    let own = group.termination_policies.iter().map(String::as_str);
    own.chain(group.termination_policies.is_empty().then_some("Default"))
}

/// Keeps those that the policy would have go first.
fn narrow(candidates: &mut Vec<Candidate<'_>>, policy: &str, now: Timestamp) {
    let age = |member: &Member| now.as_millis() - member.launched_at.as_millis();
    match policy {
        "OldestInstance" => keep_least(candidates, |member| Some(member.launched_at.as_millis())),
        "NewestInstance" => keep_least(candidates, |member| Some(-member.launched_at.as_millis())),
        "OldestLaunchConfiguration" => keep_least(candidates, |member| match member.made {
            Made::Configuration(_) => member.made_at.map(Timestamp::as_millis),
            _ => None,
        }),
        "OldestLaunchTemplate" => keep_least(candidates, |member| match member.made {
            Made::Template { .. } => member.made_at.map(Timestamp::as_millis),
            _ => None,
        }),
        "ClosestToNextInstanceHour" => {
            keep_least(candidates, |member| Some(HOUR_MS - age(member).rem_euclid(HOUR_MS)));
        }
        "Default" => {
            for policy in ["OldestLaunchConfiguration", "OldestLaunchTemplate", "ClosestToNextInstanceHour"] {
                narrow(candidates, policy, now);
            }
        }
        // Spot and on-demand are the same here.
        _ => {}
    }
}

/// Keeps those with the least value; all of them, when none has one.
fn keep_least(candidates: &mut Vec<Candidate<'_>>, value: impl Fn(&Member) -> Option<i64>) {
    if let Some(least) = candidates.iter().filter_map(|(_, member)| value(member)).min() {
        candidates.retain(|(_, member)| value(member) == Some(least));
    }
}
