//! With `--strict-iam`: whether ECS can assume a task's roles, and whether its execution role may do what starting the
//! task needs, in the words of Fargate and of the agent. Pure.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html>

use std::collections::BTreeMap;

use api_models::ecs::{self, ContainerDefinition, LogConfiguration, LogDriver};

use super::list;
use super::reference::Reference;
use crate::identity::{Arn, Region};
use crate::services::ecs::agent::reasons::{is_fargate, log_options_refused};
use crate::services::ecs::resources::Task;
use crate::services::iam::authorize::{self, authorize};
use crate::services::secretsmanager::resources as secretsmanager;
use crate::store::State;

/// Looks at the roles, and at what the execution role is needed for: the credentials of ECR, secrets and parameters,
/// log streams.
///
/// # Errors
/// The reason the task stops with.
pub(super) fn check(state: &State, task: &Task, definition: &ecs::TaskDefinition) -> Result<(), String> {
    let given = |own: &Option<String>, of_definition: &Option<String>| {
        let role = own.as_ref().or(of_definition.as_ref()).filter(|role| !role.is_empty())?;
        Some(authorize::resolve(state, &task.key.scope, role))
    };
    let task_role = given(&task.overrides.task_role_arn, &definition.task_role_arn);
    let execution_role = given(&task.overrides.execution_role_arn, &definition.execution_role_arn);
    // A role may have changed since the task was asked for.
    for role in [&task_role, &execution_role].into_iter().flatten() {
        if !authorize::can_be_assumed(state, &task.key.scope, role) {
            return Err(authorize::not_assumed(role));
        }
    }
    // Without an execution role the instance's own counts, which may do anything.
    let Some(role) = execution_role else { return Ok(()) };
    let access = Access { state, task, role };
    list(&definition.container_definitions).iter().try_for_each(|container| access.container(container))
}

struct Access<'a> {
    state: &'a State,
    task: &'a Task,
    role: String,
}

