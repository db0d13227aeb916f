//! Who a request is from: root of an account by a plain access key, or temporary credentials that LocalECS gave.

use api_models::schema::{OperationSchema, Protocol};
use hyper::http::request::Parts;

use super::AppState;
use crate::identity::credentials::account_of;
use crate::identity::sigv4::{Claim, SignatureError};
use crate::identity::{Region, Scope};
use crate::protocol::Rejection;
use crate::services::sts::resources::{Caller, keys};

/// The caller, and the account and region the request speaks for; the configured ones when it is not signed.
///
/// # Errors
/// When the signature is broken, its credentials are not valid (any more), or it must be verified and is wrong.
pub(super) fn identify(
    app: &AppState,
    parts: &Parts,
    body: &[u8],
    schema: &OperationSchema,
    protocol: Protocol,
) -> Result<(Caller, Scope), Rejection> {
    let refused = |error| unauthenticated(error, protocol);
    let config = &app.shared.config;
    let claim = Claim::parse(parts).map_err(refused)?;
    let caller = claim.as_ref().map_or(Ok(Caller::Root), |claim| caller(app, parts, claim)).map_err(refused)?;
    if let Some(credentials) = &config.verify_signatures {
        let claim = claim.as_ref().ok_or_else(|| refused(SignatureError::missing()))?;
        let secret = match &caller {
            Caller::Session(session) => Some(session.secret_access_key.as_str()),
            Caller::Root => credentials.secret(&claim.access_key_id),
        };
        let secret = secret.ok_or_else(|| refused(SignatureError::unknown_key()))?;
        let now = app.shared.clock.now();
        claim.verify(parts, body, secret, schema.service.signing_name, now).map_err(refused)?;
    }
    let Some(claim) = claim else { return Ok((caller, Scope::new(config.account, config.region.clone()))) };
    let region =
        if claim.region == config.region.as_str() { config.region.clone() } else { Region::new(&claim.region) };
    let account = match &caller {
        Caller::Session(session) => session.account,
        Caller::Root => account_of(&claim.access_key_id, config.account),
    };
    Ok((caller, Scope::new(account, region)))
}

/// A key of LocalECS's own making is valid with its token and until it expires. Any other key is as good as another:
/// it may well be one for the real AWS.
fn caller(app: &AppState, parts: &Parts, claim: &Claim<'_>) -> Result<Caller, SignatureError> {
    let key = &*claim.access_key_id;
    if !keys::is_temporary(key) {
        return Ok(Caller::Root);
    }
    let state = app.shared.store.snapshot();
    match state.sessions.get(key) {
        Some(session) if session.expires_at <= app.shared.clock.now() => Err(SignatureError::expired_token()),
        Some(session) if claim.token(parts).as_deref() == Some(session.token.as_str()) => {
            Ok(Caller::Session(session.clone()))
        }
        Some(_) => Err(SignatureError::unknown_key()),
        None if keys::is_own(key, app.shared.store.id()) => Err(SignatureError::expired_token()),
        None => Ok(Caller::Root),
    }
}

/// The JSON services answer 400 to all of these, those of the query protocol 403 with other codes.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html>
fn unauthenticated(error: SignatureError, protocol: Protocol) -> Rejection {
    if !matches!(protocol, Protocol::AwsQuery | Protocol::Ec2Query) {
        return Rejection::new(400, error.code, error.message);
    }
    let (status, code) = match error.code {
        "ExpiredTokenException" => (403, "ExpiredToken"),
        "IncompleteSignatureException" => (400, "IncompleteSignature"),
        "InvalidSignatureException" => (403, "SignatureDoesNotMatch"),
        "MissingAuthenticationTokenException" => (403, "MissingAuthenticationToken"),
        "UnrecognizedClientException" => (403, "InvalidClientTokenId"),
        code => (403, code),
    };
    Rejection::new(status, code, error.message)
}
