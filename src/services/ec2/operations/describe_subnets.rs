//! DescribeSubnets: the default subnets, one for each zone. Any other id stands for one of them, and is shown as such.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html>

use api_models::ec2::{DescribeSubnetsError, DescribeSubnetsRequest, DescribeSubnetsResult, Subnet};

use crate::services::Context;
use crate::services::ec2::resources::errors::{error, page_size, unless_dry};
use crate::services::ec2::resources::filters::{Field, Filters};
use crate::services::ec2::resources::{paging, vpc};
use crate::services::ecs::network;

pub(crate) async fn handle(
    context: Context,
    input: DescribeSubnetsRequest,
) -> Result<DescribeSubnetsResult, DescribeSubnetsError> {
    let filters = Filters::new(input.filters)?;
    let size = page_size(input.max_results, 5, 1000)?;
    unless_dry(input.dry_run)?;
    let scope = &context.scope;
    let defaults: Vec<String> = network::default_subnets(scope).into_iter().map(|subnet| subnet.id).collect();
    let ids = input.subnet_ids.filter(|ids| !ids.is_empty()).unwrap_or_else(|| defaults.clone());
    if let Some(bad) = ids.iter().find(|id| !id.starts_with("subnet-")) {
        return Err(error("InvalidSubnetID.NotFound", format!("The subnet ID '{bad}' does not exist")).into());
    }
    let range = vpc::range(&context);
    let mut found = Vec::new();
    for id in ids {
        let zone = network::zone_of_subnet(&scope.region, &id);
        let cidr = range.subnet(network::zone_index(&id));
        let is_default = defaults.contains(&id);
        let passes = filters.pass(|name| match name {
            "subnet-id" => Field::one(id.clone()),
            "vpc-id" => Field::one(network::default_vpc(scope)),
            "availability-zone" | "availabilityZone" => Field::one(zone.clone()),
            "availability-zone-id" | "availabilityZoneId" => Field::maybe(network::zone_id(&zone)),
            "cidr-block" | "cidrBlock" | "cidr" => Field::one(cidr.to_string()),
            "default-for-az" | "defaultForAz" => Field::one(is_default.to_string()),
            "map-public-ip-on-launch" => Field::one("false"),
            "state" => Field::one("available"),
            "owner-id" => Field::one(scope.account.to_string()),
            "tag-key" | "tag-value" => Field::Values(Vec::new()),
            name if name.starts_with("tag:") => Field::Values(Vec::new()),
            _ => Field::Unknown,
        })?;
        if !passes {
            continue;
        }
        let used = vpc::interfaces(&context.snapshot(), scope).filter(|it| it.subnet == id).count();
        let free = i32::try_from(cidr.usable()).unwrap_or(i32::MAX) - i32::try_from(used).unwrap_or(0);
        found.push(Subnet {
            subnet_arn: Some(scope.arn("ec2", &["subnet/", &id])),
            subnet_id: Some(id),
            owner_id: Some(scope.account.to_string()),
            state: Some("available".into()),
            vpc_id: Some(network::default_vpc(scope)),
            cidr_block: Some(cidr.to_string()),
            available_ip_address_count: Some(free),
            availability_zone_id: network::zone_id(&zone),
            availability_zone: Some(zone),
            default_for_az: Some(is_default),
            map_public_ip_on_launch: Some(false),
            assign_ipv6_address_on_creation: Some(false),
            ipv6_cidr_block_association_set: Some(Vec::new()),
            tags: Some(Vec::new()),
            ..Subnet::default()
        });
    }
    found.sort_by(|one, two| one.subnet_id.cmp(&two.subnet_id));
    let (found, next_token) = paging::cut("DescribeSubnets", size, input.next_token, found, |subnet| {
        subnet.subnet_id.clone().unwrap_or_default()
    })?;
    Ok(DescribeSubnetsResult { next_token, subnets: Some(found) })
}
