//! One event, in EventBridge's envelope.
//! <https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html>

use std::sync::Arc;

use api_models::Encode;
use serde::Serialize;
use serde_json::value::RawValue;

use super::daemons::{Impaired, Reached};
use crate::identity::Scope;
use crate::protocol::aws_json;
use crate::services::ecs::resources::container_instance::Loads;
use crate::services::ecs::resources::service::{Action, ActionName};
use crate::services::ecs::resources::{ClusterKey, ContainerInstance, ServiceKey, Task, TaskKey};
use crate::store::State;
use crate::time::Timestamp;

/// What happened: the record as it is after it.
#[derive(Clone, Debug)]
pub enum Fact {
    Task(Arc<Task>),
    ContainerInstance(Arc<ContainerInstance>),
    /// A service did something, or something became of it.
    Service {
        service: ServiceKey,
        action: Action,
    },
    /// A deployment (`ecs-svc/<id>`) came to a state.
    Deployment {
        service: ServiceKey,
        deployment: String,
        name: ActionName,
        reason: String,
    },
    /// A daemon deployment came to a status.
    DaemonDeployment(Reached),
    /// A daemon's task did not start.
    DaemonTask(Impaired),
}

/// The `detail` of "ECS Service Action".
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceDetail<'a> {
    event_type: &'static str,
    #[serde(flatten)]
    action: &'a Action,
    cluster_arn: String,
    created_at: String,
}

/// The `detail` of "ECS Deployment State Change".
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html>
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeploymentDetail<'a> {
    event_type: &'static str,
    event_name: ActionName,
    deployment_id: &'a str,
    updated_at: String,
    reason: &'a str,
}

/// An event as a rule's target gets it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Event {
    /// Of the envelope: always `0`.
    version: &'static str,
    pub id: String,
    pub detail_type: &'static str,
    source: &'static str,
    account: String,
    /// RFC 3339, in whole seconds.
    time: String,
    region: String,
    /// The ARNs of what it is about.
    pub resources: Vec<String>,
    /// As DescribeTasks and its kin show it, with times as text, and what events add. `detail.version` is the record's.
    detail: Box<RawValue>,
    /// For those who listen to one cluster only.
    #[serde(skip)]
    pub cluster: ClusterKey,
}

impl Event {
    /// Tells of `fact`. `state` is that after the change, `now` when it happened.
    #[must_use]
    pub fn new(fact: &Fact, state: &State, id: String, now: Timestamp) -> Self {
        let scope: &Scope;
        let (detail_type, cluster, resources, detail) = match fact {
            Fact::Task(task) => {
                scope = &task.key.scope;
                ("ECS Task State Change", task.key.cluster(), vec![task.key.arn()], task_detail(task, now))
            }
            Fact::ContainerInstance(instance) => {
                scope = &instance.key.scope;
                let detail = instance_detail(instance, state, now);
                ("ECS Container Instance State Change", instance.key.cluster(), vec![instance.key.arn()], detail)
            }
            Fact::Service { service, action } => {
                scope = &service.scope;
                let cluster = service.cluster();
                let detail = ServiceDetail {
                    event_type: action.name.event_type(),
                    action,
                    cluster_arn: cluster.arn(),
                    created_at: now.to_rfc3339(),
                };
                ("ECS Service Action", cluster, vec![service.arn()], raw(&detail))
            }
            Fact::Deployment { service, deployment, name, reason } => {
                scope = &service.scope;
                let detail = DeploymentDetail {
                    event_type: name.event_type(),
                    event_name: *name,
                    deployment_id: deployment,
                    updated_at: now.to_rfc3339(),
                    reason,
                };
                ("ECS Deployment State Change", service.cluster(), vec![service.arn()], raw(&detail))
            }
            Fact::DaemonDeployment(reached) => {
                let daemon = &reached.deployment.daemon;
                scope = &daemon.scope;
                let detail = raw(&reached.detail(now));
                ("ECS Daemon Deployment State Change", daemon.cluster(), vec![daemon.arn()], detail)
            }
            Fact::DaemonTask(impaired) => {
                let daemon = &impaired.revision.daemon;
                scope = &daemon.scope;
                let resources = impaired.task.iter().map(TaskKey::arn).collect();
                ("ECS Daemon Service Action", daemon.cluster(), resources, raw(&impaired.detail(now)))
            }
        };
        Self {
            version: "0",
            id,
            detail_type,
            source: "aws.ecs",
            account: scope.account.to_string(),
            time: Timestamp::from_millis(now.as_millis().div_euclid(1000) * 1000).to_rfc3339(),
            region: scope.region.to_string(),
            resources,
            detail,
            cluster,
        }
    }
}

fn task_detail(task: &Task, now: Timestamp) -> Box<RawValue> {
    let mut shown = task.to_api(false);
    // Events show no tags.
    shown.tags = None;
    for attachment in shown.attachments.iter_mut().flatten() {
        // The same by another name.
        if attachment.r#type.as_deref() == Some("ElasticNetworkInterface") {
            attachment.r#type = Some("eni".to_owned());
        }
    }
    detail(&shown, &[("updatedAt", &now.to_rfc3339())])
}

fn instance_detail(instance: &ContainerInstance, state: &State, now: Timestamp) -> Box<RawValue> {
    let cluster = instance.key.cluster();
    let mut shown = instance.to_api(&Loads::of_cluster(state, &cluster), &[], now);
    shown.tags = None;
    let (cluster, now) = (cluster.arn(), now.to_rfc3339());
    detail(&shown, &[("clusterArn", &cluster), ("updatedAt", &now), ("accountType", "CUSTOMER")])
}

fn raw(detail: &impl Serialize) -> Box<RawValue> {
    // Texts, numbers and lists of them are JSON in any case.
    serde_json::value::to_raw_value(detail).unwrap_or_default()
}

/// A structure of the API and members that events add to it.
fn detail(structure: &dyn Encode, more: &[(&str, &str)]) -> Box<RawValue> {
    let text = aws_json::detail(structure, more);
    // What was just written is JSON.
    RawValue::from_string(text).unwrap_or_default()
}
