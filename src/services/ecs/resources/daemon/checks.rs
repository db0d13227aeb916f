//! What CreateDaemon and UpdateDaemon refuse before anything is written. Sentences marked `(ours)` follow the pattern of
//! ECS's own.

use std::collections::BTreeSet;
use std::sync::Arc;

use api_models::ecs::{
    ClientException, CommonError, DaemonDeploymentConfiguration, DaemonPropagateTags, InvalidParameterException,
};

use super::{Daemon, DaemonTaskDefinitionKey, launch, task_definition};
use crate::identity::Scope;
use crate::services::ecs::resources::ClusterKey;
use crate::services::ecs::resources::capacity_provider::{self, Kind};
use crate::services::ecs::resources::lookup::resource_of_arn;
use crate::store::State;

const MAX_NAME: usize = 255;
/// As for services.
const MAX_ALARMS: usize = 100;
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-daemons-deployments.html>
const MAX_BAKE: i32 = 1440;

fn invalid(message: impl Into<String>) -> CommonError {
    InvalidParameterException::new(message).into()
}

/// Checks a daemon's name: 1 to 255 letters, digits, hyphens and underscores.
///
/// # Errors
/// InvalidParameterException `(ours)`.
pub fn check_name(name: Option<&str>) -> Result<&str, CommonError> {
    let name = name.filter(|name| !name.trim().is_empty());
    let name = name.ok_or_else(|| invalid("Daemon name can not be blank."))?;
    let allowed = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    if name.len() > MAX_NAME || !name.bytes().all(allowed) {
        return Err(invalid(
            "The specified daemon name is invalid. Up to 255 letters (uppercase and lowercase), numbers, hyphens, and \
             underscores are allowed.",
        ));
    }
    Ok(name)
}

/// Whether tags go to the daemon's tasks.
///
/// # Errors
/// InvalidParameterException for another value than DAEMON and NONE.
pub fn propagates(given: Option<&DaemonPropagateTags>) -> Result<bool, CommonError> {
    match given {
        None | Some(DaemonPropagateTags::None) => Ok(false),
        Some(DaemonPropagateTags::Daemon) => Ok(true),
        Some(DaemonPropagateTags::Unrecognized(_)) => Err(invalid("propagateTags should be one of [DAEMON,NONE]")),
    }
}

/// Checks a deployment configuration.
///
/// # Errors
/// InvalidParameterException `(ours)` when a number is out of its range, or alarms are enabled and not named.
pub fn check_configuration(given: Option<&DaemonDeploymentConfiguration>) -> Result<(), CommonError> {
    let Some(given) = given else { return Ok(()) };
    if given.drain_percent.is_some_and(|percent| !(1.0..=100.0).contains(&percent)) {
        return Err(invalid("drainPercent must be between 1.0 and 100.0."));
    }
    if given.bake_time_in_minutes.is_some_and(|minutes| !(0..=MAX_BAKE).contains(&minutes)) {
        return Err(invalid(format!("bakeTimeInMinutes must be between 0 and {MAX_BAKE}.")));
    }
    let Some(alarms) = &given.alarms else { return Ok(()) };
    let names = alarms.alarm_names.as_deref().unwrap_or_default();
    if names.len() > MAX_ALARMS {
        return Err(invalid(format!("alarmNames can have at most {MAX_ALARMS} items.")));
    }
    if names.iter().any(|name| name.trim().is_empty()) {
        return Err(invalid("alarmNames can not have blank items."));
    }
    if alarms.enable == Some(true) && names.is_empty() {
        return Err(invalid("alarmNames can not be empty when alarms are enabled."));
    }
    Ok(())
}

/// The daemon task definition a request means; AWS asks for its ARN.
///
/// # Errors
/// InvalidParameterException when it is missing, ClientException when there is none, or it is not ACTIVE `(ours)`.
pub fn runnable(state: &State, scope: &Scope, arn: Option<&str>) -> Result<DaemonTaskDefinitionKey, CommonError> {
    let arn = arn.filter(|arn| !arn.trim().is_empty());
    let arn = arn.ok_or_else(|| invalid("Daemon task definition ARN can not be blank."))?;
    let missing = || ClientException::new("Unable to describe daemon task definition.");
    let definition = task_definition::find(state, scope, arn).ok_or_else(missing)?;
    if definition.delete_requested_at.is_some() {
        return Err(ClientException::new("The daemon task definition must be ACTIVE.").into());
    }
    Ok(definition.key.clone())
}

/// The names of the capacity providers a request gives the ARNs of.
///
/// # Errors
/// InvalidParameterException when there is none, or one of them is not for the cluster's managed instances `(ours)`,
/// ClientException when one does not exist.
pub fn providers(state: &State, cluster: &ClusterKey, arns: Option<&[String]>) -> Result<Vec<Arc<str>>, CommonError> {
    let arns = arns.unwrap_or_default();
    if arns.is_empty() {
        return Err(invalid("capacityProviderArns can not be empty."));
    }
    let mut names = BTreeSet::new();
    for arn in arns {
        if resource_of_arn(&cluster.scope, arn, "capacity-provider").is_none() {
            return Err(invalid(format!("The capacity provider ARN {arn} is invalid.")));
        }
        let provider = capacity_provider::find(state, &cluster.scope, arn)?;
        match &provider.kind {
            Kind::ManagedInstances { cluster: of, .. } if **of == *cluster.name => {}
            Kind::ManagedInstances { .. } => {
                return Err(invalid(format!(
                    "The capacity provider {} is not associated with the cluster {}.",
                    provider.key.name, cluster.name
                )));
            }
            Kind::AutoScaling(_) => {
                return Err(invalid("Daemons are only supported for Amazon ECS Managed Instances capacity providers."));
            }
        }
        names.insert(provider.key.name.clone());
    }
    Ok(names.into_iter().collect())
}

/// Refuses a deployment that has just begun, when tasks of its revision could not be launched. What was written of it must
/// be dropped then.
///
/// # Errors
/// In the words that RunTask has for such a task definition.
pub fn check_launch(state: &State, daemon: &Daemon) -> Result<(), CommonError> {
    let revision = daemon.revision.as_ref().and_then(|id| state.daemon_revisions.get(&daemon.revision_key(id)));
    revision.map_or(Ok(()), |revision| launch(state, revision).map(drop))
}
