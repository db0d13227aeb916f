//! Containers by themselves: essential ones, and their CPU, memory and GPUs.

use api_models::ecs::{ContainerDefinition, ResourceType};

use super::{Checked, Subject, ensure, list, name, text};

/// In MiB; the engine refuses less than 6 itself, which then shows as the container's reason.
const MIN_MEMORY: i32 = 4;

pub(super) fn check(subject: &Subject<'_>) -> Checked {
    ensure(subject.containers.iter().any(|container| container.essential.unwrap_or(true)), || {
        "Task definition doesn't have any essential container".into()
    })?;
    for container in subject.containers {
        memory(subject, container)?;
        ensure(container.cpu.unwrap_or(0) >= 0, || {
            format!("Invalid 'cpu' setting for container '{}'.", name(container)) // (ours)
        })?;
        devices(container)?;
        ensure(list(&container.credential_specs).is_empty(), || {
            // (ours) There is no Active Directory domain whose accounts a container could use.
            format!("Unsupported setting 'credentialSpecs' for container '{}'.", name(container))
        })?;
    }
    Ok(())
}

fn memory(subject: &Subject<'_>, container: &ContainerDefinition) -> Checked {
    let name = name(container);
    for (setting, value) in [("memory", container.memory), ("memoryReservation", container.memory_reservation)] {
        ensure(value.is_none_or(|mib| mib >= MIN_MEMORY), || {
            format!("Invalid '{setting}' setting for container '{name}'.") // (ours)
        })?;
    }
    match (container.memory, container.memory_reservation) {
        (None, None) => ensure(subject.input.memory.is_some(), || {
            format!(
                "Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be specified."
            )
        }),
        (Some(hard), Some(soft)) => ensure(hard >= soft, || {
            format!(
                "Invalid setting for container '{name}'. 'memory' must be greater than or equal to 'memoryReservation'."
            )
        }),
        _ => Ok(()),
    }
}

fn devices(container: &ContainerDefinition) -> Checked {
    for requirement in list(&container.resource_requirements) {
        match &requirement.r#type {
            Some(ResourceType::Gpu) => {
                let is_count = text(&requirement.value).parse::<u32>().is_ok_and(|count| count > 0);
                ensure(is_count || requirement.sharing_strategy.is_some(), || {
                    // (ours)
                    format!("Invalid 'GPU' resource requirement for container '{}'.", name(container))
                })?;
            }
            Some(ResourceType::InferenceAccelerator) => {
                return super::refuse("Unsupported resource requirement 'InferenceAccelerator'."); // (ours)
            }
            _ => {}
        }
    }
    Ok(())
}
