//! The images of LocalECS's own containers, made from programs that are part of this binary: no registry is needed.

use std::sync::atomic::{AtomicBool, Ordering};

use bollard::body_full;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use super::errors::{CallError, within};
use super::{Engine, archive, limits};
use crate::runtime::{Result, RuntimeError};

const REPOSITORY: &str = "localecs/pause";
const LISTEN_REPOSITORY: &str = "localecs/listen";
/// Podman would import a short name into `localhost/`, and look for it here.
const REGISTRY: &str = "docker.io";

static PAUSE_AMD64: &[u8] = include_bytes!("../../../docker/pause/bin/pause-x86_64");
static PAUSE_ARM64: &[u8] = include_bytes!("../../../docker/pause/bin/pause-aarch64");
static LISTEN_AMD64: &[u8] = include_bytes!("../../../docker/pause/bin/listen-x86_64");
static LISTEN_ARM64: &[u8] = include_bytes!("../../../docker/pause/bin/listen-aarch64");

/// The program for the engine's architecture, which need not be ours; `architecture` in either of Docker's spellings.
pub(super) fn program(architecture: &str) -> Option<&'static [u8]> {
    match architecture {
        "amd64" | "x86_64" => Some(PAUSE_AMD64),
        "arm64" | "aarch64" => Some(PAUSE_ARM64),
        _ => None,
    }
}

/// The program that listens for us (docker/pause/listen.c).
fn listener(architecture: &str) -> Option<&'static [u8]> {
    match architecture {
        "amd64" | "x86_64" => Some(LISTEN_AMD64),
        "arm64" | "aarch64" => Some(LISTEN_ARM64),
        _ => None,
    }
}

/// What is known of the pause image on the engine.
#[derive(Default)]
pub(super) struct PauseImage {
    made: AtomicBool,
    making: Mutex<()>,
}

impl PauseImage {
    /// It is no longer there.
    pub(super) fn forget(&self) {
        self.made.store(false, Ordering::Release);
    }
}

impl Engine {
    /// The name of the pause image, which is made when it is missing. After the first call it asks nobody.
    pub(super) async fn pause_image(&self) -> Result<String> {
        let architecture = self.version.arch.as_deref().unwrap_or_default();
        let Some(program) = program(architecture) else {
            return Err(RuntimeError::Create {
                message: format!("there is no pause program for the engine's architecture ({architecture})"),
            });
        };
        let image = format!("{REPOSITORY}:{}", tag(program));
        if self.pause.made.load(Ordering::Acquire) {
            return Ok(image);
        }
        let _making = self.pause.making.lock().await;
        if !self.pause.made.load(Ordering::Acquire) {
            if self.inspect_image(&image).await?.is_none() {
                self.import(program, &image, "pause", "owns the network namespace of a task").await?;
                tracing::debug!(image, "pause image made");
            }
            self.pause.made.store(true, Ordering::Release);
        }
        Ok(image)
    }

    /// The name of the image that listens for us, which is made when it is missing.
    pub(super) async fn listen_image(&self) -> Result<String> {
        let architecture = self.version.arch.as_deref().unwrap_or_default();
        let Some(program) = listener(architecture) else {
            return Err(RuntimeError::Create {
                message: format!("there is no listening program for the engine's architecture ({architecture})"),
            });
        };
        let image = format!("{LISTEN_REPOSITORY}:{}", tag(program));
        if self.inspect_image(&image).await?.is_none() {
            self.import(program, &image, "listen", "listens at 169.254.170.2").await?;
        }
        Ok(image)
    }

    /// As `docker import --change 'ENTRYPOINT ["/pause"]' - localecs/pause:<tag>`. Two servers may do it at once:
    /// both make the same image.
    async fn import(&self, program: &[u8], image: &str, name: &str, purpose: &str) -> Result<()> {
        let options = CreateImageOptionsBuilder::new()
            .from_src("-")
            // With its tag: Podman overlooks the parameter that is meant for it.
            .repo(&format!("{REGISTRY}/{image}"))
            .message(&format!("LocalECS: {purpose}"))
            .changes(vec![format!(r#"ENTRYPOINT ["/{name}"]"#)])
            .build();
        let body = body_full(archive::program(name, program));
        let import = self.docker.create_image(Some(options), Some(body), None).try_collect::<Vec<_>>();
        within(limits::IMPORT, import).await.map_err(CallError::creating)?;
        Ok(())
    }
}

/// Names the content, so that another version of the program is another image.
fn tag(program: &[u8]) -> String {
    Sha256::digest(program).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_static_program_for_either_architecture() {
        for architecture in ["amd64", "x86_64", "arm64", "aarch64"] {
            assert!(program(architecture).is_some_and(|program| program.starts_with(b"\x7fELF")), "{architecture}");
        }
        assert_eq!(program("s390x"), None);
        assert_eq!(tag(PAUSE_AMD64).len(), 12);
        assert_ne!(tag(PAUSE_AMD64), tag(PAUSE_ARM64));
    }
}
