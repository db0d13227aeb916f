//! UpdateCluster: settings, configuration and Service Connect defaults of a cluster.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateCluster.html>

use api_models::ecs::{InvalidParameterException, UpdateClusterError, UpdateClusterRequest, UpdateClusterResponse};

use crate::services::Context;
use crate::services::ecs::resources::cluster::checks;
use crate::services::ecs::resources::{Cluster, lookup};

/// What the request does not give stays as it is. Within `configuration`, the part that is given replaces its
/// predecessor as a whole.
pub(crate) async fn handle(
    context: Context,
    input: UpdateClusterRequest,
) -> Result<UpdateClusterResponse, UpdateClusterError> {
    let named = input.cluster.ok_or_else(|| InvalidParameterException::new("Cluster can not be blank."))?;
    checks::check_service_connect(input.service_connect_defaults.as_deref())?;
    if let Some(configuration) = &input.configuration {
        checks::check_configuration(configuration)?;
    }
    context
        .store()
        .transact(|tx| {
            let mut cluster = Cluster::clone(lookup::active_cluster(tx, &context.scope, Some(&named))?);
            if let Some(settings) = input.settings {
                cluster.settings = checks::apply_settings(&cluster.settings, settings)?;
            }
            if let Some(given) = input.configuration {
                let configuration = cluster.configuration.get_or_insert_default();
                if given.execute_command_configuration.is_some() {
                    configuration.execute_command_configuration = given.execute_command_configuration;
                }
                if given.managed_storage_configuration.is_some() {
                    configuration.managed_storage_configuration = given.managed_storage_configuration;
                }
            }
            let answer = cluster.to_answer(tx);
            tx.put(cluster);
            Ok(UpdateClusterResponse { cluster: Some(Box::new(answer)) })
        })
        .await
}
