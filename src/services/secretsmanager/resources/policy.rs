//! Resource policies: JSON documents that are kept; nothing is decided by them.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_resource-policies.html>

use serde::Deserialize;
use serde::de::IgnoredAny;

/// What can be wrong with a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No policy in JSON.
    Malformed,
    /// It lets everybody in.
    Public,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    statement: OneOrMany<Statement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: String,
    principal: Option<Principal>,
    not_principal: Option<IgnoredAny>,
    #[serde(default)]
    action: Option<OneOrMany<String>>,
    not_action: Option<OneOrMany<String>>,
    condition: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Principal {
    Any(String),
    Of(PrincipalOf),
}

#[derive(Deserialize)]
struct PrincipalOf {
    #[serde(rename = "AWS")]
    aws: Option<OneOrMany<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// Looks for faults, as far as the document itself shows them.
#[must_use]
pub fn fault(policy: &str) -> Option<Fault> {
    let Ok(document) = serde_json::from_str::<Document>(policy) else { return Some(Fault::Malformed) };
    let statements = document.statement.as_slice();
    let sound = |statement: &Statement| {
        matches!(statement.effect.as_str(), "Allow" | "Deny")
            && (statement.principal.is_some() || statement.not_principal.is_some())
            && [&statement.action, &statement.not_action]
                .into_iter()
                .flatten()
                .any(|actions| !actions.as_slice().is_empty())
    };
    if statements.is_empty() || !statements.iter().all(sound) {
        return Some(Fault::Malformed);
    }
    let public = |statement: &Statement| {
        statement.effect == "Allow" && statement.condition.is_none() && is_anybody(statement.principal.as_ref())
    };
    statements.iter().any(public).then_some(Fault::Public)
}

fn is_anybody(principal: Option<&Principal>) -> bool {
    match principal {
        Some(Principal::Any(who)) => who == "*",
        Some(Principal::Of(of)) => of.aws.as_ref().is_some_and(|who| who.as_slice().iter().any(|one| one == "*")),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(principal: &str, rest: &str) -> String {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"secretsmanager:*","Resource":"*"{rest}}}]}}"#
        )
    }

    #[test]
    fn faults_are_found() {
        let role = r#"{"AWS":"arn:aws:iam::123456789012:root"}"#;
        for (policy, expected) in [
            (of(role, ""), None),
            (of(r#""*""#, ""), Some(Fault::Public)),
            (of(r#"{"AWS":["*"]}"#, ""), Some(Fault::Public)),
            (of(r#""*""#, r#","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1"}}"#), None),
            (of(r#"{"Service":"ecs.amazonaws.com"}"#, ""), None),
            ("{}".into(), Some(Fault::Malformed)),
            ("no JSON".into(), Some(Fault::Malformed)),
            (r#"{"Statement":{"Effect":"Allow","Action":"*"}}"#.into(), Some(Fault::Malformed)),
            (r#"{"Statement":[]}"#.into(), Some(Fault::Malformed)),
        ] {
            assert_eq!(fault(&policy), expected, "{policy}");
        }
    }
}
