//! DescribeServiceRevisions: up to 20 service revisions by ARN.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceRevisions.html>

use api_models::ecs::{
    DescribeServiceRevisionsError, DescribeServiceRevisionsRequest, DescribeServiceRevisionsResponse,
    InvalidParameterException,
};

use crate::services::Context;
use crate::services::ecs::resources::lookup;
use crate::services::ecs::resources::service::{ServiceRevisionKey, key_in_arn};

const MAX_ARNS: usize = 20;

/// Those that are not there are failures with reason MISSING.
pub(crate) async fn handle(
    context: Context,
    input: DescribeServiceRevisionsRequest,
) -> Result<DescribeServiceRevisionsResponse, DescribeServiceRevisionsError> {
    let arns = input.service_revision_arns.unwrap_or_default();
    if arns.is_empty() {
        return Err(InvalidParameterException::new("serviceRevisionArns cannot be empty.").into());
    }
    if arns.len() > MAX_ARNS {
        let message = format!("serviceRevisionArns cannot have more than {MAX_ARNS} elements.");
        return Err(InvalidParameterException::new(message).into());
    }
    let state = context.snapshot();
    let (mut found, mut failures) = (Vec::with_capacity(arns.len()), Vec::new());
    for arn in arns {
        let key = key_in_arn(&context.scope, &arn, "service-revision")?;
        let key = key.map(|(service, id)| ServiceRevisionKey { service, id });
        match key.and_then(|key| state.service_revisions.get(&key)) {
            Some(revision) => found.push(revision.to_api()),
            None => failures.push(lookup::missing(arn)),
        }
    }
    Ok(DescribeServiceRevisionsResponse { service_revisions: Some(found), failures: Some(failures) })
}
