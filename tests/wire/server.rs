//! A listener with operations that do what a test asks for by the name of the cluster.

use std::net::SocketAddr;
use std::sync::Arc;

use api_models::Unexpected;
use api_models::ecs::operations as ops;
use api_models::ecs::{
    ClusterNotFoundException, DeleteClusterError, DeleteClusterRequest, DeleteClusterResponse, ListClustersError,
    ListClustersRequest, ListClustersResponse,
};
use axum::Router;
use axum::routing::get;
use localecs::app::{App, EngineChoice, Parts};
use localecs::config::Config;
use localecs::http::{self, AppState};
use localecs::ids::IdSource;
use localecs::logstore::{DEFAULT_MAX_BYTES_IN_MEMORY, LogStore};
use localecs::runtime::simulated::SimulatedRuntime;
use localecs::services::dispatch::{Entry, Registry};
use localecs::services::{Context, Shared};
use localecs::store::Store;
use localecs::time::Clock;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use crate::client::Connection;

fn logs(clock: &Clock) -> LogStore {
    LogStore::in_memory(clock.clone(), DEFAULT_MAX_BYTES_IN_MEMORY).expect("a database in memory")
}

/// A running listener; it is cut off when dropped.
pub(crate) struct Server {
    address: SocketAddr,
    clock: Clock,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
    pub(crate) slow: Arc<Slow>,
}

/// How a test steps through the operation that takes long.
#[derive(Default)]
pub(crate) struct Slow {
    pub(crate) started: Notify,
    pub(crate) go_on: Notify,
    pub(crate) finished: Notify,
}

impl Server {
    pub(crate) async fn start(config: Config) -> Self {
        let (ids, clock, slow) = (IdSource::seeded(1), Clock::system(), Arc::<Slow>::default());
        let store = Arc::new(Store::in_memory(&ids));
        let logs = Arc::new(logs(&clock));
        let exec = localecs::services::ecs::exec::Sessions::default();
        let shared = Arc::new(Shared { store, logs, clock: clock.clone(), ids, config, exec });
        let steps = slow.clone();
        let registry = Registry::of([
            Entry::new::<ops::ListClusters, _, _>(list_clusters),
            Entry::new::<ops::DeleteCluster, _, _>(move |_, input| delete_cluster(steps.clone(), input)),
        ]);
        let admin = Router::new().route("/_localecs/health", get(|| async { "fine" }));
        Self::listen(AppState::new(registry, shared, admin), clock, slow).await
    }

    /// The whole app, with the operations it really has, on the simulated runtime.
    pub(crate) async fn start_whole(config: Config) -> Self {
        let (ids, clock) = (IdSource::seeded(1), Clock::system());
        let store = Store::in_memory(&ids);
        let runtime = Arc::new(SimulatedRuntime::new(store.id(), clock.clone(), ids.clone()));
        let engine = EngineChoice { runtime: "simulated", reason: None };
        let logs = logs(&clock);
        let app = App::start(Parts { store, logs, clock: clock.clone(), ids, config, runtime, engine }).await;
        Self::listen(app.http(), clock, Arc::default()).await
    }

    async fn listen(app: Arc<AppState>, clock: Clock, slow: Arc<Slow>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(http::serve(listener, app, async {
            let _ = stopped.await;
        }));
        Self { address, clock, stop: Some(stop), task, slow }
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection::open(self.address).await
    }

    /// The server's time in seconds since the epoch.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now().as_millis() / 1000
    }

    /// Lets that many seconds pass at once.
    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(std::time::Duration::from_secs(seconds));
    }

    pub(crate) fn stop(&mut self) {
        self.stop.take();
    }

    pub(crate) async fn ended(self) {
        self.task.await.expect("no panic");
    }
}

async fn list_clusters(context: Context, _: ListClustersRequest) -> Result<ListClustersResponse, ListClustersError> {
    let arn = context.scope.arn("ecs", &["cluster/default"]);
    Ok(ListClustersResponse { cluster_arns: Some(vec![arn]), ..Default::default() })
}

async fn delete_cluster(
    slow: Arc<Slow>,
    input: DeleteClusterRequest,
) -> Result<DeleteClusterResponse, DeleteClusterError> {
    match input.cluster.as_deref().unwrap_or_default() {
        "panic at once" => panic!("as the test asked"),
        "panic later" => {
            tokio::task::yield_now().await;
            panic!("as the test asked")
        }
        "unexpected" => return Err(Unexpected::new("the disk is full").into()),
        "slow" => {
            slow.started.notify_one();
            slow.go_on.notified().await;
            slow.finished.notify_one();
        }
        _ => {}
    }
    Err(ClusterNotFoundException::new("Cluster not found.").into())
}
