//! DiscoverPollEndpoint: where an ECS agent is to connect.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DiscoverPollEndpoint.html>

use api_models::ecs::{
    ClientException, DiscoverPollEndpointError, DiscoverPollEndpointRequest, DiscoverPollEndpointResponse,
};

use crate::services::Context;
use crate::services::ecs::resources::container_instance::registration;
use crate::services::ecs::resources::lookup;

/// This server, as the caller found it. Agents that connect there are told that nobody serves their websockets: LocalECS
/// runs the tasks of all instances itself.
pub(crate) async fn handle(
    context: Context,
    input: DiscoverPollEndpointRequest,
) -> Result<DiscoverPollEndpointResponse, DiscoverPollEndpointError> {
    let state = context.snapshot();
    if let Some(named) = input.container_instance.as_deref().filter(|named| !named.is_empty()) {
        // Here ECS says ClientException, as for registration.
        let gone = |message: String| DiscoverPollEndpointError::from(ClientException::new(message));
        let cluster = lookup::active_cluster(&state, &context.scope, input.cluster.as_deref())
            .map_err(|error| gone(error.message.unwrap_or_default()))?;
        let found = registration::find(&state, &cluster.key, named)?.filter(|found| found.status != "INACTIVE");
        if found.is_none() {
            let id = named.rsplit('/').next().unwrap_or(named);
            return Err(gone(format!("Container instance {id} is inactive.")));
        }
    }
    let endpoint = Some(context.caller_address.http("/"));
    Ok(DiscoverPollEndpointResponse {
        telemetry_endpoint: endpoint.clone(),
        service_connect_endpoint: endpoint.clone(),
        endpoint,
    })
}
