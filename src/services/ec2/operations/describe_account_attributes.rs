//! DescribeAccountAttributes: what the account may do: it has a default VPC.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAccountAttributes.html>

use api_models::ec2::{
    AccountAttribute, AccountAttributeValue, DescribeAccountAttributesError, DescribeAccountAttributesRequest,
    DescribeAccountAttributesResult,
};

use crate::services::Context;
use crate::services::ec2::resources::errors::unless_dry;
use crate::services::ecs::network;

pub(crate) async fn handle(
    context: Context,
    input: DescribeAccountAttributesRequest,
) -> Result<DescribeAccountAttributesResult, DescribeAccountAttributesError> {
    unless_dry(input.dry_run)?;
    let names = input.attribute_names.unwrap_or_default();
    let all = [("supported-platforms", "VPC".to_owned()), ("default-vpc", network::default_vpc(&context.scope))];
    let wanted = all.into_iter().filter(|(name, _)| names.is_empty() || names.iter().any(|it| it.as_str() == *name));
    let shown = wanted.map(|(name, value)| AccountAttribute {
        attribute_name: Some(name.to_owned()),
        attribute_values: Some(vec![AccountAttributeValue { attribute_value: Some(value) }]),
    });
    Ok(DescribeAccountAttributesResult { account_attributes: Some(shown.collect()) })
}
