//! What Fargate does not have. The same rules say whether FARGATE is among a definition's compatibilities.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html>

use api_models::ecs::{ContainerDefinition, LogDriver, NetworkMode, PidMode, ResourceType};

use super::super::sizes::{cpu_units, fargate_has, memory_mib};
use super::{Checked, Subject, ensure, list, refuse, text};

/// Seconds; also of the start.
const MAX_STOP_TIMEOUT: i32 = 120;

pub(super) fn check(subject: &Subject<'_>) -> Checked {
    size(subject)?;
    task(subject)?;
    volumes(subject)?;
    for container in subject.containers {
        settings(container)?;
        timeouts(container)?;
        logging(subject, container)?;
        ensure(!is_ecr_image(text(&container.image)) || subject.has_execution_role(), || {
            "Fargate requires task definition to have execution role ARN to support ECR images.".into()
        })?;
    }
    Ok(())
}

/// The network mode, then the presence of CPU and memory.
pub(super) fn size_given(subject: &Subject<'_>) -> Checked {
    ensure(subject.mode == NetworkMode::Awsvpc, || "Fargate only supports network mode ‘awsvpc’.".into())?;
    for (setting, value) in [("cpu", &subject.input.cpu), ("memory", &subject.input.memory)] {
        ensure(value.is_some(), || format!("Fargate requires that '{setting}' be defined at the task level."))?;
    }
    Ok(())
}

fn size(subject: &Subject<'_>) -> Checked {
    size_given(subject)?;
    let cpu = cpu_units(text(&subject.input.cpu)).unwrap_or(0);
    let memory = memory_mib(text(&subject.input.memory)).unwrap_or(0);
    ensure(fargate_has(cpu, memory, subject.is_windows()), || {
        format!(
            "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS \
             documentation for the valid values."
        )
    })
}

fn task(subject: &Subject<'_>) -> Checked {
    let input = subject.input;
    ensure(input.pid_mode != Some(PidMode::Host), || {
        "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is 'task'."
            .into()
    })?;
    ensure(input.ipc_mode.is_none(), || "Fargate compatible task definitions do not support ipcMode".into())?;
    ensure(list(&input.placement_constraints).is_empty(), || {
        "Fargate compatible task definitions do not support constraints".into()
    })
}

fn volumes(subject: &Subject<'_>) -> Checked {
    for volume in list(&subject.input.volumes) {
        for (given, what) in [
            (volume.host.as_ref().is_some_and(|host| host.source_path.is_some()), "sourcePath"),
            (volume.docker_volume_configuration.is_some(), "dockerVolumeConfiguration"),
            (
                volume.fsx_windows_file_server_volume_configuration.is_some(),
                "fsxWindowsFileServerVolumeConfiguration", // (ours)
            ),
        ] {
            unsupported(given, what)?;
        }
    }
    Ok(())
}

fn unsupported(given: bool, what: &str) -> Checked {
    ensure(!given, || format!("Fargate compatible task definitions do not support {what}"))
}

fn settings(container: &ContainerDefinition) -> Checked {
    ensure(container.privileged != Some(true), || {
        "Fargate requires that the ‘privileged’ setting be ‘false’ at the container level.".into()
    })?;
    unsupported(!list(&container.docker_security_options).is_empty(), "dockerSecurityOptions")?;
    if let Some(linux) = &container.linux_parameters {
        unsupported(!list(&linux.devices).is_empty(), "devices")?;
        unsupported(linux.shared_memory_size.is_some(), "sharedMemorySize")?;
        unsupported(linux.max_swap.is_some(), "maxSwap")?;
        unsupported(linux.swappiness.is_some(), "swappiness")?; // (ours)
        unsupported(!list(&linux.tmpfs).is_empty(), "tmpfs")?; // (ours)
        let added = linux.capabilities.as_ref().map(|capabilities| list(&capabilities.add)).unwrap_or_default();
        if let Some(refused) = added.iter().find(|capability| *capability != "SYS_PTRACE") {
            return refuse(format!("{refused} is not allowed on Fargate."));
        }
    }
    for requirement in list(&container.resource_requirements) {
        match &requirement.r#type {
            Some(ResourceType::Gpu) => {
                return refuse("Tasks using the Fargate launch type do not support GPU resource requirements.");
            }
            // (ours)
            Some(other) => {
                return refuse(format!(
                    "Tasks using the Fargate launch type do not support {other} resource requirements."
                ));
            }
            None => {}
        }
    }
    Ok(())
}

fn timeouts(container: &ContainerDefinition) -> Checked {
    for (what, seconds) in [("start", container.start_timeout), ("stop", container.stop_timeout)] {
        ensure(seconds.is_none_or(|seconds| seconds <= MAX_STOP_TIMEOUT), || {
            format!(
                "Tasks using the Fargate launch type must have a container {what} timeout of less than \
                 {MAX_STOP_TIMEOUT} seconds."
            )
        })?;
    }
    Ok(())
}

fn logging(subject: &Subject<'_>, container: &ContainerDefinition) -> Checked {
    let firelens = container.firelens_configuration.as_ref().and_then(|firelens| firelens.options.as_ref());
    ensure(firelens.is_none_or(|options| options.get("config-file-type").is_none_or(|kind| kind != "s3")), || {
        "Fargate launch type does not support FirelensConfiguration config file from 's3'".into()
    })?;
    let Some(log) = &container.log_configuration else { return Ok(()) };
    match &log.log_driver {
        Some(LogDriver::Awslogs) => {
            ensure(log.options.as_ref().is_some_and(|options| options.contains_key("awslogs-stream-prefix")), || {
                "Fargate requires log configuration options to include awslogs-stream-prefix to support log driver awslogs."
                    .into()
            })?;
            ensure(subject.has_execution_role(), || {
                "Fargate requires task definition to have execution role ARN to support log driver awslogs.".into()
            })
        }
        None | Some(LogDriver::Splunk | LogDriver::Awsfirelens) => Ok(()),
        Some(other) => {
            refuse(format!("{other} is not a valid log driver. Must be one of [awslogs,splunk,awsfirelens]"))
        }
    }
}

/// Whether the image is in a private repository of Amazon ECR.
#[must_use]
pub fn is_ecr_image(image: &str) -> bool {
    let host = image.split('/').next().unwrap_or_default();
    let account = host.split('.').next().unwrap_or_default();
    account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && (host.contains(".dkr.ecr.") || host.contains(".dkr-ecr."))
        && (host.contains(".amazonaws.com") || host.ends_with(".on.aws"))
}
