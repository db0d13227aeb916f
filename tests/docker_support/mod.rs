//! A store on the real engine for one test, cleared away at its end; and an engine that can be taken away.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use localecs::ids::IdSource;
use localecs::runtime::docker::{ConnectOptions, DockerRuntime, Endpoint};
use localecs::runtime::{ContainerRuntime, ContainerSpec, ImageSource, NetworkSpec, RuntimeError, RuntimeEvent};
use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

const IMAGE: &str = "localecs/sample-app:latest";

/// A store of its own; what it has on the engine goes when it is dropped.
pub(crate) struct Sandbox {
    pub(crate) store: String,
    pub(crate) runtime: DockerRuntime,
}

impl Sandbox {
    /// `None`, with a message, where there is no engine on purpose.
    pub(crate) async fn new(test: &str) -> Option<Self> {
        if std::env::var_os("LOCALECS_TEST_NO_ENGINE").is_some() {
            eprintln!("SKIPPED {test}: LOCALECS_TEST_NO_ENGINE is set, nothing was tested on a real engine");
            return None;
        }
        let store = format!("test-{test}-{}", IdSource::random().hex(12));
        let runtime = DockerRuntime::connect(&store, &ConnectOptions::from_env())
            .await
            .expect("a container engine (docker/ensure-engine), or LOCALECS_TEST_NO_ENGINE=1 to go without");
        let image = runtime.inspect_image(IMAGE, &BTreeMap::new()).await.expect("the engine answers");
        assert!(image.is_some(), "the image {IMAGE} is missing: run docker/sample-app/build");
        Some(Self { store, runtime })
    }

    /// A network of 256 addresses that overlaps with none on this engine.
    pub(crate) async fn network(&self) -> NetworkSpec {
        let ids = IdSource::random();
        for _ in 0..50 {
            let (high, low) = (200 + ids.below(50) as u8, ids.below(256) as u8);
            let spec = NetworkSpec {
                name: format!("{}-net", self.store),
                cidr: format!("10.{high}.{low}.0/24"),
                gateway: Ipv4Addr::new(10, high, low, 1),
                labels: BTreeMap::new(),
            };
            match self.runtime.ensure_network(&spec).await {
                Ok(()) => return spec,
                Err(RuntimeError::Network { overlap: true, .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        panic!("no free addresses for a network");
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // A runtime of its own: this one may be shutting down, or panicking.
        let store = self.store.clone();
        let cleared = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
                let runtime = DockerRuntime::connect(&store, &ConnectOptions::from_env()).await?;
                // Twice: Podman removes a container only after those that live in its network.
                for pass in 0..2 {
                    for container in runtime.list_containers().await? {
                        let removed = runtime.remove_container(&container.id).await;
                        if pass > 0 {
                            removed?;
                        }
                    }
                }
                for (network, _) in runtime.list_networks().await? {
                    runtime.remove_network(&network).await?;
                }
                for volume in runtime.list_volumes().await? {
                    runtime.remove_volume(&volume.name).await?;
                }
                Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
            })
        });
        match cleared.join() {
            Ok(Ok(())) => {}
            problem => eprintln!("could not clear away {}: {problem:?}", self.store),
        }
    }
}

/// A container of the sample application, called after the test's store.
pub(crate) fn sample(sandbox: &Sandbox, name: &str, command: &[&str]) -> ContainerSpec {
    ContainerSpec {
        name: format!("{}-{name}", sandbox.store),
        image: ImageSource::Reference(IMAGE.into()),
        command: Some(command.iter().map(ToString::to_string).collect()),
        labels: BTreeMap::from([("test.name".into(), name.into())]),
        ..ContainerSpec::default()
    }
}

/// Waits for an event that `pick` picks.
pub(crate) async fn until<T>(
    events: &mut mpsc::UnboundedReceiver<RuntimeEvent>,
    pick: impl Fn(RuntimeEvent) -> Option<T>,
) -> T {
    let search = async {
        loop {
            let event = events.recv().await.expect("the events go on");
            if let Some(found) = pick(event) {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), search).await.expect("the event comes")
}

/// Passes everything on to the engine, until it is stopped: an engine that can be restarted without harming others.
pub(crate) struct EngineProxy {
    directory: TempDir,
    engine: PathBuf,
    accepting: Option<AbortHandle>,
}

impl EngineProxy {
    /// `None`, with a message, for an engine that is not reached by a socket.
    pub(crate) fn start(endpoint: &Endpoint) -> Option<Self> {
        let Endpoint::Unix(engine) = endpoint else {
            eprintln!("SKIPPED: the engine at {endpoint} cannot be taken away");
            return None;
        };
        let directory = tempfile::tempdir().expect("a directory for the socket");
        let mut proxy = Self { directory, engine: engine.clone(), accepting: None };
        proxy.restart();
        Some(proxy)
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("engine.sock")
    }

    pub(crate) fn options(&self) -> ConnectOptions {
        ConnectOptions { host: Some(format!("unix://{}", self.socket().display())), ..ConnectOptions::default() }
    }

    pub(crate) fn restart(&mut self) {
        let listener = UnixListener::bind(self.socket()).expect("the socket is free");
        let engine = self.engine.clone();
        let task = tokio::spawn(async move {
            // Dropped with the task, and with it all connections.
            let mut connections = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let engine = engine.clone();
                connections.spawn(async move {
                    let mut engine = UnixStream::connect(engine).await?;
                    tokio::io::copy_bidirectional(&mut client, &mut engine).await
                });
            }
        });
        self.accepting = Some(task.abort_handle());
    }

    pub(crate) async fn stop(&mut self) {
        if let Some(task) = self.accepting.take() {
            task.abort();
            while !task.is_finished() {
                tokio::task::yield_now().await;
            }
        }
        std::fs::remove_file(self.socket()).expect("the socket was there");
    }
}
