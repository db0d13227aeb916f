//! Gets the images of a task's containers: looks whether the engine has them, and pulls them as the settings say.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::advance::container_definition;
use super::executor::{Executor, Subject};
use super::next_step::pull_again;
use super::observed::{Image, Seen, Slot};
use super::{reasons, spec};
use crate::config::Config;
use crate::runtime::{ImageInfo, Result, RuntimeError};
use crate::services::ecs::images::{self, Names, PullBehavior};

/// How images are got.
pub(super) struct Pulling {
    behavior: PullBehavior,
    /// `host:port` of a registry that has the images of Amazon ECR.
    mirror: Option<String>,
    attempts: u32,
    timeout: Duration,
    /// What was pulled since the start.
    done: Mutex<HashSet<String>>,
}

impl Pulling {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            behavior: config.image_pull_behavior,
            mirror: config.ecr_mirror.clone(),
            attempts: config.image_pull_attempts.max(1),
            timeout: config.image_pull_timeout,
            done: Mutex::default(),
        }
    }

    /// Whether an image that the engine has is used without asking its registry.
    fn takes_local(&self, names: &Names) -> bool {
        match self.behavior {
            PullBehavior::PreferCached => true,
            PullBehavior::Once => self.done.lock().contains(&names.pull),
            PullBehavior::Default | PullBehavior::Always => false,
        }
    }
}

/// An image that the engine has, under that name.
struct Local {
    reference: String,
    found: ImageInfo,
}

impl Executor {
    /// What was pulled since the start.
    #[cfg(test)]
    pub(super) fn pulling_done(&self) -> HashSet<String> {
        self.pulling.done.lock().clone()
    }

    pub(super) async fn look_for_image(&self, subject: Subject<'_>, name: &Arc<str>) -> Result<()> {
        let names = self.names(subject, name);
        match self.local_image(subject, name, &names).await? {
            Some(local) if self.pulling.takes_local(&names) && fits(subject, &local.found) => {
                take_image(subject, name, local);
            }
            _ => {
                let missing = Image::Missing { attempts: 0, next: None };
                subject.entry.change(|observed| observed.images.insert(name.clone(), missing));
            }
        }
        Ok(())
    }

    /// Pulls once. What can be tried again is, a little later.
    pub(super) async fn pull_one(&self, subject: Subject<'_>, name: &Arc<str>) -> Result<()> {
        let names = self.names(subject, name);
        let error = match self.pull_as(subject, name, &names).await {
            Ok(found) => {
                self.pulling.done.lock().insert(names.pull.clone());
                take_image(subject, name, Local { reference: names.tag.unwrap_or(names.pull), found });
                return Ok(());
            }
            Err(error @ RuntimeError::Unavailable(_)) => return Err(error),
            Err(error) => error,
        };
        let image = image_of(subject, name);
        match self.local_image(subject, name, &names).await? {
            Some(local) if !fits(subject, &local.found) => {
                tracing::warn!(image, %error, "the image is here for another platform, and it can't be pulled for this one");
                take_image(subject, name, local);
                return Ok(());
            }
            Some(local) if matches!(self.pulling.behavior, PullBehavior::Default | PullBehavior::PreferCached) => {
                tracing::warn!(image, %error, "the image can't be pulled; the one that is here is used");
                take_image(subject, name, local);
                return Ok(());
            }
            _ => {}
        }
        let retryable = !matches!(error, RuntimeError::Pull { retryable: false, .. } | RuntimeError::Timeout(_));
        let now = self.clock.now();
        subject.entry.change(|observed| {
            let before = match observed.images.get(name) {
                Some(Image::Missing { attempts, .. }) => *attempts,
                _ => 0,
            };
            let attempts = before + 1;
            if retryable && attempts < self.pulling.attempts {
                tracing::warn!(image, %error, attempts, "the pull failed; trying again");
                let next = Some(pull_again(attempts, now));
                observed.images.insert(name.clone(), Image::Missing { attempts, next });
                return;
            }
            tracing::warn!(image, %error, attempts, "the image can't be pulled");
            let reason = reasons::pull_failed(subject.task, image, attempts, &error);
            observed.take(Slot::Container(name.clone()), Seen::failed(None, reason));
        });
        Ok(())
    }

