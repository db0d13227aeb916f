//! PutAccountSettingDefault: a setting for all principals that have none of their own.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutAccountSettingDefault.html>

use api_models::ecs::{
    InvalidParameterException, PutAccountSettingDefaultError, PutAccountSettingDefaultRequest,
    PutAccountSettingDefaultResponse,
};

use crate::services::Context;
use crate::services::ecs::resources::settings;

pub(crate) async fn handle(
    context: Context,
    input: PutAccountSettingDefaultRequest,
) -> Result<PutAccountSettingDefaultResponse, PutAccountSettingDefaultError> {
    let name = input.name.ok_or_else(|| InvalidParameterException::new("name can not be blank."))?;
    let value = input.value.ok_or_else(|| InvalidParameterException::new("value can not be blank."))?;
    let record = settings::change(&context.scope, None, &name, &value)?;
    let setting = settings::rendered(&record);
    context
        .store()
        .transact(|tx| {
            tx.put(record);
            Ok(PutAccountSettingDefaultResponse { setting: setting.map(Box::new) })
        })
        .await
}
