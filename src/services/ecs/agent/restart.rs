//! Pure: whether a container that ended is started again in place.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-restart-policy.html>

use std::time::Duration;

use api_models::ecs::{self, ContainerRestartPolicy};

use super::advance::container_definition;
use super::observed::{ObservedTask, SeenState};
use crate::runtime::Exit;
use crate::services::ecs::resources::{Container, Task, TaskStatus};

/// Seconds that a container must have run, unless its policy says otherwise.
const ATTEMPT_PERIOD: i32 = 300;

/// Whether the container ended and is to be started again.
pub(super) fn is_due(
    task: &Task,
    container: &Container,
    definition: &ecs::TaskDefinition,
    observed: &ObservedTask,
) -> bool {
    if task.desired_status == TaskStatus::Stopped
        || container.last_status == TaskStatus::Stopped
        || observed.given_up.contains(&container.name)
    {
        return false;
    }
    let Some(seen) = observed.containers.get(&container.name) else { return false };
    let policy = container_definition(definition, &container.name).and_then(|own| own.restart_policy.as_deref());
    match (&seen.state, policy) {
        // One that was removed can't be started again.
        (SeenState::Exited(exit), Some(policy)) if seen.id.is_some() => allows(policy, exit),
        _ => false,
    }
}

fn allows(policy: &ContainerRestartPolicy, exit: &Exit) -> bool {
    let ignored = policy.ignored_exit_codes.iter().flatten().any(|code| *code == exit.exit_code);
    let period = u64::try_from(policy.restart_attempt_period.unwrap_or(ATTEMPT_PERIOD)).unwrap_or(0);
    // By the engine's clock, so that it does not matter when the exit is heard of.
    let ran = exit.started_at.zip(exit.finished_at).map(|(started, finished)| finished.duration_since(started));
    policy.enabled == Some(true) && !ignored && ran.is_some_and(|ran| ran >= Duration::from_secs(period))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn exit(exit_code: i32, seconds: i64) -> Exit {
        let (start, end) = (Timestamp::from_millis(5_000), Timestamp::from_millis(5_000 + seconds * 1_000));
        Exit { exit_code, oom_killed: false, error: None, started_at: Some(start), finished_at: Some(end) }
    }

    #[test]
    fn a_container_is_started_again_unless_it_ended_too_soon_or_as_it_should() {
        let policy = |enabled, ignored: &[i32], period| ContainerRestartPolicy {
            enabled: Some(enabled),
            ignored_exit_codes: Some(ignored.to_vec()),
            restart_attempt_period: period,
        };
        assert!(allows(&policy(true, &[], None), &exit(0, 300)));
        assert!(!allows(&policy(true, &[], None), &exit(0, 299)));
        assert!(allows(&policy(true, &[0], Some(60)), &exit(1, 60)));
        assert!(!allows(&policy(true, &[0, 3], Some(60)), &exit(3, 60)));
        assert!(!allows(&policy(false, &[], Some(60)), &exit(1, 1_000)));
        assert!(!allows(&policy(true, &[], Some(60)), &Exit { started_at: None, ..exit(1, 1_000) }));
    }
}
