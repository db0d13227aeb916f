//! Numbers with bounds: health checks, timeouts, restart policies, ulimits, Linux parameters.

use api_models::ecs::{ContainerDefinition, HealthCheck};

use super::{Checked, Subject, ensure, list, name, text};

pub(super) fn check(subject: &Subject<'_>) -> Checked {
    for container in subject.containers {
        if let Some(check) = &container.health_check {
            health_check(check, name(container))?;
        }
        timeouts(container)?;
        restart_policy(container)?;
        ulimits(container)?;
        linux_parameters(container)?;
        for control in list(&container.system_controls) {
            ensure(!text(&control.namespace).is_empty() && control.value.is_some(), || {
                invalid("systemControls", container)
            })?;
        }
    }
    Ok(())
}

/// (ours), after the sentence for ports.
fn invalid(setting: &str, container: &ContainerDefinition) -> String {
    format!("Invalid '{setting}' setting for container '{}'.", name(container))
}

fn health_check(check: &HealthCheck, name: &str) -> Checked {
    ensure(!list(&check.command).is_empty(), || {
        format!("Health check command must not be empty for container '{name}'") // (ours)
    })?;
    for (setting, value, least, most) in [
        ("interval", check.interval, 5, 300),
        ("timeout", check.timeout, 2, 60),
        ("retries", check.retries, 1, 10),
        ("startPeriod", check.start_period, 0, 300),
    ] {
        let Some(value) = value else { continue };
        ensure(value <= most, || {
            format!(
                "Health check {setting} must be less than or equal to the maximum allowed value {most} for container '{name}'"
            )
        })?;
        ensure(value >= least, || {
            format!(
                "Health check {setting} must be greater than or equal to the minimum allowed value {least} for container '{name}'"
            )
        })?;
    }
    Ok(())
}

fn timeouts(container: &ContainerDefinition) -> Checked {
    for (what, seconds) in [("start", container.start_timeout), ("stop", container.stop_timeout)] {
        ensure(seconds.is_none_or(|seconds| seconds >= 2), || {
            format!("Granular {what} timeout on container '{}' must be at least 2 seconds.", name(container))
        })?;
    }
    Ok(())
}

fn restart_policy(container: &ContainerDefinition) -> Checked {
    let Some(policy) = &container.restart_policy else { return Ok(()) };
    ensure(policy.restart_attempt_period.is_none_or(|seconds| (60..=1800).contains(&seconds)), || {
        format!("The 'restartAttemptPeriod' setting for container '{}' must be between 60 and 1800.", name(container))
    })?;
    ensure(list(&policy.ignored_exit_codes).len() <= 50, || {
        // (ours)
        format!("The 'ignoredExitCodes' setting for container '{}' can have at most 50 items.", name(container))
    })
}

fn ulimits(container: &ContainerDefinition) -> Checked {
    for ulimit in list(&container.ulimits) {
        // -1 is Docker's word for no limit.
        let rank = |limit: Option<i32>| match limit.unwrap_or(0) {
            -1 => i64::MAX,
            limit => i64::from(limit),
        };
        let (soft, hard) = (rank(ulimit.soft_limit), rank(ulimit.hard_limit));
        ensure(soft >= 0 && hard >= soft, || invalid("ulimits", container))?;
    }
    Ok(())
}

fn linux_parameters(container: &ContainerDefinition) -> Checked {
    let Some(linux) = &container.linux_parameters else { return Ok(()) };
    ensure(linux.swappiness.is_none_or(|value| (0..=100).contains(&value)), || invalid("swappiness", container))?;
    ensure(linux.max_swap.is_none_or(|mib| mib >= 0), || invalid("maxSwap", container))?;
    ensure(linux.shared_memory_size.is_none_or(|mib| mib > 0), || invalid("sharedMemorySize", container))?;
    for tmpfs in list(&linux.tmpfs) {
        let valid = tmpfs.size.is_none_or(|mib| mib > 0) && !text(&tmpfs.container_path).is_empty();
        ensure(valid, || invalid("tmpfs", container))?;
    }
    for device in list(&linux.devices) {
        ensure(!text(&device.host_path).is_empty(), || invalid("devices", container))?;
    }
    Ok(())
}
