//! DeleteAccountSetting: back to what applies without it.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteAccountSetting.html>

use api_models::ecs::{
    DeleteAccountSettingError, DeleteAccountSettingRequest, DeleteAccountSettingResponse, InvalidParameterException,
};

use crate::services::Context;
use crate::services::ecs::resources::{AccountSetting, AccountSettingKey, settings};

/// Answers the setting as it was; what applies by default when it was not set.
pub(crate) async fn handle(
    context: Context,
    input: DeleteAccountSettingRequest,
) -> Result<DeleteAccountSettingResponse, DeleteAccountSettingError> {
    let name = input.name.ok_or_else(|| InvalidParameterException::new("name can not be blank."))?;
    let scope = &context.scope;
    let principal = settings::principal(scope, input.principal_arn.as_deref())?;
    context
        .store()
        .transact(|tx| {
            let default = settings::effective(tx, scope, principal.as_deref(), &name)?;
            let key = AccountSettingKey { scope: scope.clone(), principal, name: name.to_string() };
            let deleted = tx.delete::<AccountSetting>(&key).and_then(|deleted| settings::rendered(&deleted));
            Ok(DeleteAccountSettingResponse { setting: Some(Box::new(deleted.unwrap_or(default))) })
        })
        .await
}
