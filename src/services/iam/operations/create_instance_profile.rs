//! CreateInstanceProfile: an instance profile, without a role.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateInstanceProfile.html>

use api_models::iam::{
    CommonError, CreateInstanceProfileError, CreateInstanceProfileRequest, CreateInstanceProfileResponse,
    EntityAlreadyExistsException,
};

use crate::services::Context;
use crate::services::iam::resources::{InstanceProfile, find_profile, name as check_name, now, path, tags};
use crate::services::sts::resources::keys;

pub(crate) async fn handle(
    context: Context,
    input: CreateInstanceProfileRequest,
) -> Result<CreateInstanceProfileResponse, CreateInstanceProfileError> {
    let name = input.instance_profile_name.unwrap_or_default();
    check_name("instanceProfileName", &name)?;
    let account = context.scope.account;
    let profile = InstanceProfile {
        account,
        partition: context.scope.region.partition().to_owned(),
        path: path(input.path)?,
        name,
        id: keys::unique_id(context.ids(), "AIPA"),
        created_at: now(&context),
        tags: tags::given(input.tags)?,
        role: None,
    };
    let shown = context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            if find_profile(tx, account, &profile.name).is_ok() {
                let message = format!("Instance Profile {} already exists.", profile.name);
                return Err(EntityAlreadyExistsException::new(message).into());
            }
            let shown = profile.shown(tx, true);
            tx.put(profile);
            Ok(shown)
        })
        .await?;
    Ok(CreateInstanceProfileResponse { instance_profile: Some(shown.into()) })
}
