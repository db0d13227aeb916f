//! FireLens on the runtime: the router's socket, its configuration, and how the other containers find it.
//!
//! The router makes its socket in a volume of the task. The engine, which sends it the lines, finds the socket where it
//! has the volume on its own machine, so it does not matter where LocalECS runs.

use api_models::ecs::NetworkMode;

use super::advance::{container_definition, shares_network};
use super::executor::{Executor, Subject};
use super::logs::firelens;
use super::observed::SeenState;
use super::volumes;
use crate::runtime::{ContainerId, ContainerSpec, LogDriver, Mount, MountSource, Result};

/// Where fluentd runs as another user than root unless this says otherwise; it could not make the socket then.
const FLUENTD_AS_ROOT: &str = "FLUENT_UID=0";

/// What the volume with the socket is for: a part of its name.
const VOLUME: &str = "firelens";

impl Executor {
    /// Adds what a container needs to route logs, or to have its own routed.
    ///
    /// # Errors
    /// The engine's. In the answer: why the container can't be made, in the words of the ECS agent.
    pub(super) async fn route(
        &self,
        subject: Subject<'_>,
        name: &str,
        spec: &mut ContainerSpec,
    ) -> Result<Result<(), String>> {
        let Subject { task, definition, entry } = subject;
        let (Some(router), Some(container)) = (firelens::router(definition), container_definition(definition, name))
        else {
            return Ok(Ok(()));
        };
        let routes = router.name == name;
        if !routes && !firelens::is_routed(container) {
            return Ok(Ok(()));
        }
        if routes && let Err(message) = firelens::configuration(task, definition, &router) {
            return Ok(Err(not_generated(&message)));
        }
        let volume = volumes::of_task(task, VOLUME);
        entry.change(|observed| observed.volumes.held.insert(volume.name.clone()));
        let made = self.runtime.ensure_volume(&volume).await?;
        if routes {
            let source = MountSource::Volume { name: volume.name, image_content: false };
            spec.mounts.push(Mount { source, target: firelens::SOCKET_DIRECTORY.to_owned(), read_only: false });
            if router.is_fluentd() {
                spec.environment.push(FLUENTD_AS_ROOT.to_owned());
            }
            // Its configuration names the secret options of the others by these variables.
            for (index, other) in definition.container_definitions.iter().flatten().enumerate() {
                let Some(given) = entry.given().filter(|_| firelens::is_routed(other)) else { continue };
                let name = other.name.as_deref().unwrap_or_default();
                let secrets = given
                    .log_options(name)
                    .map(|(option, value)| format!("{}={value}", firelens::secret_variable(option, index)));
                spec.environment.extend(secrets);
            }
            return Ok(Ok(()));
        }
        let options = firelens::driver_options(task, container, &made.mountpoint);
        spec.log = LogDriver::Named { driver: "fluentd".to_owned(), options };
        let address = match definition.network_mode {
            _ if shares_network(definition) => Some("127.0.0.1".to_owned()),
            None | Some(NetworkMode::Bridge) => {
                entry.change(|observed| match &observed.containers.get(router.name)?.state {
                    SeenState::Running { address, .. } => address.map(|address| address.to_string()),
                    _ => None,
                })
            }
            _ => None,
        };
        if let Some(address) = address {
            spec.environment.push(format!("FLUENT_HOST={address}"));
            spec.environment.push(format!("FLUENT_PORT={}", firelens::PORT));
        }
        Ok(Ok(()))
    }

    /// Gives the router its configuration; it is not running yet.
    ///
    /// # Errors
    /// As [`Executor::route`].
    pub(super) async fn configure_router(
        &self,
        subject: Subject<'_>,
        name: &str,
        id: &ContainerId,
    ) -> Result<Result<(), String>> {
        let Subject { task, definition, .. } = subject;
        let Some(router) = firelens::router(definition).filter(|router| router.name == name) else { return Ok(Ok(())) };
        let text = match firelens::configuration(task, definition, &router) {
            Ok(text) => text,
            Err(message) => return Ok(Err(not_generated(&message))),
        };
        if let Some((bucket, key)) = router.s3_object() {
            match self.s3.get(bucket, key, task.key.scope.region.as_str(), self.clock.now()).await {
                Ok(content) => self.runtime.put_file(id, router.external_path(), &content).await?,
                Err(error) => {
                    return Ok(Err(format!(
                        "ResourceInitializationError: unable to download firelens s3 config file: unable to download s3 \
                         config {key} from bucket {bucket}: {error}"
                    )));
                }
            }
        }
        self.runtime.put_file(id, router.config_path(), text.as_bytes()).await?;
        Ok(Ok(()))
    }
}

fn not_generated(message: &str) -> String {
    format!("ResourceInitializationError: unable to generate firelens config file: {message}")
}
