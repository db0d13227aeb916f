//! Log drivers with what they need, and FireLens.

use api_models::ecs::{LogConfiguration, LogDriver};

use super::{Checked, Subject, ensure, refuse, text};

/// What ECS lets pass to the driver awslogs.
const AWSLOGS: [&str; 9] = [
    "awslogs-create-group",
    "awslogs-datetime-format",
    "awslogs-endpoint",
    "awslogs-group",
    "awslogs-multiline-pattern",
    "awslogs-region",
    "awslogs-stream-prefix",
    "max-buffer-size",
    "mode",
];

/// The options of the driver awslogs. Whether a pattern is one is found out when a container starts, as on ECS.
fn awslogs(log: &LogConfiguration) -> Checked {
    let options = log.options.iter().flatten().map(|(name, _)| name.as_str());
    let secrets = log.secret_options.iter().flatten().map(|secret| text(&secret.name));
    let disallowed: Vec<&str> = options.chain(secrets).filter(|name| !AWSLOGS.contains(name)).collect();
    ensure(disallowed.is_empty(), || format!("Log driver awslogs disallows options: {}", disallowed.join(", ")))?;
    let option = |name: &str| log.options.as_ref().and_then(|options| options.get(name)).map(String::as_str);
    ensure(option("awslogs-create-group").is_none_or(|value| value == "true"), || {
        "Log driver awslogs option 'awslogs-create-group' should only be set to 'true', else omit option.".into()
    })?;
    let both = option("awslogs-datetime-format").is_some() && option("awslogs-multiline-pattern").is_some();
    ensure(!both, || {
        // (ours) In the words of Docker's driver.
        "Log driver awslogs: you cannot configure log opt 'awslogs-datetime-format' and 'awslogs-multiline-pattern' at \
         the same time"
            .into()
    })
}

pub(super) fn check(subject: &Subject<'_>) -> Checked {
    let mut uses_router = false;
    let mut routers = 0;
    for container in subject.containers {
        if let Some(log) = &container.log_configuration {
            let has = |name: &str| {
                log.options.as_ref().is_some_and(|options| options.get(name).is_some_and(|value| !value.is_empty()))
                    || log.secret_options.iter().flatten().any(|secret| text(&secret.name) == name)
            };
            if log.log_driver == Some(LogDriver::Awslogs) {
                let missing: Vec<&str> =
                    ["awslogs-region", "awslogs-group"].into_iter().filter(|name| !has(name)).collect();
                ensure(missing.is_empty(), || format!("Log driver awslogs requires options: {}", missing.join(", ")))?;
                awslogs(log)?;
            }
            uses_router |= log.log_driver == Some(LogDriver::Awsfirelens);
        }
        if let Some(firelens) = &container.firelens_configuration {
            routers += 1;
            let option = |name: &str| firelens.options.as_ref().and_then(|options| options.get(name));
            if option("config-file-type").is_some_and(|kind| kind == "s3") {
                let value = option("config-file-value").map(String::as_str).unwrap_or_default();
                ensure(super::secrets::is_s3_arn(value), || "Invalid arn syntax.".into())?;
            }
        }
    }
    match (uses_router, routers) {
        (true, 0) => refuse(
            "When awsfirelens log driver is specified in log configuration, a firelens configuration object must be \
             configured in one of the containers.",
        ),
        (false, 1..) => refuse(
            "When a firelensConfiguration object is specified, at least one container has to be configured with the \
             awsfirelens log driver",
        ),
        // (ours)
        (true, 2..) => refuse("Only one container in a task definition can have a firelens configuration object."),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "logging_tests.rs"]
mod tests;
