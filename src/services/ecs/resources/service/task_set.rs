//! Task sets: what services have instead of deployments when their controller is somebody else.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskSet.html>

use std::collections::BTreeSet;
use std::sync::Arc;

use api_models::ecs::{self, CommonError, InvalidParameterException, StabilityStatus, Tag, TaskSetNotFoundException};
use serde::{Deserialize, Serialize};

use super::revision::{exact_platform, some};
use super::{Backoff, Counts, DeploymentId, RevisionSpec, Service, ServiceKey};
use crate::services::ecs::resources::lookup::resource_of_arn;
use crate::store::{Record, State, Transaction};
use crate::time::Timestamp;

/// How many a service can have, those that drain among them.
pub const MAX_TASK_SETS: usize = 5;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskSetKey {
    pub service: ServiceKey,
    /// `ecs-svc/<id>` in the API.
    pub id: DeploymentId,
}

impl TaskSetKey {
    #[must_use]
    pub fn arn(&self) -> String {
        let service = &self.service;
        let id = &self.id;
        service.scope.arn("ecs", &["task-set/", &service.cluster, "/", &service.name, "/ecs-svc/", id])
    }

    /// The API's id of it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("ecs-svc/{}", self.id)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskSetStatus {
    /// Serves the traffic of production; at most one of a service does.
    Primary,
    Active,
    /// Deleted; some of its tasks have not stopped yet.
    Draining,
}

impl TaskSetStatus {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "PRIMARY",
            Self::Active => "ACTIVE",
            Self::Draining => "DRAINING",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskSet {
    pub key: TaskSetKey,
    pub started_by: Option<String>,
    pub external_id: Option<String>,
    pub status: TaskSetStatus,
    pub spec: RevisionSpec,
    /// How much of the service's desired count it is to have: 0 to 100.
    pub percent: f64,
    /// The desired count that followed from it when the scheduler last looked.
    pub computed_desired: i32,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Whether it is in STEADY_STATE, and since when it is or is not.
    pub steady: bool,
    pub stability_at: Timestamp,
    pub backoff: Backoff,
    /// Events of causes that last: each is written once until its cause is gone.
    pub noted: BTreeSet<String>,
    pub tags: Vec<Tag>,
}

impl Record for TaskSet {
    type Key = TaskSetKey;

    fn key(&self) -> TaskSetKey {
        self.key.clone()
    }
}

impl TaskSet {
    /// One that begins, without tasks.
    #[must_use]
    pub fn new(key: TaskSetKey, spec: RevisionSpec, percent: f64, now: Timestamp) -> Self {
        Self {
            key,
            started_by: None,
            external_id: None,
            status: TaskSetStatus::Active,
            spec,
            percent,
            computed_desired: 0,
            created_at: now,
            updated_at: now,
            steady: false,
            stability_at: now,
            backoff: Backoff::default(),
            noted: BTreeSet::new(),
            tags: Vec::new(),
        }
    }

    /// How many tasks it is to have when the service's desired count is `desired`: its part of that, rounded up.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "at most `desired`")]
    pub fn share_of(&self, desired: i32) -> i32 {
        if self.status == TaskSetStatus::Draining {
            return 0;
        }
        // What floating point adds to a whole number is no task more.
        (f64::from(desired) * self.percent / 100.0 - 1e-9).ceil() as i32
    }

    /// As DescribeTaskSets shows it; with tags when `tags` says so (`include: [TAGS]`).
    #[must_use]
    pub fn to_api(&self, state: &State, tags: bool) -> ecs::TaskSet {
        let (service, spec) = (&self.key.service, &self.spec);
        let counts = Counts::of_deployment(state, service, &self.key.id);
        ecs::TaskSet {
            id: Some(self.key.name()),
            task_set_arn: Some(self.key.arn()),
            service_arn: Some(service.arn()),
            cluster_arn: Some(service.cluster().arn()),
            started_by: self.started_by.clone(),
            external_id: self.external_id.clone(),
            status: Some(self.status.as_str().to_owned()),
            task_definition: Some(spec.task_definition.arn()),
            computed_desired_count: Some(self.computed_desired),
            pending_count: Some(counts.pending),
            running_count: Some(counts.running),
            created_at: Some(self.created_at),
            updated_at: Some(self.updated_at),
            launch_type: spec.shown_launch_type(),
            capacity_provider_strategy: some(&spec.capacity_provider_strategy),
            platform_version: spec.platform_version.as_deref().map(exact_platform),
            platform_family: spec.on_fargate().then(|| "Linux".to_owned()),
            network_configuration: spec.network_configuration.clone().map(Box::new),
            load_balancers: Some(spec.load_balancers.clone()),
            service_registries: Some(spec.service_registries.clone()),
            scale: Some(Box::new(ecs::Scale { value: Some(self.percent), unit: Some(ecs::ScaleUnit::Percent) })),
            stability_status: Some(match self.steady {
                true => StabilityStatus::SteadyState,
                false => StabilityStatus::Stabilizing,
            }),
            stability_status_at: Some(self.stability_at),
            tags: tags.then(|| self.tags.clone()),
            ..ecs::TaskSet::default()
        }
    }
}

/// The task sets of a service, by id.
pub fn task_sets_of<'a>(state: &'a State, service: &ServiceKey) -> impl Iterator<Item = &'a Arc<TaskSet>> + use<'a> {
    let key = |id: &str| TaskSetKey { service: service.clone(), id: id.into() };
    state.task_sets.range(key("")..key("\u{10ffff}")).map(|(_, set)| set)
}

