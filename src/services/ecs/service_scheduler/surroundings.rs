//! What services and daemons look to outside of ECS and LocalECS does not have: the health of load balancers' targets, and
//! CloudWatch's alarms. Both are what the admin API (`/_localecs/faults`) last said, in memory only.
//!
//! Without a word from there nothing is a target, and no alarm rings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Deserialize;

use crate::reconcile::Waker;
use crate::services::ecs::resources::service::{Service, ServiceStatus};
use crate::services::ecs::resources::{ClusterKey, ServiceKey, Task, TaskStatus, daemon};
use crate::services::ecs::scheduler::deployment::{Alarms, Target, TargetHealth};
use crate::store::State;

/// What is to be the case from now on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "fault", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Outside {
    /// The alarm of this name, in every account and region.
    Alarm { alarm: String, state: AlarmState },
    /// A task (by id or ARN), or all tasks of a service (by name or ARN) that are not named themselves; of services in
    /// all clusters unless one is named. Without `health` they are targets of nothing again.
    TargetHealth { task: Option<String>, service: Option<String>, cluster: Option<String>, health: Option<Target> },
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AlarmState {
    Ok,
    Alarm,
    InsufficientData,
}

/// Why something can't be said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    #[error("give either a task or a service")]
    Whose,
    #[error("no service has a task {0} that runs")]
    Task(String),
    #[error("there is no service {0}")]
    Service(String),
}

/// What was said last.
#[derive(Debug, Default)]
struct Told {
    ringing: BTreeSet<String>,
    /// By task id.
    tasks: BTreeMap<Arc<str>, Target>,
    services: BTreeMap<ServiceKey, Target>,
}

/// Everything that was said, and who is woken by it.
pub struct Surroundings {
    told: Mutex<Told>,
    services: Waker<ServiceKey>,
    /// Of clusters with daemons.
    daemons: Waker<ClusterKey>,
}

impl Surroundings {
    /// Nothing is said yet. The wakers are those of the schedulers.
    #[must_use]
    pub fn new(services: Waker<ServiceKey>, daemons: Waker<ClusterKey>) -> Self {
        Self { told: Mutex::default(), services, daemons }
    }

    /// Takes note, and wakes the services that it concerns.
    ///
    /// # Errors
    /// What is named is not there.
    pub fn tell(&self, state: &State, outside: Outside) -> Result<(), Unknown> {
        match outside {
            Outside::Alarm { alarm, state: now } => {
                let watching = state.services.values().filter(|service| watches(service, &alarm));
                let concerned: Vec<ServiceKey> = watching.map(|service| service.key.clone()).collect();
                let mut told = self.told.lock();
                match now {
                    AlarmState::Alarm => told.ringing.insert(alarm),
                    AlarmState::Ok | AlarmState::InsufficientData => told.ringing.remove(&alarm),
                };
                drop(told);
                concerned.into_iter().for_each(|key| self.services.wake(key));
                let rolling = state.daemon_deployments.values().filter(|it| !daemon::is_over(&it.status));
                let concerned: BTreeSet<ClusterKey> = rolling.map(|it| it.key.daemon.cluster()).collect();
                concerned.into_iter().for_each(|key| self.daemons.wake(key));
            }
            Outside::TargetHealth { task: Some(task), service: None, cluster: None, health } => {
                let found = state
                    .tasks
                    .values()
                    .find(|it| it.last_status != TaskStatus::Stopped && (*it.key.id == *task || it.key.arn() == task));
                let service = found.and_then(|task| task.service_key());
                let (Some(found), Some(service)) = (found, service) else { return Err(Unknown::Task(task)) };
                put(&mut self.told.lock().tasks, found.key.id.clone(), health);
                self.services.wake(service);
            }
            Outside::TargetHealth { task: None, service: Some(service), cluster, health } => {
                let named = |it: &&Arc<Service>| {
                    it.status != ServiceStatus::Inactive
                        && (*it.key.name == *service || it.key.arn() == service)
                        && cluster.as_ref().is_none_or(|cluster| *it.key.cluster == **cluster)
                };
                let found: Vec<ServiceKey> = state.services.values().filter(named).map(|it| it.key.clone()).collect();
                if found.is_empty() {
                    return Err(Unknown::Service(service));
                }
                for key in found {
                    put(&mut self.told.lock().services, key.clone(), health);
                    self.services.wake(key);
                }
            }
            Outside::TargetHealth { .. } => return Err(Unknown::Whose),
        }
        Ok(())
    }

    /// Forgets all that was said.
    pub fn clear(&self, state: &State) {
        *self.told.lock() = Told::default();
        state.services.keys().for_each(|key| self.services.wake(key.clone()));
    }
}

fn put<K: Ord>(map: &mut BTreeMap<K, Target>, key: K, health: Option<Target>) {
    match health {
        Some(health) => drop(map.insert(key, health)),
        None => drop(map.remove(&key)),
    }
}

fn watches(service: &Service, alarm: &str) -> bool {
    let alarms = service.deployment_configuration.alarms.as_ref();
    let names = alarms.and_then(|alarms| alarms.alarm_names.as_deref()).unwrap_or_default();
    names.iter().any(|name| name == alarm)
}

impl TargetHealth for Surroundings {
    fn of(&self, task: &Task) -> Option<Target> {
        let told = self.told.lock();
        if let Some(health) = told.tasks.get(&task.key.id) {
            return Some(*health);
        }
        if told.services.is_empty() {
            return None;
        }
        told.services.get(&task.service_key()?).copied()
    }
}

impl Alarms for Surroundings {
    fn in_alarm(&self, names: &[String]) -> Vec<String> {
        let told = self.told.lock();
        names.iter().filter(|name| told.ringing.contains(*name)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::Driver;

    #[test]
    fn alarms_ring_until_they_are_quiet_and_what_is_not_there_is_refused() {
        let surroundings = Surroundings::new(Driver::waker().0, Driver::waker().0);
        let state = State::default();
        let ring = |state| Outside::Alarm { alarm: "errors".into(), state };
        let names = ["errors".to_owned(), "others".to_owned()];
        assert!(surroundings.in_alarm(&names).is_empty());
        assert_eq!(surroundings.tell(&state, ring(AlarmState::Alarm)), Ok(()));
        assert_eq!(surroundings.in_alarm(&names), ["errors"]);
        assert_eq!(surroundings.tell(&state, ring(AlarmState::InsufficientData)), Ok(()));
        assert!(surroundings.in_alarm(&names).is_empty());
        assert_eq!(surroundings.tell(&state, ring(AlarmState::Alarm)), Ok(()));
        surroundings.clear(&state);
        assert!(surroundings.in_alarm(&names).is_empty());
        let health = |task: Option<&str>, service: Option<&str>| Outside::TargetHealth {
            task: task.map(str::to_owned),
            service: service.map(str::to_owned),
            cluster: None,
            health: Some(Target::Unhealthy),
        };
        let told = |task, service| surroundings.tell(&state, health(task, service));
        assert_eq!(told(Some("t"), None), Err(Unknown::Task("t".into())));
        assert_eq!(told(None, Some("web")), Err(Unknown::Service("web".into())));
        assert_eq!(told(None, None), Err(Unknown::Whose));
        assert_eq!(told(Some("t"), Some("web")), Err(Unknown::Whose));
    }
}
