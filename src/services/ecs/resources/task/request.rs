//! What RunTask and StartTask ask for alike, and its way to a [`Blueprint`].

use api_models::ecs::{
    AssignPublicIp, CommonError, Compatibility, InvalidParameterException, NetworkConfiguration, NetworkMode,
    PropagateTags, Tag, TaskOverride,
};

use std::sync::{Arc, OnceLock};

use super::managed_volume::{VolumeRequest, managed_volume};
use super::new::{Blueprint, Platform};
use super::overrides;
use crate::services::ecs::resources::{ClusterKey, DaemonLink, ServiceLink, TaskDefinition, tags};

const MAX_SUBNETS: usize = 16;
const MAX_SECURITY_GROUPS: usize = 5;
const MAX_GROUP: usize = 255;
const MAX_REFERENCE: usize = 1024;

/// The members that RunTask and StartTask share.
#[derive(Clone, Debug, Default)]
pub struct TaskRequest {
    pub enable_ecs_managed_tags: bool,
    pub enable_execute_command: bool,
    pub group: Option<String>,
    pub network_configuration: Option<NetworkConfiguration>,
    pub overrides: Option<TaskOverride>,
    pub propagate_tags: Option<PropagateTags>,
    /// Has no effect that a client could see; only its length is checked.
    pub reference_id: Option<String>,
    pub started_by: Option<String>,
    /// The service that starts the tasks; RunTask and StartTask have none.
    pub service: Option<ServiceLink>,
    /// The daemon that starts the tasks; RunTask and StartTask have none.
    pub daemon: Option<DaemonLink>,
    pub tags: Vec<Tag>,
    pub volume_configurations: Vec<VolumeRequest>,
}

fn invalid(message: impl Into<String>) -> CommonError {
    InvalidParameterException::new(message).into()
}

impl TaskRequest {
    /// The checks that need nothing but the request. `started_by` may have up to this many characters.
    ///
    /// # Errors
    /// InvalidParameterException for the first member that is wrong.
    pub fn check(&self, started_by: usize) -> Result<(), CommonError> {
        if let Some(group) = &self.group {
            if group.chars().count() > MAX_GROUP {
                return Err(invalid(format!("group length must be at most {MAX_GROUP}")));
            }
            // The groups of services and daemons are theirs alone.
            if group.starts_with("service:") || group.starts_with("daemon:") {
                return Err(invalid("Invalid namespace for group."));
            }
        }
        if self.started_by.as_deref().is_some_and(|text| text.chars().count() > started_by) {
            return Err(invalid(format!("startedBy length must be at most {started_by}")));
        }
        if self.reference_id.as_deref().is_some_and(|text| text.chars().count() > MAX_REFERENCE) {
            return Err(invalid(format!("referenceId length must be at most {MAX_REFERENCE}")));
        }
        match &self.propagate_tags {
            None | Some(PropagateTags::None | PropagateTags::TaskDefinition) => {}
            Some(PropagateTags::Service) => {
                return Err(invalid("propagateTags SERVICE is not supported for tasks that no service starts."));
            }
            Some(PropagateTags::Unrecognized(_)) => {
                return Err(invalid("propagateTags should be one of [TASK_DEFINITION,SERVICE,NONE]"));
            }
        }
        tags::validate(&self.tags)?;
        Ok(())
    }

