//! ResumeProcesses: a group does again what was suspended.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_ResumeProcesses.html>

use api_models::autoscaling::{ResumeProcessesError, ResumeProcessesResponse, ScalingProcessQuery};

use crate::services::Context;
use crate::services::autoscaling::resources::change;
use crate::services::autoscaling::resources::group::processes;

pub(crate) async fn handle(
    context: Context,
    input: ScalingProcessQuery,
) -> Result<ResumeProcessesResponse, ResumeProcessesError> {
    let name = input.auto_scaling_group_name.unwrap_or_default();
    let processes = processes(input.scaling_processes)?;

    context
        .store()
        .transact(|tx| {
            change::change(tx, &context.scope, &name, |group| {
                for process in processes {
                    group.suspended.remove(&process);
                }
                Ok(())
            })
        })
        .await?;
    Ok(ResumeProcessesResponse {})
}
