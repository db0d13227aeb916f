//! DescribeInstanceAttribute: one attribute of an instance.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceAttribute.html>

use api_models::ec2::{
    AttributeBooleanValue, AttributeValue, DescribeInstanceAttributeError, DescribeInstanceAttributeRequest,
    InstanceAttribute, InstanceAttributeName,
};

use crate::services::Context;
use crate::services::ec2::resources::errors::{missing, unless_dry, unsupported};
use crate::services::ec2::resources::instance::find_all;

pub(crate) async fn handle(
    context: Context,
    input: DescribeInstanceAttributeRequest,
) -> Result<InstanceAttribute, DescribeInstanceAttributeError> {
    let id = input.instance_id.ok_or_else(|| missing("InstanceId"))?;
    let state = context.snapshot();
    let found = find_all(&state, &context.scope, std::slice::from_ref(&id))?;
    unless_dry(input.dry_run)?;
    let mut answer = InstanceAttribute { instance_id: Some(id), ..InstanceAttribute::default() };
    let Some(instance) = found.first() else { return Ok(answer) };
    let flag = |value| Some(Box::new(AttributeBooleanValue { value: Some(value) }));
    let text = |value: Option<String>| Some(Box::new(AttributeValue { value }));
    match input.attribute.ok_or_else(|| missing("Attribute"))? {
        InstanceAttributeName::InstanceType => answer.instance_type = text(Some(instance.instance_type.clone())),
        InstanceAttributeName::UserData => {
            answer.user_data = text(instance.user_data.as_ref().map(|data| data.expose().clone()));
        }
        InstanceAttributeName::DisableApiTermination => {
            answer.disable_api_termination = flag(instance.disable_api_termination);
        }
        InstanceAttributeName::DisableApiStop => answer.disable_api_stop = flag(false),
        InstanceAttributeName::EbsOptimized => answer.ebs_optimized = flag(instance.ebs_optimized),
        InstanceAttributeName::EnaSupport => answer.ena_support = flag(true),
        InstanceAttributeName::SourceDestCheck => answer.source_dest_check = flag(true),
        InstanceAttributeName::RootDeviceName => answer.root_device_name = text(Some("/dev/xvda".to_owned())),
        InstanceAttributeName::InstanceInitiatedShutdownBehavior => {
            answer.instance_initiated_shutdown_behavior = text(Some("stop".to_owned()));
        }
        InstanceAttributeName::GroupSet => answer.groups = Some(instance.groups()),
        InstanceAttributeName::BlockDeviceMapping => answer.block_device_mappings = Some(Vec::new()),
        InstanceAttributeName::ProductCodes => answer.product_codes = Some(Vec::new()),
        other => return Err(unsupported(&format!("the attribute {other} of instances")).into()),
    }
    Ok(answer)
}
