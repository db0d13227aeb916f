//! The scheduler of managed daemons: their tasks on managed instances, and their deployments.
//!
//! It looks at one cluster at a time: gathers what [`plan_daemons`] needs, and carries the plan out in one transaction.
//! What a plan wrote wakes it again, until the plan is empty. Nothing is remembered outside the store.

mod gather;
mod perform;
#[cfg(test)]
mod simulation_tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use api_models::Unexpected;
use async_trait::async_trait;

use self::gather::Gathered;
use super::resources::daemon::{DaemonStatus, daemons_of, forget, gone_of};
use super::resources::{ClusterKey, DaemonKey, Origin};
use super::scheduler::deployment::{Alarms, NoAlarms, Timing};
use super::scheduler::plan_daemons;
use crate::reconcile::{Next, Reconciler};
use crate::services::Shared;
use crate::store::{Change, State, Transaction};
use crate::time::Timestamp;

/// Looks at the daemons of one cluster at a time.
pub struct DaemonScheduler {
    shared: Arc<Shared>,
    alarms: Arc<dyn Alarms>,
    timing: Timing,
    /// Tasks that stop are not replaced any more.
    halted: AtomicBool,
}

impl DaemonScheduler {
    /// A scheduler that knows no alarms.
    #[must_use]
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, alarms: Arc::new(NoAlarms), timing: Timing::default(), halted: AtomicBool::new(false) }
    }

    /// The same with somebody who knows alarms.
    #[must_use]
    pub fn with_alarms(mut self, alarms: Arc<dyn Alarms>) -> Self {
        self.alarms = alarms;
        self
    }

    /// Leaves all daemons alone from now on: LocalECS ends, and so do the tasks.
    pub fn halt(&self) {
        self.halted.store(true, Ordering::SeqCst);
    }

    fn plan(&self, gathered: &Gathered, now: Timestamp) -> plan_daemons::Plan {
        plan_daemons::plan(&gathered.view(&*self.alarms, self.timing, now))
    }

    /// Forgets daemons that are gone when their time has come; says when the next one's comes.
    async fn retire(
        &self,
        state: &State,
        cluster: &ClusterKey,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Unexpected> {
        let due = |at: Option<Timestamp>| at.unwrap_or(now).saturating_add(self.shared.config.stopped_task_retention);
        let (over, later): (Vec<_>, Vec<_>) = gone_of(state, cluster)
            .map(|daemon| (due(daemon.deleted_at), daemon.key.clone()))
            .partition(|(at, _)| *at <= now);
        if !over.is_empty() {
            let work = |tx: &mut Transaction| {
                for (_, key) in &over {
                    // It may have been created again meanwhile.
                    if is_gone(tx, key) {
                        forget(tx, key);
                    }
                }
                Ok::<_, Unexpected>(())
            };
            self.shared.store.transact(work).await?;
        }
        Ok(later.into_iter().map(|(at, _)| at).min())
    }
}

fn is_gone(state: &State, key: &DaemonKey) -> bool {
    state.daemons.get(key).is_some_and(|daemon| daemon.status == DaemonStatus::Deleted)
}

fn has_daemons(state: &State, cluster: &ClusterKey) -> bool {
    daemons_of(state, cluster).next().is_some()
}

#[async_trait]
impl Reconciler for DaemonScheduler {
    type Key = ClusterKey;

    fn name(&self) -> &'static str {
        "ecs-daemon-scheduler"
    }

    fn initial(&self, state: &State) -> Vec<ClusterKey> {
        let mut keys: Vec<ClusterKey> = state.daemons.keys().map(DaemonKey::cluster).collect();
        let registering = state.container_instances.values().filter(|instance| instance.status == "REGISTERING");
        keys.extend(registering.map(|instance| instance.key.cluster()));
        keys.sort();
        keys.dedup();
        keys
    }

    fn touched(&self, change: &Change, state: &State) -> Vec<ClusterKey> {
        match change {
            Change::Daemon(key) => vec![key.cluster()],
            Change::DaemonDeployment(key) => vec![key.daemon.cluster()],
            Change::Task(key) => {
                let task = state.tasks.get(key).filter(|task| task.daemon.is_some());
                task.map(|task| task.key.cluster()).into_iter().collect()
            }
            Change::ContainerInstance(key) => {
                let instance = state.container_instances.get(key).filter(|it| it.origin == Origin::Managed);
                let concerned =
                    instance.filter(|instance| instance.status == "REGISTERING" || has_daemons(state, &key.cluster()));
                concerned.map(|instance| instance.key.cluster()).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    async fn reconcile(&self, key: &ClusterKey) -> Result<Next, Unexpected> {
        let state = self.shared.store.snapshot();
        let now = self.shared.clock.now();
        let mut plan = self.plan(&Gathered::new(&state, key), now);
        if !plan.is_empty() {
            // Made again on the newest state, which is what it is carried out on.
            let work = |tx: &mut Transaction| {
                if self.halted.load(Ordering::SeqCst) {
                    return Ok(None);
                }
                let plan = self.plan(&Gathered::new(tx, key), now);
                perform::perform(tx, &self.shared, &plan, now)?;
                Ok::<_, Unexpected>(Some(plan))
            };
            match self.shared.store.transact(work).await? {
                Some(performed) => plan = performed,
                None => return Ok(Next::Idle),
            }
        }
        let retires = self.retire(&state, key, now).await?;
        let wake = plan.wake.into_iter().chain(retires).min();
        Ok(wake.map_or(Next::Idle, Next::At))
    }
}
