//! Overrides of a task: checked against the task definition, and completed as ECS shows them.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html>

use std::collections::BTreeSet;

use api_models::Unexpected;
use api_models::ecs::{
    ClientException, CommonError, Compatibility, ContainerDefinition, ContainerOverride, InvalidParameterException,
    OSFamily, ResourceType, TaskOverride, UnsupportedFeatureException,
};

use crate::identity::Arn;
use crate::services::ecs::resources::TaskDefinition;
use crate::services::ecs::resources::reservation::override_of;
use crate::services::ecs::resources::task_definition::{cpu_units, fargate_has, memory_mib};

/// How many characters all container overrides may have, written as JSON.
const MAX_LENGTH: usize = 8192;
const MAX_ENVIRONMENT_FILES: usize = 10;
/// What Docker needs at least for a container, MiB.
const MIN_MEMORY: i32 = 6;

/// The overrides of a task that is to run on `launch` (FARGATE or another), as the task will show them: an entry for
/// every container of the definition, in its order; sizes as whole numbers.
///
/// # Errors
/// In ECS's words, for the first override the definition or Fargate can't take.
pub(super) fn resolve(
    definition: &TaskDefinition,
    given: TaskOverride,
    launch: &Compatibility,
) -> Result<TaskOverride, CommonError> {
    let fargate = *launch == Compatibility::Fargate;
    let containers = definition.definition.container_definitions.as_deref().unwrap_or_default();
    check_names(containers, given.container_overrides.as_deref().unwrap_or_default())?;
    if given.inference_accelerator_overrides.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err(invalid("Unsupported field 'inferenceAcceleratorOverrides'."));
    }
    for role in [&given.task_role_arn, &given.execution_role_arn].into_iter().flatten() {
        check_role(role)?;
    }
    let mut resolved = TaskOverride {
        cpu: whole(given.cpu.as_deref(), cpu_units, "cpu")?,
        memory: whole(given.memory.as_deref(), memory_mib, "memory")?,
        inference_accelerator_overrides: Some(Vec::new()),
        ..given
    };
    for container in containers {
        if let Some(given) = override_of(&resolved, container.name.as_deref()) {
            check_container(container, given, fargate)?;
        }
    }
    check_storage(&resolved, fargate)?;
    check_size(definition, &resolved, fargate)?;
    resolved.container_overrides = Some(
        containers
            .iter()
            .map(|container| match override_of(&resolved, container.name.as_deref()) {
                Some(given) => given.clone(),
                None => ContainerOverride { name: container.name.clone(), ..ContainerOverride::default() },
            })
            .collect(),
    );
    Ok(resolved)
}

fn invalid(message: impl Into<String>) -> CommonError {
    InvalidParameterException::new(message).into()
}

fn check_names(containers: &[ContainerDefinition], overrides: &[ContainerOverride]) -> Result<(), CommonError> {
    let mut seen = BTreeSet::new();
    for given in overrides {
        let name = given.name.as_deref();
        if !containers.iter().any(|container| container.name.as_deref() == name) {
            let name = name.unwrap_or("null");
            return Err(invalid(format!(
                "Override for container named {name} is not a container in the TaskDefinition."
            )));
        }
        if !seen.insert(name) {
            return Err(invalid("Container names must be unique within container overrides."));
        }
    }
    let length = serde_json::to_string(overrides).map_err(Unexpected::new)?.chars().count();
    if !overrides.is_empty() && length > MAX_LENGTH {
        return Err(invalid(format!("Container Overrides length must be at most {MAX_LENGTH}")));
    }
    Ok(())
}

/// A role's name, or its ARN.
fn check_role(role: &str) -> Result<(), CommonError> {
    let valid = match role.contains(':') {
        true => Arn::parse(role).is_ok_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/")),
        false => !role.is_empty() && role.chars().all(|c| c.is_ascii_alphanumeric() || "+=,.@-_/".contains(c)),
    };
    if valid { Ok(()) } else { Err(ClientException::new("Role is not valid").into()) }
}

/// A size in whole units, as text again.
fn whole(given: Option<&str>, parse: fn(&str) -> Option<i32>, what: &str) -> Result<Option<String>, CommonError> {
    let Some(text) = given else { return Ok(None) };
    match parse(text) {
        Some(units) => Ok(Some(units.to_string())),
        None => Err(invalid(format!(
            "Invalid '{what}' setting for task. For more information, see the Troubleshooting section of the Amazon \
             ECS Developer Guide."
        ))),
    }
}

