//! GetCallerIdentity: who the credentials of the request speak for.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>
//!
//! A plain access key is the root user of its account: LocalECS has no users, and root is who may do everything.

use api_models::sts::{GetCallerIdentityError, GetCallerIdentityRequest, GetCallerIdentityResponse};

use crate::services::Context;
use crate::services::sts::resources::Caller;

pub(crate) async fn handle(
    context: Context,
    _input: GetCallerIdentityRequest,
) -> Result<GetCallerIdentityResponse, GetCallerIdentityError> {
    let account = context.scope.account.to_string();
    let arn = context.caller_arn();
    let user_id = match &context.caller {
        Caller::Root => account.clone(),
        Caller::Session(session) => session.user_id.clone(),
    };
    Ok(GetCallerIdentityResponse { user_id: Some(user_id), account: Some(account), arn: Some(arn) })
}
