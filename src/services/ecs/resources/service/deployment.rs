//! Service deployments: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html>

use std::cmp::Reverse;
use std::sync::Arc;

use api_models::ecs::{
    self, DeploymentConfiguration, DeploymentLifecycleHookDetail, ServiceDeploymentAlarms, ServiceDeploymentBrief,
    ServiceDeploymentCircuitBreaker, ServiceDeploymentLifecycleStage, ServiceDeploymentRollbackMonitorsStatus,
    ServiceDeploymentStatus, ServiceRevisionSummary, ThresholdType,
};
use serde::{Deserialize, Serialize};

use super::{Counts, Course, DeploymentId, ServiceKey, ServiceRevisionKey};
use crate::store::{Record, State};
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ServiceDeploymentKey {
    pub service: ServiceKey,
    /// 22 letters and digits.
    pub id: Arc<str>,
}

impl ServiceDeploymentKey {
    #[must_use]
    pub fn arn(&self) -> String {
        let service = &self.service;
        service.scope.arn("ecs", &["service-deployment/", &service.cluster, "/", &service.name, "/", &self.id])
    }
}

/// The revision a deployment went back to, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    pub reason: String,
    pub started_at: Timestamp,
    pub revision: DeploymentId,
}

/// What the tasks of a revision were when the deployment ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinalCounts {
    pub revision: DeploymentId,
    pub counts: Counts,
}

/// How a service was brought, or is being brought, to a revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceDeployment {
    pub key: ServiceDeploymentKey,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    pub stopped_at: Option<Timestamp>,
    pub updated_at: Timestamp,
    /// The revisions that had tasks when it began.
    pub sources: Vec<DeploymentId>,
    pub target: DeploymentId,
    pub status: ServiceDeploymentStatus,
    pub status_reason: Option<String>,
    /// How far it is, when it goes through lifecycle stages.
    #[serde(default)]
    pub course: Option<Course>,
    /// When the bake time of a rolling deployment began.
    #[serde(default)]
    pub bakes_since: Option<Timestamp>,
    /// As the service had it when it began.
    pub configuration: DeploymentConfiguration,
    pub rollback: Option<Rollback>,
    /// The desired count when it began: what the circuit breaker's threshold is a part of.
    pub desired_count: i32,
    pub failure_count: i32,
    /// The circuit breaker stopped it.
    pub breaker_triggered: bool,
    /// One of its alarms rang already when it began: AWS does not watch them then.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html>
    #[serde(default)]
    pub alarms_ignored: bool,
    /// The alarms that stopped it.
    pub triggered_alarms: Vec<String>,
    /// Once it is over; before that, counts are taken from the tasks.
    pub final_counts: Vec<FinalCounts>,
}

impl Record for ServiceDeployment {
    type Key = ServiceDeploymentKey;

    fn key(&self) -> ServiceDeploymentKey {
        self.key.clone()
    }
}

/// Whether a service deployment of this status will not change any more.
#[must_use]
pub fn is_over(status: &ServiceDeploymentStatus) -> bool {
    matches!(
        status,
        ServiceDeploymentStatus::Successful
            | ServiceDeploymentStatus::Stopped
            | ServiceDeploymentStatus::RollbackSuccessful
            | ServiceDeploymentStatus::RollbackFailed
    )
}

/// How many consecutive failures the circuit breaker tolerates; `None` when it is off. Half of the desired count, at
/// least 3 and at most 200, unless `thresholdConfiguration` says otherwise.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>
#[must_use]
pub fn breaker_threshold(configuration: &DeploymentConfiguration, desired_count: i32) -> Option<i32> {
    let breaker = configuration.deployment_circuit_breaker.as_ref().filter(|breaker| breaker.enable == Some(true))?;
    let given = breaker.threshold_configuration.as_ref();
    let value = given.and_then(|given| given.value).unwrap_or(50).max(0);
    let part = || {
        let hundredths = i64::from(desired_count.max(0)) * i64::from(value);
        i32::try_from((hundredths + 99) / 100).unwrap_or(i32::MAX)
    };
    Some(match given.and_then(|given| given.r#type.as_ref()) {
        Some(ThresholdType::Count) => value.max(1),
        Some(ThresholdType::UnboundedPercent) => part().max(1),
        _ => part().clamp(3, 200),
    })
}

