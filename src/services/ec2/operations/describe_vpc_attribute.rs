//! DescribeVpcAttribute: one attribute of the default VPC.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcAttribute.html>

use api_models::ec2::{
    AttributeBooleanValue, DescribeVpcAttributeError, DescribeVpcAttributeRequest, DescribeVpcAttributeResult,
    VpcAttributeName,
};

use crate::services::Context;
use crate::services::ec2::resources::errors::{missing, unless_dry, unsupported};
use crate::services::ec2::resources::vpc;

/// Containers get the engine's DNS; interfaces are shown with names, which nothing resolves.
pub(crate) async fn handle(
    context: Context,
    input: DescribeVpcAttributeRequest,
) -> Result<DescribeVpcAttributeResult, DescribeVpcAttributeError> {
    let id = input.vpc_id.ok_or_else(|| missing("vpcId"))?;
    vpc::check_id(&context.scope, &id)?;
    unless_dry(input.dry_run)?;
    let flag = |value| Some(Box::new(AttributeBooleanValue { value: Some(value) }));
    let mut answer = DescribeVpcAttributeResult { vpc_id: Some(id), ..DescribeVpcAttributeResult::default() };
    match input.attribute.ok_or_else(|| missing("attribute"))? {
        VpcAttributeName::EnableDnsSupport => answer.enable_dns_support = flag(true),
        VpcAttributeName::EnableDnsHostnames => answer.enable_dns_hostnames = flag(true),
        VpcAttributeName::EnableNetworkAddressUsageMetrics => {
            answer.enable_network_address_usage_metrics = flag(false);
        }
        VpcAttributeName::Unrecognized(other) => return Err(unsupported(&format!("the attribute {other}")).into()),
    }
    Ok(answer)
}
