//! `--strict-iam`: whether a role exists, trusts ECS, and may do what a task needs of it. Without the option everything
//! is allowed, and roles that do not exist are made up.

use std::sync::Arc;

use super::policy::{self, Decision, Facts, PolicyDocument, Request};
use super::resources::{AnyPolicy, IamKey, Role, find_policy};
use crate::identity::Scope;
use crate::services::sts::resources::role_arn::RoleArn;
use crate::store::State;

/// Who runs tasks.
pub const ECS_TASKS: &str = "ecs-tasks.amazonaws.com";

/// An action that was refused, in the words of AWS's AccessDeniedException.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("User: {user} is not authorized to perform: {action} on resource: {resource} {because}")]
pub struct AccessDenied {
    /// The ARN of the session.
    pub user: String,
    pub action: String,
    pub resource: String,
    because: String,
}

/// What ECS says of a role that it cannot assume.
#[must_use]
pub fn not_assumed(role_arn: &str) -> String {
    format!(
        "ECS was unable to assume the role '{role_arn}' that was provided for this task. Please verify that the role \
         being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass \
         this role."
    )
}

/// The ARN of a role that a task definition names, by its ARN or its name alone.
#[must_use]
pub fn resolve(state: &State, scope: &Scope, given: &str) -> String {
    if given.starts_with("arn:") {
        return given.to_owned();
    }
    let name = given.rsplit('/').next().unwrap_or(given);
    let known = state.roles.get(&IamKey::new(scope.account, name)).map(|role| role.arn());
    known.unwrap_or_else(|| scope.iam_arn(&format!("role/{}", given.trim_start_matches('/'))))
}

/// The role with that ARN.
#[must_use]
pub fn role<'s>(state: &'s State, role_arn: &str) -> Option<&'s Arc<Role>> {
    let arn = RoleArn::parse(role_arn)?;
    state.roles.get(&IamKey::new(arn.account, arn.name)).filter(|role| role.arn() == role_arn)
}

/// Whether ECS can assume the role for a task in that scope: it exists, and its trust policy names ECS's tasks.
#[must_use]
pub fn can_be_assumed(state: &State, scope: &Scope, role_arn: &str) -> bool {
    can_be_assumed_by(state, scope, role_arn, ECS_TASKS)
}

/// Whether one of ECS's principals (`ecs.amazonaws.com`) can assume the role: it exists, and its trust policy names it.
#[must_use]
pub fn can_be_assumed_by(state: &State, scope: &Scope, role_arn: &str, principal: &str) -> bool {
    let Some(role) = role(state, role_arn) else { return false };
    // What ECS tells of itself: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html>
    let facts = Facts::default()
        .with("aws:SourceAccount", scope.account.to_string())
        .with("aws:SourceArn", scope.arn("ecs", &["*"]));
    PolicyDocument::parse(&role.trust_policy).is_ok_and(|trust| policy::trusts(&trust, principal, &facts))
}

/// Whether a session of a role (for a task: its id) may perform `action` (`secretsmanager:GetSecretValue`) on the
/// resource with that ARN, in the region of `scope`. Asked only where `--strict-iam` is on.
///
/// # Errors
/// The sentence that AWS answers.
pub fn authorize(
    state: &State,
    scope: &Scope,
    role_arn: &str,
    session: &str,
    action: &str,
    resource: &str,
) -> Result<(), AccessDenied> {
    let denied = |because: String| AccessDenied {
        user: RoleArn::parse(role_arn).map_or_else(|| role_arn.to_owned(), |role| role.session(session)),
        action: action.to_owned(),
        resource: resource.to_owned(),
        because,
    };
    let nothing_allows = || denied(format!("because no identity-based policy allows the {action} action"));
    let Some(role) = role(state, role_arn) else { return Err(nothing_allows()) };
    let facts = Facts::default()
        .with("aws:PrincipalArn", role_arn)
        .with("aws:PrincipalAccount", role.account.to_string())
        .with("aws:PrincipalType", "AssumedRole")
        .with("aws:userid", format!("{}:{session}", role.id))
        .with("aws:RequestedRegion", scope.region.as_str())
        .with("aws:SecureTransport", "true");
    let facts = role.tags.iter().fold(facts, |facts, tag| match (&tag.key, &tag.value) {
        (Some(key), Some(value)) => facts.with(&format!("aws:PrincipalTag/{key}"), value),
        _ => facts,
    });
    let request = Request { action, resource, facts: &facts };
    match policy::evaluate(&identity_policies(state, role), request) {
        Decision::Allowed => {}
        Decision::ExplicitDeny => {
            return Err(denied("with an explicit deny in an identity-based policy".to_owned()));
        }
        Decision::ImplicitDeny => return Err(nothing_allows()),
    }
    let Some(boundary) = &role.permissions_boundary else { return Ok(()) };
    match policy::evaluate(&document(state, role, boundary), request) {
        Decision::Allowed => Ok(()),
        Decision::ExplicitDeny => Err(denied("with an explicit deny in a permissions boundary".to_owned())),
        Decision::ImplicitDeny => Err(denied(format!("because no permissions boundary allows the {action} action"))),
    }
}

