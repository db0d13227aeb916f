//! DescribeServices: up to 10 services by name or ARN.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html>

use api_models::ecs::{
    DescribeServicesError, DescribeServicesRequest, DescribeServicesResponse, InvalidParameterException, ServiceField,
};

use crate::services::Context;
use crate::services::ecs::resources::{lookup, service};

const MAX_SERVICES: usize = 10;

/// Reads one snapshot. Services that are not there, or no longer, are failures with reason MISSING.
pub(crate) async fn handle(
    context: Context,
    input: DescribeServicesRequest,
) -> Result<DescribeServicesResponse, DescribeServicesError> {
    let named = input.services.unwrap_or_default();
    if named.is_empty() {
        return Err(InvalidParameterException::new("Services cannot be empty.").into());
    }
    if named.len() > MAX_SERVICES {
        let message = format!("Services cannot have more than {MAX_SERVICES} elements.");
        return Err(InvalidParameterException::new(message).into());
    }
    let include = input.include.unwrap_or_default();
    if include.iter().any(|field| matches!(field, ServiceField::Unrecognized(_))) {
        return Err(InvalidParameterException::new("include should be one of [TAGS]").into());
    }
    let tags = include.contains(&ServiceField::Tags);
    let state = context.snapshot();
    let cluster = &lookup::active_cluster(&state, &context.scope, input.cluster.as_deref())?.key;
    let (mut services, mut failures) = (Vec::with_capacity(named.len()), Vec::new());
    for named in named {
        let key = service::key_of(cluster, &named)?;
        match key.as_ref().and_then(|key| state.services.get(key)) {
            Some(service) => services.push(service.to_api(&state, tags)),
            None => failures.push(lookup::missing(key.map_or(named, |key| key.arn()))),
        }
    }
    Ok(DescribeServicesResponse { services: Some(services), failures: Some(failures) })
}
