//! AttachRolePolicy: a managed policy for a role.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html>

use api_models::iam::{
    AttachRolePolicyError, AttachRolePolicyRequest, AttachRolePolicyResponse, CommonError, InvalidInputException,
    LimitExceededException, NoSuchEntityException,
};

use crate::services::Context;
use crate::services::iam::resources::{AnyPolicy, change_role, find_policy};

/// The most that AWS raises its quota of 10 to.
const MAX_ATTACHED: usize = 20;
/// The path of policies that are for service-linked roles alone.
const SERVICES_OWN: &str = "/aws-service-role/";

pub(crate) async fn handle(
    context: Context,
    input: AttachRolePolicyRequest,
) -> Result<AttachRolePolicyResponse, AttachRolePolicyError> {
    let account = context.scope.account;
    let arn = input.policy_arn.unwrap_or_default();
    context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            let policy = find_policy(tx, account, &arn).map_err(|error| match error {
                CommonError::NoSuchEntityException(_) => {
                    NoSuchEntityException::new(format!("Policy {arn} does not exist or is not attachable.")).into()
                }
                other => other,
            })?;
            if let AnyPolicy::Managed(managed) = policy
                && managed.path == SERVICES_OWN
            {
                let message = "Cannot attach a Service Role Policy to a Customer Role.";
                return Err(InvalidInputException::new(message).into());
            }
            change_role(tx, account, &input.role_name.unwrap_or_default(), |role| {
                role.attached.insert(arn);
                if role.attached.len() > MAX_ATTACHED {
                    let message = format!("Cannot exceed quota for PoliciesPerRole: {MAX_ATTACHED}");
                    return Err(LimitExceededException::new(message).into());
                }
                Ok(())
            })
        })
        .await?;
    Ok(AttachRolePolicyResponse::default())
}
