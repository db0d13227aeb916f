//! StopInstances: instances stop; their tasks end, and they stay in their cluster without an agent.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StopInstances.html>

use api_models::ec2::{CommonError, StopInstancesError, StopInstancesRequest, StopInstancesResult};

use crate::services::Context;
use crate::services::ec2::resources::errors::{missing, unless_dry, unsupported};
use crate::services::ec2::resources::instance::{
    Instance, Phase, USER_SHUTDOWN, change_of, find_all, not_now, user_initiated,
};

pub(crate) async fn handle(
    context: Context,
    input: StopInstancesRequest,
) -> Result<StopInstancesResult, StopInstancesError> {
    if input.hibernate == Some(true) {
        return Err(unsupported("hibernation").into());
    }
    let ids = input.instance_ids.filter(|ids| !ids.is_empty()).ok_or_else(|| missing("InstanceId"))?;
    let now = context.now();
    let changes = context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            let found = find_all(tx, &context.scope, &ids)?;
            let can =
                |phase: Phase| matches!(phase, Phase::Pending | Phase::Running | Phase::Stopping | Phase::Stopped);
            if let Some(other) = found.iter().find(|it| !can(it.phase)) {
                return Err(not_now(other, "stopped").into());
            }
            unless_dry(input.dry_run)?;
            let mut changes = Vec::new();
            for old in found {
                tx.update(&old.key, |instance: &mut Instance| {
                    if matches!(instance.phase, Phase::Pending | Phase::Running) {
                        instance.phase = Phase::Stopping;
                        instance.reason = Some(("Client.UserInitiatedShutdown".to_owned(), USER_SHUTDOWN.to_owned()));
                        instance.transition = user_initiated(now);
                    }
                    changes.push(change_of(&old, instance.phase));
                    instance.phase != old.phase
                });
            }
            Ok(changes)
        })
        .await?;
    Ok(StopInstancesResult { stopping_instances: Some(changes) })
}
