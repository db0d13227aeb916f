//! Which account settings there are, their values, and which value applies.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-account-settings.html>
//!
//! A principal's own setting goes before the account's default (which is the root user's setting), and that before
//! the value the setting has when nobody set it. LocalECS knows no users, so a request that names no principal
//! speaks for the root user.

use api_models::ecs::{InvalidParameterException, Setting, SettingName, SettingType};

use super::{AccountSetting, AccountSettingKey};
use crate::identity::{Arn, Scope};
use crate::store::State;

/// A setting's name, what it may be set to, and what it is when nobody set it.
struct Rule {
    name: &'static str,
    values: &'static [&'static str],
    default: &'static str,
    change: Change,
}

/// What a user may do to a setting.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Free,
    /// Only for the whole account.
    RootOnly,
    /// New accounts can't leave its value.
    Fixed,
    /// AWS sets it.
    ReadOnly,
}

const ON_OFF: &[&str] = &["on", "off"];
const ENABLED: &[&str] = &["enabled", "disabled"];

const fn rule(name: &'static str, values: &'static [&'static str], default: &'static str, change: Change) -> Rule {
    Rule { name, values, default, change }
}

/// In the order in which AWS prints the names.
const RULES: [Rule; 12] = [
    rule("serviceLongArnFormat", ENABLED, "enabled", Change::Fixed),
    rule("taskLongArnFormat", ENABLED, "enabled", Change::Fixed),
    rule("containerInstanceLongArnFormat", ENABLED, "enabled", Change::Fixed),
    rule("awsvpcTrunking", ENABLED, "disabled", Change::Free),
    rule("containerInsights", &["enhanced", "enabled", "disabled"], "disabled", Change::Free),
    rule("dualStackIPv6", ENABLED, "enabled", Change::Fixed),
    rule("fargateFIPSMode", ENABLED, "disabled", Change::Free),
    rule("tagResourceAuthorization", ON_OFF, "on", Change::Free),
    rule("fargateTaskRetirementWaitPeriod", &["0", "7", "14"], "7", Change::RootOnly),
    rule("guardDutyActivate", ON_OFF, "off", Change::ReadOnly),
    rule("defaultLogDriverMode", &["blocking", "non-blocking"], "non-blocking", Change::Free),
    rule("fargateEventWindows", ENABLED, "disabled", Change::Free),
];

/// Whose setting a request means: `None` for the root user, whose settings are the account's defaults.
///
/// # Errors
/// InvalidParameterException for an ARN that is not a user's, a role's or the root user's of this account.
pub fn principal(scope: &Scope, named: Option<&str>) -> Result<Option<String>, InvalidParameterException> {
    let Some(named) = named else { return Ok(None) };
    let invalid = || InvalidParameterException::new(format!("Invalid principal ARN '{named}'"));
    let arn = Arn::parse(named).map_err(|_| invalid())?;
    if arn.service != "iam" || arn.account != scope.account.to_string() {
        return Err(invalid());
    }
    match (arn.resource, arn.typed_resource()) {
        ("root", _) => Ok(None),
        (_, Some(("user" | "role", name))) if !name.is_empty() => Ok(Some(named.to_owned())),
        _ => Err(invalid()),
    }
}

/// The record that a request to set `name` to `value` asks for.
///
/// # Errors
/// InvalidParameterException for an unknown name, a value the setting can't have, or a setting that can't be changed
/// so.
pub fn change(
    scope: &Scope,
    principal: Option<String>,
    name: &SettingName,
    value: &str,
) -> Result<AccountSetting, InvalidParameterException> {
    let rule = find(name)?;
    if !rule.values.contains(&value) {
        return Err(InvalidParameterException::new("Invalid setting 'value'"));
    }
    let refused = match rule.change {
        Change::Free => None,
        Change::RootOnly => principal.is_some().then_some("can only be set for the root user of the account."),
        Change::Fixed => (value != rule.default).then_some("can not be disabled for this account."),
        Change::ReadOnly => Some("is managed by AWS and can not be changed."),
    };
    if let Some(why) = refused {
        return Err(InvalidParameterException::new(format!("The account setting {name} {why}")));
    }
    let key = AccountSettingKey { scope: scope.clone(), principal, name: rule.name.to_owned() };
    Ok(AccountSetting { key, value: value.to_owned() })
}

/// The setting itself, whether set or not: what applies to `principal` (`None`: the root user).
///
/// # Errors
/// InvalidParameterException for an unknown name.
pub fn effective(
    state: &State,
    scope: &Scope,
    principal: Option<&str>,
    name: &SettingName,
) -> Result<Setting, InvalidParameterException> {
    let rule = find(name)?;
    let own = principal.and_then(|principal| explicit(state, scope, Some(principal), rule.name));
    let set = own.or_else(|| explicit(state, scope, None, rule.name));
    Ok(set.unwrap_or_else(|| render(scope, None, rule, rule.default)))
}

/// The value of `name` that applies to the account as a whole.
#[must_use]
pub fn account_value(state: &State, scope: &Scope, name: &SettingName) -> Option<String> {
    effective(state, scope, None, name).ok()?.value
}

/// The settings of `principal` (`None`: the root user) by name: only those that were set, or with `effective` all of
/// them with the values that apply; only `name` when one is given.
///
/// # Errors
/// InvalidParameterException for an unknown name.
pub fn list(
    state: &State,
    scope: &Scope,
    principal: Option<&str>,
    name: Option<&SettingName>,
    all: bool,
) -> Result<Vec<Setting>, InvalidParameterException> {
    let only = name.map(find).transpose()?.map(|rule| rule.name);
    let mut names: Vec<&str> =
        RULES.iter().map(|rule| rule.name).filter(|name| only.is_none_or(|it| it == *name)).collect();
    names.sort_unstable();
    if all {
        return names.into_iter().map(|name| effective(state, scope, principal, &SettingName::from(name))).collect();
    }
    Ok(names.into_iter().filter_map(|name| explicit(state, scope, principal, name)).collect())
}

/// What the answer shows for a record that was set or deleted.
#[must_use]
pub fn rendered(setting: &AccountSetting) -> Option<Setting> {
    let key = &setting.key;
    let rule = RULES.iter().find(|rule| rule.name == key.name)?;
    Some(render(&key.scope, key.principal.as_deref(), rule, &setting.value))
}

fn find(name: &SettingName) -> Result<&'static Rule, InvalidParameterException> {
    RULES.iter().find(|rule| rule.name == name.as_str()).ok_or_else(|| {
        let names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
        InvalidParameterException::new(format!("{name} should be one of [{}]", names.join(",")))
    })
}

fn explicit(state: &State, scope: &Scope, principal: Option<&str>, name: &str) -> Option<Setting> {
    let key =
        AccountSettingKey { scope: scope.clone(), principal: principal.map(str::to_owned), name: name.to_owned() };
    rendered(state.account_settings.get(&key)?)
}

fn render(scope: &Scope, principal: Option<&str>, rule: &Rule, value: &str) -> Setting {
    let managed = rule.change == Change::ReadOnly;
    Setting {
        name: Some(SettingName::from(rule.name)),
        value: Some(value.to_owned()),
        principal_arn: Some(principal.map_or_else(|| scope.iam_arn("root"), str::to_owned)),
        r#type: Some(if managed { SettingType::AwsManaged } else { SettingType::User }),
    }
}
