//! The begin of a deployment: a new revision, and the record of how the service is brought to it.

use std::sync::Arc;

use api_models::ecs::ServiceDeploymentStatus;

use super::{
    Counts, Deployment, DeploymentId, RevisionSpec, Service, ServiceDeployment, ServiceDeploymentKey, ServiceRevision,
    ServiceRevisionKey,
};
use crate::ids::IdSource;
use crate::store::Transaction;
use crate::time::Timestamp;

const SUPERSEDED: &str = "The service deployment was stopped because a new service deployment started.";

/// An id for a revision and its deployment, or for a task set.
#[must_use]
pub fn new_deployment_id(ids: &IdSource) -> DeploymentId {
    ids.digits(19).into()
}

/// Makes a revision of `spec` and its deployment the PRIMARY of `service`. A deployment that is under way ends here:
/// its tasks are replaced. The service's record is changed and not written: the caller does that.
pub fn begin_deployment(
    tx: &mut Transaction,
    service: &mut Service,
    id: DeploymentId,
    spec: RevisionSpec,
    ids: &IdSource,
    now: Timestamp,
) {
    supersede(tx, service, now);
    let key = ServiceRevisionKey { service: service.key.clone(), id: id.clone() };
    tx.put(ServiceRevision { key, created_at: now, spec, images: Vec::new() });
    let counts = Counts::of_service(tx, &service.key);
    let key = ServiceDeploymentKey { service: service.key.clone(), id: ids.hex(22).into() };
    let deployment = Deployment::new(id.clone(), key.id.clone(), now);
    tx.put(ServiceDeployment {
        key,
        created_at: now,
        started_at: None,
        finished_at: None,
        stopped_at: None,
        updated_at: now,
        sources: counts.into_iter().filter(|(_, counts)| counts.desired > 0).map(|(id, _)| id).collect(),
        target: id.clone(),
        status: ServiceDeploymentStatus::Pending,
        status_reason: None,
        course: None,
        bakes_since: None,
        configuration: service.deployment_configuration.clone(),
        rollback: None,
        desired_count: service.desired_count,
        failure_count: 0,
        breaker_triggered: false,
        alarms_ignored: false,
        triggered_alarms: Vec::new(),
        final_counts: Vec::new(),
    });
    service.revision = Some(id);
    service.deployments.insert(0, deployment);
    service.steady = false;
    service.lacks_capacity = false;
    service.noted.clear();
}

/// Ends the service deployment under way, if there is one, because another begins or the service is deleted.
pub fn supersede(tx: &mut Transaction, service: &mut Service, now: Timestamp) {
    for deployment in &mut service.deployments {
        let Some(id) = deployment.service_deployment.take() else { continue };
        deployment.updated_at = now;
        end(tx, service.key.clone(), id, now);
    }
}

fn end(tx: &mut Transaction, service: super::ServiceKey, id: Arc<str>, now: Timestamp) {
    let key = ServiceDeploymentKey { service, id };
    tx.update::<ServiceDeployment>(&key, |deployment| {
        if deployment.is_over() {
            return false;
        }
        // One that was rolling back did not get there.
        deployment.status = match deployment.status {
            ServiceDeploymentStatus::RollbackInProgress | ServiceDeploymentStatus::RollbackRequested => {
                ServiceDeploymentStatus::RollbackFailed
            }
            _ => ServiceDeploymentStatus::Stopped,
        };
        deployment.status_reason = Some(SUPERSEDED.to_owned());
        if let Some(course) = &mut deployment.course {
            course.abandon_hooks();
        }
        deployment.stopped_at = Some(now);
        deployment.finished_at = Some(now);
        deployment.updated_at = now;
        true
    });
}
