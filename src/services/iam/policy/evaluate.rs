//! Whether policies allow an action: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>

use std::collections::BTreeMap;

use super::conditions;
use super::document::{Effect, Many, PolicyDocument, Principal, Statement};
use super::wildcard::{matches, matches_arn};

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// `secretsmanager:GetSecretValue`
    pub action: &'a str,
    /// The ARN, or `*` for actions that have no resource.
    pub resource: &'a str,
    pub facts: &'a Facts,
}

/// What is known of a request, by condition key (`aws:SourceAccount`); the case of keys does not matter.
#[derive(Clone, Debug, Default)]
pub struct Facts(BTreeMap<String, Vec<String>>);

impl Facts {
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.0.entry(key.to_ascii_lowercase()).or_default().push(value.into());
        self
    }

    pub(super) fn values(&self, key: &str) -> &[String] {
        self.0.get(&key.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// `text` with its policy variables (`${aws:PrincipalAccount}`) replaced. One that has no value fits nothing: a
    /// character takes its place that no value has.
    pub(super) fn filled_in(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                rest = &rest[before.len()..];
                break;
            };
            let (name, default) = name.split_once(',').map_or((name, None), |(name, default)| (name, Some(default)));
            match (self.values(name.trim()), default) {
                ([value, ..], _) => out.push_str(value),
                ([], Some(default)) => out.push_str(default.trim().trim_matches('\'')),
                ([], None) => out.push('\0'),
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

/// What policies say to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Allowed,
    /// Nothing allows it.
    ImplicitDeny,
    /// Something forbids it.
    ExplicitDeny,
}

/// Asks all of `policies` together: one that denies wins over any that allow.
#[must_use]
pub fn evaluate<'p>(policies: impl IntoIterator<Item = &'p PolicyDocument>, request: Request<'_>) -> Decision {
    decide(policies, |statement| {
        fits_action(statement, request.action) && fits_resource(statement, request) && holds(statement, request.facts)
    })
}

/// Whether a trust policy lets that service assume the role.
#[must_use]
pub fn trusts(policy: &PolicyDocument, service: &str, facts: &Facts) -> bool {
    let decision = decide([policy], |statement| {
        let named = statement.principal.as_ref().is_some_and(|principal| names(principal, service));
        let excepted = statement.not_principal.as_ref().is_some_and(|principal| !names(principal, service));
        (named || excepted) && fits_action(statement, "sts:AssumeRole") && holds(statement, facts)
    });
    decision == Decision::Allowed
}

fn decide<'p>(policies: impl IntoIterator<Item = &'p PolicyDocument>, fits: impl Fn(&Statement) -> bool) -> Decision {
    let mut decision = Decision::ImplicitDeny;
    for statement in policies.into_iter().flat_map(|policy| &policy.statement.0).filter(|statement| fits(statement)) {
        match statement.effect {
            Effect::Deny => return Decision::ExplicitDeny,
            Effect::Allow => decision = Decision::Allowed,
        }
    }
    decision
}

fn fits_action(statement: &Statement, action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    let any =
        |patterns: &Many<String>| patterns.0.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &action));
    statement.action.as_ref().is_some_and(any) || statement.not_action.as_ref().is_some_and(|not| !any(not))
}

fn fits_resource(statement: &Statement, request: Request<'_>) -> bool {
    let any = |patterns: &Many<String>| {
        patterns
            .0
            .iter()
            .any(|pattern| pattern == "*" || matches_arn(&request.facts.filled_in(pattern), request.resource))
    };
    statement.resource.as_ref().is_some_and(any) || statement.not_resource.as_ref().is_some_and(|not| !any(not))
}

fn holds(statement: &Statement, facts: &Facts) -> bool {
    conditions::hold(&statement.condition, facts)
}

fn names(principal: &Principal, service: &str) -> bool {
    match principal {
        Principal::Any => true,
        Principal::Of(kinds) => {
            let has = |kind: &str, wanted: &str| {
                kinds.get(kind).is_some_and(|names| names.0.iter().any(|name| name.eq_ignore_ascii_case(wanted)))
            };
            has("Service", service) || has("Service", "*") || has("AWS", "*")
        }
    }
}
