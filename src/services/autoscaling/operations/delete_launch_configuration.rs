//! DeleteLaunchConfiguration: one that no group uses goes.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DeleteLaunchConfiguration.html>

use api_models::autoscaling::{
    CommonError, DeleteLaunchConfigurationError, DeleteLaunchConfigurationResponse, LaunchConfigurationNameType,
    ResourceInUseFault,
};

use crate::services::Context;
use crate::services::autoscaling::resources::errors::invalid;
use crate::services::autoscaling::resources::group::Source;
use crate::services::autoscaling::resources::{ConfigurationKey, LaunchConfiguration, change};

pub(crate) async fn handle(
    context: Context,
    input: LaunchConfigurationNameType,
) -> Result<DeleteLaunchConfigurationResponse, DeleteLaunchConfigurationError> {
    let name = input.launch_configuration_name.unwrap_or_default();
    let key = ConfigurationKey::new(&context.scope, &name);
    context
        .store()
        .transact(|tx| -> Result<(), CommonError> {
            let uses = |source: &Source| matches!(source, Source::Configuration(used) if *used == name);
            if let Some(group) = change::groups_of(tx, &context.scope).find(|group| uses(&group.source)) {
                let message = format!(
                    "Cannot delete launch configuration {name} because it is attached to AutoScalingGroup {}",
                    group.key.name
                );
                return Err(ResourceInUseFault::new(message).into());
            }
            match tx.delete::<LaunchConfiguration>(&key) {
                Some(_) => Ok(()),
                None => {
                    Err(invalid(format!("Launch configuration name not found - Launch configuration {name} not found")))
                }
            }
        })
        .await?;
    Ok(DeleteLaunchConfigurationResponse {})
}