impl Access<'_> {
    fn container(&self, container: &ContainerDefinition) -> Result<(), String> {
        let credentials = container.repository_credentials.as_ref();
        match credentials.and_then(|credentials| credentials.credentials_parameter.as_deref()) {
            Some(secret) => self.registry(secret)?,
            None => self.ecr(container.image.as_deref().unwrap_or_default())?,
        }
        list(&container.secrets).iter().try_for_each(|secret| self.secret(secret))?;
        let Some(log) = &container.log_configuration else { return Ok(()) };
        list(&log.secret_options).iter().try_for_each(|secret| self.secret(secret))?;
        self.log(container.name.as_deref().unwrap_or_default(), log)
    }

    fn may(&self, action: &str, resource: &str) -> Result<(), String> {
        authorize(self.state, &self.task.key.scope, &self.role, &self.task.key.id, action, resource)
            .map_err(|denied| format!("AccessDeniedException: {denied}"))
    }

    /// Images of ECR need a token for its registry.
    fn ecr(&self, image: &str) -> Result<(), String> {
        let host = image.split('/').next().unwrap_or_default();
        if !(host.contains(".dkr.ecr.") && host.contains(".amazonaws.com")) {
            return Ok(());
        }
        self.may("ecr:GetAuthorizationToken", "*").map_err(|denied| match is_fargate(self.task) {
            true => resource_failed("unable to retrieve ecr registry auth", &denied),
            false => format!("CannotPullECRContainerError: {denied}"),
        })
    }

    fn registry(&self, secret: &str) -> Result<(), String> {
        self.may("secretsmanager:GetSecretValue", &self.secret_arn(secret)).map_err(|denied| {
            let denied = format!("asm fetching secret from the service for {secret}: {denied}");
            match is_fargate(self.task) {
                true => resource_failed("unable to get registry auth from asm", &denied),
                false => denied,
            }
        })
    }

    fn secret(&self, secret: &ecs::Secret) -> Result<(), String> {
        let value_from = secret.value_from.as_deref().unwrap_or_default();
        match Reference::parse(value_from, &self.task.key.scope) {
            // What can't be read is told by who reads it.
            Err(_) => Ok(()),
            Ok(Reference::Parameter { scope, name }) => {
                let slash = if name.starts_with('/') { "" } else { "/" };
                let arn = scope.arn("ssm", &["parameter", slash, &name]);
                self.may("ssm:GetParameters", &arn).map_err(|denied| match is_fargate(self.task) {
                    true => resource_failed("unable to retrieve secrets from ssm", &denied),
                    false => format!("fetching secret data from SSM Parameter Store in {}: {denied}", scope.region),
                })
            }
            Ok(Reference::Secret { scope, id, .. }) => self
                .may("secretsmanager:GetSecretValue", &self.secret_arn(&id))
                .map_err(|denied| match is_fargate(self.task) {
                    true => resource_failed(
                        "unable to retrieve secret from asm",
                        &format!("failed to fetch secret {id} from secrets manager: {denied}"),
                    ),
                    false => format!(
                        "fetching secret data from AWS Secrets Manager in region {}: secret {id}: {denied}",
                        scope.region
                    ),
                }),
        }
    }

    /// The whole ARN of a secret that may be named without its end: policies are about that.
    fn secret_arn(&self, id: &str) -> String {
        let own = &self.task.key.scope;
        let mut scope = own.clone();
        if let Ok(arn) = Arn::parse(id) {
            scope.region = Region::new(arn.region);
        }
        let found = secretsmanager::usable(self.state, &scope, Some(id));
        found.map_or_else(|_| id.to_owned(), |secret| secret.arn())
    }

    fn log(&self, container: &str, log: &LogConfiguration) -> Result<(), String> {
        let (Some(LogDriver::Awslogs), Some(options)) = (&log.log_driver, &log.options) else { return Ok(()) };
        let (Some(group), stream) = (options.get("awslogs-group"), self.stream(container, options)) else {
            return Ok(());
        };
        let mut scope = self.task.key.scope.clone();
        if let Some(region) = options.get("awslogs-region") {
            scope.region = Region::new(region);
        }
        let resource = scope.arn("logs", &["log-group:", group, ":log-stream:", &stream]);
        self.may("logs:CreateLogStream", &resource).map_err(|denied| {
            let message = format!("failed to create Cloudwatch log stream: {denied}");
            match is_fargate(self.task) {
                true => log_options_refused(self.task, &format!("create stream has been retried 1 times: {message}")),
                false => format!(
                    "CannotStartContainerError: Error response from daemon: failed to initialize logging driver: \
                     {message}"
                ),
            }
        })
    }

    fn stream(&self, container: &str, options: &BTreeMap<String, String>) -> String {
        match options.get("awslogs-stream-prefix") {
            Some(prefix) => format!("{prefix}/{container}/{}", self.task.key.id),
            // Named after the engine's id, which there is none of yet.
            None => "*".to_owned(),
        }
    }
}

fn resource_failed(what: &str, why: &str) -> String {
    format!(
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: \
         {what}: service call has been retried 1 time(s): {why}"
    )
}

#[cfg(test)]
mod tests {
    use api_models::Unexpected;
    use api_models::ecs::{LaunchType, NetworkMode, Secret};

    use super::*;
    use crate::identity::Scope;
    use crate::services::ecs::agent::fixtures::{container, definition, task};
    use crate::services::iam::resources::fixtures;
    use crate::testing::context;

    const ROLE: &str = "arn:aws:iam::123456789012:role/exec";

