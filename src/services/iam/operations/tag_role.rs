//! TagRole: more tags for a role, or new values for those it has.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagRole.html>

use api_models::iam::{TagRoleError, TagRoleRequest, TagRoleResponse};

use crate::services::Context;
use crate::services::iam::resources::{change_role, tags};

pub(crate) async fn handle(context: Context, input: TagRoleRequest) -> Result<TagRoleResponse, TagRoleError> {
    context
        .store()
        .transact(|tx| {
            change_role(tx, context.scope.account, &input.role_name.unwrap_or_default(), |role| {
                role.tags = tags::merge(&role.tags, input.tags.unwrap_or_default())?;
                Ok(())
            })
        })
        .await?;
    Ok(TagRoleResponse::default())
}
