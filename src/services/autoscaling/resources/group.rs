//! Auto Scaling groups: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/auto-scaling-groups.html>

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use api_models::autoscaling::{CommonError, LifecycleState, MixedInstancesPolicy};
use serde::{Deserialize, Serialize};

use super::errors::invalid;
use super::hook::{Hook, Wait};
use crate::identity::Scope;
use crate::store::Record;
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupKey {
    pub scope: Scope,
    pub name: Arc<str>,
}

impl GroupKey {
    #[must_use]
    pub fn new(scope: &Scope, name: &str) -> Self {
        Self { scope: scope.clone(), name: name.into() }
    }
}

/// What a group launches its instances from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Source {
    /// The name of a launch configuration.
    Configuration(String),
    Template(TemplateChoice),
    /// A template, and overrides of which the first counts: nothing here is ever out of capacity.
    Mixed(Box<MixedInstancesPolicy>),
}

/// A launch template and a version: a number, `$Latest` or `$Default`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateChoice {
    pub id: String,
    pub name: String,
    /// `None`: the default one; answers don't show it then.
    pub version: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupTag {
    pub value: String,
    /// Whether instances get it too.
    pub propagates: bool,
}

/// Which process of a group a suspension stops.
pub const PROCESSES: [&str; 9] = [
    "AZRebalance",
    "AddToLoadBalancer",
    "AlarmNotification",
    "HealthCheck",
    "InstanceRefresh",
    "Launch",
    "ReplaceUnhealthy",
    "ScheduledActions",
    "Terminate",
];

/// The processes a request names; all of them when it names none.
///
/// # Errors
/// One of them is none.
pub fn processes(given: Option<Vec<String>>) -> Result<Vec<String>, CommonError> {
    let given = given.filter(|given| !given.is_empty());
    let Some(given) = given else { return Ok(PROCESSES.map(str::to_owned).into()) };
    match given.iter().find(|name| !PROCESSES.contains(&name.as_str())) {
        Some(name) => Err(invalid(format!("{name} is not a valid process type."))),
        None => Ok(given),
    }
}

/// The settings that are shown as they came and that nothing here acts on; docs/limits.md says which.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    pub health_check_type: Option<String>,
    pub placement_group: Option<String>,
    pub service_linked_role_arn: Option<String>,
    pub capacity_rebalance: Option<bool>,
    pub context: Option<String>,
    pub desired_capacity_type: Option<String>,
    pub default_instance_warmup: Option<i32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub key: GroupKey,
    /// A UUID, part of the ARN.
    pub id: String,
    pub source: Source,
    pub min: i32,
    pub max: i32,
    pub desired: i32,
    /// Seconds.
    pub cooldown: i32,
    /// Seconds in which a new instance's health does not count.
    pub grace: i32,
    /// Seconds after which an instance is replaced.
    pub max_lifetime: Option<i32>,
    pub zones: Vec<String>,
    /// Subnet ids; none for a group that has zones only.
    pub subnets: Vec<String>,
    pub termination_policies: Vec<String>,
    pub protects_new: bool,
    /// With the reason of each.
    pub suspended: BTreeMap<String, String>,
    pub tags: BTreeMap<String, GroupTag>,
    pub kept: Kept,
    pub hooks: BTreeMap<String, Hook>,
    pub members: BTreeMap<String, Member>,
    pub created_at: Timestamp,
    /// It goes once its instances are gone.
    pub deleting: bool,
    /// When its capacity was last changed: the cooldown begins here.
    pub scaled_at: Option<Timestamp>,
    /// Why its capacity is to change: the first sentence of the activities to come.
    pub cause: Option<String>,
    /// After a launch that failed: not before this time.
    pub launches_after: Option<Timestamp>,
}

impl Record for Group {
    type Key = GroupKey;

    fn key(&self) -> GroupKey {
        self.key.clone()
    }
}

/// Where in its life a member of a group is.
/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lifecycle {
    Pending,
    PendingWait,
    InService,
    Terminating,
    TerminatingWait,
    /// EC2 was told to terminate it.
    TerminatingProceed,
    Standby,
}

impl Lifecycle {
    #[must_use]
    pub fn shown(self) -> LifecycleState {
        match self {
            Self::Pending => LifecycleState::Pending,
            Self::PendingWait => LifecycleState::PendingWait,
            Self::InService => LifecycleState::InService,
            Self::Terminating => LifecycleState::Terminating,
            Self::TerminatingWait => LifecycleState::TerminatingWait,
            Self::TerminatingProceed => LifecycleState::TerminatingProceed,
            Self::Standby => LifecycleState::Standby,
        }
    }

    /// Whether it counts for the group's capacity.
    #[must_use]
    pub fn counts(self) -> bool {
        matches!(self, Self::Pending | Self::PendingWait | Self::InService)
    }

    #[must_use]
    pub fn is_ending(self) -> bool {
        matches!(self, Self::Terminating | Self::TerminatingWait | Self::TerminatingProceed)
    }
}

/// What a member was launched from, as answers show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Made {
    Configuration(String),
    Template {
        id: String,
        name: String,
        version: i64,
    },
    /// Attached by hand.
    Otherwise,
}

/// An instance of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub instance_type: String,
    pub image_id: String,
    pub zone: String,
    pub subnet: String,
    pub lifecycle: Lifecycle,
    pub healthy: bool,
    pub protected: bool,
    pub made: Made,
    /// The time its template's version or its configuration was made: old ones go first.
    pub made_at: Option<Timestamp>,
    pub launched_at: Timestamp,
    /// Since when it is in its phase.
    pub since: Timestamp,
    /// What it waits for.
    pub wait: Option<Wait>,
    /// The activity that is under way.
    pub activity: Option<String>,
    /// It was launched to even out the zones, so there may be one too many until it is in service.
    #[serde(default)]
    pub rebalances: bool,
}

impl Group {
    /// `arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:<uuid>:autoScalingGroupName/<name>`
    #[must_use]
    pub fn arn(&self) -> String {
        let parts = ["autoScalingGroup:", &self.id, ":autoScalingGroupName/", &self.key.name];
        self.key.scope.arn("autoscaling", &parts)
    }

    #[must_use]
    pub fn runs(&self, process: &str) -> bool {
        !self.suspended.contains_key(process)
    }

    /// How many members count for the capacity.
    #[must_use]
    pub fn capacity(&self) -> i32 {
        count(self.members.values().filter(|member| member.lifecycle.counts()))
    }

    /// The zones it may use, each once, sorted.
    #[must_use]
    pub fn all_zones(&self) -> BTreeSet<String> {
        self.zones.iter().cloned().collect()
    }
}

/// How many, as AWS counts.
pub fn count<T>(items: impl Iterator<Item = T>) -> i32 {
    i32::try_from(items.count()).unwrap_or(i32::MAX)
}
