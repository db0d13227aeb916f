//! Daemons, their revisions and their deployments as the API shows them.

use api_models::ecs::{
    self, DaemonCircuitBreaker, DaemonContainerImage, DaemonDeploymentAlarms, DaemonDeploymentCapacityProvider,
    DaemonDeploymentRevisionDetail, DaemonDeploymentRollbackMonitorsStatus as Monitors, DaemonDeploymentStatus,
    DaemonDeploymentSummary, DaemonDetail, DaemonPropagateTags, DaemonRevisionDetail, DaemonRollback, DaemonSummary,
};

use super::deployment::is_over;
use super::{
    Counts, Daemon, DaemonDeployment, DaemonDeploymentKey, DaemonRevision, DaemonRevisionKey, RevisionId, images_of,
};
use crate::identity::Scope;
use crate::store::State;

fn provider_arn(scope: &Scope, name: &str) -> String {
    scope.arn("ecs", &["capacity-provider/", name])
}

impl Daemon {
    /// The ARN of its newest deployment.
    #[must_use]
    pub fn deployment_arn(&self) -> String {
        DaemonDeploymentKey { daemon: self.key.clone(), id: self.deployment.clone() }.arn()
    }

    /// As DescribeDaemon shows it.
    #[must_use]
    pub fn to_api(&self, state: &State) -> DaemonDetail {
        let scope = &self.key.scope;
        let mut revisions: Vec<_> = Counts::of_daemon(state, &self.key).into_iter().collect();
        // The one it should run comes first.
        revisions.sort_by_key(|(id, _)| self.revision.as_ref() != Some(id));
        let detail = |(id, counts): (RevisionId, Counts)| {
            let total = counts.total();
            let providers = counts.0.iter().map(|(name, it)| ecs::DaemonCapacityProvider {
                arn: Some(provider_arn(scope, name)),
                running_count: Some(it.running + it.draining),
                without_daemon_count: Some(it.without),
            });
            DaemonRevisionDetail {
                arn: Some(self.revision_key(&id).arn()),
                capacity_providers: Some(providers.collect()),
                total_running_count: Some(total.running + total.draining),
                total_without_daemon_count: Some(total.without),
            }
        };
        DaemonDetail {
            daemon_arn: Some(self.key.arn()),
            cluster_arn: Some(self.key.cluster().arn()),
            status: Some(self.status.to_api()),
            current_revisions: Some(revisions.into_iter().map(detail).collect()),
            deployment_arn: Some(self.deployment_arn()),
            created_at: Some(self.created_at),
            updated_at: Some(self.updated_at),
        }
    }

    /// As ListDaemons shows it.
    #[must_use]
    pub fn to_summary(&self) -> DaemonSummary {
        DaemonSummary {
            daemon_arn: Some(self.key.arn()),
            status: Some(self.status.to_api()),
            created_at: Some(self.created_at),
            updated_at: Some(self.updated_at),
        }
    }
}

impl DaemonRevision {
    /// As DescribeDaemonRevisions shows it.
    #[must_use]
    pub fn to_api(&self, state: &State) -> ecs::DaemonRevision {
        let image = |image: ecs::ContainerImage| DaemonContainerImage {
            container_name: image.container_name,
            image_digest: image.image_digest,
            image: image.image,
        };
        let propagates = self.propagated_tags.is_some();
        ecs::DaemonRevision {
            daemon_revision_arn: Some(self.key.arn()),
            cluster_arn: Some(self.key.daemon.cluster().arn()),
            daemon_arn: Some(self.key.daemon.arn()),
            daemon_task_definition_arn: Some(self.task_definition.arn()),
            created_at: Some(self.created_at),
            container_images: Some(images_of(state, self).into_iter().map(image).collect()),
            propagate_tags: Some(if propagates { DaemonPropagateTags::Daemon } else { DaemonPropagateTags::None }),
            enable_ecs_managed_tags: Some(self.enable_ecs_managed_tags),
            enable_execute_command: Some(self.enable_execute_command),
            critical: Some(self.critical),
        }
    }
}

