//! What each instance needs: tasks of daemons that are to run there, and what follows when one does not any more.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-daemons-auto-repair.html>

use std::collections::BTreeMap;

use super::{Draft, Drain, Host, Plan, Start, Stop, View, Worth, worth};
use crate::services::ecs::resources::{DaemonRevision, Task, TaskStatus};
use crate::services::ecs::scheduler::deployment::FAILED_CHECKS;

/// Why a task goes that an instance was to run before it was ACTIVE, and is not any more. `(ours)`
const NOT_WANTED: &str = "The daemon was changed before the instance was registered";

pub(super) fn plan(drafts: &mut [Draft<'_>], view: &View<'_>, plan: &mut Plan) {
    for host in &view.hosts {
        match host.instance.status.as_str() {
            "REGISTERING" => register(drafts, host, view, plan),
            "ACTIVE" => keep(drafts, host, view, plan),
            // What is on one that is drained stays to the end: daemons go last.
            _ => {}
        }
    }
}

/// The daemon's tasks on the instance.
fn own<'h>(host: &Host<'h>, draft: &Draft<'_>) -> impl Iterator<Item = &'h Task> + use<'h> {
    let name = draft.name().clone();
    let is_own = move |task: &&Task| task.daemon.as_ref().is_some_and(|link| link.name == name);
    host.tasks.iter().map(|task| &**task).filter(is_own)
}

/// An instance is ACTIVE once all its daemons run. One that is not critical does not keep it when it fails to start.
fn register(drafts: &mut [Draft<'_>], host: &Host<'_>, view: &View<'_>, plan: &mut Plan) {
    let mut ready = true;
    let mut runs = BTreeMap::new();
    for draft in drafts {
        let Some(wanted) = draft.wanted(host.provider).cloned() else {
            stop_all(own(host, draft), plan);
            continue;
        };
        runs.insert(draft.name().clone(), wanted.key.id.clone());
        let (mut up, mut starts, mut busy) = (false, false, false);
        for task in own(host, draft) {
            busy = true;
            if task.desired_status == TaskStatus::Stopped {
                continue;
            }
            if task.daemon.as_ref().is_none_or(|link| link.revision != wanted.key.id) {
                stop_all([task].into_iter(), plan);
                continue;
            }
            match worth(task) {
                Worth::Up => up = true,
                Worth::Starting => starts = true,
                Worth::Unhealthy => stop_unhealthy(task, draft, &wanted, view, plan),
            }
        }
        // The daemons of an instance share its ports: one goes before its successor comes.
        if !busy {
            start(draft, host, &wanted, view, plan);
        }
        let failed = draft.daemon.backoff.until.is_some_and(|until| until > view.now);
        ready &= up || (failed && !starts && !wanted.critical);
    }
    if ready {
        plan.activate.push((host.instance.key.clone(), runs));
    }
}

/// An instance that is ACTIVE keeps what it runs.
fn keep(drafts: &mut [Draft<'_>], host: &Host<'_>, view: &View<'_>, plan: &mut Plan) {
    let mut impaired = false;
    for draft in drafts {
        let Some(runs) = draft.revision(host.instance.daemons.get(draft.name())).cloned() else { continue };
        let repairs = runs.critical && host.repairs;
        let (mut lives, mut busy) = (false, false);
        for task in own(host, draft) {
            busy = true;
            if task.desired_status == TaskStatus::Stopped {
                continue;
            }
            match worth(task) {
                Worth::Up | Worth::Starting => lives = true,
                Worth::Unhealthy if repairs => {}
                Worth::Unhealthy => stop_unhealthy(task, draft, &runs, view, plan),
            }
        }
        if lives {
            continue;
        }
        if repairs {
            impaired = true;
        } else if !busy && draft.daemon.revision.is_some() {
            start(draft, host, &runs, view, plan);
        }
    }
    if impaired {
        plan.drain.push(Drain { instance: host.instance.key.clone(), impaired });
    }
}

fn start(draft: &Draft<'_>, host: &Host<'_>, revision: &DaemonRevision, view: &View<'_>, plan: &mut Plan) {
    match draft.daemon.backoff.until.filter(|until| *until > view.now) {
        Some(until) => plan.wake_at(until),
        None => plan.start.push(Start {
            instance: host.instance.key.clone(),
            daemon: draft.name().clone(),
            revision: revision.key.id.clone(),
        }),
    }
}

fn stop_all<'t>(tasks: impl Iterator<Item = &'t Task>, plan: &mut Plan) {
    let running = tasks.filter(|task| task.desired_status == TaskStatus::Running);
    plan.stop.extend(running.map(|task| Stop { task: task.key.clone(), reason: NOT_WANTED.to_owned() }));
}

fn stop_unhealthy(task: &Task, draft: &mut Draft<'_>, revision: &DaemonRevision, view: &View<'_>, plan: &mut Plan) {
    plan.stop.push(Stop { task: task.key.clone(), reason: FAILED_CHECKS.to_owned() });
    draft.failed(&revision.key.id, true, view.now);
}
