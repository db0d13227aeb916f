//! RebootInstances: nothing is lost: what runs on an instance goes on, as there is no machine to boot.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RebootInstances.html>

use api_models::ec2::{RebootInstancesError, RebootInstancesRequest, RebootInstancesResponse};

use crate::services::Context;
use crate::services::ec2::resources::errors::{missing, unless_dry, unsupported};
use crate::services::ec2::resources::instance::find_all;

/// On AWS the instance's containers stop with it. That is refused for an instance with a container instance, because
/// nothing here would stop.
pub(crate) async fn handle(
    context: Context,
    input: RebootInstancesRequest,
) -> Result<RebootInstancesResponse, RebootInstancesError> {
    let ids = input.instance_ids.filter(|ids| !ids.is_empty()).ok_or_else(|| missing("InstanceId"))?;
    let state = context.snapshot();
    let found = find_all(&state, &context.scope, &ids)?;
    unless_dry(input.dry_run)?;
    if found.iter().any(|instance| instance.joined.is_some()) {
        return Err(unsupported("rebooting container instances; stop and start them instead").into());
    }
    Ok(RebootInstancesResponse {})
}
