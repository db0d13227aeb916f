//! DescribeSecurityGroups: the default VPC's default group; nothing is filtered, so it lets everything in and out.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html>

use api_models::ec2::{
    DescribeSecurityGroupsError, DescribeSecurityGroupsRequest, DescribeSecurityGroupsResult, IpPermission, IpRange,
    SecurityGroup,
};

use crate::services::Context;
use crate::services::ec2::resources::errors::{error, page_size, unless_dry};
use crate::services::ec2::resources::filters::{Field, Filters};
use crate::services::ecs::network;

const NAME: &str = "default";
const DESCRIPTION: &str = "default VPC security group";

pub(crate) async fn handle(
    context: Context,
    input: DescribeSecurityGroupsRequest,
) -> Result<DescribeSecurityGroupsResult, DescribeSecurityGroupsError> {
    let filters = Filters::new(input.filters)?;
    page_size(input.max_results, 5, 1000)?;
    unless_dry(input.dry_run)?;
    let scope = &context.scope;
    let id = network::default_security_group(scope);
    if let Some(gone) = input.group_ids.iter().flatten().find(|wanted| **wanted != id) {
        return Err(error("InvalidGroup.NotFound", format!("The security group '{gone}' does not exist")).into());
    }
    if let Some(gone) = input.group_names.iter().flatten().find(|wanted| *wanted != NAME) {
        let message =
            format!("The security group '{gone}' does not exist in default VPC '{}'", network::default_vpc(scope));
        return Err(error("InvalidGroup.NotFound", message).into());
    }
    let passes = filters.pass(|name| match name {
        "group-id" => Field::one(id.clone()),
        "group-name" => Field::one(NAME),
        "description" => Field::one(DESCRIPTION),
        "vpc-id" => Field::one(network::default_vpc(scope)),
        "owner-id" => Field::one(scope.account.to_string()),
        "tag-key" | "tag-value" => Field::Values(Vec::new()),
        name if name.starts_with("tag:") => Field::Values(Vec::new()),
        _ => Field::Unknown,
    })?;
    let everything = IpPermission {
        ip_protocol: Some("-1".to_owned()),
        ip_ranges: Some(vec![IpRange { cidr_ip: Some("0.0.0.0/0".to_owned()), ..IpRange::default() }]),
        ipv6_ranges: Some(Vec::new()),
        prefix_list_ids: Some(Vec::new()),
        user_id_group_pairs: Some(Vec::new()),
        ..IpPermission::default()
    };
    let shown = SecurityGroup {
        security_group_arn: Some(scope.arn("ec2", &["security-group/", &id])),
        group_id: Some(id),
        group_name: Some(NAME.to_owned()),
        description: Some(DESCRIPTION.to_owned()),
        owner_id: Some(scope.account.to_string()),
        vpc_id: Some(network::default_vpc(scope)),
        ip_permissions: Some(vec![everything.clone()]),
        ip_permissions_egress: Some(vec![everything]),
        tags: Some(Vec::new()),
    };
    Ok(DescribeSecurityGroupsResult {
        next_token: None,
        security_groups: Some(passes.then_some(shown).into_iter().collect()),
    })
}
