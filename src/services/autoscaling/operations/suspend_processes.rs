//! SuspendProcesses: a group stops doing some things, or all.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SuspendProcesses.html>

use api_models::autoscaling::{ScalingProcessQuery, SuspendProcessesError, SuspendProcessesResponse};

use crate::services::Context;
use crate::services::autoscaling::resources::change;
use crate::services::autoscaling::resources::group::processes;

pub(crate) async fn handle(
    context: Context,
    input: ScalingProcessQuery,
) -> Result<SuspendProcessesResponse, SuspendProcessesError> {
    let name = input.auto_scaling_group_name.unwrap_or_default();
    let processes = processes(input.scaling_processes)?;
    let now = context.now();
    context
        .store()
        .transact(|tx| {
            change::change(tx, &context.scope, &name, |group| {
                for process in processes {
                    group.suspended.insert(process, format!("User suspended at {}", now.to_rfc3339()));
                }
                Ok(())
            })
        })
        .await?;
    Ok(SuspendProcessesResponse {})
}
