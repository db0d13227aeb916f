//! DescribeInstanceStatus: running instances, all of them in good health; with IncludeAllInstances the others too.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceStatus.html>

use api_models::ec2::{
    DescribeInstanceStatusError, DescribeInstanceStatusRequest, DescribeInstanceStatusResult, InstanceStatus,
    InstanceStatusDetails, InstanceStatusSummary, StatusName, StatusType, SummaryStatus,
};

use crate::services::Context;
use crate::services::ec2::resources::errors::{combination, page_size, unless_dry};
use crate::services::ec2::resources::filters::{Field, Filters};
use crate::services::ec2::resources::instance::{find_all, instances_of};
use crate::services::ec2::resources::{Instance, Phase, paging};
use crate::services::ecs::network;

pub(crate) async fn handle(
    context: Context,
    input: DescribeInstanceStatusRequest,
) -> Result<DescribeInstanceStatusResult, DescribeInstanceStatusError> {
    let filters = Filters::new(input.filters)?;
    let ids = input.instance_ids.unwrap_or_default();
    if !ids.is_empty() && input.max_results.is_some() {
        return Err(combination("The parameter instancesSet cannot be used with the parameter maxResults").into());
    }
    let size = page_size(input.max_results, 5, 1000)?;
    unless_dry(input.dry_run)?;
    let everyone = input.include_all_instances.unwrap_or(false);
    let state = context.snapshot();
    let all = match ids.is_empty() {
        true => instances_of(&state, &context.scope).cloned().collect(),
        false => find_all(&state, &context.scope, &ids)?,
    };
    let mut found = Vec::new();
    for instance in all {
        if filters.pass(|name| field(&instance, name))? && (everyone || instance.phase == Phase::Running) {
            found.push(instance);
        }
    }
    let (found, next_token) =
        paging::cut("DescribeInstanceStatus", size, input.next_token, found, |instance| instance.id().to_owned())?;
    let shown = found.iter().map(|instance| shown(instance)).collect();
    Ok(DescribeInstanceStatusResult { instance_statuses: Some(shown), next_token })
}

fn field(instance: &Instance, name: &str) -> Field {
    let runs = instance.phase == Phase::Running;
    match name {
        "instance-status.status" | "system-status.status" => Field::one(if runs { "ok" } else { "not-applicable" }),
        "instance-status.reachability" | "system-status.reachability" => Field::maybe(runs.then_some("passed")),
        "instance-state-name" | "instance-state-code" | "availability-zone" => instance.field(name),
        _ => Field::Unknown,
    }
}

fn shown(instance: &Instance) -> InstanceStatus {
    let runs = instance.phase == Phase::Running;
    let passed = InstanceStatusDetails {
        impaired_since: None,
        name: Some(StatusName::Reachability),
        status: Some(StatusType::Passed),
    };
    let summary = InstanceStatusSummary {
        details: runs.then(|| vec![passed]),
        status: Some(if runs { SummaryStatus::Ok } else { SummaryStatus::NotApplicable }),
    };
    InstanceStatus {
        instance_id: Some(instance.id().to_owned()),
        availability_zone: Some(instance.zone.clone()),
        availability_zone_id: network::zone_id(&instance.zone),
        instance_state: Some(Box::new(instance.phase.shown())),
        instance_status: Some(Box::new(summary.clone())),
        system_status: Some(Box::new(summary)),
        ..InstanceStatus::default()
    }
}
