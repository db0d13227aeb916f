//! ExecuteCommand: a session with a command in a container of a task.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ExecuteCommand.html>

use api_models::ecs::{
    self, CommonError, ExecuteCommandError, ExecuteCommandLogging, ExecuteCommandRequest, ExecuteCommandResponse,
    InvalidParameterException, TargetNotConnectedException,
};

use crate::services::Context;
use crate::services::ecs::exec::endpoint::PATH;
use crate::services::ecs::exec::{Opened, Purpose};
use crate::services::ecs::resources::{Cluster, Container, ExecAgent, Named, Task, find_task, lookup};

const NOT_ENABLED: &str = "The execute command failed because execute command was not enabled when the task was run \
     or the execute command agent isn’t running. Wait and try again or run a new task with execute command enabled \
     and try again.";
const NOT_CONNECTED: &str = "The execute command failed due to an internal error. Try again later.";

/// Opens the session; its websocket does the rest. Nothing is asked of the engine here.
pub(crate) async fn handle(
    context: Context,
    input: ExecuteCommandRequest,
) -> Result<ExecuteCommandResponse, ExecuteCommandError> {
    let state = context.snapshot();
    let cluster = lookup::active_cluster(&state, &context.scope, input.cluster.as_deref())?;
    let named = given(input.task, "Task can not be blank.")?;
    let task = match find_task(&state, &cluster.key, &named)? {
        Named::Found(task) => task,
        Named::Missing { .. } => return Err(invalid("The referenced task was not found.").into()),
    };
    if input.interactive != Some(true) {
        return Err(invalid("Interactive is the only mode supported currently.").into());
    }
    let line = given(input.command, "Command can not be blank.")?;
    let container = choose(task, input.container.as_deref())?;
    match task.exec_agent(container) {
        Some(ExecAgent::Running { .. }) => {}
        Some(ExecAgent::Failed) => return Err(TargetNotConnectedException::new(NOT_CONNECTED).into()),
        None | Some(ExecAgent::Pending | ExecAgent::Stopped) => return Err(invalid(NOT_ENABLED).into()),
    }
    let (Some(runtime_id), Some(shown_id)) = (&container.runtime_id, task.container_runtime_id(container)) else {
        return Err(TargetNotConnectedException::new(NOT_CONNECTED).into());
    };
    // As the agent in the container splits it: words and quotes, but no shell.
    let command = shlex::split(&line).filter(|words| !words.is_empty());
    let command = command.ok_or_else(|| invalid("Failed to parse commands input: check the quotes."))?;
    let purpose = Purpose {
        target: format!("ecs:{}_{}_{shown_id}", task.key.cluster, task.key.id),
        container: runtime_id.clone(),
        command,
        greeting: greeting(cluster),
    };
    let Opened { session, token } = context.shared.exec.open(purpose, context.ids());
    let path = format!("{PATH}{session}?role=publish_subscribe");
    Ok(ExecuteCommandResponse {
        cluster_arn: Some(cluster.key.arn()),
        container_arn: Some(task.container_arn(container)),
        container_name: Some(container.name.to_string()),
        interactive: Some(true),
        session: Some(Box::new(ecs::Session {
            session_id: Some(session.to_string()),
            stream_url: Some(context.caller_address.websocket(&path)),
            token_value: Some(token),
        })),
        task_arn: Some(task.key.arn()),
    })
}

/// A task with one container has no other to mean.
fn choose<'t>(task: &'t Task, named: Option<&str>) -> Result<&'t Container, CommonError> {
    match (named.filter(|name| !name.is_empty()), task.containers.as_slice()) {
        (None, [only]) => Ok(only),
        (None, _) => Err(invalid("Container name must be specified for tasks containing multiple containers.").into()),
        (Some(name), containers) => containers
            .iter()
            .find(|container| &*container.name == name)
            .ok_or_else(|| invalid(&format!("The container '{name}' was not found in the task.")).into()),
    }
}

/// What the cluster asks for and is not done. Session Manager speaks at this place of what it does do.
fn greeting(cluster: &Cluster) -> String {
    let configuration = cluster.configuration.as_ref();
    let Some(exec) = configuration.and_then(|it| it.execute_command_configuration.as_ref()) else {
        return String::new();
    };
    let mut missing = Vec::new();
    if exec.logging == Some(ExecuteCommandLogging::Override) {
        missing.push("is not logged");
    }
    if exec.kms_key_id.is_some() {
        missing.push("is not encrypted using AWS KMS");
    }
    if missing.is_empty() {
        return String::new();
    }
    format!("LocalECS: unlike the cluster's configuration says, this session {}.", missing.join(" and "))
}

fn given(text: Option<String>, message: &str) -> Result<String, InvalidParameterException> {
    text.filter(|text| !text.trim().is_empty()).ok_or_else(|| invalid(message))
}

fn invalid(message: &str) -> InvalidParameterException {
    InvalidParameterException::new(message)
}
