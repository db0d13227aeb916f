//! StartInstances: stopped instances run again.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StartInstances.html>

use api_models::ec2::{CommonError, StartInstancesError, StartInstancesRequest, StartInstancesResult};

use crate::services::Context;
use crate::services::ec2::resources::errors::{missing, unless_dry};
use crate::services::ec2::resources::instance::{Instance, Phase, change_of, find_all, not_now};

pub(crate) async fn handle(
    context: Context,
    input: StartInstancesRequest,
) -> Result<StartInstancesResult, StartInstancesError> {
    let ids = input.instance_ids.filter(|ids| !ids.is_empty()).ok_or_else(|| missing("InstanceId"))?;
    let now = context.now();
    let changes = context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            let found = find_all(tx, &context.scope, &ids)?;
            let can = |phase: Phase| matches!(phase, Phase::Pending | Phase::Running | Phase::Stopped);
            if let Some(other) = found.iter().find(|it| !can(it.phase)) {
                return Err(not_now(other, "started").into());
            }
            unless_dry(input.dry_run)?;
            let mut changes = Vec::new();
            for old in found {
                tx.update(&old.key, |instance: &mut Instance| {
                    if instance.phase == Phase::Stopped {
                        instance.phase = Phase::Pending;
                        instance.reason = None;
                        instance.transition = String::new();
                        instance.launched_at = now;
                    }
                    changes.push(change_of(&old, instance.phase));
                    instance.phase != old.phase
                });
            }
            Ok(changes)
        })
        .await?;
    Ok(StartInstancesResult { starting_instances: Some(changes) })
}
