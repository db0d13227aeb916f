//! What CreateCapacityProvider and UpdateCapacityProvider accept for a provider whose instances ECS manages.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-instances-capacity-providers-concept.html>

use api_models::ecs::{
    AutoRepairConfiguration, CapacityOptionType, CommonError, CreateManagedInstancesProviderConfiguration,
    InfrastructureOptimization, InstanceLaunchTemplate, InstanceLaunchTemplateUpdate, InstanceRequirementsRequest,
    InvalidParameterException, ManagedInstancesMonitoringOptions, ManagedInstancesProvider, PropagateMITags,
    UpdateManagedInstancesProviderConfiguration,
};

use crate::identity::Arn;

fn refuse<T>(message: impl Into<String>) -> Result<T, CommonError> {
    Err(InvalidParameterException::new(message).into())
}

/// The settings of a new provider, defaults filled in.
///
/// # Errors
/// InvalidParameterException for what is missing or can't be.
pub fn check_new(given: CreateManagedInstancesProviderConfiguration) -> Result<ManagedInstancesProvider, CommonError> {
    let Some(mut template) = given.instance_launch_template.map(|template| *template) else {
        return refuse("instanceLaunchTemplate can not be null.");
    };
    template.capacity_option_type = template.capacity_option_type.or(Some(CapacityOptionType::OnDemand));
    template.monitoring = template.monitoring.or(Some(ManagedInstancesMonitoringOptions::Basic));
    let provider = ManagedInstancesProvider {
        infrastructure_role_arn: given.infrastructure_role_arn,
        instance_launch_template: Some(Box::new(template)),
        propagate_tags: given.propagate_tags.or(Some(PropagateMITags::None)),
        infrastructure_optimization: given.infrastructure_optimization,
        auto_repair_configuration: given.auto_repair_configuration,
    };
    check(&provider)?;
    Ok(provider)
}

/// The settings after an update: the members of the launch template that it does not name stay. They hold for
/// instances that are launched from then on.
///
/// # Errors
/// As [`check_new`].
pub fn check_update(
    present: &ManagedInstancesProvider,
    given: UpdateManagedInstancesProviderConfiguration,
) -> Result<ManagedInstancesProvider, CommonError> {
    let Some(update) = given.instance_launch_template.map(|template| *template) else {
        return refuse("instanceLaunchTemplate can not be null.");
    };
    let before = present.instance_launch_template.as_deref().cloned().unwrap_or_default();
    let provider = ManagedInstancesProvider {
        infrastructure_role_arn: given.infrastructure_role_arn,
        instance_launch_template: Some(Box::new(updated(before, update))),
        propagate_tags: given.propagate_tags.or_else(|| present.propagate_tags.clone()),
        infrastructure_optimization: given
            .infrastructure_optimization
            .or_else(|| present.infrastructure_optimization.clone()),
        auto_repair_configuration: given
            .auto_repair_configuration
            .or_else(|| present.auto_repair_configuration.clone()),
    };
    check(&provider)?;
    Ok(provider)
}

fn updated(before: InstanceLaunchTemplate, given: InstanceLaunchTemplateUpdate) -> InstanceLaunchTemplate {
    InstanceLaunchTemplate {
        ec2_instance_profile_arn: given.ec2_instance_profile_arn.or(before.ec2_instance_profile_arn),
        network_configuration: given.network_configuration.or(before.network_configuration),
        storage_configuration: given.storage_configuration.or(before.storage_configuration),
        local_storage_configuration: given.local_storage_configuration.or(before.local_storage_configuration),
        monitoring: given.monitoring.or(before.monitoring),
        instance_metadata_tags_propagation: given
            .instance_metadata_tags_propagation
            .or(before.instance_metadata_tags_propagation),
        instance_requirements: given.instance_requirements.or(before.instance_requirements),
        capacity_reservations: given.capacity_reservations.or(before.capacity_reservations),
        ..before
    }
}

fn check(provider: &ManagedInstancesProvider) -> Result<(), CommonError> {
    check_role("infrastructureRoleArn", provider.infrastructure_role_arn.as_deref(), "role/")?;
    let template = provider.instance_launch_template.as_deref().cloned().unwrap_or_default();
    check_role("ec2InstanceProfileArn", template.ec2_instance_profile_arn.as_deref(), "instance-profile/")?;
    let subnets = template.network_configuration.as_ref().and_then(|network| network.subnets.as_ref());
    if subnets.is_none_or(|subnets| subnets.is_empty() || subnets.iter().any(String::is_empty)) {
        return refuse("networkConfiguration.subnets can not be empty.");
    }
    if template.storage_configuration.and_then(|storage| storage.storage_size_gi_b).is_some_and(|size| size < 1) {
        return refuse("storageConfiguration.storageSizeGiB must be at least 1.");
    }
    if let Some(CapacityOptionType::Unrecognized(other)) = &template.capacity_option_type {
        return refuse(format!("{other} should be one of [ON_DEMAND,SPOT,RESERVED]"));
    }
    if let Some(PropagateMITags::Unrecognized(other)) = &provider.propagate_tags {
        return refuse(format!("{other} should be one of [CAPACITY_PROVIDER,NONE]"));
    }
    if let Some(InfrastructureOptimization { scale_in_after: Some(seconds) }) =
        provider.infrastructure_optimization.as_deref()
        && !(-1..=3600).contains(seconds)
    {
        return refuse("scaleInAfter must be -1, or between 0 and 3600.");
    }
    if let Some(AutoRepairConfiguration { actions_status: Some(status) }) =
        provider.auto_repair_configuration.as_deref()
        && !matches!(status.as_str(), "ENABLED" | "DISABLED")
    {
        return refuse(format!("{status} should be one of [ENABLED,DISABLED]"));
    }
    template.instance_requirements.as_deref().map_or(Ok(()), check_requirements)
}

fn check_role(what: &str, arn: Option<&str>, kind: &str) -> Result<(), CommonError> {
    let fits = |arn: &str| Arn::parse(arn).is_ok_and(|arn| arn.service == "iam" && arn.resource.starts_with(kind));
    match arn {
        None | Some("") => refuse(format!("{what} can not be blank.")),
        Some(arn) if fits(arn) => Ok(()),
        Some(_) => refuse(format!("The specified {what} is invalid. Specify a valid ARN and try again.")),
    }
}

fn check_requirements(given: &InstanceRequirementsRequest) -> Result<(), CommonError> {
    let range = |what: &str, minimum: Option<i32>, maximum: Option<i32>| match (minimum, maximum) {
        (None, _) => refuse(format!("instanceRequirements.{what}.min can not be null.")),
        (Some(minimum), _) if minimum < 0 => refuse(format!("instanceRequirements.{what}.min cannot be less than 0.")),
        (Some(minimum), Some(maximum)) if maximum < minimum => {
            refuse(format!("instanceRequirements.{what}.max cannot be less than min."))
        }
        _ => Ok(()),
    };
    let cpus = given.v_cpu_count.as_deref();
    range("vCpuCount", cpus.and_then(|cpus| cpus.min), cpus.and_then(|cpus| cpus.max))?;
    let memory = given.memory_mi_b.as_deref();
    range("memoryMiB", memory.and_then(|memory| memory.min), memory.and_then(|memory| memory.max))?;
    let given_list = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    if given_list(&given.allowed_instance_types) && given_list(&given.excluded_instance_types) {
        return refuse("You can specify either allowedInstanceTypes or excludedInstanceTypes, but not both.");
    }
    Ok(())
}
