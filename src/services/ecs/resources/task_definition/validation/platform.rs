//! Task-level settings that bind a definition to what it can run on.

use api_models::ecs::{CPUArchitecture, Compatibility, NetworkMode};

use super::{Checked, Subject, ensure, list};

pub(super) fn check(subject: &Subject<'_>) -> Checked {
    if let Some(storage) = &subject.input.ephemeral_storage {
        let size = storage.size_in_gi_b.unwrap_or(0);
        ensure(size >= 21, || "EphemeralStorage size should be at least 21".into())?;
        ensure(size <= 200, || "EphemeralStorage size should be at most 200".into())?;
        // Without any wish for a launch type the definition would be one for EC2.
        let ec2 = list(&subject.input.requires_compatibilities).is_empty() || subject.requires(&Compatibility::Ec2);
        ensure(!ec2, || "Tasks using the EC2 launch type do not support EphemeralStorage.".into())?;
    }
    // (ours), from here on
    for (compatibility, modes) in [
        (Compatibility::External, &[NetworkMode::Bridge, NetworkMode::Host, NetworkMode::None][..]),
        (Compatibility::ManagedInstances, &[NetworkMode::Awsvpc, NetworkMode::Host][..]),
    ] {
        ensure(!subject.requires(&compatibility) || modes.contains(&subject.mode), || {
            format!("{compatibility} compatible task definitions do not support network mode '{}'.", subject.mode)
        })?;
    }
    let arm = subject
        .input
        .runtime_platform
        .as_ref()
        .is_some_and(|platform| platform.cpu_architecture.as_ref() == Some(&CPUArchitecture::Arm64));
    ensure(!(arm && subject.is_windows()), || {
        "The ARM64 CPU architecture is not supported with Windows operating system families.".into()
    })
}
