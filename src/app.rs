//! Wires everything together: the only place that knows all parts.
//!
//! [`App::start`] takes the parts that differ between a server, a test and a simulation (clock, ids, store, runtime)
//! and starts what runs behind the API. `cli/serve.rs` adds a listener.

use std::sync::Arc;
use std::time::Duration;

use api_models::Unexpected;

use crate::admin;
use crate::config::{Config, EngineCapacity, EngineSize};
use crate::http::AppState;
use crate::ids::IdSource;
use crate::inside::{self, Inside};
use crate::logstore::{self, LogStore};
use crate::reconcile::Driver;
use crate::runtime::ContainerRuntime;
use crate::services::Shared;
use crate::services::autoscaling::keeper::GroupKeeper;
use crate::services::dispatch::Registry;
use crate::services::ec2::lifecycle::InstanceLifecycle;
use crate::services::ecs::agent::{self, AgentHandle};
use crate::services::ecs::capacity_scheduler::CapacityScheduler;
use crate::services::ecs::daemon_scheduler::DaemonScheduler;
use crate::services::ecs::events::EventBus;
use crate::services::ecs::exec::{Sessions, endpoint};
use crate::services::ecs::lifecycle_hooks::LambdaHooks;
use crate::services::ecs::metadata::{CredentialsEnd, Metadata};
use crate::services::ecs::service_scheduler::ServiceScheduler;
use crate::services::ecs::service_scheduler::surroundings::Surroundings;
use crate::services::ecs::task_definition_deletion::TaskDefinitionDeletion;
use crate::services::secretsmanager::deletion::SecretDeletion;
use crate::services::sts::expiry::SessionExpiry;
use crate::store::Store;
use crate::time::{Clock, real_sleep};

/// Between attempts to learn the size of an engine that does not answer.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// What an app is made of.
pub struct Parts {
    pub store: Store,
    pub logs: LogStore,
    pub clock: Clock,
    pub ids: IdSource,
    pub config: Config,
    pub runtime: Arc<dyn ContainerRuntime>,
    pub engine: EngineChoice,
}

/// Which runtime was taken, and why, for `/_localecs/health`.
#[derive(Clone, Debug)]
pub struct EngineChoice {
    /// `docker` or `simulated`.
    pub runtime: &'static str,
    /// Why it is not the one that was hoped for.
    pub reason: Option<String>,
}

/// A running LocalECS, without a listener.
pub struct App {
    pub shared: Arc<Shared>,
    pub runtime: Arc<dyn ContainerRuntime>,
    pub agent: AgentHandle,
    pub driver: Driver,
    pub scheduler: Arc<ServiceScheduler>,
    pub daemons: Arc<DaemonScheduler>,
    pub events: Arc<EventBus>,
    pub surroundings: Arc<Surroundings>,
    pub engine: EngineChoice,
    pub inside: Arc<Inside>,
}

