//! DescribeRegions: the regions that every account has. Any other one works too: nothing tells them apart.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html>

use api_models::ec2::{DescribeRegionsError, DescribeRegionsRequest, DescribeRegionsResult, Region};

use crate::services::Context;
use crate::services::ec2::resources::errors::{error, unless_dry};
use crate::services::ec2::resources::filters::{Field, Filters};

/// Those of the partition `aws` that need no opting in.
const REGIONS: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

pub(crate) async fn handle(
    _: Context,
    input: DescribeRegionsRequest,
) -> Result<DescribeRegionsResult, DescribeRegionsError> {
    let filters = Filters::new(input.filters)?;
    unless_dry(input.dry_run)?;
    let names = input.region_names.unwrap_or_default();
    if let Some(name) = names.iter().find(|name| !REGIONS.contains(&name.as_str())) {
        return Err(error("InvalidParameterValue", format!("Invalid region provided: [{name}]")).into());
    }
    let mut shown = Vec::new();
    for region in REGIONS.into_iter().filter(|region| names.is_empty() || names.iter().any(|name| name == region)) {
        let endpoint = format!("ec2.{region}.amazonaws.com");
        let passes = filters.pass(|name| match name {
            "region-name" => Field::one(region),
            "endpoint" => Field::one(endpoint.clone()),
            "opt-in-status" => Field::one("opt-in-not-required"),
            _ => Field::Unknown,
        })?;
        if passes {
            shown.push(Region {
                opt_in_status: Some("opt-in-not-required".to_owned()),
                region_name: Some(region.to_owned()),
                endpoint: Some(endpoint),
                ..Region::default()
            });
        }
    }
    Ok(DescribeRegionsResult { regions: Some(shown) })
}