    async fn pull_as(&self, subject: Subject<'_>, name: &Arc<str>, names: &Names) -> Result<ImageInfo> {
        let labels = labels_of(subject, name);
        let given = subject.entry.given();
        let auth = given.as_ref().and_then(|given| given.registry_auth(name));
        let pull = self.runtime.pull_image(&names.pull, &labels, spec::platform(subject.definition), auth);
        let found = tokio::select! {
            pulled = pull => pulled?,
            () = self.clock.sleep(self.pulling.timeout) => return Err(RuntimeError::Timeout(self.pulling.timeout)),
        };
        if let Some(tag) = &names.tag {
            self.runtime.tag_image(&names.pull, tag).await?;
        }
        Ok(found)
    }

    fn names(&self, subject: Subject<'_>, name: &str) -> Names {
        let container = subject.task.containers.iter().find(|container| *container.name == *name);
        let digest = container.and_then(|container| container.pinned_digest.as_deref());
        images::names(image_of(subject, name), digest, self.pulling.mirror.as_deref())
    }

    /// The container's image, if the engine has it. One that is to be had by its digest may also stand under the name
    /// in the definition.
    async fn local_image(&self, subject: Subject<'_>, name: &str, names: &Names) -> Result<Option<Local>> {
        let labels = labels_of(subject, name);
        let image = image_of(subject, name);
        let exact = names.local.iter().map(|reference| (reference.as_str(), true));
        let pinned = subject.task.containers.iter().find(|container| *container.name == *name);
        let pinned = pinned.and_then(|container| container.pinned_digest.as_deref());
        let by_name = pinned.map(|_| (image, false));
        for (reference, exact) in exact.chain(by_name) {
            match self.runtime.inspect_image(reference, &labels).await {
                Ok(Some(found)) if exact || found.digest.as_deref() == pinned => {
                    return Ok(Some(Local { reference: reference.to_owned(), found }));
                }
                Ok(_) => {}
                Err(error @ RuntimeError::Unavailable(_)) => return Err(error),
                Err(error) => tracing::debug!(reference, %error, "the image could not be looked at"),
            }
        }
        Ok(None)
    }
}

/// Whether the image can run on the platform that the definition names.
fn fits(subject: Subject<'_>, found: &ImageInfo) -> bool {
    spec::platform(subject.definition).is_none_or(|platform| {
        let architecture = platform.rsplit('/').next().unwrap_or_default();
        found.architecture.is_empty() || found.architecture == architecture
    })
}

/// The engine has the container's image; the container can't run when that was built for another platform than the
/// definition names.
fn take_image(subject: Subject<'_>, name: &Arc<str>, Local { reference, found }: Local) {
    let wrong = spec::platform(subject.definition).filter(|_| !fits(subject, &found));
    subject.entry.change(|observed| {
        observed
            .images
            .insert(name.clone(), Image::Here { digest: found.digest.map(|digest| shared(subject, name, digest)) });
        if reference != image_of(subject, name) {
            observed.references.insert(name.clone(), reference);
        }
        if let Some(platform) = wrong {
            let reason = reasons::wrong_platform(subject.task, platform);
            observed.take(Slot::Container(name.clone()), Seen::failed(None, reason));
        }
    });
}

/// The digest; the task's own copy of it, where the task keeps to that version.
fn shared(subject: Subject<'_>, name: &str, digest: String) -> Arc<str> {
    let container = subject.task.containers.iter().find(|container| *container.name == *name);
    let pinned = container.and_then(|container| container.pinned_digest.as_ref());
    pinned.filter(|pinned| ***pinned == *digest).cloned().unwrap_or_else(|| digest.into())
}

/// The image as the definition names it.
fn image_of<'a>(subject: Subject<'a>, name: &str) -> &'a str {
    let container = container_definition(subject.definition, name);
    container.and_then(|container| container.image.as_deref()).unwrap_or_default()
}

/// The labels that the runtime may look at.
fn labels_of(subject: Subject<'_>, name: &str) -> BTreeMap<String, String> {
    let container = container_definition(subject.definition, name);
    container.map(|container| spec::labels(subject.task, container)).unwrap_or_default()
}
