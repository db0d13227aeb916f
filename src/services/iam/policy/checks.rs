//! What IAM refuses in a policy, in its words.

use std::collections::BTreeSet;

use super::PolicyDocument;
use super::conditions;
use super::document::{Many, Principal, Statement, Unreadable};

/// What a policy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What a role may do: managed and inline policies.
    Identity,
    /// Who may assume a role.
    Trust,
}

/// Reads a policy and checks it.
///
/// # Errors
/// The message of the MalformedPolicyDocumentException.
pub fn check(text: &str, kind: Kind) -> Result<PolicyDocument, String> {
    let policy = PolicyDocument::parse(text).map_err(|fault| match fault {
        Unreadable::NotJson => "This policy contains invalid Json",
        Unreadable::NotAPolicy => "Syntax errors in policy.",
    })?;
    match policy.version.as_deref() {
        None | Some("2008-10-17") if kind == Kind::Identity => {
            return Err("Policy document must be version 2012-10-17 or greater.".to_owned());
        }
        None | Some("2008-10-17" | "2012-10-17") => {}
        Some(_) => return Err("Syntax errors in policy.".to_owned()),
    }
    if policy.statement.0.is_empty() {
        return Err("Syntax errors in policy.".to_owned());
    }
    let mut sids = BTreeSet::new();
    for sid in policy.statement.0.iter().filter_map(|statement| statement.sid.as_deref()).filter(|sid| !sid.is_empty())
    {
        if !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) && kind == Kind::Identity {
            return Err(format!(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the \
                                regular expression [0-9A-Za-z]*. The SID '{sid}' does not."
            ));
        }
        if !sids.insert(sid) {
            return Err("Statement IDs (SID) in a single policy must be unique.".to_owned());
        }
    }
    policy.statement.0.iter().try_for_each(|statement| check_statement(statement, kind))?;
    Ok(policy)
}

fn check_statement(statement: &Statement, kind: Kind) -> Result<(), String> {
    if statement.action.is_some() && statement.not_action.is_some()
        || statement.resource.is_some() && statement.not_resource.is_some()
        || statement.principal.is_some() && statement.not_principal.is_some()
    {
        return Err("Syntax errors in policy.".to_owned());
    }
    for operator in statement.condition.keys() {
        if !conditions::is_operator(operator) {
            return Err(format!("Invalid Condition type : {operator}."));
        }
    }
    let actions = statement.action.as_ref().or(statement.not_action.as_ref());
    let Some(actions) = actions.filter(|actions| !actions.0.is_empty()) else {
        return Err(match kind {
            Kind::Identity => "Policy statement must contain actions.",
            Kind::Trust => "Missing required field Action",
        }
        .to_owned());
    };
    actions.0.iter().try_for_each(|action| check_action(action, kind))?;
    match kind {
        Kind::Identity => check_identity(statement),
        Kind::Trust => check_trust(statement),
    }
}

fn check_action(action: &str, kind: Kind) -> Result<(), String> {
    if action == "*" {
        return match kind {
            Kind::Identity => Ok(()),
            Kind::Trust => Err("AssumeRole policy may only specify STS AssumeRole actions.".to_owned()),
        };
    }
    let Some((vendor, name)) = action.split_once(':').filter(|(vendor, name)| !vendor.is_empty() && !name.is_empty())
    else {
        return Err("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.".to_owned());
    };
    if name.contains(':') {
        return Err("Actions/Condition can contain only one colon.".to_owned());
    }
    if !vendor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.*?".contains(&byte)) {
        return Err(format!("Vendor {vendor} is not valid"));
    }
    if kind == Kind::Trust && !vendor.eq_ignore_ascii_case("sts") {
        return Err("AssumeRole policy may only specify STS AssumeRole actions.".to_owned());
    }
    Ok(())
}

fn check_identity(statement: &Statement) -> Result<(), String> {
    if statement.principal.is_some() || statement.not_principal.is_some() {
        return Err("Policy document should not specify a principal.".to_owned());
    }
    let resources = statement.resource.as_ref().or(statement.not_resource.as_ref());
    let Some(resources) = resources.filter(|resources| !resources.0.is_empty()) else {
        return Err("Policy statement must contain resources.".to_owned());
    };
    resources.0.iter().try_for_each(|resource| check_resource(resource))
}

fn check_resource(resource: &str) -> Result<(), String> {
    if resource == "*" {
        return Ok(());
    }
    let mut parts = resource.splitn(6, ':');
    if parts.next() != Some("arn") {
        return Err(format!("Resource {resource} must be in ARN format or \"*\"."));
    }
    let partition = parts.next().unwrap_or_default();
    if !matches!(partition, "aws" | "aws-cn" | "aws-us-gov" | "*" | "${aws:Partition}") {
        return Err(format!("Partition \"{partition}\" is not valid for resource \"{resource}\"."));
    }
    let vendor = parts.next().unwrap_or_default();
    if vendor.is_empty() && resource != "arn:aws:*" {
        return Err("The policy failed legacy parsing".to_owned());
    }
    Ok(())
}

fn check_trust(statement: &Statement) -> Result<(), String> {
    if statement.resource.is_some() || statement.not_resource.is_some() {
        return Err("Has prohibited field Resource".to_owned());
    }
    let Some(principal) = statement.principal.as_ref().or(statement.not_principal.as_ref()) else {
        return Err("Missing required field Principal".to_owned());
    };
    let Principal::Of(kinds) = principal else { return Ok(()) };
    if kinds.is_empty() {
        return Err("Missing required field Principal cannot be empty!".to_owned());
    }
    kinds.iter().try_for_each(|(kind, names)| check_principals(kind, names))
}

fn check_principals(kind: &str, names: &Many<String>) -> Result<(), String> {
    if !matches!(kind, "AWS" | "Service" | "Federated" | "CanonicalUser") {
        return Err(format!("Invalid principal in policy: \"{}\"", kind.to_uppercase()));
    }
    for name in &names.0 {
        let valid = match kind {
            "Service" => {
                name == "*"
                    || name.contains(".amazonaws.com")
                    || name.ends_with(".amazon.com")
                    || name.ends_with(".aws.internal")
            }
            "AWS" => name == "*" || name.starts_with("arn:") || is_account(name) || is_unique_id(name),
            _ => !name.is_empty(),
        };
        if !valid {
            return Err(format!("Invalid principal in policy: \"{}\":\"{name}\"", kind.to_uppercase()));
        }
    }
    Ok(())
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What a principal that was deleted turns into.
fn is_unique_id(text: &str) -> bool {
    text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}
