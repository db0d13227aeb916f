//! The real engine of a test: prepared before it, cleared after it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use localecs::runtime::ContainerRuntime;
use localecs::runtime::docker::{ConnectOptions, DockerRuntime};
use tokio::sync::OnceCell;

/// Whatever these stores have on the engine goes when this is dropped, however the test ended.
pub(super) struct RealEngine {
    stores: Vec<String>,
}

impl RealEngine {
    /// Makes sure that the engine answers and has `image`. `None`, with a message, where there is none on purpose.
    pub(super) async fn prepare(stores: Vec<String>, image: &str) -> Option<Self> {
        if std::env::var_os("LOCALECS_TEST_NO_ENGINE").is_some() {
            eprintln!("SKIPPED: LOCALECS_TEST_NO_ENGINE is set, nothing was tested on a real engine");
            return None;
        }
        let engine = Self { stores };
        let runtime = engine.connect(&engine.stores[0]).await;
        static BUILT: OnceCell<()> = OnceCell::const_new();
        BUILT.get_or_init(|| build(&runtime, image)).await;
        Some(engine)
    }

    pub(super) async fn connect(&self, store: &str) -> DockerRuntime {
        DockerRuntime::connect(store, &ConnectOptions::from_env())
            .await
            .expect("a container engine answers (docker/ensure-engine); or LOCALECS_TEST_NO_ENGINE=1 to go without")
    }
}

async fn build(runtime: &DockerRuntime, image: &str) {
    if runtime.inspect_image(image, &BTreeMap::new()).await.expect("the engine answers").is_some() {
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/sample-app/build");
    let build = tokio::task::spawn_blocking(move || Command::new(script).status());
    let status = build.await.expect("no panic").expect("the build script can be run");
    assert!(status.success(), "docker/sample-app/build failed");
}

impl Drop for RealEngine {
    fn drop(&mut self) {
        let stores = std::mem::take(&mut self.stores);
        // A thread and clients of its own: the test's may be in the middle of a panic.
        let clearing = std::thread::spawn(move || -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            tokio.block_on(async {
                for store in stores {
                    let runtime = DockerRuntime::connect(&store, &ConnectOptions::from_env()).await?;
                    for container in runtime.list_containers().await? {
                        runtime.remove_container(&container.id).await?;
                    }
                    for (network, _) in runtime.list_networks().await? {
                        runtime.remove_network(&network).await?;
                    }
                    for volume in runtime.list_volumes().await? {
                        runtime.remove_volume(&volume.name).await?;
                    }
                }
                Ok(())
            })
        });
        match clearing.join() {
            Ok(Ok(())) => {}
            problem => eprintln!("not everything of the test could be cleared away: {problem:?}"),
        }
    }
}
