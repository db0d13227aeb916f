//! SetInstanceProtection: whether scale-in may take an instance.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SetInstanceProtection.html>

use api_models::autoscaling::{SetInstanceProtectionAnswer, SetInstanceProtectionError, SetInstanceProtectionQuery};

use crate::services::Context;
use crate::services::autoscaling::resources::change;

pub(crate) async fn handle(
    context: Context,
    input: SetInstanceProtectionQuery,
) -> Result<SetInstanceProtectionAnswer, SetInstanceProtectionError> {
    let name = input.auto_scaling_group_name.unwrap_or_default();
    let ids = input.instance_ids.unwrap_or_default();
    let protected = input.protected_from_scale_in.unwrap_or_default();
    context
        .store()
        .transact(|tx| {
            change::change(tx, &context.scope, &name, |group| change::set_protection(group, &ids, protected))
        })
        .await?;
    Ok(SetInstanceProtectionAnswer {})
}
