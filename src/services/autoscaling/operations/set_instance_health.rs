//! SetInstanceHealth: what somebody found out about an instance.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SetInstanceHealth.html>

use api_models::autoscaling::{CommonError, SetInstanceHealthError, SetInstanceHealthQuery, SetInstanceHealthResponse};

use crate::services::Context;
use crate::services::autoscaling::resources::change;
use crate::services::autoscaling::resources::errors::invalid;
use crate::services::autoscaling::resources::hook::seconds_after;

pub(crate) async fn handle(
    context: Context,
    input: SetInstanceHealthQuery,
) -> Result<SetInstanceHealthResponse, SetInstanceHealthError> {
    let id = input.instance_id.unwrap_or_default();
    let healthy = match input.health_status.as_deref() {
        Some("Healthy") => true,
        Some("Unhealthy") => false,
        other => {
            let message = format!("Health status {} is not one of Healthy, Unhealthy.", other.unwrap_or_default());
            return Err(CommonError::into(invalid(message)));
        }
    };
    let respects = input.should_respect_grace_period.unwrap_or(true);
    let now = context.now();
    context
        .store()
        .transact(|tx| -> Result<(), CommonError> {
            let Some(key) = change::group_of_instance(tx, &context.scope, &id) else {
                return Err(change::no_instance(&id));
            };
            change::change(tx, &context.scope, &key.name, |group| {
                let grace = group.grace;
                if let Some(member) = group.members.get_mut(&id) {
                    let in_grace = seconds_after(member.launched_at, grace) > now;
                    if healthy || !respects || !in_grace {
                        member.healthy = healthy;
                    }
                }
                Ok(())
            })
        })
        .await?;
    Ok(SetInstanceHealthResponse {})
}
