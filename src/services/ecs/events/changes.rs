//! Which changes of the state are events.

use std::sync::Arc;

use super::{Action, ActionName, Fact, daemons};
use crate::services::ecs::resources::service::{Deployment, Rollout, Scheduling, Service, ServiceStatus, TaskSet};
use crate::store::{Change, State};

/// The events in the change of one record: every version of a task or of a container instance is one, and so is what
/// a service or a daemon does. Records that are only forgotten are none.
pub(super) fn changes(before: &State, after: &State, change: &Change) -> Vec<Fact> {
    match change {
        Change::Task(key) => {
            let Some(task) = after.tasks.get(key) else { return Vec::new() };
            let known = before.tasks.get(key).map(|task| &**task);
            if known.is_some_and(|known| known.version == task.version) {
                return Vec::new();
            }
            let change = Fact::Task(Arc::clone(task));
            [change].into_iter().chain(daemons::of_task(known, task)).collect()
        }
        Change::Daemon(key) => match after.daemons.get(key) {
            Some(daemon) => daemons::of_daemon(before.daemons.get(key).map(|daemon| &**daemon), daemon, after),
            None => Vec::new(),
        },
        Change::DaemonDeployment(key) => match after.daemon_deployments.get(key) {
            Some(it) => daemons::of_deployment(before.daemon_deployments.get(key).map(|it| &**it), it),
            None => Vec::new(),
        },
        Change::ContainerInstance(key) => {
            let Some(instance) = after.container_instances.get(key) else { return Vec::new() };
            let known = before.container_instances.get(key).map(|instance| instance.version);
            let is_known = known == Some(instance.version);
            if is_known { Vec::new() } else { vec![Fact::ContainerInstance(Arc::clone(instance))] }
        }
        Change::Service(key) => match after.services.get(key) {
            Some(service) => of_service(before.services.get(key).map(|service| &**service), service, after),
            None => Vec::new(),
        },
        Change::ServiceEvent(key) if !before.service_events.contains_key(key) => {
            let event = after.service_events.get(key);
            let action = event.and_then(|event| event.action.clone());
            action.map(|action| Fact::Service { service: key.service.clone(), action }).into_iter().collect()
        }
        Change::TaskSet(key) => {
            let Some(set) = after.task_sets.get(key) else { return Vec::new() };
            of_task_set(before.task_sets.get(key).map(|set| &**set), set)
        }
        _ => Vec::new(),
    }
}

/// What a service's record says of its deployments, of the count the scheduler found for it, and of its steadiness.
fn of_service(before: Option<&Service>, after: &Service, state: &State) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut tell = |action| facts.push(Fact::Service { service: after.key.clone(), action });
    let daemon = after.scheduling == Scheduling::Daemon && after.status == ServiceStatus::Active;
    if daemon && before.map_or(0, |before| before.desired_count) != after.desired_count {
        let mut action = Action::new(ActionName::ServiceDesiredCountUpdated);
        action.desired_count = Some(after.desired_count);
        tell(action);
    }
    if after.steady && before.is_none_or(|before| !before.steady) {
        let revision = after.revision.as_ref().and_then(|id| state.service_revisions.get(&after.revision_key(id)));
        let providers = revision.map(|revision| revision.spec.capacity_provider_arns(&after.key.scope));
        if let Some(providers) = providers.filter(|providers| !providers.is_empty()) {
            let mut action = Action::new(ActionName::CapacityProviderSteadyState);
            action.capacity_provider_arns = providers;
            tell(action);
        }
        tell(Action::new(ActionName::ServiceSteadyState));
    }
    // The oldest first.
    let mut deployments = Vec::new();
    for deployment in after.deployments.iter().rev() {
        let known = before.and_then(|before| before.deployments.iter().find(|it| it.id == deployment.id));
        deployments.extend(of_deployment(known, deployment).into_iter().flat_map(|(name, reason)| {
            let action = Action::new(name).because(&*reason);
            let (service, deployment) = (after.key.clone(), deployment.name());
            [Fact::Deployment { service: service.clone(), deployment, name, reason }, Fact::Service { service, action }]
        }));
    }
    // A deployment is complete before the service is said to be steady.
    deployments.append(&mut facts);
    deployments
}

/// What a task set's record says of the count the scheduler found for it, and of its steadiness.
fn of_task_set(before: Option<&TaskSet>, after: &TaskSet) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut tell = |name, desired_count| {
        let mut action = Action::new(name);
        action.task_set_arns.push(after.key.arn());
        action.desired_count = desired_count;
        facts.push(Fact::Service { service: after.key.service.clone(), action });
    };
    if before.map_or(0, |before| before.computed_desired) != after.computed_desired {
        tell(ActionName::ServiceDesiredCountUpdated, Some(after.computed_desired));
    }
    if after.steady && before.is_none_or(|before| !before.steady) {
        tell(ActionName::TaskSetSteadyState, None);
    }
    facts
}

/// The states that a deployment has come to, and why.
fn of_deployment(before: Option<&Deployment>, after: &Deployment) -> Vec<(ActionName, String)> {
    let name = match after.rollout {
        Rollout::InProgress => ActionName::ServiceDeploymentInProgress,
        Rollout::Completed => ActionName::ServiceDeploymentCompleted,
        Rollout::Failed => ActionName::ServiceDeploymentFailed,
    };
    let reached = (name, after.rollout_reason.clone());
    match before {
        Some(before) if before.rollout == after.rollout && before.rollout_reason == after.rollout_reason => Vec::new(),
        None if after.rollout != Rollout::InProgress => {
            let began = format!("ECS deployment {} in progress.", after.name());
            vec![(ActionName::ServiceDeploymentInProgress, began), reached]
        }
        _ => vec![reached],
    }
}

#[cfg(test)]
#[path = "changes_tests.rs"]
mod tests;
