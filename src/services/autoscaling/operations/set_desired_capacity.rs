//! SetDesiredCapacity: how many instances a group is to have.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SetDesiredCapacity.html>

use api_models::autoscaling::{SetDesiredCapacityError, SetDesiredCapacityResponse, SetDesiredCapacityType};

use crate::services::Context;
use crate::services::autoscaling::resources::change;

pub(crate) async fn handle(
    context: Context,
    input: SetDesiredCapacityType,
) -> Result<SetDesiredCapacityResponse, SetDesiredCapacityError> {
    let name = input.auto_scaling_group_name.unwrap_or_default();
    let desired = input.desired_capacity.unwrap_or_default();
    let now = context.now();
    context
        .store()
        .transact(|tx| {
            change::change(tx, &context.scope, &name, |group| {
                if input.honor_cooldown == Some(true) {
                    change::check_cooldown(group, now)?;
                }
                let cause = format!("At {} a user request explicitly set group desired capacity", now.to_rfc3339());
                change::set_desired(group, desired, &cause, now)
            })
        })
        .await?;
    Ok(SetDesiredCapacityResponse {})
}
