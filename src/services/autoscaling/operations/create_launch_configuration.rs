//! CreateLaunchConfiguration: what instances of groups are launched from, the old way.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateLaunchConfiguration.html>

use api_models::autoscaling::{
    AlreadyExistsFault, CommonError, CreateLaunchConfigurationError, CreateLaunchConfigurationResponse,
    CreateLaunchConfigurationType, LaunchConfiguration as Shown,
};

use crate::services::Context;
use crate::services::autoscaling::resources::errors::{invalid, unsupported};
use crate::services::autoscaling::resources::{ConfigurationKey, LaunchConfiguration};
use crate::services::sensitive::Sensitive;

pub(crate) async fn handle(
    context: Context,
    input: CreateLaunchConfigurationType,
) -> Result<CreateLaunchConfigurationResponse, CreateLaunchConfigurationError> {
    if input.instance_id.is_some() {
        return Err(CommonError::into(unsupported("launch configurations made from an instance (InstanceId)")));
    }
    let name = input.launch_configuration_name.clone().unwrap_or_default();
    if input.instance_type.is_none() {
        return Err(CommonError::into(invalid(
            "Valid requests must contain either the InstanceID parameter or both the ImageId and InstanceType parameters.",
        )));
    }
    let data = Shown {
        image_id: input.image_id,
        key_name: Some(input.key_name.unwrap_or_default()),
        security_groups: Some(input.security_groups.unwrap_or_default()),
        classic_link_vpc_id: input.classic_link_vpc_id,
        classic_link_vpc_security_groups: Some(input.classic_link_vpc_security_groups.unwrap_or_default()),
        instance_type: input.instance_type,
        kernel_id: Some(input.kernel_id.unwrap_or_default()),
        ramdisk_id: Some(input.ramdisk_id.unwrap_or_default()),
        block_device_mappings: Some(input.block_device_mappings.unwrap_or_default()),
        instance_monitoring: Some(
            input
                .instance_monitoring
                .unwrap_or_else(|| Box::new(api_models::autoscaling::InstanceMonitoring { enabled: Some(true) })),
        ),
        spot_price: input.spot_price,
        iam_instance_profile: input.iam_instance_profile,
        ebs_optimized: Some(input.ebs_optimized.unwrap_or(false)),
        associate_public_ip_address: input.associate_public_ip_address,
        placement_tenancy: input.placement_tenancy,
        metadata_options: input.metadata_options,
        ..Shown::default()
    };
    let configuration = LaunchConfiguration {
        key: ConfigurationKey::new(&context.scope, &name),
        id: context.ids().uuid(),
        data,
        user_data: input.user_data.filter(|data| !data.is_empty()).map(Sensitive::new),
        created_at: context.now(),
    };
    if let Err(error) = configuration.spec().check(&context.scope) {
        return Err(CommonError::into(invalid(error.message.unwrap_or_default())));
    }
    context
        .store()
        .transact(|tx| -> Result<(), CommonError> {
            if tx.launch_configurations.contains_key(&configuration.key) {
                let message = format!(
                    "Launch Configuration by this name already exists - A launch configuration already exists with the \
                     name {name}"
                );
                return Err(AlreadyExistsFault::new(message).into());
            }
            tx.put(configuration);
            Ok(())
        })
        .await?;
    Ok(CreateLaunchConfigurationResponse {})
}
