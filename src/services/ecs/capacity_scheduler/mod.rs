//! Gives waiting tasks their instances, and capacity providers as many instances as their tasks need.
//!
//! It looks at one capacity provider at a time. Waiting tasks are placed when instances come or have room again. The pure
//! `scheduler/managed_instances` says which instances to launch and to retire, `scheduler/managed_scaling` how many an
//! Auto Scaling group is to have. Nothing is remembered outside the store.

mod auto_scaling;
mod managed;
mod place;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use api_models::Unexpected;
use async_trait::async_trait;

use super::resources::CapacityProvider;
use super::resources::capacity_provider::{CapacityProviderKey, Kind, all_of, group_name};
use crate::reconcile::{Next, Reconciler};
use crate::services::Shared;
use crate::store::{Change, State, Transaction};

/// Looks at one capacity provider at a time.
pub struct CapacityScheduler {
    pub shared: Arc<Shared>,
}

#[async_trait]
impl Reconciler for CapacityScheduler {
    type Key = CapacityProviderKey;

    fn name(&self) -> &'static str {
        "ecs-capacity-scheduler"
    }

    fn initial(&self, state: &State) -> Vec<CapacityProviderKey> {
        state.capacity_providers.keys().cloned().collect()
    }

    fn touched(&self, change: &Change, state: &State) -> Vec<CapacityProviderKey> {
        match change {
            Change::CapacityProvider(key) => vec![key.clone()],
            // Tasks that end give something back, which changes their instance.
            Change::Task(key) => {
                let waiting = state.tasks.get(key).filter(|task| task.waits());
                let provider = waiting.and_then(|task| task.capacity_provider.as_deref());
                provider.map(|name| CapacityProviderKey::new(&key.scope, name)).into_iter().collect()
            }
            Change::ContainerInstance(key) => {
                let instance = state.container_instances.get(key);
                let provider = instance.and_then(|instance| instance.capacity_provider.as_deref());
                provider.map(|name| CapacityProviderKey::new(&key.scope, name)).into_iter().collect()
            }
            Change::AutoScalingGroup(key) => {
                let of_group = |provider: &&Arc<CapacityProvider>| {
                    let arn = provider.auto_scaling().and_then(|own| own.auto_scaling_group_arn.as_deref());
                    arn.and_then(|arn| group_name(&key.scope, arn)) == Some(&*key.name)
                };
                all_of(state, &key.scope).filter(of_group).map(|provider| provider.key.clone()).collect()
            }
            // It may have gained or lost some.
            Change::Cluster(key) => all_of(state, &key.scope).map(|provider| provider.key.clone()).collect(),
            _ => Vec::new(),
        }
    }

    async fn reconcile(&self, key: &CapacityProviderKey) -> Result<Next, Unexpected> {
        let now = self.shared.clock.now();
        let work = |tx: &mut Transaction| {
            let Some(provider) = tx.capacity_providers.get(key).cloned() else { return Ok(None) };
            place::place_waiting(tx, &self.shared, key);
            let wake = match &provider.kind {
                Kind::ManagedInstances { cluster, provider: settings } => {
                    managed::manage(tx, &self.shared, &provider, cluster, settings, now)
                }
                Kind::AutoScaling(settings) => auto_scaling::manage(tx, &provider, settings, now),
            };
            Ok::<_, Unexpected>(wake)
        };
        let wake = self.shared.store.transact(work).await?;
        Ok(wake.map_or(Next::Idle, Next::At))
    }
}