    /// The reason of a task whose execution role has these policies, on Fargate or an instance.
    async fn reason(
        policies: &[&str],
        fargate: bool,
        want: impl FnOnce(&mut ContainerDefinition),
    ) -> Result<(), String> {
        let context = context();
        let role = fixtures::role("exec", authorize::ECS_TASKS, policies);
        let put = context.store().transact(|tx| {
            tx.put(role);
            Ok::<_, Unexpected>(())
        });
        put.await.expect("written");
        let mut web = container("web", true);
        want(&mut web);
        let mut definition = definition(NetworkMode::Awsvpc, vec![web]);
        definition.execution_role_arn = Some("exec".to_owned());
        let mut task = task(&definition, 1);
        task.key.scope = Scope::new(context.scope.account, Region::new("us-east-1"));
        task.launch_type = Some(if fargate { LaunchType::Fargate } else { LaunchType::Ec2 });
        let session = format!("assumed-role/exec/{}", task.key.id);
        check(&context.snapshot(), &task, &definition).map_err(|reason| reason.replace(&session, "SESSION"))
    }

    fn secret(value_from: &str) -> impl Fn(&mut ContainerDefinition) {
        let secret = Secret { name: Some("S".into()), value_from: Some(value_from.into()) };
        move |container| container.secrets = Some(vec![secret.clone()])
    }

    fn allow(action: &str) -> String {
        format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"{action}","Resource":"*"}}}}"#)
    }

    #[tokio::test]
    async fn a_missing_permission_is_named() {
        const HEAD: &str = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: ";
        let denied = |action: &str, resource: &str| {
            format!(
                "AccessDeniedException: User: arn:aws:sts::123456789012:SESSION is not authorized to perform: {action} on \
                 resource: {resource} because no identity-based policy allows the {action} action"
            )
        };
        let asm = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf";
        let expected = format!(
            "{HEAD}unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret \
             {asm} from secrets manager: {}",
            denied("secretsmanager:GetSecretValue", asm)
        );
        assert_eq!(reason(&[], true, secret(asm)).await, Err(expected));
        assert_eq!(reason(&[&allow("secretsmanager:*")], true, secret(asm)).await, Ok(()));

        let ssm = "arn:aws:ssm:us-east-1:123456789012:parameter/app/token";
        let expected =
            format!("fetching secret data from SSM Parameter Store in us-east-1: {}", denied("ssm:GetParameters", ssm));
        assert_eq!(reason(&[], false, secret("/app/token")).await, Err(expected));
        assert_eq!(reason(&[&allow("ssm:GetParameters")], false, secret("/app/token")).await, Ok(()));

        let ecr = |container: &mut ContainerDefinition| {
            container.image = Some("123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1".to_owned());
        };
        let expected = format!(
            "{HEAD}unable to retrieve ecr registry auth: service call has been retried 1 time(s): {}",
            denied("ecr:GetAuthorizationToken", "*")
        );
        assert_eq!(reason(&[], true, ecr).await, Err(expected));

        let logs = |container: &mut ContainerDefinition| {
            let options = [("awslogs-group", "/web"), ("awslogs-region", "us-east-1"), ("awslogs-stream-prefix", "a")];
            let options: BTreeMap<_, _> =
                options.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let log = LogConfiguration {
                log_driver: Some(LogDriver::Awslogs),
                options: Some(options),
                ..LogConfiguration::default()
            };
            container.log_configuration = Some(log.into());
        };
        let told = reason(&[], true, logs).await.expect_err("no permission");
        assert!(
            told.starts_with("ResourceInitializationError: failed to validate logger args: create stream"),
            "{told}"
        );
        assert!(
            told.contains(
                "logs:CreateLogStream on resource: arn:aws:logs:us-east-1:123456789012:log-group:/web:log-stream:a/web/"
            ),
            "{told}"
        );
        assert_eq!(reason(&[&allow("logs:CreateLogStream")], true, logs).await, Ok(()));
    }

    #[tokio::test]
    async fn a_role_that_is_gone_is_told() {
        let context = context();
        let mut definition = definition(NetworkMode::Awsvpc, vec![container("web", true)]);
        definition.task_role_arn = Some(ROLE.to_owned());
        let mut task = task(&definition, 1);
        task.key.scope = context.scope.clone();
        let told = check(&context.snapshot(), &task, &definition).expect_err("no role");
        assert!(told.starts_with(&format!("ECS was unable to assume the role '{ROLE}'")), "{told}");
    }
}
