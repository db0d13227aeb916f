//! Pure: what the managed instances of a cluster run of its daemons, and how deployments of daemons go on.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-daemons.html>
//!
//! An instance begins as REGISTERING. Every daemon of its capacity provider gets a task there, and only when these run is it
//! ACTIVE, and open to other tasks: `hosts`. What it runs then stays as it is for its life: a daemon that changes gets
//! there on new instances, which come because old ones are drained, some at a time: `rollout`.

mod hosts;
mod rollout;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::deployment::{Alarms, Ending, Timing, ending};
use crate::runtime::ObservedHealth;
use crate::services::ecs::resources::daemon::RevisionId;
use crate::services::ecs::resources::service::Backoff;
use crate::services::ecs::resources::{
    ContainerInstance, ContainerInstanceKey, Daemon, DaemonDeployment, DaemonRevision, Task, TaskKey, TaskStatus,
};
use crate::time::Timestamp;

/// What a plan is made from.
pub struct View<'a> {
    /// Those of the cluster, but for those that are gone.
    pub daemons: Vec<Kept<'a>>,
    /// Its managed instances, but for INACTIVE ones.
    pub hosts: Vec<Host<'a>>,
    pub alarms: &'a dyn Alarms,
    pub timing: Timing,
    pub now: Timestamp,
}

/// A daemon.
#[derive(Clone, Copy)]
pub struct Kept<'a> {
    pub daemon: &'a Daemon,
    /// The deployment under way.
    pub deployment: Option<&'a DaemonDeployment>,
    pub revisions: &'a BTreeMap<RevisionId, Arc<DaemonRevision>>,
    /// Its tasks that have stopped, or are to stop, and nobody took note.
    pub ended: &'a [Arc<Task>],
}

/// A managed instance.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    pub instance: &'a ContainerInstance,
    /// The name of its capacity provider.
    pub provider: &'a str,
    /// Whether the provider replaces impaired instances.
    pub repairs: bool,
    /// The daemons' tasks on it that have not stopped.
    pub tasks: &'a [Arc<Task>],
}

/// A task to be started.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    pub instance: ContainerInstanceKey,
    pub daemon: Arc<str>,
    pub revision: RevisionId,
}

/// A task to be stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct Stop {
    pub task: TaskKey,
    pub reason: String,
}

/// An instance that is to be drained.
#[derive(Clone, Debug, PartialEq)]
pub struct Drain {
    pub instance: ContainerInstanceKey,
    /// A critical daemon does not run any more.
    pub impaired: bool,
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Tasks whose end was taken note of.
    pub settle: Vec<TaskKey>,
    pub start: Vec<Start>,
    pub stop: Vec<Stop>,
    /// Instances that are ACTIVE from now on, and what they run.
    pub activate: Vec<(ContainerInstanceKey, BTreeMap<Arc<str>, RevisionId>)>,
    pub drain: Vec<Drain>,
    /// Records that change. Deployments that are over get their counts from who writes them.
    pub daemons: Vec<Daemon>,
    pub deployments: Vec<DaemonDeployment>,
    /// When to look again if nothing happens before.
    pub wake: Option<Timestamp>,
}

impl Plan {
    /// Whether there is nothing to do now.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { settle, start, stop, activate, drain, daemons, deployments, wake: _ } = self;
        settle.is_empty()
            && start.is_empty()
            && stop.is_empty()
            && activate.is_empty()
            && drain.is_empty()
            && daemons.is_empty()
            && deployments.is_empty()
    }

    fn wake_at(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |other| other.min(at)));
    }
}

/// A daemon while the plan is made.
struct Draft<'a> {
    kept: Kept<'a>,
    daemon: Daemon,
    deployment: Option<DaemonDeployment>,
}