impl App {
    /// Starts the reconcilers. Containers that still run from before are adopted in the background. On a runtime whose
    /// containers can reach LocalECS, new ones wait for [`App::open_inside`].
    pub async fn start(parts: Parts) -> Arc<Self> {
        let Parts { store, logs, clock, ids, mut config, runtime, engine } = parts;
        config.engine = EngineSize::unknown();
        tokio::spawn(ask_size(runtime.clone(), config.engine.clone()));
        let (store, logs) = (Arc::new(store), Arc::new(logs));
        tokio::spawn(logstore::retention::run(logs.clone(), clock.clone()));
        let exec = Sessions::default();
        let shared = Arc::new(Shared { store: store.clone(), logs, clock: clock.clone(), ids, config, exec });
        let events = EventBus::start(shared.clone());
        let mut driver = Driver::new(store, clock);
        let reachable = shared.config.task_endpoint && runtime.link_local().is_some();
        let inside = if reachable { Inside::pending() } else { Inside::off(&shared.config.container_endpoint) };
        let agent = agent::start(shared.clone(), runtime.clone(), inside.clone(), &mut driver).await;
        let (_, wakes) = Driver::waker();
        driver.run(Arc::new(TaskDefinitionDeletion { shared: shared.clone() }), wakes);
        let (_, wakes) = Driver::waker();
        driver.run(Arc::new(SecretDeletion { shared: shared.clone() }), wakes);
        let (_, wakes) = Driver::waker();
        driver.run(Arc::new(SessionExpiry { shared: shared.clone() }), wakes);
        let (_, wakes) = Driver::waker();
        driver.run(Arc::new(CredentialsEnd { shared: shared.clone() }), wakes);
        let (_, wakes) = Driver::waker();
        driver.run(Arc::new(LambdaHooks { shared: shared.clone() }), wakes);
        let (waker, wakes) = Driver::waker();
        let (daemon_waker, daemon_wakes) = Driver::waker();
        let surroundings = Arc::new(Surroundings::new(waker, daemon_waker));
        let daemons = Arc::new(DaemonScheduler::new(shared.clone()).with_alarms(surroundings.clone()));
        driver.run(daemons.clone(), daemon_wakes);
        let scheduler = ServiceScheduler::new(shared.clone());
        let scheduler = scheduler.with_targets(surroundings.clone()).with_alarms(surroundings.clone());
        let scheduler = Arc::new(scheduler);
        driver.run(scheduler.clone(), wakes);
        let (_, wakes) = Driver::waker();
        driver.run(Arc::new(InstanceLifecycle { shared: shared.clone() }), wakes);
        let (_, wakes) = Driver::waker();
        driver.run(Arc::new(GroupKeeper { shared: shared.clone() }), wakes);
        let (_, wakes) = Driver::waker();
        driver.run(Arc::new(CapacityScheduler { shared: shared.clone() }), wakes);
        Arc::new(Self { shared, runtime, agent, driver, scheduler, daemons, events, surroundings, engine, inside })
    }

    /// Lets containers reach LocalECS; `api` is what they find besides their metadata, and `port` where it listens.
    pub fn open_inside(&self, api: Arc<AppState>, port: u16) {
        let config = &self.shared.config;
        let Some(link) = self.runtime.link_local().filter(|_| config.task_endpoint) else { return };
        self.inside.start(inside::Parts {
            link,
            api,
            metadata: Arc::new(Metadata::new(self.shared.clone(), self.runtime.clone())),
            port,
            endpoint: config.container_endpoint.clone(),
            fresh_key: self.shared.ids.hex(32),
        });
    }

    /// What the listener serves: the AWS API, the websockets of ECS Exec and, under `/_localecs`, the admin API.
    #[must_use]
    pub fn http(self: &Arc<Self>) -> Arc<AppState> {
        let data_channels = endpoint::router(self.shared.clone(), self.runtime.clone());
        AppState::new(Registry::new(), self.shared.clone(), admin::router(self.clone()).merge(data_channels))
    }

    /// Forgets every resource and removes every container and network that was made for one.
    ///
    /// # Errors
    /// When the store can't be written or the engine does not answer.
    pub async fn reset(&self) -> Result<(), Unexpected> {
        self.shared
            .store
            .transact(|tx| {
                tx.clear();
                Ok::<(), Unexpected>(())
            })
            .await?;
        self.surroundings.clear(&self.shared.store.snapshot());
        self.agent.purge().await.map_err(Unexpected::new)?;
        // Last: until then containers wrote to it.
        Ok(self.shared.logs.clear().await?)
    }
}

/// Asks the engine what it has, until it answers.
async fn ask_size(runtime: Arc<dyn ContainerRuntime>, size: EngineSize) {
    loop {
        match runtime.info().await {
            Ok(info) => {
                let memory_mib = u32::try_from(info.memory_bytes >> 20).unwrap_or(u32::MAX);
                size.tell(EngineCapacity { cpus: info.cpus, memory_mib });
                return;
            }
            Err(error) => tracing::debug!(%error, "the engine's size is not known yet"),
        }
        real_sleep(ASK_AGAIN).await;
    }
}