/// A service's deployments, in no useful order.
pub fn deployments_of<'a>(
    state: &'a State,
    service: &ServiceKey,
) -> impl Iterator<Item = &'a Arc<ServiceDeployment>> + use<'a> {
    let key = |id: &str| ServiceDeploymentKey { service: service.clone(), id: id.into() };
    state.service_deployments.range(key("")..key("\u{10ffff}")).map(|(_, deployment)| deployment)
}

/// A service's deployments, newest first.
#[must_use]
pub fn ordered_by_age<'a>(state: &'a State, service: &ServiceKey) -> Vec<&'a Arc<ServiceDeployment>> {
    let mut deployments: Vec<_> = deployments_of(state, service).collect();
    deployments.sort_by_key(|deployment| (Reverse(deployment.created_at), Reverse(deployment.key.id.clone())));
    deployments
}

impl ServiceDeployment {
    fn revision_arn(&self, id: &DeploymentId) -> String {
        ServiceRevisionKey { service: self.key.service.clone(), id: id.clone() }.arn()
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        is_over(&self.status)
    }

    fn summary(&self, state: &State, id: &DeploymentId) -> ServiceRevisionSummary {
        let ended = self.final_counts.iter().find(|ended| ended.revision == *id).map(|ended| ended.counts);
        let counts = match ended {
            Some(counts) => counts,
            None if self.is_over() => Counts::default(),
            None => Counts::of_deployment(state, &self.key.service, id),
        };
        ServiceRevisionSummary {
            arn: Some(self.revision_arn(id)),
            requested_task_count: Some(counts.desired),
            running_task_count: Some(counts.running),
            pending_task_count: Some(counts.pending),
            requested_test_traffic_weight: self.weight(id, |course| course.test),
            requested_production_traffic_weight: self.weight(id, |course| course.production),
        }
    }

    /// How much of the traffic is to go to a revision, in percent, when that is shifted.
    fn weight(&self, id: &DeploymentId, of_target: impl Fn(&Course) -> f64) -> Option<f64> {
        let course = self.course.as_ref()?;
        Some(match *id == self.target {
            true => of_target(course),
            false if course.blue.as_ref() == Some(id) => 100.0 - of_target(course),
            false => 0.0,
        })
    }

    fn stage(&self) -> Option<ServiceDeploymentLifecycleStage> {
        let of_course = self.course.as_ref().map(|course| course.stage.to_api());
        of_course.or_else(|| self.bakes_since.map(|_| ServiceDeploymentLifecycleStage::BakeTime))
    }

    /// As DescribeServiceDeployments shows it.
    #[must_use]
    pub fn to_api(&self, state: &State) -> ecs::ServiceDeployment {
        let service = &self.key.service;
        ecs::ServiceDeployment {
            service_deployment_arn: Some(self.key.arn()),
            service_arn: Some(service.arn()),
            cluster_arn: Some(service.cluster().arn()),
            created_at: Some(self.created_at),
            started_at: self.started_at,
            finished_at: self.finished_at,
            stopped_at: self.stopped_at,
            updated_at: Some(self.updated_at),
            source_service_revisions: Some(self.sources.iter().map(|id| self.summary(state, id)).collect()),
            target_service_revision: Some(Box::new(self.summary(state, &self.target))),
            status: Some(self.status.clone()),
            status_reason: self.status_reason.clone(),
            lifecycle_stage: self.stage(),
            lifecycle_hook_details: self.hooks(),
            deployment_configuration: Some(Box::new(self.configuration.clone())),
            rollback: self.rollback.as_ref().map(|rollback| {
                Box::new(ecs::Rollback {
                    reason: Some(rollback.reason.clone()),
                    started_at: Some(rollback.started_at),
                    service_revision_arn: Some(self.revision_arn(&rollback.revision)),
                })
            }),
            deployment_circuit_breaker: Some(Box::new(self.breaker())),
            alarms: self.alarms().map(Box::new),
        }
    }

