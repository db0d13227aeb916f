//! AssumeRole: temporary credentials with a role's permissions.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
//!
//! On AWS the root user may not assume roles; here it is who everybody with a plain key is, so it may.

use std::time::Duration;

use api_models::sts::{
    AccessDeniedException, AssumeRoleError, AssumeRoleRequest, AssumeRoleResponse, AssumedRoleUser,
    ValidationErrorException,
};

use crate::services::Context;
use crate::services::iam::authorize;
use crate::services::sts::resources::role_arn::RoleArn;
use crate::services::sts::resources::{Caller, checks, issue_for_role};

/// How long credentials live when nothing is asked, and at most when a role assumes another.
const HOUR_SECONDS: i32 = 3600;

pub(crate) async fn handle(context: Context, input: AssumeRoleRequest) -> Result<AssumeRoleResponse, AssumeRoleError> {
    let role_arn = input.role_arn.unwrap_or_default();
    let session_name = input.role_session_name.unwrap_or_default();
    if RoleArn::parse(&role_arn).is_none() {
        return Err(ValidationErrorException::new(format!("{role_arn} is invalid")).into());
    }
    checks::name("roleSessionName", &session_name)?;
    if let Some(identity) = &input.source_identity {
        checks::name("sourceIdentity", identity)?;
    }
    let seconds = input.duration_seconds.unwrap_or(HOUR_SECONDS);
    let chained = matches!(&context.caller, Caller::Session(session) if session.role.is_some());
    if chained && seconds > HOUR_SECONDS {
        return Err(ValidationErrorException::new(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        )
        .into());
    }
    let lifetime = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    let session = context
        .store()
        .transact(|tx| {
            let longest = authorize::role(tx, &role_arn).map(|role| role.max_session_duration);
            if longest.is_some_and(|longest| seconds > longest) {
                return Err(ValidationErrorException::new(
                    "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
                )
                .into());
            }
            if longest.is_none() && context.config().strict_iam {
                return Err(AccessDeniedException::new(format!(
                    "User: {} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
                    context.caller_arn()
                ))
                .into());
            }
            issue_for_role(tx, &context.shared, &role_arn, &session_name, lifetime)
                .ok_or_else(|| AssumeRoleError::from(ValidationErrorException::new(format!("{role_arn} is invalid"))))
        })
        .await?;
    let user = AssumedRoleUser { assumed_role_id: Some(session.user_id.clone()), arn: Some(session.arn.clone()) };
    Ok(AssumeRoleResponse {
        credentials: Some(session.credentials().into()),
        assumed_role_user: Some(user.into()),
        source_identity: input.source_identity,
        ..Default::default()
    })
}
