//! Pure: what a container's log configuration asks for.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LogConfiguration.html>

use api_models::ecs::{self, ContainerDefinition};

use super::awslogs::Awslogs;
use crate::runtime::{LogDriver, LogOptions};
use crate::services::ecs::resources::Task;

/// Who takes a container's output.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    /// The engine, with its default driver or the one that is named.
    Engine(LogDriver),
    /// LocalECS takes it to its CloudWatch Logs.
    CloudWatch(Awslogs),
}

impl Plan {
    /// What the container is made with.
    pub(crate) fn driver(self) -> LogDriver {
        match self {
            Self::Engine(driver) => driver,
            Self::CloudWatch(awslogs) => LogDriver::Readable(awslogs.engine),
        }
    }
}

/// # Errors
/// What is wrong with the options of `awslogs`, in Docker's words; those of other drivers the engine judges.
pub(crate) fn plan(task: &Task, container: &ContainerDefinition) -> Result<Plan, String> {
    let Some(log) = &container.log_configuration else { return Ok(Plan::Engine(LogDriver::Default)) };
    let options = log.options.clone().unwrap_or_default();
    match &log.log_driver {
        Some(ecs::LogDriver::Awslogs) => {
            if let Some(secret) = log.secret_options.iter().flatten().next() {
                // (ours) After a restart LocalECS would have to fetch it again to know where the output goes.
                let name = secret.name.as_deref().unwrap_or_default();
                return Err(format!("log opt '{name}' of awslogs can't be a secret in LocalECS"));
            }
            let name = container.name.as_deref().unwrap_or_default();
            Awslogs::parse(&options, name, &task.key.id).map(Plan::CloudWatch)
        }
        Some(driver) => {
            let driver = driver.to_string();
            Ok(Plan::Engine(LogDriver::Named { driver, options: LogOptions(options) }))
        }
        None => Ok(Plan::Engine(LogDriver::Default)),
    }
}
