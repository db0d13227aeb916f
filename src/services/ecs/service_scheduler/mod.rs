//! The service scheduler: keeps every service at what was asked for.
//!
//! It gathers what [`plan_service`] needs of one service, and carries the plan out in one transaction: records of new
//! tasks, tasks that are to stop, the service, its events. Containers are the agent's business. What a plan wrote
//! wakes it again, until the plan is empty.

mod gather;
mod launch;
mod perform;
#[cfg(test)]
mod simulation_tests;
pub mod surroundings;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api_models::Unexpected;
use api_models::ecs::LaunchType;
use async_trait::async_trait;
use parking_lot::Mutex;

use self::gather::Gathered;
use super::resources::cluster::instances_of;
use super::resources::container_instance::AttributeList;
use super::resources::service::{Service, ServiceStatus, forget, services_of};
use super::resources::{ClusterKey, ContainerInstanceKey, ServiceKey, Task, TaskStatus};
use super::scheduler::deployment::{Alarms, NoAlarms, NoTargets, NoTraffic, TargetHealth, Timing, Traffic};
use super::scheduler::placement::ZONE_ATTRIBUTE;
use super::scheduler::plan_service::{self, Plan};
use crate::reconcile::{Next, Reconciler};
use crate::services::Shared;
use crate::store::{Change, State};
use crate::time::{Timestamp, real_sleep};

/// A service of this many tasks is looked at in peace: while they start, each of them would wake it otherwise.
const MANY_TASKS: usize = 100;

/// Looks at one service at a time.
pub struct ServiceScheduler {
    shared: Arc<Shared>,
    targets: Arc<dyn TargetHealth>,
    alarms: Arc<dyn Alarms>,
    traffic: Arc<dyn Traffic>,
    timing: Timing,
    /// Tasks that stop are not replaced any more.
    halted: AtomicBool,
    /// How each container instance was last seen: only what changes of this concerns services that have room.
    seen: Mutex<BTreeMap<ContainerInstanceKey, Standing>>,
}

/// What of an instance matters to services whose tasks all found a place.
#[derive(Clone, Debug, PartialEq)]
struct Standing {
    status: String,
    agent_connected: bool,
    attributes: AttributeList,
}

impl ServiceScheduler {
    /// A scheduler that knows no load balancers and no alarms.
    #[must_use]
    pub fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            targets: Arc::new(NoTargets),
            alarms: Arc::new(NoAlarms),
            traffic: Arc::new(NoTraffic),
            timing: Timing::default(),
            halted: AtomicBool::new(false),
            seen: Mutex::default(),
        }
    }

    /// The same with somebody who knows the health of targets.
    #[must_use]
    pub fn with_targets(mut self, targets: Arc<dyn TargetHealth>) -> Self {
        self.targets = targets;
        self
    }

    /// The same with somebody who knows alarms.
    #[must_use]
    pub fn with_alarms(mut self, alarms: Arc<dyn Alarms>) -> Self {
        self.alarms = alarms;
        self
    }

    /// Leaves all services alone from now on: LocalECS ends, and so do the tasks.
    pub fn halt(&self) {
        self.halted.store(true, Ordering::SeqCst);
    }

    fn plan(&self, service: &Service, gathered: &Gathered, now: Timestamp) -> Plan {
        plan_service::plan(&plan_service::View {
            service,
            under_way: gathered.under_way.as_deref(),
            live: &gathered.live,
            ended: &gathered.ended,
            instances: &gathered.instances,
            task_sets: &gathered.task_sets,
            targets: &*self.targets,
            alarms: &*self.alarms,
            traffic: &*self.traffic,
            timing: self.timing,
            now,
        })
    }

    /// Forgets a service that is INACTIVE when its time has come.
    async fn retire(&self, service: &Service, now: Timestamp) -> Result<Next, Unexpected> {
        let since = service.inactive_at.unwrap_or(now);
        let due = since.saturating_add(self.shared.config.stopped_task_retention);
        if due > now {
            return Ok(Next::At(due));
        }
        let work = |tx: &mut crate::store::Transaction| {
            // It may have been created again meanwhile.
            if tx.services.get(&service.key).is_some_and(|newest| newest.status == ServiceStatus::Inactive) {
                forget(tx, &service.key);
            }
            Ok(Next::Idle)
        };
        self.shared.store.transact(work).await
    }

    fn services_on_changed_instance(&self, key: &ContainerInstanceKey, state: &State) -> Vec<ServiceKey> {
        let standing = state.container_instances.get(key).map(|instance| Standing {
            status: instance.status.clone(),
            agent_connected: instance.agent_connected,
            attributes: instance.attributes.clone(),
        });
        let mut seen = self.seen.lock();
        let before = seen.get(key).cloned();
        // One that comes is of interest to who lacks room, and where it brings a new zone.
        let comes = before.is_none()
            && standing.as_ref().is_some_and(|it| {
                it.status == "ACTIVE" && it.agent_connected && !brings_a_zone(state, key, &it.attributes)
            });
        let changed = before != standing;
        if changed {
            match standing {
                Some(standing) => drop(seen.insert(key.clone(), standing)),
                None => drop(seen.remove(key)),
            }
        }
        drop(seen);
        let cluster = key.cluster();
        if changed && !comes {
            let active = services_of(state, &cluster).filter(|service| service.status != ServiceStatus::Inactive);
            return active.map(|service| service.key.clone()).collect();
        }
        watching(state, &cluster).cloned().collect()
    }
}