/// The task sets of a service, newest first.
#[must_use]
pub fn newest_task_sets<'a>(state: &'a State, service: &ServiceKey) -> Vec<&'a Arc<TaskSet>> {
    let mut sets: Vec<_> = task_sets_of(state, service).collect();
    sets.sort_by(|one, other| (other.created_at, &other.key.id).cmp(&(one.created_at, &one.key.id)));
    sets
}

/// The key in what names a task set: its id (`ecs-svc/<digits>`) or its ARN. `None` when the ARN is of another service,
/// cluster, account or region.
///
/// # Errors
/// InvalidParameterException when it can't be a task set's.
pub fn task_set_key(service: &ServiceKey, named: &str) -> Result<Option<TaskSetKey>, CommonError> {
    let invalid = || CommonError::from(InvalidParameterException::new("Task Set Identifier is invalid"));
    let id = if named.starts_with("arn:") {
        let (_, rest) = named.split_once(":task-set/").ok_or_else(invalid)?;
        let [cluster, name, "ecs-svc", id] = rest.split('/').collect::<Vec<_>>()[..] else { return Err(invalid()) };
        let own = resource_of_arn(&service.scope, named, "task-set").is_some();
        if !own || cluster != &*service.cluster || name != &*service.name {
            return Ok(None);
        }
        id
    } else {
        named.strip_prefix("ecs-svc/").unwrap_or(named)
    };
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid());
    }
    Ok(Some(TaskSetKey { service: service.clone(), id: id.into() }))
}

/// The task set that a request names.
///
/// # Errors
/// InvalidParameterException when the name is missing or no task set's, TaskSetNotFoundException when there is none.
pub fn find_task_set<'a, E: From<CommonError> + From<TaskSetNotFoundException>>(
    state: &'a State,
    service: &ServiceKey,
    named: Option<&str>,
) -> Result<&'a Arc<TaskSet>, E> {
    let named = named
        .filter(|named| !named.trim().is_empty())
        .ok_or_else(|| CommonError::from(InvalidParameterException::new("Task Set can not be blank.")))?;
    task_set_key(service, named)?
        .and_then(|key| state.task_sets.get(&key))
        .ok_or_else(|| TaskSetNotFoundException::new("TaskSet not found.").into())
}

/// Begins to drain all task sets of a service that is deleted.
pub fn drain_task_sets(tx: &mut Transaction, service: &ServiceKey, now: Timestamp) {
    let keys: Vec<TaskSetKey> = task_sets_of(tx, service).map(|set| set.key.clone()).collect();
    for key in keys {
        tx.update::<TaskSet>(&key, |set| {
            let changes = set.status != TaskSetStatus::Draining;
            set.status = TaskSetStatus::Draining;
            set.updated_at = now;
            changes
        });
    }
}

impl Service {
    /// What the service's tasks are made from, as DescribeServices shows it: that of the newest revision, or of the
    /// PRIMARY task set.
    #[must_use]
    pub fn spec<'a>(&self, state: &'a State) -> Option<&'a RevisionSpec> {
        match &self.revision {
            Some(id) => state.service_revisions.get(&self.revision_key(id)).map(|revision| &revision.spec),
            None => {
                task_sets_of(state, &self.key).find(|set| set.status == TaskSetStatus::Primary).map(|set| &set.spec)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::ecs::resources::TaskDefinitionKey;
    use crate::testing::context;

    fn key() -> ServiceKey {
        let scope = context().scope;
        ServiceKey { scope, cluster: "default".into(), name: "web".into() }
    }

    fn set(percent: f64) -> TaskSet {
        let key = key();
        let spec = RevisionSpec {
            task_definition: TaskDefinitionKey { scope: key.scope.clone(), family: "web".into(), revision: 1 },
            launch_type: None,
            capacity_provider_strategy: Vec::new(),
            platform_version: None,
            network_configuration: None,
            load_balancers: Vec::new(),
            service_registries: Vec::new(),
            service_connect: None,
            volume_configurations: Vec::new(),
            vpc_lattice_configurations: Vec::new(),
        };
        TaskSet::new(TaskSetKey { service: key, id: "1".into() }, spec, percent, Timestamp::default())
    }

    #[test]
    fn a_part_of_a_task_is_a_task() {
        for (percent, desired, expected) in [
            (0.0, 10, 0),
            (100.0, 10, 10),
            (50.0, 3, 2),
            (12.0, 10, 2),
            (1.0, 1, 1),
            (0.001, 5000, 1),
            (33.4, 0, 0),
            // Seven hundredths of 100 are a hair more than 7 in floating point.
            (7.000_000_000_000_001, 100, 7),
            (28.999_999_999_999_996, 100, 29),
        ] {
            assert_eq!(set(percent).share_of(desired), expected, "{percent} % of {desired}");
        }
        assert_eq!(TaskSet { status: TaskSetStatus::Draining, ..set(100.0) }.share_of(10), 0);
    }

    #[test]
    fn ids_and_arns_name_a_task_set() {
        let service = key();
        let id = |named: &str| task_set_key(&service, named).ok().map(|key| key.map(|key| key.id.to_string()));
        let arn = set(1.0).key.arn();
        for named in ["ecs-svc/1", "1", &arn] {
            assert_eq!(id(named), Some(Some("1".to_owned())), "{named}");
        }
        assert_eq!(id(&arn.replace("/web/", "/other/")), Some(None));
        for named in ["ecs-svc/", "web", "arn:aws:ecs:us-east-1:123456789012:task/default/0123", "ecs-svc/1/2"] {
            assert_eq!(id(named), None, "{named}");
        }
    }
}
