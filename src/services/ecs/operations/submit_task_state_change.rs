//! SubmitTaskStateChange: an agent reports how a task on its instance fares.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_SubmitTaskStateChange.html>

use api_models::ecs::{SubmitTaskStateChangeError, SubmitTaskStateChangeRequest, SubmitTaskStateChangeResponse};

use crate::services::Context;
use crate::services::ecs::resources::{TaskReport, lookup, report_on};

/// What every report is answered with.
pub(crate) const ACKNOWLEDGMENT: &str = "ACK";

/// A report never takes a task back, and the same report again changes nothing.
pub(crate) async fn handle(
    context: Context,
    input: SubmitTaskStateChangeRequest,
) -> Result<SubmitTaskStateChangeResponse, SubmitTaskStateChangeError> {
    let report = TaskReport {
        status: input.status,
        reason: input.reason,
        containers: input.containers.unwrap_or_default(),
        attachments: input.attachments.unwrap_or_default(),
        managed_agents: input.managed_agents.unwrap_or_default(),
        pull_started_at: input.pull_started_at,
        pull_stopped_at: input.pull_stopped_at,
        execution_stopped_at: input.execution_stopped_at,
    };
    context
        .store()
        .transact(|tx| {
            let cluster = lookup::active_cluster(tx, &context.scope, input.cluster.as_deref())?.key.clone();
            report_on(tx, &cluster, input.task.as_deref(), &report, context.now())?;
            Ok(SubmitTaskStateChangeResponse { acknowledgment: Some(ACKNOWLEDGMENT.to_owned()) })
        })
        .await
}

#[cfg(test)]
mod tests;
