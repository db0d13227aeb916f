//! UpdateAutoScalingGroup: other sizes, places or sources for a group.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_UpdateAutoScalingGroup.html>

use api_models::autoscaling::{
    UpdateAutoScalingGroupError, UpdateAutoScalingGroupResponse, UpdateAutoScalingGroupType,
};

use crate::services::Context;
use crate::services::autoscaling::resources::settings::Asked;
use crate::services::autoscaling::resources::{change, source};

/// Instances that run stay as they are when the source changes, as on AWS.
pub(crate) async fn handle(
    context: Context,
    input: UpdateAutoScalingGroupType,
) -> Result<UpdateAutoScalingGroupResponse, UpdateAutoScalingGroupError> {
    let asked = Asked::by_update(&input)?;
    let name = input.auto_scaling_group_name.clone().unwrap_or_default();
    let now = context.now();
    let scope = &context.scope;
    context
        .store()
        .transact(|tx| {
            change::find(tx, scope, &name)?;
            let source = source::given(
                tx,
                scope,
                input.launch_configuration_name.as_deref(),
                input.launch_template.as_deref(),
                input.mixed_instances_policy.as_deref(),
            )?;
            change::change(tx, scope, &name, |group| {
                let cause = |group: &crate::services::autoscaling::resources::Group, desired: i32| {
                    format!(
                        "At {} a user request update of AutoScalingGroup constraints to min: {}, max: {}, desired: {desired}",
                        now.to_rfc3339(),
                        group.min,
                        group.max
                    )
                };
                asked.apply(group, cause, now)?;
                if let Some(source) = source {
                    group.source = source;
                }
                group.launches_after = None;
                Ok(())
            })
        })
        .await?;
    Ok(UpdateAutoScalingGroupResponse {})
}
