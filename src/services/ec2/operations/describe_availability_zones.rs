//! DescribeAvailabilityZones: the three zones of the region.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAvailabilityZones.html>

use api_models::ec2::{
    AvailabilityZone, AvailabilityZoneOptInStatus, AvailabilityZoneState, DescribeAvailabilityZonesError,
    DescribeAvailabilityZonesRequest, DescribeAvailabilityZonesResult,
};

use crate::services::Context;
use crate::services::ec2::resources::errors::{error, unless_dry};
use crate::services::ec2::resources::filters::{Field, Filters};
use crate::services::ecs::network;

pub(crate) async fn handle(
    context: Context,
    input: DescribeAvailabilityZonesRequest,
) -> Result<DescribeAvailabilityZonesResult, DescribeAvailabilityZonesError> {
    let filters = Filters::new(input.filters)?;
    unless_dry(input.dry_run)?;
    let region = &context.scope.region;
    let all: Vec<(String, String)> = network::zones(region)
        .into_iter()
        .map(|zone| {
            let id = network::zone_id(&zone).unwrap_or_default();
            (zone, id)
        })
        .collect();
    let (names, ids) = (input.zone_names.unwrap_or_default(), input.zone_ids.unwrap_or_default());
    if let Some(name) = names.iter().find(|name| !all.iter().any(|(zone, _)| zone == *name)) {
        return Err(error("InvalidParameterValue", format!("Invalid availability zone: [{name}]")).into());
    }
    if let Some(wrong) = ids.iter().find(|wanted| !all.iter().any(|(_, id)| id == *wanted)) {
        return Err(error("InvalidParameterValue", format!("Invalid availability zone-id: [{wrong}]")).into());
    }
    let mut shown = Vec::new();
    for (zone, id) in all {
        let named = names.contains(&zone) || ids.contains(&id) || (names.is_empty() && ids.is_empty());
        let passes = filters.pass(|name| match name {
            "zone-name" => Field::one(zone.clone()),
            "zone-id" => Field::one(id.clone()),
            "region-name" | "group-name" => Field::one(region.as_str()),
            "state" => Field::one("available"),
            "zone-type" => Field::one("availability-zone"),
            "opt-in-status" => Field::one("opt-in-not-required"),
            _ => Field::Unknown,
        })?;
        if passes && named {
            shown.push(AvailabilityZone {
                opt_in_status: Some(AvailabilityZoneOptInStatus::OptInNotRequired),
                messages: Some(Vec::new()),
                region_name: Some(region.to_string()),
                zone_name: Some(zone),
                zone_id: Some(id),
                group_name: Some(region.to_string()),
                network_border_group: Some(region.to_string()),
                zone_type: Some("availability-zone".to_owned()),
                state: Some(AvailabilityZoneState::Available),
                ..AvailabilityZone::default()
            });
        }
    }
    Ok(DescribeAvailabilityZonesResult { availability_zones: Some(shown) })
}
