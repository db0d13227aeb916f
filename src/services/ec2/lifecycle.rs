//! Carries instances from one phase to the next: to running and into their cluster, to their end and out of it.
//!
//! Nothing boots here, so an instance is running as soon as somebody looks at it again. When the cluster that its user
//! data names is not there yet, it joins once it is: the agent on a real instance tries again and again.

use std::sync::Arc;
use std::time::Duration;

use api_models::Unexpected;
use api_models::ecs::{Attribute, Tag};
use async_trait::async_trait;

use super::instance_types;
use super::resources::{Instance, InstanceKey, Phase};
use crate::reconcile::{Next, Reconciler};
use crate::services::Shared;
use crate::services::autoscaling::resources::{GroupKey, change};
use crate::services::ecs::resources::capacity_provider;
use crate::services::ecs::resources::container_instance::ending;
use crate::services::ecs::resources::container_instance::launch::{LaunchError, NewInstance, launch};
use crate::services::ecs::resources::container_instance::{Origin, attributes};
use crate::services::ecs::resources::{ClusterKey, ClusterStatus};
use crate::store::{Change, State, Transaction};
use crate::time::Timestamp;

/// How long a terminated instance is still described; on AWS "for about an hour".
const REMEMBERED: Duration = Duration::from_secs(3600);

/// Looks at one instance.
pub struct InstanceLifecycle {
    pub shared: Arc<Shared>,
}

/// What is to be done with an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Run,
    Join,
    Stop,
    End,
    Forget,
    Wait(Timestamp),
    Nothing,
}

/// Decides; `can_join` says whether the cluster it wants is there.
fn next(instance: &Instance, can_join: bool, now: Timestamp) -> Step {
    match instance.phase {
        Phase::Pending => Step::Run,
        Phase::Running if instance.joined.is_none() && can_join => Step::Join,
        Phase::Stopping => Step::Stop,
        Phase::ShuttingDown => Step::End,
        Phase::Terminated => match instance.ended_at.map(|ended| ended.saturating_add(REMEMBERED)) {
            Some(due) if due > now => Step::Wait(due),
            _ => Step::Forget,
        },
        Phase::Running | Phase::Stopped => Step::Nothing,
    }
}

/// The cluster that the instance is to join.
fn cluster_of(instance: &Instance) -> Option<ClusterKey> {
    let name = instance.cluster.as_deref()?;
    Some(ClusterKey { scope: instance.key.scope.clone(), name: name.into() })
}

fn can_join(state: &State, instance: &Instance) -> bool {
    let cluster = cluster_of(instance).and_then(|key| state.clusters.get(&key));
    cluster.is_some_and(|cluster| cluster.status == ClusterStatus::Active)
}

impl InstanceLifecycle {
    fn step(&self, tx: &mut Transaction, key: &InstanceKey) -> Option<Timestamp> {
        // Each step may be followed by another.
        loop {
            let instance = Instance::clone(tx.ec2_instances.get(key)?);
            let now = self.shared.clock.now();
            match next(&instance, can_join(tx, &instance), now) {
                Step::Run => {
                    // One that was stopped comes back to its cluster.
                    if let Some(joined) = &instance.joined {
                        ending::connect(tx, joined, true);
                    }
                    tx.update(key, |it: &mut Instance| {
                        it.phase = Phase::Running;
                        true
                    });
                }
                Step::Join => {
                    if !self.join(tx, &instance) {
                        return None;
                    }
                }
                Step::Stop => {
                    if let Some(joined) = &instance.joined {
                        ending::stop(tx, joined, now);
                    }
                    tx.update(key, |it: &mut Instance| {
                        it.phase = Phase::Stopped;
                        true
                    });
                }
                Step::End => {
                    if let Some(joined) = &instance.joined {
                        ending::terminate(tx, joined, now);
                    }
                    tx.update(key, |it: &mut Instance| {
                        it.phase = Phase::Terminated;
                        it.ended_at = Some(now);
                        true
                    });
                }
                Step::Forget => {
                    tx.delete::<Instance>(key);
                    return None;
                }
                Step::Wait(until) => return Some(until),
                Step::Nothing => return None,
            }
        }
    }

