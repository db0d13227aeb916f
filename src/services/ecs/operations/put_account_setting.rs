//! PutAccountSetting: a setting of one principal.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutAccountSetting.html>

use api_models::ecs::{
    InvalidParameterException, PutAccountSettingError, PutAccountSettingRequest, PutAccountSettingResponse,
};

use crate::services::Context;
use crate::services::ecs::resources::settings;

/// For the root user (which is who asks when no principal is named) this is PutAccountSettingDefault, as on AWS.
pub(crate) async fn handle(
    context: Context,
    input: PutAccountSettingRequest,
) -> Result<PutAccountSettingResponse, PutAccountSettingError> {
    let name = input.name.ok_or_else(|| InvalidParameterException::new("name can not be blank."))?;
    let value = input.value.ok_or_else(|| InvalidParameterException::new("value can not be blank."))?;
    let principal = settings::principal(&context.scope, input.principal_arn.as_deref())?;
    let record = settings::change(&context.scope, principal, &name, &value)?;
    let setting = settings::rendered(&record);
    context
        .store()
        .transact(|tx| {
            tx.put(record);
            Ok(PutAccountSettingResponse { setting: setting.map(Box::new) })
        })
        .await
}
