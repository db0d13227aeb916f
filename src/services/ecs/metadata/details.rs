//! What the engine knows of containers, remembered: metadata is asked for often, and the engine takes its time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::Mutex;

use super::render::AllDetails;
use crate::runtime::{ContainerDetails, ContainerId, ContainerRuntime};
use crate::services::ecs::resources::{Container, Task, TaskStatus};
use crate::time::{Timestamp, stopwatch};

/// How long an answer may lag behind what a container has written; the rest of it never changes in one life.
const FRESH: Duration = Duration::from_secs(60);
/// So many containers are remembered.
const CAPACITY: usize = 10_000;

type Age = Box<dyn Fn() -> Duration + Send>;

struct Known {
    details: Arc<ContainerDetails>,
    /// When its process was started: another life may have another address.
    life: Option<Timestamp>,
    age: Age,
    asking: bool,
}

#[derive(Clone)]
pub(super) struct Details {
    runtime: Arc<dyn ContainerRuntime>,
    known: Arc<Mutex<HashMap<ContainerId, Known>>>,
}

impl Details {
    pub(super) fn new(runtime: Arc<dyn ContainerRuntime>) -> Self {
        Self { runtime, known: Arc::default() }
    }

    /// Of a task's containers that exist, its pause container too.
    pub(super) async fn of_task(&self, task: &Task) -> AllDetails {
        let containers = task
            .containers
            .iter()
            .filter_map(|container| Some((container.runtime_id.clone()?, container.engine_started_at)));
        let pause = task.attachment.iter().filter_map(|attachment| Some((attachment.pause.clone()?, None)));
        // Once it has stopped there is nothing new to know.
        let alive = task.last_status != TaskStatus::Stopped;
        let looks = containers.chain(pause).map(|(id, life)| async move {
            let details = self.get(&id, life, alive).await?;
            Some((id, details))
        });
        join_all(looks).await.into_iter().flatten().collect()
    }

    pub(super) async fn of_container(&self, container: &Container) -> Option<Arc<ContainerDetails>> {
        let alive = container.last_status != TaskStatus::Stopped;
        self.get(container.runtime_id.as_ref()?, container.engine_started_at, alive).await
    }

    async fn get(&self, id: &ContainerId, life: Option<Timestamp>, alive: bool) -> Option<Arc<ContainerDetails>> {
        let known = {
            let mut known = self.known.lock();
            known.get_mut(id).map(|entry| {
                let stale = alive && (entry.age)() > FRESH && !entry.asking;
                entry.asking |= stale;
                (entry.details.clone(), entry.life == life, stale)
            })
        };
        match known {
            Some((details, true, stale)) => {
                if stale {
                    let (this, id) = (self.clone(), id.clone());
                    tokio::spawn(async move { this.ask(&id, life).await });
                }
                Some(details)
            }
            Some((details, false, _)) if !alive => Some(details),
            _ => self.ask(id, life).await,
        }
    }

    async fn ask(&self, id: &ContainerId, life: Option<Timestamp>) -> Option<Arc<ContainerDetails>> {
        let answer = self.runtime.container_details(id).await;
        let mut known = self.known.lock();
        match answer {
            Ok(Some(details)) => {
                let details = Arc::new(details);
                if known.len() >= CAPACITY {
                    known.clear();
                }
                let entry = Known { details: details.clone(), life, age: Box::new(stopwatch()), asking: false };
                known.insert(id.clone(), entry);
                Some(details)
            }
            Ok(None) => known.get(id).map(|entry| entry.details.clone()),
            Err(error) => {
                tracing::debug!(%error, container = %id, "the engine does not tell a container's details");
                let entry = known.get_mut(id)?;
                entry.asking = false;
                Some(entry.details.clone())
            }
        }
    }
}
