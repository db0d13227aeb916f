//! The resource an ARN means in the tag operations, and its tags.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html>

use api_models::ecs::{ClientException, CommonError, InvalidParameterException, Tag};

use super::daemon::{DaemonKey, DaemonStatus};
use super::service::{ServiceStatus, TaskSetKey};
use super::{
    CapacityProvider, CapacityProviderKey, Cluster, ClusterKey, ClusterStatus, ContainerInstance, ContainerInstanceKey,
    Daemon, DaemonTaskDefinition, DaemonTaskDefinitionKey, Service, ServiceKey, Task, TaskDefinition,
    TaskDefinitionKey, TaskDefinitionName, TaskKey, TaskSet, TaskStatus,
};
use super::{capacity_provider, daemon};
use crate::identity::{Arn, Scope};
use crate::store::{State, Transaction};

/// A resource that exists and can have tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taggable {
    CapacityProvider(CapacityProviderKey),
    Cluster(ClusterKey),
    ContainerInstance(ContainerInstanceKey),
    Daemon(DaemonKey),
    DaemonTaskDefinition(DaemonTaskDefinitionKey),
    Service(ServiceKey),
    Task(TaskKey),
    TaskDefinition(TaskDefinitionKey),
    TaskSet(TaskSetKey),
}

impl Taggable {
    /// The resource `arn` means, whatever its status.
    ///
    /// # Errors
    /// InvalidParameterException (for a task definition, ClientException) when the ARN is none of ECS in this
    /// account and region, is in the old short format, or means nothing that exists.
    pub fn find(state: &State, scope: &Scope, arn: Option<&str>) -> Result<Self, CommonError> {
        let arn = arn.filter(|arn| !arn.is_empty()).ok_or_else(|| refuse("Resource ARN can not be blank."))?;
        let (kind, rest) = Arn::parse(arn)
            .ok()
            .filter(|arn| arn.service == "ecs" && arn.partition == scope.region.partition())
            .filter(|arn| arn.region == scope.region.as_str() && arn.account == scope.account.to_string())
            .and_then(|arn| arn.typed_resource())
            .ok_or_else(|| refuse("The ARN provided is invalid."))?;
        let in_cluster = || match rest.split('/').collect::<Vec<_>>()[..] {
            [_] => Err(refuse("Long arn format must be used for tagging operations")),
            [cluster, id] => Ok((cluster.into(), id.into())),
            _ => Err(refuse("Invalid identifier: Unexpected number of separators")),
        };
        let absent = |what: &str| refuse(&format!("The specified {what} does not exist."));
        let scope = scope.clone();
        match kind {
            "cluster" => {
                let key = ClusterKey::new(&scope, rest);
                state.clusters.contains_key(&key).then_some(Self::Cluster(key)).ok_or_else(|| absent("cluster"))
            }
            "container-instance" => {
                let (cluster, id) = in_cluster()?;
                let key = ContainerInstanceKey { scope, cluster, id };
                let found = state.container_instances.contains_key(&key);
                found.then_some(Self::ContainerInstance(key)).ok_or_else(|| absent("container instance"))
            }
            "task" => {
                let (cluster, id) = in_cluster()?;
                let key = TaskKey { scope, cluster, id };
                state.tasks.contains_key(&key).then_some(Self::Task(key)).ok_or_else(|| absent("task"))
            }
            "task-definition" => TaskDefinitionName::parse(&scope, arn)
                .and_then(|name| name.key(&scope))
                .filter(|key| state.task_definitions.contains_key(key))
                .map(Self::TaskDefinition)
                .ok_or_else(|| ClientException::new("Unable to describe task definition.").into()),
            "service" => {
                let (cluster, name) = in_cluster()?;
                let key = ServiceKey { scope, cluster, name };
                state.services.contains_key(&key).then_some(Self::Service(key)).ok_or_else(|| absent("service"))
            }
            "daemon-task-definition" => daemon::task_definition::key_of(&scope, arn)
                .filter(|key| state.daemon_task_definitions.contains_key(key))
                .map(Self::DaemonTaskDefinition)
                .ok_or_else(|| absent("daemon task definition")),
            "daemon" => {
                let (cluster, name) = in_cluster()?;
                let key = DaemonKey { scope, cluster, name };
                let found = state.daemons.get(&key).is_some_and(|daemon| daemon.status != DaemonStatus::Deleted);
                found.then_some(Self::Daemon(key)).ok_or_else(|| absent("daemon"))
            }
            "express-gateway-service" => Err(absent(&kind.replace('-', " "))),
            "task-set" => {
                let [cluster, name, "ecs-svc", id] = rest.split('/').collect::<Vec<_>>()[..] else {
                    return Err(refuse("Invalid identifier: Unexpected number of separators"));
                };
                let service = ServiceKey { scope, cluster: cluster.into(), name: name.into() };
                let key = TaskSetKey { service, id: id.into() };
                state.task_sets.contains_key(&key).then_some(Self::TaskSet(key)).ok_or_else(|| absent("task set"))
            }
            "capacity-provider" => capacity_provider::active(state, &scope, rest)
                .map(|provider| Self::CapacityProvider(provider.key.clone()))
                .ok_or_else(|| absent("capacity provider")),
            _ => Err(refuse("The ARN provided is invalid.")),
        }
    }

