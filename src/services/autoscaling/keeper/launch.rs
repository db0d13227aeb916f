//! Launches an instance for a group.

use std::time::Duration;

use super::perform::{Place, begin, sentence_at};
use crate::services::Shared;
use crate::services::autoscaling::resources::activity;
use crate::services::autoscaling::resources::group::{Group, Lifecycle, Member};
use crate::services::autoscaling::resources::source::{self, Resolved};
use crate::services::ec2::resources::launch::{Batch, LaunchSpec, launch as launch_instance};
use crate::services::ecs::network;
use crate::store::Transaction;
use crate::time::Timestamp;

/// Between attempts to launch what can't be launched.
const TRY_AGAIN: Duration = Duration::from_secs(60);

/// The instance is a member of the group from now on; the capacity was `before` when that was decided. What can't be launched is told by an activity.
pub(super) fn launch(
    tx: &mut Transaction,
    shared: &Shared,
    group: &mut Group,
    zone: &str,
    rebalances: bool,
    before: i32,
    now: Timestamp,
) {
    let desired = group.desired;
    let subnet = subnet_in(group, zone);
    let place = Place { zone: zone.to_owned(), subnet: subnet.clone() };
    let sentence = match rebalances {
        true => "an instance was launched to aid in balancing the group's zones.".to_owned(),
        false => format!(
            "an instance was started in response to a difference between desired and actual capacity, increasing the \
             capacity from {before} to {desired}."
        ),
    };
    let cause = sentence_at(group.cause.as_deref(), now, &sentence);
    let scope = group.key.scope.clone();
    let resolved = source::resolve(tx, &scope, &group.source);
    let checked = resolved.and_then(|Resolved { spec, made, made_at }| {
        let over = LaunchSpec {
            zone: Some(zone.to_owned()),
            subnet: Some(subnet),
            tags: tags(group),
            ..LaunchSpec::default()
        };
        Ok((spec.overlaid(over).check(&scope)?, made, made_at))
    });
    let (checked, made, made_at) = match checked {
        Ok(checked) => checked,
        Err(error) => {
            let description = "Launching a new EC2 instance.  Status Reason: ".to_owned()
                + &format!("{} Launching EC2 instance failed.", error.message.as_deref().unwrap_or_default());
            let activity = begin(tx, shared, group, description, cause, &place, now);
            let message = format!("{} Launching EC2 instance failed.", error.message.unwrap_or_default());
            activity::end(tx, &group.key, &activity, "Failed", Some(message), now);
            group.launches_after = Some(now.saturating_add(TRY_AGAIN));
            return;
        }
    };
    let batch = Batch {
        reservation: shared.ids.ec2_id("r"),
        client_token: Some(shared.ids.uuid()),
        group: Some(group.key.name.to_string()),
    };
    let instance = launch_instance(tx, shared, &scope, &checked, &batch, 0);
    let description = format!("Launching a new EC2 instance: {}", instance.id());
    let activity = begin(tx, shared, group, description, cause, &place, now);
    group.launches_after = None;
    let member = Member {
        instance_type: instance.instance_type.clone(),
        image_id: instance.image_id.clone(),
        zone: place.zone,
        subnet: place.subnet,
        lifecycle: Lifecycle::Pending,
        healthy: true,
        protected: group.protects_new,
        made,
        made_at,
        launched_at: now,
        since: now,
        wait: None,
        activity: Some(activity),
        rebalances,
    };
    group.members.insert(instance.id().to_owned(), member);
}

/// The group's subnet in a zone; the default one for a group that has none there.
fn subnet_in(group: &Group, zone: &str) -> String {
    let region = &group.key.scope.region;
    let own = group.subnets.iter().find(|subnet| network::zone_of_subnet(region, subnet) == zone).cloned();
    own.unwrap_or_else(|| {
        let defaults = network::default_subnets(&group.key.scope);
        let found = defaults.into_iter().find(|subnet| subnet.availability_zone == zone);
        found.map(|subnet| subnet.id).unwrap_or_default()
    })
}

/// The tags of its instances.
fn tags(group: &Group) -> std::collections::BTreeMap<String, String> {
    let own = group.tags.iter().filter(|(_, tag)| tag.propagates).map(|(key, tag)| (key.clone(), tag.value.clone()));
    own.chain([("aws:autoscaling:groupName".to_owned(), group.key.name.to_string())]).collect()
}
