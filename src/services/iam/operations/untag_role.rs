//! UntagRole: tags that a role has no longer.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagRole.html>

use api_models::iam::{UntagRoleError, UntagRoleRequest, UntagRoleResponse};

use crate::services::Context;
use crate::services::iam::resources::{change_role, tags};

pub(crate) async fn handle(context: Context, input: UntagRoleRequest) -> Result<UntagRoleResponse, UntagRoleError> {
    context
        .store()
        .transact(|tx| {
            change_role(tx, context.scope.account, &input.role_name.unwrap_or_default(), |role| {
                role.tags = tags::without(&role.tags, &input.tag_keys.unwrap_or_default());
                Ok(())
            })
        })
        .await?;
    Ok(UntagRoleResponse::default())
}
