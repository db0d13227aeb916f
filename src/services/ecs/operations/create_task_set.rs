//! CreateTaskSet: tasks of a service whose deployments somebody else controls.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateTaskSet.html>

use api_models::ecs::{CreateTaskSetError, CreateTaskSetRequest, CreateTaskSetResponse, InvalidParameterException};

use crate::services::Context;
use crate::services::ecs::resources::idempotency::{self, IdempotencyKey, IdempotencyToken};
use crate::services::ecs::resources::service::checks::{self, Ties};
use crate::services::ecs::resources::service::{
    Asked, MAX_TASK_SETS, TaskSet, TaskSetKey, launch, new_deployment_id, task_set_key, task_sets_of,
};
use crate::services::ecs::resources::{lookup, runnable_task_definition, tags};

fn invalid(message: impl Into<String>) -> CreateTaskSetError {
    InvalidParameterException::new(message).into()
}

/// Answers as soon as the task set is written down; its tasks come later. Without a scale it has none.
pub(crate) async fn handle(
    context: Context,
    mut input: CreateTaskSetRequest,
) -> Result<CreateTaskSetResponse, CreateTaskSetError> {
    let token = input.client_token.take().filter(|token| !token.is_empty());
    let identity = match token {
        Some(token) => {
            idempotency::check_token(&token)?;
            Some((token, idempotency::fingerprint(&input)?))
        }
        None => None,
    };
    tags::validate(input.tags.as_deref().unwrap_or_default())?;
    let percent = input.scale.as_deref().map(checks::scale).transpose()?.unwrap_or(0.0);
    Ties {
        load_balancers: input.load_balancers.as_deref().unwrap_or_default(),
        service_registries: input.service_registries.as_deref().unwrap_or_default(),
        ..Ties::default()
    }
    .check()?;
    context
        .store()
        .transact(|tx| {
            let now = context.now();
            let cluster = lookup::active_cluster(tx, &context.scope, input.cluster.as_deref())?.clone();
            let service =
                checks::controlled_outside::<CreateTaskSetError>(tx, &cluster.key, input.service.as_deref())?.clone();
            let repeated = identity.map(|(token, fingerprint)| {
                let operation = "CreateTaskSet".to_owned();
                (IdempotencyKey { scope: context.scope.clone(), operation, token }, fingerprint)
            });
            if let Some((token, fingerprint)) = &repeated {
                // The error that other operations have for this is none of CreateTaskSet's.
                let earlier = idempotency::recall(tx, token, fingerprint, now)
                    .map_err(|_| invalid("Creation of TaskSet was not idempotent."))?; // (ours)
                let earlier = earlier.and_then(|arns| arns.into_iter().next());
                let key = earlier.map(|arn| task_set_key(&service.key, &arn)).transpose()?.flatten();
                if let Some(set) = key.and_then(|key| tx.task_sets.get(&key)) {
                    return Ok(CreateTaskSetResponse { task_set: Some(Box::new(set.to_api(tx, true))) });
                }
            }
            let present = task_sets_of(tx, &service.key).count();
            if present >= MAX_TASK_SETS {
                return Err(invalid(format!(
                    "{present} deployments exist on the service. Unable to create new TaskSet since this exceeds the \
                     maximum limit."
                )));
            }
            let definition = runnable_task_definition(tx, &context.scope, input.task_definition.as_deref())?.clone();
            let asked = Asked {
                launch_type: input.launch_type.take(),
                capacity_provider_strategy: input.capacity_provider_strategy.take(),
                platform_version: input.platform_version.take(),
                network_configuration: input.network_configuration.take().map(|network| *network),
                ..Asked::default()
            };
            let spec = asked.spec(tx, &cluster, &definition)?;
            let key = TaskSetKey { service: service.key.clone(), id: new_deployment_id(context.ids()) };
            // What can't be launched is refused here, not found out by the scheduler.
            launch::<CreateTaskSetError>(&service, &key.id, &spec, &definition)?;
            let set = TaskSet {
                external_id: input.external_id.take(),
                tags: input.tags.take().unwrap_or_default(),
                ..TaskSet::new(key, spec, percent, now)
            };
            if let Some((key, fingerprint)) = repeated {
                let resource_arns = vec![set.key.arn()];
                idempotency::remember(tx, IdempotencyToken { key, fingerprint, resource_arns, used_at: now });
            }
            let answer = set.to_api(tx, true);
            tx.put(set);
            Ok(CreateTaskSetResponse { task_set: Some(Box::new(answer)) })
        })
        .await
}
