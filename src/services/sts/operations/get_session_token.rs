//! GetSessionToken: temporary credentials for who is asking.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>

use std::time::Duration;

use api_models::sts::{AccessDeniedException, GetSessionTokenError, GetSessionTokenRequest, GetSessionTokenResponse};

use crate::services::Context;
use crate::services::sts::resources::{Caller, Grant, issue};

/// The longest that the root user's credentials live, also when more is asked for.
const ROOT_SECONDS: i32 = 3600;

pub(crate) async fn handle(
    context: Context,
    input: GetSessionTokenRequest,
) -> Result<GetSessionTokenResponse, GetSessionTokenError> {
    if let Caller::Session(_) = &context.caller {
        return Err(AccessDeniedException::new("Cannot call GetSessionToken with session credentials").into());
    }
    let account = context.scope.account;
    let seconds = input.duration_seconds.unwrap_or(ROOT_SECONDS).min(ROOT_SECONDS);
    let grant = Grant {
        account,
        arn: context.scope.iam_arn("root"),
        user_id: account.to_string(),
        role: None,
        lifetime: Duration::from_secs(u64::try_from(seconds).unwrap_or_default()),
    };
    let session =
        context.store().transact(|tx| Ok::<_, GetSessionTokenError>(issue(tx, &context.shared, grant))).await?;
    Ok(GetSessionTokenResponse { credentials: Some(session.credentials().into()), ..Default::default() })
}