fn identity_policies(state: &State, role: &Role) -> Vec<PolicyDocument> {
    let inline = role.inline.values().filter_map(|text| PolicyDocument::parse(text).ok());
    let attached = role.attached.iter().filter_map(|arn| document(state, role, arn));
    inline.chain(attached).collect()
}

fn document(state: &State, role: &Role, policy_arn: &str) -> Option<PolicyDocument> {
    let text = match find_policy(state, role.account, policy_arn).ok()? {
        AnyPolicy::Stored(policy) => policy.document().to_owned(),
        AnyPolicy::Managed(policy) => policy.document().to_owned(),
    };
    PolicyDocument::parse(&text).ok()
}

#[cfg(test)]
mod tests {
    use api_models::Unexpected;

    use super::*;
    use crate::services::Context;
    use crate::services::iam::resources::fixtures;
    use crate::testing::context;

    const ROLE: &str = "arn:aws:iam::123456789012:role/web";
    const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf";
    const READ: &str = "secretsmanager:GetSecretValue";

    fn statement(effect: &str, action: &str) -> String {
        let statement = format!(r#"{{"Effect":"{effect}","Action":"{action}","Resource":"*"}}"#);
        format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#)
    }

    async fn with_role(service: &str, inline: &[&str], change: impl FnOnce(&mut Role)) -> Context {
        let context = context();
        let mut role = fixtures::role("web", service, inline);
        change(&mut role);
        let put = context.store().transact(|tx| {
            tx.put(role);
            Ok::<_, Unexpected>(())
        });
        put.await.expect("written");
        context
    }

    fn reads(context: &Context) -> Result<(), String> {
        let state = context.snapshot();
        authorize(&state, &context.scope, ROLE, "task", READ, SECRET).map_err(|denied| denied.to_string())
    }

    fn denied(because: &str) -> Result<(), String> {
        Err(format!(
            "User: arn:aws:sts::123456789012:assumed-role/web/task is not authorized to perform: {READ} on resource: \
             {SECRET} {because}"
        ))
    }

    #[tokio::test]
    async fn a_role_must_exist_and_trust_ecs() {
        let trusted = with_role(ECS_TASKS, &[], |_| {}).await;
        assert!(can_be_assumed(&trusted.snapshot(), &trusted.scope, ROLE));
        assert!(!can_be_assumed(&trusted.snapshot(), &trusted.scope, "arn:aws:iam::123456789012:role/path/web"));
        assert_eq!(resolve(&trusted.snapshot(), &trusted.scope, "web"), ROLE);
        assert_eq!(resolve(&trusted.snapshot(), &trusted.scope, "p/x"), "arn:aws:iam::123456789012:role/p/x");
        let other = with_role("ec2.amazonaws.com", &[], |_| {}).await;
        assert!(!can_be_assumed(&other.snapshot(), &other.scope, ROLE));
        assert!(!can_be_assumed(&context().snapshot(), &other.scope, ROLE));
    }

    #[tokio::test]
    async fn what_is_refused_says_why() {
        let no_policy = format!("because no identity-based policy allows the {READ} action");
        assert_eq!(reads(&context()), denied(&no_policy));
        assert_eq!(reads(&with_role(ECS_TASKS, &[&statement("Allow", "s3:*")], |_| {}).await), denied(&no_policy));
        let (allow, deny) = (statement("Allow", "secretsmanager:*"), statement("Deny", "*"));
        assert_eq!(reads(&with_role(ECS_TASKS, &[&allow], |_| {}).await), Ok(()));
        assert_eq!(
            reads(&with_role(ECS_TASKS, &[&allow, &deny], |_| {}).await),
            denied("with an explicit deny in an identity-based policy")
        );
        let managed = "arn:aws:iam::aws:policy/SecretsManagerReadWrite";
        let attached = |role: &mut Role| {
            role.attached.insert(managed.to_owned());
        };
        assert_eq!(reads(&with_role(ECS_TASKS, &[], attached).await), Ok(()));
        let bounded = |role: &mut Role| {
            role.permissions_boundary = Some("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess".to_owned());
        };
        assert_eq!(
            reads(&with_role(ECS_TASKS, &[&allow], bounded).await),
            denied(&format!("because no permissions boundary allows the {READ} action"))
        );
    }
}