impl DaemonDeployment {
    /// As DescribeDaemonDeployments shows it.
    #[must_use]
    pub fn to_api(&self, state: &State) -> ecs::DaemonDeployment {
        let daemon = &self.key.daemon;
        let over = is_over(&self.status);
        let counts = if over {
            self.final_counts.iter().map(|it| (it.revision.clone(), it.counts.clone())).collect()
        } else {
            Counts::of_daemon(state, daemon)
        };
        let detail = |id: &RevisionId| {
            let counts = counts.get(id).cloned().unwrap_or_default();
            let total = counts.total();
            let providers = counts.0.iter().map(|(name, it)| DaemonDeploymentCapacityProvider {
                arn: Some(provider_arn(&daemon.scope, name)),
                running_instance_count: Some(it.running),
                without_daemon_instance_count: Some(it.without),
                draining_instance_count: Some(it.draining),
            });
            DaemonDeploymentRevisionDetail {
                arn: Some(DaemonRevisionKey { daemon: daemon.clone(), id: id.clone() }.arn()),
                capacity_providers: Some(providers.collect()),
                total_running_instance_count: Some(total.running),
                total_without_daemon_instance_count: Some(total.without),
                total_draining_instance_count: Some(total.draining),
            }
        };
        let monitors = |enabled: bool, triggered: bool| match (enabled, triggered) {
            (false, _) => Monitors::Disabled,
            (true, true) => Monitors::Triggered,
            (true, false) if over || self.status == DaemonDeploymentStatus::RollbackInProgress => {
                Monitors::MonitoringComplete
            }
            (true, false) => Monitors::Monitoring,
        };
        let alarms = self.configuration.alarms.as_deref();
        let watches = alarms.is_some_and(|alarms| alarms.enable == Some(true));
        let rollback = self.rollback.as_ref().map(|rollback| {
            let target = DaemonRevisionKey { daemon: daemon.clone(), id: rollback.revision.clone() };
            let providers = rollback.capacity_providers.iter().map(|name| provider_arn(&daemon.scope, name));
            Box::new(DaemonRollback {
                reason: Some(rollback.reason.clone()),
                started_at: Some(rollback.started_at),
                rollback_target_daemon_revision_arn: Some(target.arn()),
                rollback_capacity_providers: Some(providers.collect()),
            })
        });
        ecs::DaemonDeployment {
            daemon_deployment_arn: Some(self.key.arn()),
            cluster_arn: Some(daemon.cluster().arn()),
            status: Some(self.status.clone()),
            status_reason: self.status_reason.clone(),
            target_daemon_revision: self.target.as_ref().map(|id| Box::new(detail(id))),
            source_daemon_revisions: Some(self.sources.iter().map(detail).collect()),
            circuit_breaker: Some(Box::new(DaemonCircuitBreaker {
                failure_count: Some(self.failure_count),
                status: Some(monitors(true, self.breaker_triggered)),
                threshold: Some(self.threshold),
            })),
            alarms: Some(Box::new(DaemonDeploymentAlarms {
                status: Some(monitors(watches, !self.triggered_alarms.is_empty())),
                alarm_names: Some(alarms.and_then(|alarms| alarms.alarm_names.clone()).unwrap_or_default()),
                triggered_alarm_names: Some(self.triggered_alarms.clone()),
            })),
            rollback,
            deployment_configuration: Some(Box::new(self.configuration.clone())),
            created_at: Some(self.created_at),
            started_at: self.started_at,
            stopped_at: self.stopped_at,
            finished_at: self.finished_at,
        }
    }

    /// As ListDaemonDeployments shows it.
    #[must_use]
    pub fn to_summary(&self) -> DaemonDeploymentSummary {
        let daemon = &self.key.daemon;
        let target = self.target.as_ref().map(|id| DaemonRevisionKey { daemon: daemon.clone(), id: id.clone() }.arn());
        DaemonDeploymentSummary {
            daemon_deployment_arn: Some(self.key.arn()),
            daemon_arn: Some(daemon.arn()),
            cluster_arn: Some(daemon.cluster().arn()),
            status: Some(self.status.clone()),
            status_reason: self.status_reason.clone(),
            target_daemon_revision_arn: target,
            created_at: Some(self.created_at),
            started_at: self.started_at,
            stopped_at: self.stopped_at,
            finished_at: self.finished_at,
        }
    }
}
