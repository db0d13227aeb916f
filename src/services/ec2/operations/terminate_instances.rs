//! TerminateInstances: instances end, and with them what runs on them.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html>

use api_models::ec2::{CommonError, TerminateInstancesError, TerminateInstancesRequest, TerminateInstancesResult};

use crate::services::Context;
use crate::services::ec2::resources::errors::{error, missing, unless_dry};
use crate::services::ec2::resources::instance::{Instance, USER_SHUTDOWN, change_of, find_all};

pub(crate) async fn handle(
    context: Context,
    input: TerminateInstancesRequest,
) -> Result<TerminateInstancesResult, TerminateInstancesError> {
    let ids = input.instance_ids.filter(|ids| !ids.is_empty()).ok_or_else(|| missing("InstanceId"))?;
    let now = context.now();
    let changes = context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            let found = find_all(tx, &context.scope, &ids)?;
            if let Some(kept) = found.iter().find(|it| it.disable_api_termination && !it.phase.is_over()) {
                let message = format!(
                    "The instance '{}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try \
                     again.",
                    kept.id()
                );
                return Err(error("OperationNotPermitted", message).into());
            }
            unless_dry(input.dry_run)?;
            let mut changes = Vec::new();
            for old in found {
                tx.update(&old.key, |instance: &mut Instance| {
                    instance.terminate(now, USER_SHUTDOWN);
                    changes.push(change_of(&old, instance.phase));
                    instance.phase != old.phase
                });
            }
            Ok(changes)
        })
        .await?;
    Ok(TerminateInstancesResult { terminating_instances: Some(changes) })
}
