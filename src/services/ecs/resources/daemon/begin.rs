//! The begin of a deployment: a new revision, and the record of how the instances are brought to it.

use std::sync::Arc;

use api_models::ecs::{DaemonAlarmConfiguration, DaemonDeploymentConfiguration, DaemonDeploymentStatus, Tag};

use super::deployment::{FinalCounts, is_over};
use super::{
    Counts, Daemon, DaemonDeployment, DaemonDeploymentKey, DaemonRevision, DaemonTaskDefinitionKey, RevisionId,
};
use crate::ids::IdSource;
use crate::store::{State, Transaction};
use crate::time::Timestamp;

/// Of the instances that can be drained at once, when nothing is asked for.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-daemons-deployments.html>
const DRAIN_PERCENT: f64 = 25.0;
const DEPLOYMENT_ID: usize = 21;
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const SUPERSEDED: &str = "The daemon deployment was stopped because a new daemon deployment started."; // (ours)

/// What a new revision is made of.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub task_definition: DaemonTaskDefinitionKey,
    pub capacity_providers: Vec<Arc<str>>,
    pub propagated_tags: Option<Vec<Tag>>,
    pub enable_ecs_managed_tags: bool,
    pub enable_execute_command: bool,
    pub critical: bool,
}

/// What was asked for, with ECS's defaults.
#[must_use]
pub fn configuration(given: Option<&DaemonDeploymentConfiguration>) -> DaemonDeploymentConfiguration {
    let given = given.cloned().unwrap_or_default();
    let alarms = given.alarms.as_deref().cloned().unwrap_or_default();
    DaemonDeploymentConfiguration {
        drain_percent: Some(given.drain_percent.unwrap_or(DRAIN_PERCENT)),
        bake_time_in_minutes: Some(given.bake_time_in_minutes.unwrap_or(0)),
        alarms: Some(Box::new(DaemonAlarmConfiguration {
            alarm_names: Some(alarms.alarm_names.unwrap_or_default()),
            enable: Some(alarms.enable.unwrap_or(false)),
        })),
    }
}

/// Begins to bring instances to what is wanted; without it, to take the daemon away. A deployment that is under way ends
/// here. The daemon's record is changed and not written: the caller does that. Alarms that ring already are found by the
/// scheduler.
pub fn begin_deployment(
    tx: &mut Transaction,
    daemon: &mut Daemon,
    wanted: Option<Wanted>,
    configuration: DaemonDeploymentConfiguration,
    ids: &IdSource,
    now: Timestamp,
) {
    let counts = final_counts(tx, daemon);
    supersede(tx, daemon, &counts, now);
    let target = wanted.map(|wanted| {
        let id: RevisionId = ids.digits(19).into();
        tx.put(DaemonRevision {
            key: daemon.revision_key(&id),
            created_at: now,
            task_definition: wanted.task_definition,
            capacity_providers: wanted.capacity_providers,
            propagated_tags: wanted.propagated_tags,
            enable_ecs_managed_tags: wanted.enable_ecs_managed_tags,
            enable_execute_command: wanted.enable_execute_command,
            critical: wanted.critical,
            images: Vec::new(),
        });
        id
    });
    let id: Arc<str> = ids.characters(ALPHABET, DEPLOYMENT_ID).into();
    tx.put(DaemonDeployment {
        key: DaemonDeploymentKey { daemon: daemon.key.clone(), id: id.clone() },
        created_at: now,
        started_at: None,
        stopped_at: None,
        finished_at: None,
        status: DaemonDeploymentStatus::Pending,
        status_reason: None,
        sources: counts.into_iter().map(|counts| counts.revision).collect(),
        target: target.clone(),
        configuration,
        failure_count: 0,
        threshold: 0,
        breaker_triggered: false,
        alarms_ignored: Vec::new(),
        triggered_alarms: Vec::new(),
        rollback: None,
        bakes_since: None,
        final_counts: Vec::new(),
    });
    daemon.deployment = id;
    daemon.revision = target;
    daemon.updated_at = now;
    daemon.backoff = Default::default();
    daemon.noted.clear();
}

/// The instances that each of the daemon's revisions has now, to be kept in a deployment that ends.
#[must_use]
pub fn final_counts(state: &State, daemon: &Daemon) -> Vec<FinalCounts> {
    let all = Counts::of_daemon(state, &daemon.key);
    all.into_iter().map(|(revision, counts)| FinalCounts { revision, counts }).collect()
}

fn supersede(tx: &mut Transaction, daemon: &Daemon, counts: &[FinalCounts], now: Timestamp) {
    let key = DaemonDeploymentKey { daemon: daemon.key.clone(), id: daemon.deployment.clone() };
    tx.update::<DaemonDeployment>(&key, |deployment| {
        if is_over(&deployment.status) {
            return false;
        }
        // One that was rolling back did not get there.
        deployment.status = match deployment.status {
            DaemonDeploymentStatus::RollbackInProgress => DaemonDeploymentStatus::RollbackFailed,
            _ => DaemonDeploymentStatus::Stopped,
        };
        deployment.status_reason = Some(SUPERSEDED.to_owned());
        deployment.stopped_at = Some(now);
        deployment.finished_at = Some(now);
        deployment.final_counts = counts.to_vec();
        true
    });
}
