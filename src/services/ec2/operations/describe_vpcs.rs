//! DescribeVpcs: the default VPC; there is no other one.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html>

use api_models::ec2::{
    DescribeVpcsError, DescribeVpcsRequest, DescribeVpcsResult, Vpc, VpcCidrBlockAssociation, VpcCidrBlockState,
};

use crate::services::Context;
use crate::services::ec2::resources::errors::{page_size, unless_dry};
use crate::services::ec2::resources::filters::{Field, Filters};
use crate::services::ec2::resources::vpc;
use crate::services::ecs::network;

pub(crate) async fn handle(
    context: Context,
    input: DescribeVpcsRequest,
) -> Result<DescribeVpcsResult, DescribeVpcsError> {
    let filters = Filters::new(input.filters)?;
    page_size(input.max_results, 5, 1000)?;
    unless_dry(input.dry_run)?;
    let id = network::default_vpc(&context.scope);
    for wanted in input.vpc_ids.iter().flatten() {
        vpc::check_id(&context.scope, wanted)?;
    }
    let range = vpc::range(&context).to_string();
    let account = context.scope.account.to_string();
    let passes = filters.pass(|name| match name {
        "vpc-id" => Field::one(id.clone()),
        "cidr" | "cidr-block-association.cidr-block" => Field::one(range.clone()),
        "is-default" | "isDefault" => Field::one("true"),
        "state" => Field::one("available"),
        "owner-id" => Field::one(account.clone()),
        "dhcp-options-id" | "tag-key" | "tag-value" => Field::Values(Vec::new()),
        name if name.starts_with("tag:") => Field::Values(Vec::new()),
        _ => Field::Unknown,
    })?;
    let shown = Vpc {
        vpc_id: Some(id.clone()),
        owner_id: Some(account),
        instance_tenancy: Some("default".into()),
        cidr_block_association_set: Some(vec![VpcCidrBlockAssociation {
            association_id: Some(id.replacen("vpc", "vpc-cidr-assoc", 1)),
            cidr_block: Some(range.clone()),
            cidr_block_state: Some(Box::new(VpcCidrBlockState {
                state: Some("associated".into()),
                status_message: None,
            })),
        }]),
        cidr_block: Some(range),
        is_default: Some(true),
        state: Some("available".into()),
        dhcp_options_id: Some(id.replacen("vpc", "dopt", 1)),
        tags: Some(Vec::new()),
        ..Vpc::default()
    };
    Ok(DescribeVpcsResult { next_token: None, vpcs: Some(passes.then_some(shown).into_iter().collect()) })
}
