//! CreatePolicyVersion: a new document for a policy.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicyVersion.html>

use api_models::iam::{
    CreatePolicyVersionError, CreatePolicyVersionRequest, CreatePolicyVersionResponse, LimitExceededException,
};

use crate::services::Context;
use crate::services::iam::policy::Kind;
use crate::services::iam::resources::{MAX_VERSIONS, PolicyVersionRecord, change_policy, check_size, document, now};

pub(crate) async fn handle(
    context: Context,
    input: CreatePolicyVersionRequest,
) -> Result<CreatePolicyVersionResponse, CreatePolicyVersionError> {
    let text = document(input.policy_document, Kind::Identity)?;
    check_size(&text)?;
    let now = now(&context);
    let shown = context
        .store()
        .transact(|tx| {
            change_policy(tx, context.scope.account, &input.policy_arn.unwrap_or_default(), |policy| {
                if policy.versions.len() == MAX_VERSIONS {
                    return Err(LimitExceededException::new(format!(
                        "A managed policy can have up to {MAX_VERSIONS} versions. Before you create a new version, you \
                         must delete an existing version."
                    ))
                    .into());
                }
                policy.last_version += 1;
                let version = PolicyVersionRecord { number: policy.last_version, document: text, created_at: now };
                if input.set_as_default == Some(true) {
                    policy.default_version = version.number;
                    policy.updated_at = now;
                }
                policy.versions.push(version.clone());
                Ok(policy.shown_version(&version, false))
            })
        })
        .await?;
    Ok(CreatePolicyVersionResponse { policy_version: Some(shown.into()) })
}
