//! Instances: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html>
//!
//! Here an instance is no machine. It is a name for a share of the local engine, which it becomes as a container
//! instance once its user data names a cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use api_models::ec2::{self as api, ClientError};
use serde::{Deserialize, Serialize};

use super::errors::error;
use crate::identity::Scope;
use crate::services::ec2::user_data::{self, AgentSettings};
use crate::services::ecs::resources::ContainerInstanceKey;
use crate::services::sensitive::Sensitive;
use crate::store::{Record, State};
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InstanceKey {
    pub scope: Scope,
    /// `i-0` and 16 hexadecimal digits.
    pub id: Arc<str>,
}

impl InstanceKey {
    #[must_use]
    pub fn new(scope: &Scope, id: &str) -> Self {
        Self { scope: scope.clone(), id: id.into() }
    }
}

/// Where in its life an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    Pending,
    Running,
    ShuttingDown,
    Terminated,
    Stopping,
    Stopped,
}

impl Phase {
    /// `shutting-down`
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }

    /// EC2's number for it.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }

    /// Whether it is at its end, or on the way there.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::ShuttingDown | Self::Terminated)
    }

    /// As the API shows it.
    #[must_use]
    pub fn shown(self) -> api::InstanceState {
        api::InstanceState { code: Some(self.code()), name: Some(self.name().into()) }
    }
}

/// The launch template an instance was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateUse {
    pub id: String,
    pub name: String,
    pub version: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    pub key: InstanceKey,
    /// `r-0...`: those that were launched together have it in common.
    pub reservation: String,
    /// The place among those.
    pub launch_index: i32,
    pub phase: Phase,
    /// Why it stopped or ended, as code and sentence.
    pub reason: Option<(String, String)>,
    /// The same as one text: `User initiated (2026-01-01 00:00:00 GMT)`.
    pub transition: String,
    pub image_id: String,
    pub instance_type: String,
    pub zone: String,
    pub subnet: String,
    pub security_groups: Vec<String>,
    pub key_name: Option<String>,
    /// The ARN of its instance profile.
    pub profile: Option<String>,
    /// As it came, in base64.
    pub user_data: Option<Sensitive<String>>,
    pub monitoring: bool,
    pub ebs_optimized: bool,
    pub disable_api_termination: bool,
    pub spot: bool,
    pub tags: BTreeMap<String, String>,
    pub template: Option<TemplateUse>,
    /// The name of the Auto Scaling group that launched it.
    pub group: Option<String>,
    pub client_token: Option<String>,
    pub launched_at: Timestamp,
    /// Since when it is terminated.
    pub ended_at: Option<Timestamp>,
    /// The cluster that its agent is to join.
    pub cluster: Option<String>,
    /// The container instance that it became.
    pub joined: Option<ContainerInstanceKey>,
}

impl Record for Instance {
    type Key = InstanceKey;

    fn key(&self) -> InstanceKey {
        self.key.clone()
    }
}

impl Instance {
    #[must_use]
    pub fn id(&self) -> &str {
        &self.key.id
    }

    /// What its user data tells the agent.
    #[must_use]
    pub fn agent_settings(&self) -> AgentSettings {
        let text = self.user_data.as_ref().and_then(|data| user_data::decode(data.expose()));
        text.map(|text| user_data::parse(&text)).unwrap_or_default()
    }

    /// Begins its end; nothing happens to one that is over. Says what it was before.
    pub fn terminate(&mut self, now: Timestamp, reason: &str) -> Phase {
        let before = self.phase;
        if !before.is_over() {
            self.phase = Phase::ShuttingDown;
            self.reason = Some(("Client.UserInitiatedShutdown".to_owned(), reason.to_owned()));
            self.transition = user_initiated(now);
        }
        before
    }
}

/// What a request changed, as answers have it.
#[must_use]
pub fn change_of(old: &Instance, now: Phase) -> api::InstanceStateChange {
    api::InstanceStateChange {
        instance_id: Some(old.id().to_owned()),
        current_state: Some(Box::new(now.shown())),
        previous_state: Some(Box::new(old.phase.shown())),
    }
}

/// The instance can't be `done` so in the phase it is in.
#[must_use]
pub fn not_now(instance: &Instance, done: &str) -> ClientError {
    let message = format!("The instance '{}' is not in a state from which it can be {done}.", instance.id());
    error("IncorrectInstanceState", message)
}

/// The sentence of a termination that somebody asked for.
pub const USER_SHUTDOWN: &str = "Client.UserInitiatedShutdown: User initiated shutdown";

/// `User initiated (2026-01-01 00:00:00 GMT)`
#[must_use]
pub fn user_initiated(now: Timestamp) -> String {
    let time = now.to_rfc3339();
    let (date, clock) = time.split_once('T').unwrap_or((&time, ""));
    format!("User initiated ({date} {} GMT)", clock.get(..8).unwrap_or(clock))
}

/// The instances of these ids, all of which must be there.
///
/// # Errors
/// InvalidInstanceID.Malformed, or InvalidInstanceID.NotFound with all that are missing.
pub fn find_all(state: &State, scope: &Scope, ids: &[String]) -> Result<Vec<Arc<Instance>>, ClientError> {
    if let Some(bad) = ids.iter().find(|id| !is_instance_id(id)) {
        return Err(error("InvalidInstanceID.Malformed", format!("Invalid id: \"{bad}\"")));
    }
    let mut found = Vec::new();
    let mut gone = Vec::new();
    for id in ids {
        match state.ec2_instances.get(&InstanceKey::new(scope, id)) {
            Some(instance) => found.push(instance.clone()),
            None => gone.push(id.as_str()),
        }
    }
    match gone.as_slice() {
        [] => Ok(found),
        [one] => Err(error("InvalidInstanceID.NotFound", format!("The instance ID '{one}' does not exist"))),
        many => {
            Err(error("InvalidInstanceID.NotFound", format!("The instance IDs '{}' do not exist", many.join(", "))))
        }
    }
}

fn is_instance_id(text: &str) -> bool {
    text.strip_prefix("i-")
        .is_some_and(|digits| (8..=17).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// All instances of a scope, in the order of their ids.
pub fn instances_of<'s>(state: &'s State, scope: &'s Scope) -> impl Iterator<Item = &'s Arc<Instance>> + 's {
    let first = InstanceKey::new(scope, "");
    state.ec2_instances.range(first..).map(|(_, instance)| instance).take_while(move |it| it.key.scope == *scope)
}