    /// The resource's tags.
    #[must_use]
    pub fn tags(&self, state: &State) -> Vec<Tag> {
        match self {
            Self::CapacityProvider(key) => state.capacity_providers.get(key).map(|it| it.tags.clone()),
            Self::Cluster(key) => state.clusters.get(key).map(|it| it.tags.clone()),
            Self::ContainerInstance(key) => state.container_instances.get(key).map(|it| it.tags.clone()),
            Self::Daemon(key) => state.daemons.get(key).map(|it| it.tags.clone()),
            Self::DaemonTaskDefinition(key) => state.daemon_task_definitions.get(key).map(|it| it.tags.clone()),
            Self::Service(key) => state.services.get(key).map(|it| it.tags.clone()),
            Self::Task(key) => state.tasks.get(key).map(|it| it.tags.to_vec()),
            Self::TaskDefinition(key) => state.task_definitions.get(key).map(|it| it.tags.clone()),
            Self::TaskSet(key) => state.task_sets.get(key).map(|it| it.tags.clone()),
        }
        .unwrap_or_default()
    }

    /// Replaces the resource's tags.
    pub fn set_tags(&self, tx: &mut Transaction, tags: Vec<Tag>) {
        fn set(slot: &mut Vec<Tag>, tags: Vec<Tag>) -> bool {
            let changed = *slot != tags;
            *slot = tags;
            changed
        }
        match self {
            Self::CapacityProvider(key) => tx.update(key, |it: &mut CapacityProvider| set(&mut it.tags, tags)),
            Self::Cluster(key) => tx.update(key, |it: &mut Cluster| set(&mut it.tags, tags)),
            Self::ContainerInstance(key) => tx.update(key, |it: &mut ContainerInstance| set(&mut it.tags, tags)),
            Self::Daemon(key) => tx.update(key, |it: &mut Daemon| set(&mut it.tags, tags)),
            Self::DaemonTaskDefinition(key) => tx.update(key, |it: &mut DaemonTaskDefinition| set(&mut it.tags, tags)),
            Self::Service(key) => tx.update(key, |it: &mut Service| set(&mut it.tags, tags)),
            Self::Task(key) => tx.update(key, |it: &mut Task| {
                let changed = *it.tags != *tags;
                it.tags = tags.into();
                changed
            }),
            Self::TaskDefinition(key) => tx.update(key, |it: &mut TaskDefinition| set(&mut it.tags, tags)),
            Self::TaskSet(key) => tx.update(key, |it: &mut TaskSet| set(&mut it.tags, tags)),
        };
    }

    /// Whether the tags of what is over can't be changed any more.
    ///
    /// # Errors
    /// InvalidParameterException when the cluster or instance is INACTIVE or the task has stopped.
    pub fn check_changeable(&self, state: &State) -> Result<(), CommonError> {
        let over = match self {
            Self::Cluster(key) => state
                .clusters
                .get(key)
                .filter(|cluster| cluster.status == ClusterStatus::Inactive)
                .map(|_| "The specified cluster is inactive. Specify an active cluster and try again."),
            Self::ContainerInstance(key) => {
                state.container_instances.get(key).filter(|instance| instance.status == "INACTIVE").map(|_| {
                    "The specified container instance is inactive. Specify an active container instance and try again."
                })
            }
            Self::Service(key) => state
                .services
                .get(key)
                .filter(|service| service.status == ServiceStatus::Inactive)
                .map(|_| "The specified service is inactive. Specify an active service and try again."),
            Self::Task(key) => state
                .tasks
                .get(key)
                .filter(|task| task.last_status == TaskStatus::Stopped)
                .map(|_| "The specified task is stopped. Specify a running task and try again."),
            Self::CapacityProvider(_)
            | Self::Daemon(_)
            | Self::DaemonTaskDefinition(_)
            | Self::TaskDefinition(_)
            | Self::TaskSet(_) => None,
        };
        over.map_or(Ok(()), |message| Err(refuse(message)))
    }
}

fn refuse(message: &str) -> CommonError {
    InvalidParameterException::new(message).into()
}