    /// Whether it joined.
    fn join(&self, tx: &mut Transaction, instance: &Instance) -> bool {
        let Some(cluster) = cluster_of(instance) else { return false };
        let Some(kind) = instance_types::find(&instance.instance_type) else { return false };
        let settings = instance.agent_settings();
        let mut new = NewInstance::new(cluster, kind, &instance.zone, Origin::Ec2);
        new.ec2_instance_id = Some(instance.id().to_owned());
        new.image_id = Some(instance.image_id.clone());
        new.subnet_id = Some(instance.subnet.clone());
        new.reserved_memory = settings.reserved_memory;
        new.attributes = settings.attributes.iter().map(|(name, value)| attribute(name, value)).collect();
        let own = settings.tags.iter().chain(instance.tags.iter().filter(|(key, _)| {
            settings.propagates_tags && !key.starts_with("aws:") && !settings.tags.contains_key(*key)
        }));
        new.capacity_provider = provider_of(tx, instance, &new.cluster);
        new.tags = own.map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect();
        match launch(tx, &self.shared, new) {
            Ok(joined) => {
                tx.update(&instance.key, |it: &mut Instance| {
                    it.joined = Some(joined.key.clone());
                    true
                });
                true
            }
            // The agent of a real instance would stop with the same in its log.
            Err(error @ (LaunchError::Invalid(_) | LaunchError::NoCluster { .. } | LaunchError::NoZone { .. })) => {
                tracing::warn!(instance = instance.id(), %error, "the instance can not join its cluster");
                false
            }
        }
    }
}

/// The capacity provider of the cluster whose Auto Scaling group launched the instance.
fn provider_of(state: &State, instance: &Instance, cluster: &ClusterKey) -> Option<String> {
    let scope = &cluster.scope;
    let group = GroupKey::new(scope, instance.group.as_deref()?);
    let is_its = |name: &&String| match capacity_provider::active(state, scope, name).map(|provider| &provider.kind) {
        Some(capacity_provider::Kind::AutoScaling(provider)) => {
            let arn = provider.auto_scaling_group_arn.as_deref().unwrap_or_default();
            change::by_arn(state, scope, arn).is_some_and(|found| found.key == group)
        }
        _ => false,
    };
    state.clusters.get(cluster)?.capacity_providers.iter().find(is_its).cloned()
}

fn attribute(name: &str, value: &str) -> Attribute {
    attributes::attribute(name, Some(value).filter(|value| !value.is_empty()))
}

#[async_trait]
impl Reconciler for InstanceLifecycle {
    type Key = InstanceKey;

    fn name(&self) -> &'static str {
        "ec2-instances"
    }

    fn initial(&self, state: &State) -> Vec<InstanceKey> {
        state.ec2_instances.keys().cloned().collect()
    }

    fn touched(&self, change: &Change, state: &State) -> Vec<InstanceKey> {
        match change {
            Change::Ec2Instance(key) => vec![key.clone()],
            Change::Cluster(cluster) => {
                let waiting =
                    state.ec2_instances.values().filter(|it| it.phase == Phase::Running && it.joined.is_none());
                waiting.filter(|it| cluster_of(it).as_ref() == Some(cluster)).map(|it| it.key.clone()).collect()
            }
            _ => Vec::new(),
        }
    }

    async fn reconcile(&self, key: &InstanceKey) -> Result<Next, Unexpected> {
        let state = self.shared.store.snapshot();
        let Some(instance) = state.ec2_instances.get(key) else { return Ok(Next::Idle) };
        match next(instance, can_join(&state, instance), self.shared.clock.now()) {
            Step::Nothing => return Ok(Next::Idle),
            Step::Wait(until) => return Ok(Next::At(until)),
            _ => {}
        }
        let work = |tx: &mut Transaction| Ok::<_, Unexpected>(self.step(tx, key));
        Ok(self.shared.store.transact(work).await?.map_or(Next::Idle, Next::At))
    }
}
