//! CreatePolicy: a managed policy of the account's own.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html>

use api_models::iam::{
    CommonError, CreatePolicyError, CreatePolicyRequest, CreatePolicyResponse, EntityAlreadyExistsException,
};

use crate::services::Context;
use crate::services::iam::policy::Kind;
use crate::services::iam::resources::{
    IamKey, PolicyVersionRecord, StoredPolicy, check_size, document, name as check_name, now, path, tags,
};
use crate::services::sts::resources::keys;

pub(crate) async fn handle(
    context: Context,
    input: CreatePolicyRequest,
) -> Result<CreatePolicyResponse, CreatePolicyError> {
    let name = input.policy_name.unwrap_or_default();
    check_name("policyName", &name)?;
    let (account, now) = (context.scope.account, now(&context));
    let first =
        PolicyVersionRecord { number: 1, document: document(input.policy_document, Kind::Identity)?, created_at: now };
    check_size(&first.document)?;
    let policy = StoredPolicy {
        account,
        partition: context.scope.region.partition().to_owned(),
        path: path(input.path)?,
        name,
        id: keys::unique_id(context.ids(), "ANPA"),
        description: input.description.filter(|text| !text.is_empty()),
        created_at: now,
        updated_at: now,
        tags: tags::given(input.tags)?,
        versions: vec![first],
        default_version: 1,
        last_version: 1,
    };
    let shown = context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            if tx.policies.contains_key(&IamKey::new(account, &policy.name)) {
                let message =
                    format!("A policy called {} already exists. Duplicate names are not allowed.", policy.name);
                return Err(EntityAlreadyExistsException::new(message).into());
            }
            let shown = policy.shown(tx, true);
            tx.put(policy);
            Ok(shown)
        })
        .await?;
    Ok(CreatePolicyResponse { policy: Some(shown.into()) })
}
