//! DescribeAutoScalingInstances: the instances of all groups.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingInstances.html>

use api_models::autoscaling::{
    AutoScalingInstancesType, DescribeAutoScalingInstancesError, DescribeAutoScalingInstancesType,
};

use crate::services::Context;
use crate::services::autoscaling::resources::change;
use crate::services::autoscaling::resources::page::PageRequest;
use crate::services::paging::Order;

pub(crate) async fn handle(
    context: Context,
    input: DescribeAutoScalingInstancesType,
) -> Result<AutoScalingInstancesType, DescribeAutoScalingInstancesError> {
    let page = PageRequest::new("DescribeAutoScalingInstances", input.max_records, 50, input.next_token)?;
    let ids = input.instance_ids.unwrap_or_default();
    let state = context.snapshot();
    let groups = change::groups_of(&state, &context.scope);
    let all = groups.flat_map(|group| group.members.iter().map(move |(id, member)| (id, member, &group.key.name)));
    let mut found: Vec<_> = all.filter(|(id, ..)| ids.is_empty() || ids.contains(id)).collect();
    found.sort_by(|one, two| one.0.cmp(two.0));
    let (found, next_token) = page.cut(found, Order::Ascending, |(id, ..)| (*id).clone())?;
    let shown = found.into_iter().map(|(id, member, group)| member.details(id, group)).collect();
    Ok(AutoScalingInstancesType { auto_scaling_instances: Some(shown), next_token })
}
