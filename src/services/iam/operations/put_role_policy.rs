//! PutRolePolicy: a policy of a role's own, new or replaced.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html>

use api_models::iam::{LimitExceededException, PutRolePolicyError, PutRolePolicyRequest, PutRolePolicyResponse};

use crate::services::Context;
use crate::services::iam::policy::Kind;
use crate::services::iam::resources::{change_role, document, name as check_name};

/// All policies of a role's own together.
const MAX_SIZE: usize = 10_240;

pub(crate) async fn handle(
    context: Context,
    input: PutRolePolicyRequest,
) -> Result<PutRolePolicyResponse, PutRolePolicyError> {
    let policy_name = input.policy_name.unwrap_or_default();
    check_name("policyName", &policy_name)?;
    let policy = document(input.policy_document, Kind::Identity)?;
    let role_name = input.role_name.unwrap_or_default();
    context
        .store()
        .transact(|tx| {
            change_role(tx, context.scope.account, &role_name, |role| {
                role.inline.insert(policy_name, policy);
                // White space does not count.
                let size = |text: &String| text.chars().filter(|letter| !letter.is_whitespace()).count();
                if role.inline.values().map(size).sum::<usize>() > MAX_SIZE {
                    let message = format!("Maximum policy size of {MAX_SIZE} bytes exceeded for role {role_name}");
                    return Err(LimitExceededException::new(message).into());
                }
                Ok(())
            })
        })
        .await?;
    Ok(PutRolePolicyResponse::default())
}
