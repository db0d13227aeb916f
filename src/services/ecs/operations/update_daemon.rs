//! UpdateDaemon: a new revision of a daemon, to which its instances are brought.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateDaemon.html>

use api_models::ecs::{DaemonNotActiveException, UpdateDaemonError, UpdateDaemonRequest, UpdateDaemonResponse};

use crate::services::Context;
use crate::services::ecs::resources::Daemon;
use crate::services::ecs::resources::daemon::{DaemonStatus, Wanted, begin_deployment, checks, configuration, find};

/// Begins a deployment in any case. What the request leaves out has its default again, and does not stay as it was.
pub(crate) async fn handle(
    context: Context,
    input: UpdateDaemonRequest,
) -> Result<UpdateDaemonResponse, UpdateDaemonError> {
    checks::check_configuration(input.deployment_configuration.as_deref())?;
    let propagates = checks::propagates(input.propagate_tags.as_ref())?;
    context
        .store()
        .transact(|tx| {
            let scope = &context.scope;
            let found = find::<UpdateDaemonError>(tx, scope, input.daemon_arn.as_deref())?;
            let mut daemon = Daemon::clone(found);
            if daemon.status != DaemonStatus::Active {
                return Err(DaemonNotActiveException::new("Daemon was not ACTIVE.").into()); // (ours)
            }
            let cluster = daemon.key.cluster();
            let wanted = Wanted {
                capacity_providers: checks::providers(tx, &cluster, input.capacity_provider_arns.as_deref())?,
                task_definition: checks::runnable(tx, scope, input.daemon_task_definition_arn.as_deref())?,
                propagated_tags: propagates.then(|| daemon.tags.clone()),
                enable_ecs_managed_tags: input.enable_ecs_managed_tags == Some(true),
                enable_execute_command: input.enable_execute_command == Some(true),
                critical: input.critical.unwrap_or(true),
            };
            let configuration = configuration(input.deployment_configuration.as_deref());
            begin_deployment(tx, &mut daemon, Some(wanted), configuration, context.ids(), context.now());
            checks::check_launch(tx, &daemon)?;
            let answer = UpdateDaemonResponse {
                daemon_arn: Some(daemon.key.arn()),
                status: Some(daemon.status.to_api()),
                created_at: Some(daemon.created_at),
                updated_at: Some(daemon.updated_at),
                deployment_arn: Some(daemon.deployment_arn()),
            };
            tx.put(daemon);
            Ok(answer)
        })
        .await
}