/// The services of the cluster that changes of its instances concern.
fn watching<'s>(state: &'s State, cluster: &'s ClusterKey) -> impl Iterator<Item = &'s ServiceKey> + 's {
    let watching = state.services_that_watch.range(ServiceKey::new(cluster, "")..);
    watching.take_while(|it| it.cluster == cluster.name && it.scope == cluster.scope)
}

/// Those whom a task that ended without ever having an instance concerns: it waited, and now another one may.
fn may_wait_instead(task: &Task, state: &State) -> Vec<ServiceKey> {
    let waited = task.last_status == TaskStatus::Stopped
        && task.launch_type == Some(LaunchType::Ec2)
        && task.container_instance.is_none();
    if waited { watching(state, &task.key.cluster()).cloned().collect() } else { Vec::new() }
}

/// Whether no other instance of the cluster is in the same zone.
fn brings_a_zone(state: &State, key: &ContainerInstanceKey, attributes: &AttributeList) -> bool {
    let zone = attributes.value(ZONE_ATTRIBUTE);
    let cluster = key.cluster();
    !instances_of(state, &cluster).any(|other| other.key != *key && other.attributes.value(ZONE_ATTRIBUTE) == zone)
}

#[async_trait]
impl Reconciler for ServiceScheduler {
    type Key = ServiceKey;

    fn name(&self) -> &'static str {
        "ecs-service-scheduler"
    }

    fn initial(&self, state: &State) -> Vec<ServiceKey> {
        state.services.keys().cloned().collect()
    }

    fn touched(&self, change: &Change, state: &State) -> Vec<ServiceKey> {
        match change {
            Change::Service(key) => vec![key.clone()],
            Change::ServiceDeployment(key) => vec![key.service.clone()],
            Change::TaskSet(key) => vec![key.service.clone()],
            Change::Task(key) => match state.tasks.get(key) {
                Some(task) => task.service_key().into_iter().chain(may_wait_instead(task, state)).collect(),
                None => Vec::new(),
            },
            Change::ContainerInstance(key) => self.services_on_changed_instance(key, state),
            _ => Vec::new(),
        }
    }

    async fn reconcile(&self, key: &ServiceKey) -> Result<Next, Unexpected> {
        let state = self.shared.store.snapshot();
        let Some(service) = state.services.get(key) else { return Ok(Next::Idle) };
        let now = self.shared.clock.now();
        if service.status == ServiceStatus::Inactive {
            return self.retire(service, now).await;
        }
        let gathered = Gathered::new(&state, service);
        let mut plan = self.plan(service, &gathered, now);
        let many = gathered.live.len();
        if !plan.is_empty() || gathered.images.is_some() {
            // Made again on the newest state, which is what it is carried out on.
            let work = |tx: &mut crate::store::Transaction| {
                let Some(service) = tx.services.get(key).cloned() else { return Ok(None) };
                if self.halted.load(Ordering::SeqCst) {
                    return Ok(None);
                }
                let gathered = Gathered::new(tx, &service);
                let plan = self.plan(&service, &gathered, now);
                perform::perform(tx, &self.shared, &gathered, &plan, now)?;
                Ok::<_, Unexpected>(Some(plan))
            };
            match self.shared.store.transact(work).await? {
                Some(performed) => plan = performed,
                None => return Ok(Next::Idle),
            }
        }
        if many > MANY_TASKS {
            real_sleep(Duration::from_millis((many / 20) as u64)).await;
        }
        Ok(plan.wake.map_or(Next::Idle, Next::At))
    }
}
