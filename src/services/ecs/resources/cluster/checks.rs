//! What CreateCluster and UpdateCluster accept.

use api_models::ecs::{
    ClusterConfiguration, ClusterServiceConnectDefaultsRequest, ClusterSetting, ClusterSettingName, CommonError,
    ExecuteCommandLogging, InvalidParameterException, SettingName, UnsupportedFeatureException,
};

use crate::identity::Scope;
use crate::services::ecs::resources::settings;
use crate::store::State;

/// Checks the short name of a cluster.
///
/// # Errors
/// InvalidParameterException unless it is 1 to 255 letters, digits, hyphens and underscores.
pub fn check_name(name: &str) -> Result<(), InvalidParameterException> {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    if (1..=255).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(InvalidParameterException::new(r"ClusterName must match ^[a-zA-Z0-9\-_]{1,255}$"))
}

/// `present` with the given settings in place of those of the same name.
///
/// # Errors
/// InvalidParameterException for a setting there is not or a value it can't have.
pub fn apply_settings(
    present: &[ClusterSetting],
    given: Vec<ClusterSetting>,
) -> Result<Vec<ClusterSetting>, InvalidParameterException> {
    let mut settings = present.to_vec();
    for setting in given {
        match &setting.name {
            Some(ClusterSettingName::ContainerInsights) => {}
            name => {
                let name = name.as_ref().map_or("unknown", |name| name.as_str());
                return Err(InvalidParameterException::new(format!("{name} should be one of [containerInsights]")));
            }
        }
        if !matches!(setting.value.as_deref(), Some("enabled" | "disabled" | "enhanced")) {
            return Err(InvalidParameterException::new("Invalid cluster setting value"));
        }
        match settings.iter_mut().find(|old| old.name == setting.name) {
            Some(old) => *old = setting,
            None => settings.push(setting),
        }
    }
    Ok(settings)
}

/// The settings of a cluster that is created without any: the account's.
#[must_use]
pub fn default_settings(state: &State, scope: &Scope) -> Vec<ClusterSetting> {
    let value = settings::account_value(state, scope, &SettingName::ContainerInsights);
    vec![ClusterSetting { name: Some(ClusterSettingName::ContainerInsights), value }]
}

/// Checks the configuration of ECS Exec: a log configuration and OVERRIDE go together.
///
/// # Errors
/// InvalidParameterException when one is there without the other.
pub fn check_configuration(configuration: &ClusterConfiguration) -> Result<(), InvalidParameterException> {
    let Some(exec) = &configuration.execute_command_configuration else { return Ok(()) };
    let refuse = |message: &str| Err(InvalidParameterException::new(message));
    let named = |name: &Option<String>| name.as_deref().is_some_and(|name| !name.is_empty());
    match (&exec.logging, &exec.log_configuration) {
        (Some(ExecuteCommandLogging::Unrecognized(other)), _) => {
            Err(InvalidParameterException::new(format!("{other} should be one of [NONE,DEFAULT,OVERRIDE]")))
        }
        (Some(ExecuteCommandLogging::Override), Some(logs))
            if named(&logs.cloud_watch_log_group_name) || named(&logs.s3_bucket_name) =>
        {
            Ok(())
        }
        (Some(ExecuteCommandLogging::Override), _) => refuse(
            "A CloudWatch log group name or S3 bucket name must be specified when overriding the default log \
             configuration.",
        ),
        (_, Some(_)) => refuse("You must set logging to 'OVERRIDE' when you supply a log configuration."),
        (_, None) => Ok(()),
    }
}

/// Service Connect needs AWS Cloud Map's namespaces, which are not there yet. An empty namespace, which removes the
/// default, is always fine.
///
/// # Errors
/// UnsupportedFeatureException when a namespace is named.
pub fn check_service_connect(given: Option<&ClusterServiceConnectDefaultsRequest>) -> Result<(), CommonError> {
    match given.and_then(|given| given.namespace.as_deref()) {
        None | Some("") => Ok(()),
        Some(namespace) => Err(UnsupportedFeatureException::new(format!(
            "The Service Connect default namespace '{namespace}' cannot be used: LocalECS does not provide AWS Cloud \
             Map namespaces yet. Remove serviceConnectDefaults and try again."
        ))
        .into()),
    }
}
