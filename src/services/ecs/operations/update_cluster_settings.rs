//! UpdateClusterSettings: Container Insights on or off.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateClusterSettings.html>

use api_models::ecs::{
    InvalidParameterException, UpdateClusterSettingsError, UpdateClusterSettingsRequest, UpdateClusterSettingsResponse,
};

use crate::services::Context;
use crate::services::ecs::resources::cluster::checks;
use crate::services::ecs::resources::{Cluster, lookup};

pub(crate) async fn handle(
    context: Context,
    input: UpdateClusterSettingsRequest,
) -> Result<UpdateClusterSettingsResponse, UpdateClusterSettingsError> {
    let named = input.cluster.ok_or_else(|| InvalidParameterException::new("Cluster can not be blank."))?;
    let settings = input
        .settings
        .filter(|settings| !settings.is_empty())
        .ok_or_else(|| InvalidParameterException::new("Settings can not be empty."))?;
    context
        .store()
        .transact(|tx| {
            let mut cluster = Cluster::clone(lookup::active_cluster(tx, &context.scope, Some(&named))?);
            cluster.settings = checks::apply_settings(&cluster.settings, settings)?;
            let answer = cluster.to_answer(tx);
            tx.put(cluster);
            Ok(UpdateClusterSettingsResponse { cluster: Some(Box::new(answer)) })
        })
        .await
}
