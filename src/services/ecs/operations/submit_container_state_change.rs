//! SubmitContainerStateChange: an agent reports how a container of a task on its instance fares.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_SubmitContainerStateChange.html>

use api_models::ecs::{
    ContainerStateChange, SubmitContainerStateChangeError, SubmitContainerStateChangeRequest,
    SubmitContainerStateChangeResponse,
};

use super::submit_task_state_change::ACKNOWLEDGMENT;
use crate::services::Context;
use crate::services::ecs::resources::{TaskReport, lookup, report_on};

/// As in [`submit_task_state_change`](super::submit_task_state_change).
pub(crate) async fn handle(
    context: Context,
    input: SubmitContainerStateChangeRequest,
) -> Result<SubmitContainerStateChangeResponse, SubmitContainerStateChangeError> {
    let change = ContainerStateChange {
        container_name: input.container_name,
        runtime_id: input.runtime_id,
        exit_code: input.exit_code,
        network_bindings: input.network_bindings,
        reason: input.reason,
        status: input.status,
        image_digest: None,
    };
    let report = TaskReport { containers: vec![change], ..TaskReport::default() };
    context
        .store()
        .transact(|tx| {
            let cluster = lookup::active_cluster(tx, &context.scope, input.cluster.as_deref())?.key.clone();
            report_on(tx, &cluster, input.task.as_deref(), &report, context.now())?;
            Ok(SubmitContainerStateChangeResponse { acknowledgment: Some(ACKNOWLEDGMENT.to_owned()) })
        })
        .await
}