    fn hooks(&self) -> Option<Vec<DeploymentLifecycleHookDetail>> {
        let hooks = &self.course.as_ref()?.hooks;
        (!hooks.is_empty()).then(|| hooks.iter().map(super::HookRun::to_api).collect())
    }

    fn monitor(&self, enabled: bool, triggered: bool) -> ServiceDeploymentRollbackMonitorsStatus {
        match (enabled, triggered, self.is_over()) {
            (false, ..) => ServiceDeploymentRollbackMonitorsStatus::Disabled,
            (true, true, _) => ServiceDeploymentRollbackMonitorsStatus::Triggered,
            (true, false, true) => ServiceDeploymentRollbackMonitorsStatus::MonitoringComplete,
            (true, false, false) => ServiceDeploymentRollbackMonitorsStatus::Monitoring,
        }
    }

    fn breaker(&self) -> ServiceDeploymentCircuitBreaker {
        let threshold = breaker_threshold(&self.configuration, self.desired_count);
        ServiceDeploymentCircuitBreaker {
            status: Some(self.monitor(threshold.is_some(), self.breaker_triggered)),
            failure_count: Some(self.failure_count),
            threshold: Some(threshold.unwrap_or(0)),
        }
    }

    fn alarms(&self) -> Option<ServiceDeploymentAlarms> {
        let alarms = self.configuration.alarms.as_ref()?;
        Some(ServiceDeploymentAlarms {
            status: Some(self.monitor(alarms.enable == Some(true), !self.triggered_alarms.is_empty())),
            alarm_names: alarms.alarm_names.clone(),
            triggered_alarm_names: Some(self.triggered_alarms.clone()),
        })
    }

    /// As ListServiceDeployments shows it.
    #[must_use]
    pub fn to_brief(&self) -> ServiceDeploymentBrief {
        let service = &self.key.service;
        ServiceDeploymentBrief {
            service_deployment_arn: Some(self.key.arn()),
            service_arn: Some(service.arn()),
            cluster_arn: Some(service.cluster().arn()),
            started_at: self.started_at,
            created_at: Some(self.created_at),
            finished_at: self.finished_at,
            target_service_revision_arn: Some(self.revision_arn(&self.target)),
            status: Some(self.status.clone()),
            status_reason: self.status_reason.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use api_models::ecs::{DeploymentCircuitBreaker, ThresholdConfiguration};

    use super::*;

    #[test]
    fn the_breakers_threshold_is_a_bounded_half_unless_configured() {
        let with = |threshold: Option<(ThresholdType, i32)>| DeploymentConfiguration {
            deployment_circuit_breaker: Some(Box::new(DeploymentCircuitBreaker {
                enable: Some(true),
                threshold_configuration: threshold
                    .map(|(kind, value)| Box::new(ThresholdConfiguration { r#type: Some(kind), value: Some(value) })),
                ..DeploymentCircuitBreaker::default()
            })),
            ..DeploymentConfiguration::default()
        };
        assert_eq!(breaker_threshold(&DeploymentConfiguration::default(), 10), None);
        for (desired, expected) in [(0, 3), (1, 3), (7, 4), (25, 13), (400, 200), (800, 200)] {
            assert_eq!(breaker_threshold(&with(None), desired), Some(expected), "{desired}");
        }
        assert_eq!(breaker_threshold(&with(Some((ThresholdType::Count, 1))), 10), Some(1));
        assert_eq!(breaker_threshold(&with(Some((ThresholdType::UnboundedPercent, 100))), 1), Some(1));
        assert_eq!(breaker_threshold(&with(Some((ThresholdType::BoundedPercent, 100))), 1000), Some(200));
    }
}
