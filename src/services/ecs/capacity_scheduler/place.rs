//! Waiting tasks get their instances.

use std::sync::Arc;

use crate::services::Shared;
use crate::services::ecs::resources::capacity_provider::{CapacityProviderKey, instances_for};
use crate::services::ecs::resources::reservation::{self, Needs};
use crate::services::ecs::resources::{ContainerInstance, Task, TaskDefinition, alike, where_to};
use crate::services::ecs::scheduler::constraints::Constraints;
use crate::services::ecs::scheduler::placement::{self, Candidate, Requirements, Strategy, ZONE_ATTRIBUTE};
use crate::store::{State, Transaction};

/// Waiting tasks that are made alike.
pub(super) struct Batch {
    pub(super) tasks: Vec<Arc<Task>>,
    pub(super) definition: Arc<TaskDefinition>,
    pub(super) rendered: api_models::ecs::TaskDefinition,
    pub(super) constraints: Constraints,
    strategies: Vec<Strategy>,
}

impl Batch {
    /// What one of them asks of an instance.
    pub(super) fn requirements(&self) -> Requirements<'_> {
        let task = &self.tasks[0];
        let needs = Needs::of(&self.definition.definition, &task.overrides);
        Requirements::of(needs, &self.rendered).under(&self.constraints, &task.group)
    }
}

/// The tasks that wait for the provider, those that wait longest first.
pub(super) fn waiting(state: &State, provider: &CapacityProviderKey) -> Vec<Batch> {
    let mut tasks: Vec<Arc<Task>> =
        state.waiting_tasks.of(provider).filter_map(|key| state.tasks.get(key).cloned()).collect();
    tasks.sort_by(|one, other| (one.created_at, &one.key).cmp(&(other.created_at, &other.key)));
    let mut batches: Vec<Batch> = Vec::new();
    for task in tasks {
        if let Some(batch) = batches.last_mut().filter(|batch| alike(&batch.tasks[0], &task)) {
            batch.tasks.push(task);
            continue;
        }
        batches.extend(batch(state, task));
    }
    batches
}

/// `None` when what it depends on is gone: it waits for ever, until somebody stops it.
fn batch(state: &State, task: Arc<Task>) -> Option<Batch> {
    let definition = task.definition(state)?.clone();
    let waiting = task.waiting.as_deref()?;
    let constraints = where_to::constraints(&waiting.constraints, &definition).ok()?;
    let mut strategies = where_to::strategies(&waiting.strategy).ok()?;
    if strategies.is_empty() && task.service.is_some() {
        strategies = vec![Strategy::SpreadAttribute(ZONE_ATTRIBUTE.to_owned()), Strategy::SpreadInstances];
    }
    Some(Batch { rendered: definition.render(), definition, constraints, strategies, tasks: vec![task] })
}

/// Places what has room now.
pub(super) fn place_waiting(tx: &mut Transaction, shared: &Shared, provider: &CapacityProviderKey) {
    for batch in waiting(tx, provider) {
        let cluster = batch.tasks[0].key.cluster();
        let instances: Vec<Arc<ContainerInstance>> = instances_for(tx, &cluster, Some(&provider.name));
        if instances.is_empty() {
            continue;
        }
        let requirements = batch.requirements();
        let placed: Vec<usize> = {
            let all = instances.iter().map(|instance| &**instance);
            let candidates = Candidate::with_loads(all, &tx.instance_loads, &batch.tasks[0].group);
            let mut random = |bound| shared.ids.below(bound);
            placement::place(&candidates, &requirements, &batch.strategies, batch.tasks.len(), &mut random).placements
        };
        for (turn, (index, task)) in placed.into_iter().zip(&batch.tasks).enumerate() {
            let Some(reserved) = reservation::reserve(tx, &instances[index].key, &requirements.needs) else { continue };
            tx.update(&task.key, |task: &mut Task| {
                task.place_on(&instances[index], reserved, &batch.definition.definition, turn);
                true
            });
        }
    }
}
