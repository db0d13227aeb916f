//! What EventBridge is told of a service ("ECS Service Action").
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_events.html>

use serde::{Deserialize, Serialize};

/// What happened to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ActionName {
    ServiceSteadyState,
    #[serde(rename = "TASKSET_STEADY_STATE")]
    TaskSetSteadyState,
    CapacityProviderSteadyState,
    /// Only where the scheduler computes the count: of a DAEMON or a task set.
    ServiceDesiredCountUpdated,
    TasksStopped,
    ServiceDeploymentInProgress,
    ServiceDeploymentCompleted,
    ServiceDeploymentFailed,
    ServiceTaskStartImpaired,
    ServiceDaemonPlacementConstraintViolated,
    ServiceTaskPlacementFailure,
    ServiceTaskConfigurationFailure,
}

impl ActionName {
    /// `INFO`, `WARN` or `ERROR`.
    #[must_use]
    pub fn event_type(self) -> &'static str {
        match self {
            Self::ServiceSteadyState
            | Self::TaskSetSteadyState
            | Self::CapacityProviderSteadyState
            | Self::ServiceDesiredCountUpdated
            | Self::TasksStopped
            | Self::ServiceDeploymentInProgress
            | Self::ServiceDeploymentCompleted => "INFO",
            Self::ServiceTaskStartImpaired => "WARN",
            Self::ServiceDeploymentFailed
            | Self::ServiceDaemonPlacementConstraintViolated
            | Self::ServiceTaskPlacementFailure
            | Self::ServiceTaskConfigurationFailure => "ERROR",
        }
    }
}

/// What happened, and to what: ARNs, where it was not to the service alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    #[serde(rename = "eventName")]
    pub name: ActionName,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capacity_provider_arns: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub container_instance_arns: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub task_arns: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub task_set_arns: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_count: Option<i32>,
    /// `RESOURCE:CPU`, or a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Action {
    #[must_use]
    pub fn new(name: ActionName) -> Self {
        Self {
            name,
            capacity_provider_arns: Vec::new(),
            container_instance_arns: Vec::new(),
            task_arns: Vec::new(),
            task_set_arns: Vec::new(),
            desired_count: None,
            reason: None,
        }
    }

    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    #[must_use]
    pub fn of_tasks(mut self, arns: impl IntoIterator<Item = String>) -> Self {
        self.task_arns.extend(arns);
        self
    }

    #[must_use]
    pub fn on_instances(mut self, arns: impl IntoIterator<Item = String>) -> Self {
        self.container_instance_arns.extend(arns);
        self
    }
}

/// A new service event: its message, and the action that EventBridge is told with it, if any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub message: String,
    pub action: Option<Action>,
}

impl From<String> for Said {
    fn from(message: String) -> Self {
        Self { message, action: None }
    }
}
