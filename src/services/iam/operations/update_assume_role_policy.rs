//! UpdateAssumeRolePolicy: who may assume a role.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAssumeRolePolicy.html>

use api_models::iam::{UpdateAssumeRolePolicyError, UpdateAssumeRolePolicyRequest, UpdateAssumeRolePolicyResponse};

use crate::services::Context;
use crate::services::iam::policy::Kind;
use crate::services::iam::resources::{change_role, document};

pub(crate) async fn handle(
    context: Context,
    input: UpdateAssumeRolePolicyRequest,
) -> Result<UpdateAssumeRolePolicyResponse, UpdateAssumeRolePolicyError> {
    let policy = document(input.policy_document, Kind::Trust)?;
    context
        .store()
        .transact(|tx| {
            change_role(tx, context.scope.account, &input.role_name.unwrap_or_default(), |role| {
                role.trust_policy = policy;
                Ok(())
            })
        })
        .await?;
    Ok(UpdateAssumeRolePolicyResponse::default())
}
