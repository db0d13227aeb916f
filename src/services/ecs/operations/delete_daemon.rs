//! DeleteDaemon: a deployment that takes the daemon from its instances; then it is gone.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteDaemon.html>

use api_models::ecs::{DeleteDaemonError, DeleteDaemonRequest, DeleteDaemonResponse, InvalidParameterException};

use crate::services::Context;
use crate::services::ecs::resources::Daemon;
use crate::services::ecs::resources::daemon::{DaemonStatus, begin_deployment, configuration, find};

/// The end of it is the scheduler's.
pub(crate) async fn handle(
    context: Context,
    input: DeleteDaemonRequest,
) -> Result<DeleteDaemonResponse, DeleteDaemonError> {
    context
        .store()
        .transact(|tx| {
            let found = find::<DeleteDaemonError>(tx, &context.scope, input.daemon_arn.as_deref())?;
            let mut daemon = Daemon::clone(found);
            if daemon.status != DaemonStatus::Active {
                // Terraform knows by the last four words that it has to wait only.
                let message = "The daemon cannot be deleted because its deployment deletion is ongoing.";
                return Err(InvalidParameterException::new(message).into());
            }
            daemon.status = DaemonStatus::Deleting;
            begin_deployment(tx, &mut daemon, None, configuration(None), context.ids(), context.now());
            let answer = DeleteDaemonResponse {
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
