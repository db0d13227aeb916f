//! The life of a revision: registered, deregistered, in deletion, gone. The family's record is kept in step.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use api_models::Timestamp;

use super::{
    Prepared, TaskDefinition, TaskDefinitionFamily, TaskDefinitionFamilyKey, TaskDefinitionKey, TaskDefinitionStatus,
};
use crate::services::ecs::resources::TaskStatus;
use crate::services::ecs::resources::service::ServiceStatus;
use crate::store::{State, Transaction};

/// How long a revision stays DELETE_IN_PROGRESS at least, so that clients see that it does. ECS names no time.
const DELETION_DELAY: Duration = Duration::from_secs(60 * 60);

/// Adds the next revision of its family. Numbers are never used twice.
pub fn register(tx: &mut Transaction, prepared: &Prepared, now: Timestamp) -> Arc<TaskDefinition> {
    let key = TaskDefinitionFamilyKey { scope: prepared.scope.clone(), family: prepared.family.clone() };
    let mut family = tx
        .task_definition_families
        .get(&key)
        .map(|family| TaskDefinitionFamily::clone(family))
        .unwrap_or(TaskDefinitionFamily { key, latest_revision: 0, latest_active: None, inactive: 0, deleting: 0 });
    family.latest_revision += 1;
    family.latest_active = Some(family.latest_revision);
    let definition = Arc::new(TaskDefinition {
        // The names are shared with the family's record: they are stored once.
        key: revision(&family.key, family.latest_revision),
        status: TaskDefinitionStatus::Active,
        registered_at: now,
        deregistered_at: None,
        delete_requested_at: None,
        compatibilities: prepared.compatibilities,
        definition: prepared.packed.clone(),
        tags: prepared.tags.clone(),
    });
    tx.put(family);
    tx.put_arc(definition.clone());
    definition
}

/// Makes an ACTIVE revision INACTIVE; any other stays what it is.
pub fn deregister(tx: &mut Transaction, definition: &Arc<TaskDefinition>, now: Timestamp) -> Arc<TaskDefinition> {
    if definition.status != TaskDefinitionStatus::Active {
        return definition.clone();
    }
    let changed = Arc::new(TaskDefinition {
        status: TaskDefinitionStatus::Inactive,
        deregistered_at: Some(now),
        ..TaskDefinition::clone(definition)
    });
    tx.put_arc(changed.clone());
    let family = definition.key.family();
    let latest = latest_active(tx, &family);
    tx.update::<TaskDefinitionFamily>(&family, |family| {
        family.latest_active = latest;
        family.inactive += 1;
        true
    });
    changed
}

/// Makes an INACTIVE revision DELETE_IN_PROGRESS; any other stays what it is.
pub fn request_deletion(tx: &mut Transaction, definition: &Arc<TaskDefinition>, now: Timestamp) -> Arc<TaskDefinition> {
    if definition.status != TaskDefinitionStatus::Inactive {
        return definition.clone();
    }
    let changed = Arc::new(TaskDefinition {
        status: TaskDefinitionStatus::DeleteInProgress,
        delete_requested_at: Some(now),
        ..TaskDefinition::clone(definition)
    });
    tx.put_arc(changed.clone());
    tx.update::<TaskDefinitionFamily>(&definition.key.family(), |family| {
        family.inactive = family.inactive.saturating_sub(1);
        family.deleting += 1;
        true
    });
    changed
}

/// Removes a revision that [`can_be_deleted`]; its family stays, for the number.
pub fn delete(tx: &mut Transaction, key: &TaskDefinitionKey) {
    if tx.delete::<TaskDefinition>(key).is_some() {
        tx.update::<TaskDefinitionFamily>(&key.family(), |family| {
            family.deleting = family.deleting.saturating_sub(1);
            true
        });
    }
}

/// When a revision that is DELETE_IN_PROGRESS may go: once no task that is not STOPPED and no service uses it, after a while in which
/// it can still be described. `None` when it must not go for now (or there is none to delete).
#[must_use]
pub fn can_be_deleted(state: &State, key: &TaskDefinitionKey) -> Option<Timestamp> {
    let definition = state.task_definitions.get(key)?;
    let requested = definition.delete_requested_at?;
    let in_use = definition.status != TaskDefinitionStatus::DeleteInProgress
        || is_deployed(state, key)
        || state.tasks.values().any(|task| {
            task.task_definition == *key && task.daemon.is_none() && task.last_status != TaskStatus::Stopped
        });
    (!in_use).then(|| requested.saturating_add(DELETION_DELAY))
}

/// Whether a service could start tasks of it: by one of its deployments, or by a rollback.
fn is_deployed(state: &State, key: &TaskDefinitionKey) -> bool {
    state.services.values().any(|service| {
        let deployed = service.deployments.iter().map(|deployment| &deployment.id).chain(&service.last_completed);
        let mut revisions = deployed.filter_map(|id| state.service_revisions.get(&service.revision_key(id)));
        service.status != ServiceStatus::Inactive && revisions.any(|revision| revision.spec.task_definition == *key)
    })
}

/// All revisions of a family there can be.
pub(super) fn all(family: &TaskDefinitionFamilyKey) -> RangeInclusive<TaskDefinitionKey> {
    revision(family, 0)..=revision(family, i32::MAX)
}

fn revision(family: &TaskDefinitionFamilyKey, revision: i32) -> TaskDefinitionKey {
    TaskDefinitionKey { scope: family.scope.clone(), family: family.family.clone(), revision }
}

fn latest_active(state: &State, family: &TaskDefinitionFamilyKey) -> Option<i32> {
    let mut revisions = state.task_definitions.range(all(family)).rev();
    revisions.find(|(_, definition)| definition.status == TaskDefinitionStatus::Active).map(|(key, _)| key.revision)
}