    /// What all tasks of the request have in common, once the definition and where they run are known; `platform` on
    /// Fargate.
    ///
    /// # Errors
    /// In ECS's words, for what the definition or the launch type can't take.
    pub fn blueprint(
        self,
        cluster: &ClusterKey,
        definition: &Arc<TaskDefinition>,
        launch: &Compatibility,
        platform: Option<Platform>,
    ) -> Result<Blueprint, CommonError> {
        let compatibilities = definition.render().compatibilities.unwrap_or_default();
        if !compatibilities.contains(launch) {
            return Err(invalid(format!("Task definition does not support launch_type {launch}.")));
        }
        let network = self.network(definition, launch)?;
        let managed_volume = managed_volume(&definition.definition, &self.volume_configurations, launch)?;
        let overrides = overrides::resolve(definition, self.overrides.unwrap_or_default(), launch)?;
        let role = overrides.task_role_arn.as_ref().or(definition.definition.task_role_arn.as_ref());
        if self.enable_execute_command && role.is_none() {
            return Err(invalid(
                "The task couldn't be run because a valid taskRoleArn is not being used. Specify a valid task role \
                 in your task definition and try again.",
            ));
        }
        let inherited: &[Tag] =
            if self.propagate_tags == Some(PropagateTags::TaskDefinition) { &definition.tags } else { &[] };
        let mut tags = tags::merge(inherited, self.tags)?;
        if self.enable_ecs_managed_tags {
            tags.push(Tag { key: Some("aws:ecs:clusterName".to_owned()), value: Some(cluster.name.to_string()) });
            if let Some(service) = &self.service {
                tags.push(Tag { key: Some("aws:ecs:serviceName".to_owned()), value: Some(service.name.to_string()) });
            }
            if let Some(daemon) = &self.daemon {
                // (ours)
                tags.push(Tag { key: Some("aws:ecs:daemonName".to_owned()), value: Some(daemon.name.to_string()) });
            }
        }
        Ok(Blueprint {
            cluster: cluster.clone(),
            definition: definition.clone(),
            group: self
                .group
                .filter(|group| !group.is_empty())
                .unwrap_or_else(|| format!("family:{}", definition.key.family))
                .into(),
            started_by: self.started_by.map(Arc::from),
            service: self.service,
            daemon: self.daemon.map(Box::new),
            overrides: Arc::new(overrides),
            network: network.map(Arc::new),
            images: Vec::new(),
            managed_volume,
            enable_execute_command: self.enable_execute_command,
            tags: tags.into(),
            platform,
            common: OnceLock::new(),
        })
    }

    /// The network configuration the tasks get, if their network mode has one.
    fn network(
        &self,
        definition: &TaskDefinition,
        launch: &Compatibility,
    ) -> Result<Option<NetworkConfiguration>, CommonError> {
        let given = self.network_configuration.as_ref();
        let vpc = given.and_then(|network| network.awsvpc_configuration.as_ref());
        if definition.definition.network_mode != Some(NetworkMode::Awsvpc) {
            return match vpc {
                None => Ok(None),
                Some(_) => Err(invalid(
                    "Network Configuration is not valid for the given networkMode of this task definition.",
                )),
            };
        }
        let vpc = vpc
            .ok_or_else(|| invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified."))?;
        let subnets = vpc.subnets.as_deref().unwrap_or_default();
        if subnets.is_empty() {
            return Err(invalid("subnets can not be empty."));
        }
        if subnets.len() > MAX_SUBNETS {
            return Err(invalid(format!("subnets can have at most {MAX_SUBNETS} items.")));
        }
        if let Some(blank) = subnets.iter().find(|subnet| subnet.trim().is_empty()) {
            return Err(invalid(format!(
                "Error retrieving subnet information for [{}]: The subnet ID '{blank}' does not exist (ErrorCode: \
                 InvalidSubnetID.NotFound)",
                subnets.join(", ")
            )));
        }
        if vpc.security_groups.as_ref().is_some_and(|groups| groups.len() > MAX_SECURITY_GROUPS) {
            return Err(invalid(format!("securityGroups can have at most {MAX_SECURITY_GROUPS} items.")));
        }
        match &vpc.assign_public_ip {
            Some(AssignPublicIp::Enabled) if *launch != Compatibility::Fargate => {
                return Err(invalid("Assign public IP is not supported for this launch type."));
            }
            Some(AssignPublicIp::Unrecognized(_)) => {
                return Err(invalid("assignPublicIp should be one of [ENABLED,DISABLED]"));
            }
            _ => {}
        }
        Ok(given.cloned())
    }
}
