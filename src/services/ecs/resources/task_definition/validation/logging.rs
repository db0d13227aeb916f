//! Log drivers with what they need, and FireLens.

use api_models::ecs::LogDriver;

use super::{Checked, Subject, ensure, refuse, text};

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
