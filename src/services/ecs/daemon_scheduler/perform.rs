//! Carries a plan out, inside a transaction.

use std::sync::Arc;

use api_models::Unexpected;
use api_models::ecs::{LaunchType, TaskStopCode};

use crate::services::Shared;
use crate::services::ecs::resources::cluster::tasks_of;
use crate::services::ecs::resources::daemon::{
    DaemonDeploymentKey, DaemonKey, DaemonRevisionKey, final_counts, images_of, is_over, launch,
};
use crate::services::ecs::resources::{
    ContainerInstance, ContainerInstanceKey, Daemon, DaemonDeployment, DaemonRevision, Place, Task, TaskKey,
    TaskStatus, Under, reservation, unusable_role,
};
use crate::services::ecs::scheduler::placement::{self, Candidate, Requirements};
use crate::services::ecs::scheduler::plan_daemons::{Plan, Start, Stop, back_off};
use crate::store::Transaction;
use crate::time::Timestamp;

/// Why tasks stop whose instance is drained for a daemon.
/// <https://docs.aws.amazon.com/batch/latest/userguide/ecs-managed-instances-instance-draining.html>
const DRAINED: &str = "Task stopped during instance draining";

/// Writes all that `plan` says.
pub(super) fn perform(tx: &mut Transaction, shared: &Shared, plan: &Plan, now: Timestamp) -> Result<(), Unexpected> {
    for key in &plan.settle {
        tx.update::<Task>(key, |task| {
            task.daemon.as_mut().is_some_and(|link| !std::mem::replace(&mut link.settled, true))
        });
    }
    for Stop { task, reason } in &plan.stop {
        stop(tx, task, &TaskStopCode::ServiceSchedulerInitiated, reason, now);
    }
    for (key, runs) in &plan.activate {
        tx.update::<ContainerInstance>(key, |instance| {
            "ACTIVE".clone_into(&mut instance.status);
            instance.daemons.clone_from(runs);
            instance.version += 1;
            true
        });
    }
    for drain in &plan.drain {
        tx.update::<ContainerInstance>(&drain.instance, |instance| {
            "DRAINING".clone_into(&mut instance.status);
            instance.impaired = drain.impaired;
            instance.version += 1;
            true
        });
        // Services replace theirs; nobody does that for the others.
        let alone = |task: &&Arc<Task>| {
            task.container_instance.as_ref() == Some(&drain.instance) && task.service.is_none() && task.daemon.is_none()
        };
        let keys: Vec<TaskKey> =
            tasks_of(tx, &drain.instance.cluster()).filter(alone).map(|task| task.key.clone()).collect();
        for key in keys {
            stop(tx, &key, &TaskStopCode::TerminationNotice, DRAINED, now);
        }
    }
    plan.daemons.iter().for_each(|daemon| tx.put(daemon.clone()));
    for deployment in &plan.deployments {
        let mut deployment = deployment.clone();
        if is_over(&deployment.status)
            && let Some(daemon) = tx.daemons.get(&deployment.key.daemon)
        {
            deployment.final_counts = final_counts(tx, daemon);
        }
        tx.put(deployment);
    }
    for start in &plan.start {
        start_task(tx, shared, start, now)?;
    }
    Ok(())
}

fn stop(tx: &mut Transaction, key: &TaskKey, code: &TaskStopCode, reason: &str, now: Timestamp) {
    tx.update::<Task>(key, |task| {
        if task.desired_status == TaskStatus::Stopped {
            return false;
        }
        task.desired_status = TaskStatus::Stopped;
        task.stop_code = Some(code.clone());
        task.stopped_reason = Some(reason.to_owned());
        task.stopping_at = Some(now);
        task.version += 1;
        if let Some(link) = &mut task.daemon {
            link.settled = true;
        }
        true
    });
}

/// Makes a daemon's task on an instance; when it has no room there, the daemon takes note.
fn start_task(tx: &mut Transaction, shared: &Shared, start: &Start, now: Timestamp) -> Result<(), Unexpected> {
    let daemon = DaemonKey::new(&start.instance.cluster(), &start.daemon);
    let key = DaemonRevisionKey { daemon: daemon.clone(), id: start.revision.clone() };
    let Some(revision) = resolved(tx, &key) else {
        return Err(Unexpected::new(format!("the daemon revision {} is gone", key.arn())));
    };
    let Some(instance) = tx.container_instances.get(&start.instance).cloned() else { return Ok(()) };
    let blueprint = match launch(tx, &revision) {
        Ok(Some(blueprint)) => blueprint,
        // It was accepted once; what it depends on is gone.
        Ok(None) => {
            refused(tx, &key, &instance.key, "The daemon task definition was deleted.", now);
            return Ok(());
        }
        Err(error) => {
            refused(tx, &key, &instance.key, &error.to_string(), now);
            return Ok(());
        }
    };
    if let Some(why) = unusable_role(tx, &shared.config, &blueprint) {
        refused(tx, &key, &instance.key, &why, now);
        return Ok(());
    }
    let rendered = blueprint.definition.render();
    let requirements = Requirements::of(blueprint.needs(), &rendered);
    // Instances that are REGISTERING take daemons' tasks, and no others.
    let open = ContainerInstance { status: "ACTIVE".to_owned(), ..ContainerInstance::clone(&instance) };
    if let Some(reason) = placement::refusal(&Candidate::alone(&open), &requirements) {
        refused(tx, &key, &instance.key, reason, now);
        return Ok(());
    }
    let Some(reserved) = reservation::reserve(tx, &instance.key, &requirements.needs) else { return Ok(()) };
    let name = instance.capacity_provider.clone().unwrap_or_default();
    let under = Under { name, launch_type: LaunchType::ManagedInstances };
    let place = Place::Instance { instance: &instance, reserved, under: Some(under) };
    let task = blueprint.task(place, 0, &shared.ids, now);
    tx.put(task);
    tx.update::<Daemon>(&daemon, |daemon| {
        let known = daemon.noted.len();
        daemon.noted.retain(|note| !note.starts_with(&*instance.key.id));
        daemon.noted.len() != known
    });
    Ok(())
}

/// A task could not be made: that is told once, counts for the deployment, and is tried again later.
fn refused(
    tx: &mut Transaction,
    revision: &DaemonRevisionKey,
    instance: &ContainerInstanceKey,
    reason: &str,
    now: Timestamp,
) {
    let mut deployment = None;
    tx.update::<Daemon>(&revision.daemon, |daemon| {
        daemon.noted.insert(format!("{} {reason}", instance.id));
        back_off(&mut daemon.backoff, now);
        deployment = Some(DaemonDeploymentKey { daemon: daemon.key.clone(), id: daemon.deployment.clone() });
        true
    });
    let Some(key) = deployment else { return };
    tx.update::<DaemonDeployment>(&key, |deployment| {
        let counts = !is_over(&deployment.status) && deployment.wanted() == Some(&revision.id);
        deployment.failure_count += i32::from(counts);
        counts
    });
}

/// The revision, with the digests that its tasks got their images by: all its tasks run the versions that the first got.
fn resolved(tx: &mut Transaction, key: &DaemonRevisionKey) -> Option<Arc<DaemonRevision>> {
    let revision = tx.daemon_revisions.get(key)?.clone();
    let images = images_of(tx, &revision);
    if images == revision.images || images.iter().all(|image| image.image_digest.is_none()) {
        return Some(revision);
    }
    let revision = DaemonRevision { images, ..DaemonRevision::clone(&revision) };
    tx.put(revision.clone());
    Some(Arc::new(revision))
}
