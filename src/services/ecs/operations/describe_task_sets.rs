//! DescribeTaskSets: some or all task sets of a service.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTaskSets.html>

use api_models::ecs::{
    DescribeTaskSetsError, DescribeTaskSetsRequest, DescribeTaskSetsResponse, InvalidParameterException,
    ServiceNotActiveException, TaskSetField,
};

use crate::services::Context;
use crate::services::ecs::resources::lookup;
use crate::services::ecs::resources::service::{
    self, Controller, ServiceStatus, checks, newest_task_sets, task_set_key,
};

/// Reads one snapshot. Task sets that are not there are failures with reason MISSING.
pub(crate) async fn handle(
    context: Context,
    input: DescribeTaskSetsRequest,
) -> Result<DescribeTaskSetsResponse, DescribeTaskSetsError> {
    let include = input.include.unwrap_or_default();
    if include.iter().any(|field| matches!(field, TaskSetField::Unrecognized(_))) {
        return Err(InvalidParameterException::new("include should be one of [TAGS]").into());
    }
    let tags = include.contains(&TaskSetField::Tags);
    let state = context.snapshot();
    let cluster = &lookup::active_cluster(&state, &context.scope, input.cluster.as_deref())?.key;
    let service = service::find::<DescribeTaskSetsError>(&state, cluster, input.service.as_deref())?;
    if service.status == ServiceStatus::Inactive {
        return Err(ServiceNotActiveException::new("Service was not ACTIVE.").into());
    }
    // CodeDeploy's task sets can be seen by everybody.
    if service.controller == Controller::Ecs {
        return Err(InvalidParameterException::new(checks::NOT_CONTROLLED_OUTSIDE).into());
    }
    let named = input.task_sets.unwrap_or_default();
    if named.is_empty() {
        let all = newest_task_sets(&state, &service.key);
        return Ok(DescribeTaskSetsResponse {
            task_sets: Some(all.into_iter().map(|set| set.to_api(&state, tags)).collect()),
            failures: Some(Vec::new()),
        });
    }
    let (mut found, mut failures) = (Vec::with_capacity(named.len()), Vec::new());
    for named in named {
        let key = task_set_key(&service.key, &named)?;
        match key.as_ref().and_then(|key| state.task_sets.get(key)) {
            Some(set) => found.push(set.to_api(&state, tags)),
            None => failures.push(lookup::missing(key.map_or(named, |key| key.arn()))),
        }
    }
    Ok(DescribeTaskSetsResponse { task_sets: Some(found), failures: Some(failures) })
}
