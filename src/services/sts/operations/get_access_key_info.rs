//! GetAccessKeyInfo: the account that requests with an access key speak for.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html>

use api_models::sts::{GetAccessKeyInfoError, GetAccessKeyInfoRequest, GetAccessKeyInfoResponse};

use crate::identity::credentials::account_of;
use crate::services::Context;

pub(crate) async fn handle(
    context: Context,
    input: GetAccessKeyInfoRequest,
) -> Result<GetAccessKeyInfoResponse, GetAccessKeyInfoError> {
    let key = input.access_key_id.unwrap_or_default();
    let account = match context.snapshot().sessions.get(key.as_str()) {
        Some(session) => session.account,
        None => account_of(&key, context.config().account),
    };
    Ok(GetAccessKeyInfoResponse { account: Some(account.to_string()) })
}
