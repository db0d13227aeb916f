//! GetFederationToken: temporary credentials for a user that somebody else knows.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html>

use std::time::Duration;

use api_models::sts::{
    AccessDeniedException, FederatedUser, GetFederationTokenError, GetFederationTokenRequest,
    GetFederationTokenResponse,
};

use crate::services::Context;
use crate::services::sts::resources::{Caller, Grant, checks, issue};

/// The longest (and the default) that credentials live which the root user asked for.
const ROOT_SECONDS: i32 = 3600;

pub(crate) async fn handle(
    context: Context,
    input: GetFederationTokenRequest,
) -> Result<GetFederationTokenResponse, GetFederationTokenError> {
    if let Caller::Session(_) = &context.caller {
        return Err(AccessDeniedException::new("Cannot call GetFederationToken with session credentials").into());
    }
    let name = input.name.unwrap_or_default();
    checks::name("name", &name)?;
    let account = context.scope.account;
    let arn = format!("arn:{}:sts::{account}:federated-user/{name}", context.scope.region.partition());
    let id = format!("{account}:{name}");
    let seconds = input.duration_seconds.unwrap_or(ROOT_SECONDS).min(ROOT_SECONDS);
    let grant = Grant {
        account,
        arn: arn.clone(),
        user_id: id.clone(),
        role: None,
        lifetime: Duration::from_secs(u64::try_from(seconds).unwrap_or_default()),
    };
    let session =
        context.store().transact(|tx| Ok::<_, GetFederationTokenError>(issue(tx, &context.shared, grant))).await?;
    Ok(GetFederationTokenResponse {
        credentials: Some(session.credentials().into()),
        federated_user: Some(FederatedUser { federated_user_id: Some(id), arn: Some(arn) }.into()),
        ..Default::default()
    })
}
