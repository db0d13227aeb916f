//! What a group did: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-verify-scaling-activity.html>

use std::sync::Arc;

use api_models::autoscaling as api;
use serde::{Deserialize, Serialize};

use super::GroupKey;
use crate::store::{Record, State, Transaction};
use crate::time::Timestamp;

/// How many activities a group remembers; AWS keeps six weeks of them.
const KEPT: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ActivityKey {
    pub group: GroupKey,
    /// They are in the order in which they began.
    pub started_at: Timestamp,
    /// A UUID.
    pub id: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    pub key: ActivityKey,
    pub group_arn: String,
    pub description: String,
    pub cause: String,
    /// `InProgress`, `Successful`, `Failed`, `Cancelled`, `WaitingForELBConnectionDraining` ...
    pub status: String,
    pub message: Option<String>,
    pub ended_at: Option<Timestamp>,
    /// Where, as JSON.
    pub details: String,
}

impl Record for Activity {
    type Key = ActivityKey;

    fn key(&self) -> ActivityKey {
        self.key.clone()
    }
}

impl Activity {
    /// As the API shows it.
    #[must_use]
    pub fn shown(&self) -> api::Activity {
        api::Activity {
            activity_id: Some(self.key.id.to_string()),
            auto_scaling_group_name: Some(self.key.group.name.to_string()),
            description: Some(self.description.clone()),
            cause: Some(self.cause.clone()),
            start_time: Some(self.key.started_at),
            end_time: self.ended_at,
            status_code: Some(self.status.as_str().into()),
            status_message: self.message.clone(),
            progress: Some(if self.ended_at.is_some() { 100 } else { 50 }),
            details: Some(self.details.clone()),
            auto_scaling_group_state: None,
            auto_scaling_group_arn: Some(self.group_arn.clone()),
        }
    }
}

/// The activities of a group, oldest first.
pub fn activities_of<'s>(
    state: &'s State,
    group: &GroupKey,
) -> impl DoubleEndedIterator<Item = &'s Arc<Activity>> + 's {
    let bound =
        |millis| ActivityKey { group: group.clone(), started_at: Timestamp::from_millis(millis), id: "".into() };
    state.scaling_activities.range(bound(i64::MIN)..bound(i64::MAX)).map(|(_, activity)| activity)
}

/// Writes down that something began, and forgets the oldest.
pub fn begin(tx: &mut Transaction, activity: Activity) {
    let group = activity.key.group.clone();
    tx.put(activity);
    let count = activities_of(tx, &group).count();
    let old: Vec<_> = activities_of(tx, &group).take(count.saturating_sub(KEPT)).map(|old| old.key.clone()).collect();
    for key in old {
        tx.delete::<Activity>(&key);
    }
}

/// Writes down how it ended.
pub fn end(tx: &mut Transaction, group: &GroupKey, id: &str, status: &str, message: Option<String>, now: Timestamp) {
    let found = activities_of(tx, group).rev().find(|activity| *activity.key.id == *id).map(|found| found.key.clone());
    let Some(key) = found else { return };
    tx.update(&key, |activity: &mut Activity| {
        status.clone_into(&mut activity.status);
        activity.message = message;
        activity.ended_at = Some(now);
        true
    });
}
