//! DescribeScalingActivities: what groups did, newest first.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeScalingActivities.html>

use api_models::autoscaling::{
    ActivitiesType, CommonError, DescribeScalingActivitiesError, DescribeScalingActivitiesType,
};

use crate::services::Context;
use crate::services::autoscaling::resources::errors::unsupported;
use crate::services::autoscaling::resources::page::PageRequest;
use crate::services::autoscaling::resources::{Activity, activity, change};
use crate::services::paging::Order;

pub(crate) async fn handle(
    context: Context,
    input: DescribeScalingActivitiesType,
) -> Result<ActivitiesType, DescribeScalingActivitiesError> {
    if input.filters.as_ref().is_some_and(|filters| !filters.is_empty()) {
        return Err(CommonError::into(unsupported("filters of DescribeScalingActivities")));
    }
    let page = PageRequest::new("DescribeScalingActivities", input.max_records, 100, input.next_token)?;
    let state = context.snapshot();
    let groups: Vec<_> = match input.auto_scaling_group_name.as_deref() {
        Some(name) => vec![change::find(&state, &context.scope, name)?],
        None => change::groups_of(&state, &context.scope).collect(),
    };
    let ids = input.activity_ids.unwrap_or_default();
    let all = groups.into_iter().flat_map(|group| activity::activities_of(&state, &group.key));
    let mut found: Vec<_> = all.filter(|it| ids.is_empty() || ids.iter().any(|id| **id == *it.key.id)).collect();
    let place = |it: &Activity| format!("{:020}/{}", it.key.started_at.as_millis(), it.key.id);
    found.sort_by_cached_key(|it| std::cmp::Reverse(place(it)));
    let (found, next_token) = page.cut(found, Order::Descending, |it| place(it))?;
    Ok(ActivitiesType { activities: Some(found.into_iter().map(|it| it.shown()).collect()), next_token })
}
