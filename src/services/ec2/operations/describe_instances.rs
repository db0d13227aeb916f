//! DescribeInstances: instances, by id or filter; terminated ones for an hour.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>

use std::collections::BTreeMap;

use api_models::ec2::{DescribeInstancesError, DescribeInstancesRequest, DescribeInstancesResult, Reservation};

use crate::services::Context;
use crate::services::ec2::resources::errors::{combination, page_size, unless_dry};
use crate::services::ec2::resources::filters::Filters;
use crate::services::ec2::resources::instance::{find_all, instances_of};
use crate::services::ec2::resources::paging;

pub(crate) async fn handle(
    context: Context,
    input: DescribeInstancesRequest,
) -> Result<DescribeInstancesResult, DescribeInstancesError> {
    let filters = Filters::new(input.filters)?;
    let ids = input.instance_ids.unwrap_or_default();
    if !ids.is_empty() && input.max_results.is_some() {
        return Err(combination("The parameter instancesSet cannot be used with the parameter maxResults").into());
    }
    let size = page_size(input.max_results, 5, 1000)?;
    unless_dry(input.dry_run)?;
    let state = context.snapshot();
    let all = match ids.is_empty() {
        true => instances_of(&state, &context.scope).cloned().collect(),
        false => find_all(&state, &context.scope, &ids)?,
    };
    let mut found = Vec::new();
    for instance in all {
        if filters.pass(|name| instance.field(name))? {
            found.push(instance);
        }
    }
    found.sort_by_cached_key(|instance| instance.place());
    let (found, next_token) =
        paging::cut("DescribeInstances", size, input.next_token, found, |instance| instance.place())?;
    let mut reservations: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for instance in &found {
        reservations.entry(instance.reservation.clone()).or_default().push(instance.shown());
    }
    let shown = reservations.into_iter().map(|(id, instances)| Reservation {
        reservation_id: Some(id),
        owner_id: Some(context.scope.account.to_string()),
        requester_id: None,
        groups: Some(Vec::new()),
        instances: Some(instances),
    });
    Ok(DescribeInstancesResult { next_token, reservations: Some(shown.collect()) })
}
