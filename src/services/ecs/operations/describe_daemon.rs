//! DescribeDaemon: a daemon, and how many instances run which of its revisions.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeDaemon.html>

use api_models::ecs::{DescribeDaemonError, DescribeDaemonRequest, DescribeDaemonResponse};

use crate::services::Context;
use crate::services::ecs::resources::daemon::find;

/// Reads one snapshot.
pub(crate) async fn handle(
    context: Context,
    input: DescribeDaemonRequest,
) -> Result<DescribeDaemonResponse, DescribeDaemonError> {
    let state = context.snapshot();
    let daemon = find::<DescribeDaemonError>(&state, &context.scope, input.daemon_arn.as_deref())?;
    Ok(DescribeDaemonResponse { daemon: Some(Box::new(daemon.to_api(&state))) })
}
