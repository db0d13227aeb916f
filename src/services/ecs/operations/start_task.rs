//! StartTask: a new task on each of the named container instances, without a scheduler's choice.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StartTask.html>

use std::sync::Arc;

use api_models::ecs::{
    ClientException, CommonError, Compatibility, Failure, InvalidParameterException, StartTaskError, StartTaskRequest,
    StartTaskResponse,
};

use crate::services::Context;
use crate::services::ecs::resources::{
    ClusterKey, ContainerInstance, ContainerInstanceKey, Place, TaskRequest, check_id, check_roles, lookup,
    reservation, runnable_task_definition,
};
use crate::services::ecs::scheduler::placement::{self, Candidate, Requirements};
use crate::store::State;

const MAX_INSTANCES: usize = 10;
const MAX_STARTED_BY: usize = 36;

/// An instance that can't take the task is a failure; the others' tasks start.
pub(crate) async fn handle(context: Context, input: StartTaskRequest) -> Result<StartTaskResponse, StartTaskError> {
    let named = input.container_instances.unwrap_or_default();
    if named.is_empty() {
        return Err(ClientException::new("Container Instances cannot be empty.").into());
    }
    if named.len() > MAX_INSTANCES {
        let message = format!("Container Instances cannot have more than {MAX_INSTANCES} elements.");
        return Err(InvalidParameterException::new(message).into());
    }
    let request = TaskRequest {
        enable_ecs_managed_tags: input.enable_ecs_managed_tags == Some(true),
        enable_execute_command: input.enable_execute_command == Some(true),
        group: input.group,
        network_configuration: input.network_configuration.map(|network| *network),
        overrides: input.overrides.map(|overrides| *overrides),
        propagate_tags: input.propagate_tags,
        reference_id: input.reference_id,
        started_by: input.started_by,
        service: None,
        daemon: None,
        tags: input.tags.unwrap_or_default(),
        volume_configurations: input.volume_configurations.unwrap_or_default().into_iter().map(Into::into).collect(),
    };
    request.check(MAX_STARTED_BY)?;
    context
        .store()
        .transact(|tx| {
            let cluster = lookup::active_cluster(tx, &context.scope, input.cluster.as_deref())?.key.clone();
            let definition = runnable_task_definition(tx, &context.scope, input.task_definition.as_deref())?.clone();
            let blueprint = request.blueprint(&cluster, &definition, &Compatibility::Ec2, None)?;
            check_roles(tx, context.config(), &blueprint)?;
            let rendered = definition.render();
            let requirements = Requirements::of(blueprint.needs(), &rendered);
            let (mut tasks, mut failures) = (Vec::new(), Vec::new());
            for (turn, named) in named.iter().enumerate() {
                let instance = match find_instance(tx, &cluster, named)? {
                    Ok(instance) => instance.clone(),
                    Err(arn) => {
                        failures.push(lookup::missing(arn));
                        continue;
                    }
                };
                let candidate = Candidate::alone(&instance);
                let refused = placement::refusal(&candidate, &requirements);
                let reserved = match refused {
                    None => reservation::reserve(tx, &instance.key, &requirements.needs),
                    Some(_) => None,
                };
                let Some(reserved) = reserved else {
                    failures.push(Failure {
                        arn: Some(instance.key.arn()),
                        reason: refused.map(str::to_owned),
                        ..Failure::default()
                    });
                    continue;
                };
                let place = Place::Instance { instance: &instance, reserved, under: None };
                let task = blueprint.task(place, turn, context.ids(), context.now());
                tasks.push(task.to_api(true));
                tx.put(task);
            }
            Ok(StartTaskResponse { tasks: Some(tasks), failures: Some(failures) })
        })
        .await
}

/// The instance that `named` means, or the ARN to call it missing by.
fn find_instance<'a>(
    state: &'a State,
    cluster: &ClusterKey,
    named: &str,
) -> Result<Result<&'a Arc<ContainerInstance>, String>, CommonError> {
    let Some(id) = lookup::id_in_cluster(cluster, "container-instance", named)? else {
        return Ok(Err(named.to_owned()));
    };
    check_id("containerInstanceId", id)?;
    let key = ContainerInstanceKey { scope: cluster.scope.clone(), cluster: cluster.name.clone(), id: id.into() };
    Ok(state.container_instances.get(&key).ok_or_else(|| key.arn()))
}
