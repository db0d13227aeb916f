//! DescribeContainerInstances: instances of a cluster by id or ARN, the deregistered ones too.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeContainerInstances.html>

use api_models::ecs::{
    ClientException, ContainerInstanceField, DescribeContainerInstancesError, DescribeContainerInstancesRequest,
    DescribeContainerInstancesResponse, InvalidParameterException,
};

use crate::services::Context;
use crate::services::ecs::resources::container_instance::{Loads, registration};
use crate::services::ecs::resources::lookup;

/// Up to 100, in the order of the request.
pub(crate) async fn handle(
    context: Context,
    input: DescribeContainerInstancesRequest,
) -> Result<DescribeContainerInstancesResponse, DescribeContainerInstancesError> {
    let include = input.include.unwrap_or_default();
    if let Some(other) = include.iter().find(|field| !ContainerInstanceField::ALL.contains(field)) {
        let known: Vec<_> = ContainerInstanceField::ALL.iter().map(|field| field.as_str()).collect();
        return Err(InvalidParameterException::new(format!("{other} should be one of [{}]", known.join(","))).into());
    }
    let named = input.container_instances.unwrap_or_default();
    if named.is_empty() {
        return Err(ClientException::new("Container Instances cannot be empty.").into());
    }
    if named.len() > 100 {
        return Err(InvalidParameterException::new("Container Instances can have at most 100 items.").into());
    }
    let state = context.snapshot();
    let cluster = &lookup::active_cluster(&state, &context.scope, input.cluster.as_deref())?.key;
    let loads = Loads::of_cluster(&state, cluster);
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in named {
        match registration::find(&state, cluster, &name)? {
            Some(instance) => found.push(instance.to_api(&loads, &include, context.now())),
            None => failures.push(lookup::missing(registration::arn_of(cluster, &name))),
        }
    }
    Ok(DescribeContainerInstancesResponse { container_instances: Some(found), failures: Some(failures) })
}
