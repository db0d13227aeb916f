//! CreateDaemon: a daemon that the scheduler brings to all instances of its capacity providers.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateDaemon.html>
//!
//! Sentences marked `(ours)` follow the pattern of ECS's own.

use api_models::ecs::{CreateDaemonError, CreateDaemonRequest, CreateDaemonResponse, InvalidParameterException};

use crate::services::Context;
use crate::services::ecs::resources::daemon::{
    Daemon, DaemonKey, DaemonStatus, Wanted, begin_deployment, checks, configuration, deployments_of, forget,
};
use crate::services::ecs::resources::idempotency::{self, IdempotencyKey, IdempotencyToken};
use crate::services::ecs::resources::{lookup, tags};
use crate::store::State;

const MAX_TOKEN: usize = 36;
const NOT_IDEMPOTENT: &str = "Creation of daemon was not idempotent."; // (ours)

fn invalid(message: &str) -> CreateDaemonError {
    InvalidParameterException::new(message).into()
}

/// Answers as soon as the daemon is written down; its tasks come later.
pub(crate) async fn handle(
    context: Context,
    mut input: CreateDaemonRequest,
) -> Result<CreateDaemonResponse, CreateDaemonError> {
    let identity = match input.client_token.take().filter(|token| !token.is_empty()) {
        Some(token) => {
            idempotency::check_token_within(&token, MAX_TOKEN)?;
            Some((token, idempotency::fingerprint(&input)?))
        }
        None => None,
    };
    checks::check_name(input.daemon_name.as_deref())?;
    tags::validate(input.tags.as_deref().unwrap_or_default())?;
    checks::check_configuration(input.deployment_configuration.as_deref())?;
    let propagates = checks::propagates(input.propagate_tags.as_ref())?;
    context
        .store()
        .transact(|tx| {
            let now = context.now();
            let cluster = lookup::active_cluster(tx, &context.scope, input.cluster_arn.as_deref())?.key.clone();
            let key = DaemonKey::new(&cluster, input.daemon_name.as_deref().unwrap_or_default());
            let repeated = identity.map(|(token, fingerprint)| {
                let operation = "CreateDaemon".to_owned();
                (IdempotencyKey { scope: context.scope.clone(), operation, token }, fingerprint)
            });
            if let Some((token, fingerprint)) = &repeated {
                match idempotency::recall(tx, token, fingerprint, now) {
                    Ok(known) => {
                        if let Some(answer) = known.and_then(|arns| again(tx, &key, &arns)) {
                            return Ok(answer);
                        }
                    }
                    Err(_) => return Err(invalid(NOT_IDEMPOTENT)),
                }
            }
            match tx.daemons.get(&key).map(|present| present.status) {
                Some(DaemonStatus::Active) => return Err(invalid(NOT_IDEMPOTENT)),
                Some(DaemonStatus::Deleting) => {
                    return Err(invalid("Unable to create a daemon that is still being deleted.")); // (ours)
                }
                Some(DaemonStatus::Deleted) => forget(tx, &key),
                None => {}
            }
            let tags = input.tags.take().unwrap_or_default();
            let wanted = Wanted {
                capacity_providers: checks::providers(tx, &cluster, input.capacity_provider_arns.as_deref())?,
                task_definition: checks::runnable(tx, &context.scope, input.daemon_task_definition_arn.as_deref())?,
                propagated_tags: propagates.then(|| tags.clone()),
                enable_ecs_managed_tags: input.enable_ecs_managed_tags == Some(true),
                enable_execute_command: input.enable_execute_command == Some(true),
                critical: input.critical.unwrap_or(true),
            };
            let mut daemon = Daemon::new(key, tags, now);
            let configuration = configuration(input.deployment_configuration.as_deref());
            begin_deployment(tx, &mut daemon, Some(wanted), configuration, context.ids(), now);
            checks::check_launch(tx, &daemon)?;
            let answer = answer(&daemon, daemon.deployment_arn());
            if let Some((key, fingerprint)) = repeated {
                let resource_arns = vec![daemon.key.arn(), daemon.deployment_arn()];
                idempotency::remember(tx, IdempotencyToken { key, fingerprint, resource_arns, used_at: now });
            }
            tx.put(daemon);
            Ok(answer)
        })
        .await
}

/// The answer of the first call with the same token, whose ARNs these are; `None` when what it made is gone.
fn again(state: &State, key: &DaemonKey, arns: &[String]) -> Option<CreateDaemonResponse> {
    let daemon = state.daemons.get(key).filter(|daemon| daemon.status == DaemonStatus::Active)?;
    let first = deployments_of(state, key).map(|deployment| deployment.key.arn()).find(|arn| arns.contains(arn))?;
    Some(answer(daemon, first))
}

fn answer(daemon: &Daemon, deployment: String) -> CreateDaemonResponse {
    CreateDaemonResponse {
        daemon_arn: Some(daemon.key.arn()),
        status: Some(daemon.status.to_api()),
        created_at: Some(daemon.created_at),
        deployment_arn: Some(deployment),
    }
}

#[cfg(test)]
mod tests;