impl Draft<'_> {
    fn name(&self) -> &Arc<str> {
        &self.daemon.key.name
    }

    fn revision(&self, id: Option<&RevisionId>) -> Option<&DaemonRevision> {
        self.kept.revisions.get(id?).map(|revision| &**revision)
    }

    /// What an instance of the provider is to run of it.
    fn wanted(&self, provider: &str) -> Option<&DaemonRevision> {
        self.revision(self.daemon.revision.as_ref()).filter(|revision| revision.covers(provider))
    }

    /// Whether an instance runs something else than it should.
    fn is_stale(&self, host: &Host<'_>) -> bool {
        host.instance.daemons.get(self.name()) != self.wanted(host.provider).map(|revision| &revision.key.id)
    }

    /// A task of the revision did not start, or was over at once.
    fn failed(&mut self, revision: &RevisionId, counts: bool, now: Timestamp) {
        back_off(&mut self.daemon.backoff, now);
        let deployment = self.deployment.as_mut().filter(|it| counts && it.wanted() == Some(revision));
        if let Some(deployment) = deployment {
            deployment.failure_count = deployment.failure_count.saturating_add(1);
        }
    }
}

/// The plan for a cluster.
#[must_use]
pub fn plan(view: &View<'_>) -> Plan {
    let mut plan = Plan::default();
    let mut drafts: Vec<Draft<'_>> = view
        .daemons
        .iter()
        .map(|kept| Draft { kept: *kept, daemon: kept.daemon.clone(), deployment: kept.deployment.cloned() })
        .collect();
    for draft in &mut drafts {
        settle(draft, view, &mut plan);
    }
    hosts::plan(&mut drafts, view, &mut plan);
    for draft in &mut drafts {
        rollout::plan(draft, view, &mut plan);
    }
    for draft in drafts {
        if draft.daemon != *draft.kept.daemon {
            plan.daemons.push(draft.daemon);
        }
        plan.deployments.extend(draft.deployment.filter(|it| Some(it) != draft.kept.deployment));
    }
    plan
}

/// Takes note of tasks that have ended, or are to.
fn settle(draft: &mut Draft<'_>, view: &View<'_>, plan: &mut Plan) {
    for task in draft.kept.ended {
        plan.settle.push(task.key.clone());
        let Some(link) = &task.daemon else { continue };
        if let Ending::TooSoon { failed } = ending(task, view.timing) {
            draft.failed(&link.revision, failed, view.now);
        }
    }
}

/// How long to wait after the n-th failure in a row: a minute at most. AWS gives no numbers.
fn delay(failures: u32) -> Duration {
    const LONGEST: Duration = Duration::from_secs(60);
    Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST)
}

/// After this long without a failure the count begins again.
const FORGIVEN: Duration = Duration::from_secs(300);

/// Waits longer before the daemon's tasks are started again, unless it waits already.
pub fn back_off(backoff: &mut Backoff, now: Timestamp) {
    let Backoff { failures, until } = *backoff;
    if until.is_some_and(|until| until > now) {
        return;
    }
    let forgiven = until.is_some_and(|until| now >= until.saturating_add(FORGIVEN));
    let failures = if forgiven { 1 } else { failures.saturating_add(1) };
    *backoff = Backoff { failures, until: Some(now.saturating_add(delay(failures))) };
}

/// What a daemon's task that should run is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worth {
    Starting,
    /// RUNNING, and its health checks, if it has any, say that it is well.
    Up,
    Unhealthy,
}

fn worth(task: &Task) -> Worth {
    let health = || task.containers.iter().filter(|container| container.essential).map(|container| container.health);
    if health().any(|health| health == ObservedHealth::Unhealthy) {
        Worth::Unhealthy
    } else if task.last_status == TaskStatus::Running && health().all(|health| health != ObservedHealth::Starting) {
        Worth::Up
    } else {
        Worth::Starting
    }
}

/// The instances that are drained, or are to be.
fn draining<'a>(view: &'a View<'_>, plan: &'a Plan) -> BTreeSet<&'a ContainerInstanceKey> {
    let now = view.hosts.iter().map(|host| host.instance).filter(|instance| instance.status == "DRAINING");
    now.map(|instance| &instance.key).chain(plan.drain.iter().map(|drain| &drain.instance)).collect()
}
