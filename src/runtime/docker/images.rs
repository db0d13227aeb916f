//! Images: looking them up and pulling them.

use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::models::CreateImageInfo;
use bollard::query_parameters::{CreateImageOptionsBuilder, TagImageOptionsBuilder};
use futures_util::TryStreamExt;

use super::errors::{CallError, CallResult, within};
use super::{Engine, limits};
use crate::runtime::{ImageInfo, RegistryAuth, Result, RuntimeError};
use crate::time::stopwatch;

/// How often a pull that goes on tells the log so.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

impl Engine {
    pub(super) async fn inspect_image(&self, reference: &str) -> Result<Option<ImageInfo>> {
        if !is_well_formed(reference) {
            return Ok(None);
        }
        self.image(reference).await.map_err(CallError::other)
    }

    async fn image(&self, reference: &str) -> CallResult<Option<ImageInfo>> {
        let found = match within(limits::INSPECT, self.docker.inspect_image(reference)).await {
            Ok(found) => found,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(ImageInfo {
            id: found.id.unwrap_or_default(),
            digest: digest_of(reference, found.repo_digests.as_deref().unwrap_or_default()),
            architecture: found.architecture.unwrap_or_default(),
        }))
    }

    pub(super) async fn pull_image(
        &self,
        reference: &str,
        platform: Option<&str>,
        auth: Option<&RegistryAuth>,
    ) -> Result<ImageInfo> {
        if !is_well_formed(reference) {
            return Err(RuntimeError::Pull {
                message: "invalid reference format".to_owned(),
                retryable: false,
                manifest: true,
            });
        }
        let waited = stopwatch();
        tracing::info!(image = reference, "pulling");
        let mut progress = Progress::default();
        let pull = within(limits::PULL, self.pull(reference, platform, auth, &mut progress)).await;
        pull.map_err(|error| error.pulling(!progress.has_manifest))?;
        let image = self.image(reference).await.map_err(|error| error.pulling(false))?.ok_or_else(|| {
            RuntimeError::Pull { message: format!("No such image: {reference}"), retryable: true, manifest: false }
        })?;
        tracing::info!(image = reference, seconds = waited().as_secs_f32(), "pulled");
        Ok(image)
    }

    pub(super) async fn tag_image(&self, reference: &str, name: &str) -> Result<()> {
        let (repository, tag) = split(name);
        let options = TagImageOptionsBuilder::new().repo(repository).tag(tag).build();
        within(limits::INSPECT, self.docker.tag_image(reference, Some(options)))
            .await
            .map_err(|error| error.pulling(false))
    }

    async fn pull(
        &self,
        reference: &str,
        platform: Option<&str>,
        auth: Option<&RegistryAuth>,
        progress: &mut Progress,
    ) -> Result<(), bollard::errors::Error> {
        let (name, version) = split(reference);
        let mut options = CreateImageOptionsBuilder::new().from_image(name).tag(version);
        if let Some(platform) = platform {
            options = options.platform(platform);
        }
        let options = options.build();
        let credentials = auth.map(|auth| DockerCredentials {
            username: Some(auth.username.clone()),
            password: Some(auth.password.clone()),
            serveraddress: Some(registry_of(name).to_owned()),
            ..DockerCredentials::default()
        });
        let waited = stopwatch();
        let mut told = Duration::ZERO;
        let mut lines = Box::pin(self.docker.create_image(Some(options), None, credentials));
        // Errors that come after the answer has begun are errors of the stream: bollard looks for them.
        while let Some(line) = lines.try_next().await? {
            progress.add(line);
            if waited() >= told + PROGRESS_EVERY {
                told = waited();
                tracing::info!(image = reference, "pulling: {progress}");
            }
        }
        Ok(())
    }
}

/// How far a pull is, from the lines the engine sends about each layer.
#[derive(Default)]
struct Progress {
    /// The engine begins with the layers.
    has_manifest: bool,
    /// Bytes there and in all, for each layer.
    layers: std::collections::BTreeMap<String, (i64, i64)>,
}

impl Progress {
    fn add(&mut self, line: CreateImageInfo) {
        // "Pulling from <repository>" is the first thing it says, once it has the manifest.
        self.has_manifest |= line.status.is_some();
        let Some(layer) = line.id else { return };
        if line.status.as_deref() != Some("Downloading") {
            return;
        }
        if let Some(detail) = line.progress_detail {
            self.layers.insert(layer, (detail.current.unwrap_or(0), detail.total.unwrap_or(0)));
        }
    }
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sum = |pick: fn(&(i64, i64)) -> i64| self.layers.values().map(pick).sum::<i64>() / 1_000_000;
        write!(
            f,
            "{} of {} MB in {} layers",
            sum(|layer| layer.0),
            sum(|layer| layer.1.max(layer.0)),
            self.layers.len()
        )
    }
}

/// Whether it can be a reference at all, so that nothing else gets into the path of a request. The engine checks
/// the rest.
fn is_well_formed(reference: &str) -> bool {
    !reference.is_empty()
        && reference.chars().all(|c| c.is_ascii_alphanumeric() || "._-/:@".contains(c))
        && reference.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

/// The name and the tag or digest; without either the engine would fetch every tag, so it is `latest`.
fn split(reference: &str) -> (&str, &str) {
    if let Some((name, digest)) = reference.split_once('@') {
        return (name, digest);
    }
    // A colon before the last slash belongs to the registry's port.
    match reference.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (reference, "latest"),
    }
}

/// The registry in an image's name: its first part, if that looks like a host.
fn registry_of(name: &str) -> &str {
    match name.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "https://index.docker.io/v1/",
    }
}

/// The digest under which the image was pulled by this name; an image can have several names.
fn digest_of(reference: &str, repo_digests: &[String]) -> Option<String> {
    let wanted = familiar(split(reference).0);
    let digests = || repo_digests.iter().filter_map(|entry| entry.split_once('@'));
    digests()
        .find(|(name, _)| familiar(name) == wanted)
        .or_else(|| digests().next())
        .map(|(_, digest)| digest.to_owned())
}

fn familiar(name: &str) -> &str {
    let name = name.strip_prefix("docker.io/").or_else(|| name.strip_prefix("index.docker.io/")).unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart_as_docker_does() {
        assert_eq!(split("alpine"), ("alpine", "latest"));
        assert_eq!(split("alpine:3.20"), ("alpine", "3.20"));
        assert_eq!(split("localhost:5000/a/b"), ("localhost:5000/a/b", "latest"));
        assert_eq!(split("localhost:5000/a/b:1"), ("localhost:5000/a/b", "1"));
        assert_eq!(split("a@sha256:00"), ("a", "sha256:00"));
        assert_eq!(registry_of("a/b"), "https://index.docker.io/v1/");
        assert_eq!(registry_of("localhost:5000/a/b"), "localhost:5000");
    }

    #[test]
    fn nothing_but_a_reference_gets_into_a_path() {
        assert!(is_well_formed("123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app:v1.2-3"));
        for reference in ["", "a/../../containers/x", "a?b=c", "a b", "/a", "a//b", "a#b", "a%2f"] {
            assert!(!is_well_formed(reference), "{reference}");
        }
    }

    #[test]
    fn the_digest_is_that_of_the_name_it_was_pulled_by() {
        let digests = ["mirror.local/alpine@sha256:11".to_owned(), "alpine@sha256:22".to_owned()];
        assert_eq!(digest_of("docker.io/library/alpine:3", &digests).as_deref(), Some("sha256:22"));
        assert_eq!(digest_of("other", &digests).as_deref(), Some("sha256:11"));
        assert_eq!(digest_of("other", &[]), None);
    }
}
