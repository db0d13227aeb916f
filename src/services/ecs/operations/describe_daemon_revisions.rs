//! DescribeDaemonRevisions: up to 20 daemon revisions by ARN.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeDaemonRevisions.html>

use api_models::ecs::{
    DescribeDaemonRevisionsError, DescribeDaemonRevisionsRequest, DescribeDaemonRevisionsResponse,
    InvalidParameterException,
};

use crate::services::Context;
use crate::services::ecs::resources::daemon::{DaemonRevisionKey, key_in_arn};
use crate::services::ecs::resources::lookup;

const MAX_ARNS: usize = 20;

/// Those that are not there are failures with reason MISSING.
pub(crate) async fn handle(
    context: Context,
    input: DescribeDaemonRevisionsRequest,
) -> Result<DescribeDaemonRevisionsResponse, DescribeDaemonRevisionsError> {
    let arns = input.daemon_revision_arns.unwrap_or_default();
    if arns.is_empty() {
        return Err(InvalidParameterException::new("daemonRevisionArns cannot be empty.").into());
    }
    if arns.len() > MAX_ARNS {
        let message = format!("daemonRevisionArns cannot have more than {MAX_ARNS} elements.");
        return Err(InvalidParameterException::new(message).into());
    }
    let state = context.snapshot();
    let (mut found, mut failures) = (Vec::with_capacity(arns.len()), Vec::new());
    for arn in arns {
        let key = key_in_arn(&context.scope, &arn, "daemon-revision")?;
        let key = key.map(|(daemon, id)| DaemonRevisionKey { daemon, id });
        match key.and_then(|key| state.daemon_revisions.get(&key)) {
            Some(revision) => found.push(revision.to_api(&state)),
            None => failures.push(lookup::missing(arn)),
        }
    }
    Ok(DescribeDaemonRevisionsResponse { daemon_revisions: Some(found), failures: Some(failures) })
}
