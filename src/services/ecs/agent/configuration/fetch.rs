//! Fetches what a task's containers are given, once, before its images.

use std::sync::Arc;

use super::{Resolved, env_file, files_of, is_wanted, list, permissions};
use crate::services::ecs::agent::executor::{Executor, Subject};
use crate::services::ecs::agent::observations::Entry;
use crate::services::ecs::agent::reasons;
use crate::store::State;

/// What came of [`resolve`](super::resolve); the files come to it.
#[derive(Clone, Debug)]
pub(in super::super) enum Configuration {
    /// Secrets are there, files have still to be read.
    Secrets(Resolved),
    Complete(Arc<Resolved>),
    /// Why the task can't start.
    Failed(String),
}

impl Entry {
    /// Looks the task's secrets up in the state, unless that was done; with `strict_iam`, if its roles allow that.
    pub(in super::super) fn look_up_secrets(
        &self,
        state: &State,
        task: &crate::services::ecs::resources::Task,
        definition: &api_models::ecs::TaskDefinition,
        strict_iam: bool,
    ) {
        let mut configuration = self.configuration.lock();
        if configuration.is_some() {
            return;
        }
        if strict_iam && let Err(reason) = permissions::check(state, task, definition) {
            *configuration = Some(Configuration::Failed(reason));
        } else if is_wanted(task, definition) {
            *configuration = Some(match super::resolve(state, task, definition) {
                Ok(resolved) => Configuration::Secrets(resolved),
                Err(reason) => Configuration::Failed(reason),
            });
        }
    }

    /// What the task's containers are given, once it is complete.
    pub(in super::super) fn given(&self) -> Option<Arc<Resolved>> {
        match &*self.configuration.lock() {
            Some(Configuration::Complete(resolved)) => Some(resolved.clone()),
            _ => None,
        }
    }
}

impl Executor {
    /// Completes the configuration. Returns whether the task can go on; if not, the reason is noted.
    pub(in super::super) async fn configure(&self, subject: Subject<'_>) -> bool {
        let Subject { entry, .. } = subject;
        let looked_up = entry.configuration.lock().clone();
        let outcome = match looked_up {
            None | Some(Configuration::Complete(_)) => return true,
            Some(Configuration::Failed(reason)) => Err(reason),
            Some(Configuration::Secrets(mut resolved)) => {
                self.read_files(subject, &mut resolved).await.map(|()| resolved)
            }
        };
        match outcome {
            Ok(resolved) => {
                *entry.configuration.lock() = Some(Configuration::Complete(Arc::new(resolved)));
                true
            }
            Err(reason) => {
                tracing::warn!(task = %subject.task.key.id, reason, "the task's configuration can't be had");
                entry.change(|observed| observed.configuration_failure = Some(reason));
                false
            }
        }
    }

    async fn read_files(&self, subject: Subject<'_>, resolved: &mut Resolved) -> Result<(), String> {
        let Subject { task, definition, .. } = subject;
        let region = task.key.scope.region.as_str();
        let mut faults = Vec::new();
        for container in list(&definition.container_definitions) {
            let name = container.name.clone().unwrap_or_default();
            for file in files_of(task, container) {
                let arn = file.value.as_deref().unwrap_or_default();
                let Some((bucket, key)) = env_file::place(arn) else {
                    faults.push(reasons::env_file_arn(task, arn));
                    continue;
                };
                match self.s3.get(bucket, key, region, self.clock.now()).await {
                    Ok(content) => resolved.0.entry(name.clone()).or_default().files.extend(env_file::parse(&content)),
                    Err(error) => faults.push(reasons::env_file_failed(task, bucket, key, &error)),
                }
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(reasons::env_files_failed(task, &faults)) }
    }
}