fn check_container(
    container: &ContainerDefinition,
    given: &ContainerOverride,
    fargate: bool,
) -> Result<(), CommonError> {
    let name = container.name.as_deref().unwrap_or_default();
    let setting = |what: &str| Err(invalid(format!("Invalid '{what}' setting for container '{name}'.")));
    if given.cpu.is_some_and(|cpu| cpu < 0) {
        return setting("cpu");
    }
    if given.memory.is_some_and(|memory| memory < MIN_MEMORY) {
        return setting("memory");
    }
    if given.memory_reservation.is_some_and(|memory| memory < MIN_MEMORY) {
        return setting("memoryReservation");
    }
    let hard = given.memory.or(container.memory);
    let soft = given.memory_reservation.or(container.memory_reservation);
    if let (Some(hard), Some(soft)) = (hard, soft)
        && hard < soft
    {
        return Err(invalid(format!(
            "Invalid setting for container '{name}'. 'memory' must be greater than or equal to 'memoryReservation'."
        )));
    }
    for variable in given.environment.iter().flatten() {
        if variable.name.as_deref().is_none_or(str::is_empty) {
            return Err(invalid("Environment variable name can not be blank."));
        }
    }
    let files = given.environment_files.as_deref().unwrap_or_default();
    if files.len() > MAX_ENVIRONMENT_FILES {
        return Err(invalid(
            "The maximum number of environment files was exceeded. Specify ten or less and try again.",
        ));
    }
    for file in files {
        let arn = Arn::parse(file.value.as_deref().unwrap_or_default());
        if !arn.is_ok_and(|arn| arn.service == "s3" && arn.resource.contains('/')) {
            return Err(invalid("Invalid arn syntax."));
        }
        if !file.value.as_deref().is_some_and(|value| value.ends_with(".env")) {
            return Err(invalid("The environment file must have a .env file extension.")); // (ours)
        }
    }
    for requirement in given.resource_requirements.iter().flatten() {
        match requirement.r#type {
            Some(ResourceType::Gpu) if fargate => {
                return Err(invalid("Tasks using the Fargate launch type do not support GPU resource requirements."));
            }
            Some(ResourceType::Gpu) => {
                let count = requirement.value.as_deref().and_then(|value| value.parse::<u16>().ok());
                if count.is_none_or(|count| count == 0) {
                    return setting("resourceRequirements");
                }
            }
            _ => {
                return Err(UnsupportedFeatureException::new(
                    "Only GPU is supported as the type of a resource requirement.",
                )
                .into());
            }
        }
    }
    Ok(())
}

fn check_storage(overrides: &TaskOverride, fargate: bool) -> Result<(), CommonError> {
    let Some(storage) = &overrides.ephemeral_storage else { return Ok(()) };
    if !fargate {
        return Err(invalid("Tasks using the EC2 launch type do not support EphemeralStorage."));
    }
    match storage.size_in_gi_b {
        Some(21..=200) => Ok(()),
        Some(201..) => Err(invalid("EphemeralStorage size should be at most 200")),
        _ => Err(invalid("EphemeralStorage size should be at least 21")),
    }
}

/// Checks the size that the task and its containers end up with. What the definition alone says was checked when it
/// was registered.
fn check_size(definition: &TaskDefinition, overrides: &TaskOverride, fargate: bool) -> Result<(), CommonError> {
    let number = |given: &Option<String>, own: &Option<String>| -> Option<i32> {
        given.as_deref().or(own.as_deref()).and_then(|text| text.parse().ok())
    };
    let cpu = number(&overrides.cpu, &definition.definition.cpu);
    let memory = number(&overrides.memory, &definition.definition.memory);
    if fargate && (overrides.cpu.is_some() || overrides.memory.is_some()) {
        let (Some(cpu), Some(memory)) = (cpu, memory) else {
            let missing = if cpu.is_none() { "cpu" } else { "memory" };
            return Err(invalid(format!("Fargate requires that '{missing}' be defined at the task level.")));
        };
        let windows = definition.definition.runtime_platform.as_ref().is_some_and(|platform| {
            platform.operating_system_family.as_ref().is_some_and(|family| *family != OSFamily::Linux)
        });
        if !fargate_has(cpu, memory, windows) {
            return Err(invalid(format!(
                "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS \
                 documentation for the valid values."
            )));
        }
    }
    let containers = definition.definition.container_definitions.iter().flatten();
    let mut sum = 0_i64;
    for container in containers {
        let given = override_of(overrides, container.name.as_deref());
        sum += i64::from(given.and_then(|given| given.cpu).or(container.cpu).unwrap_or(0));
        let hard = given.and_then(|given| given.memory).or(container.memory);
        if let (Some(hard), Some(task)) = (hard, memory)
            && hard > task
        {
            let name = container.name.as_deref().unwrap_or_default();
            return Err(invalid(format!("The 'memory' setting for container '{name}' is greater than for the task.")));
        }
    }
    if cpu.is_some_and(|cpu| sum > i64::from(cpu)) {
        return Err(invalid(
            "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.",
        ));
    }
    Ok(())
}
