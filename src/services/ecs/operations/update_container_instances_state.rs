//! UpdateContainerInstancesState: instances take no more tasks and give up those of services, or take them again.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateContainerInstancesState.html>

use api_models::ecs::{
    ClientException, ContainerInstanceStatus, Failure, InvalidParameterException, UpdateContainerInstancesStateError,
    UpdateContainerInstancesStateRequest, UpdateContainerInstancesStateResponse,
};

use crate::services::Context;
use crate::services::ecs::resources::container_instance::{Loads, registration};
use crate::services::ecs::resources::{ContainerInstance, lookup};

const MAX_INSTANCES: usize = 10;

/// The service scheduler does what follows from DRAINING, under each service's deployment configuration; standalone tasks
/// are left alone.
pub(crate) async fn handle(
    context: Context,
    input: UpdateContainerInstancesStateRequest,
) -> Result<UpdateContainerInstancesStateResponse, UpdateContainerInstancesStateError> {
    let status = match &input.status {
        Some(status @ (ContainerInstanceStatus::Active | ContainerInstanceStatus::Draining)) => status.as_str(),
        _ => {
            let message = "Container instances status should be one of [ACTIVE,DRAINING]";
            return Err(InvalidParameterException::new(message).into());
        }
    };
    let named = input.container_instances.unwrap_or_default();
    if named.is_empty() {
        return Err(ClientException::new("Container Instances cannot be empty.").into());
    }
    if named.len() > MAX_INSTANCES {
        let message = format!("instanceIds can have at most {MAX_INSTANCES} items.");
        return Err(InvalidParameterException::new(message).into());
    }
    context
        .store()
        .transact(|tx| {
            let cluster = lookup::active_cluster(tx, &context.scope, input.cluster.as_deref())?.key.clone();
            let (mut changed, mut failures) = (Vec::new(), Vec::new());
            for name in &named {
                let Some(found) = registration::find(tx, &cluster, name)? else {
                    failures.push(lookup::missing(registration::arn_of(&cluster, name)));
                    continue;
                };
                let key = found.key.clone();
                if !matches!(&*found.status, "ACTIVE" | "DRAINING") {
                    let reason = Some(found.status.clone());
                    failures.push(Failure { arn: Some(key.arn()), reason, ..Failure::default() });
                    continue;
                }
                tx.update(&key, |instance: &mut ContainerInstance| {
                    let changes = instance.status != status;
                    if changes {
                        status.clone_into(&mut instance.status);
                        instance.version += 1;
                    }
                    changes
                });
                changed.push(key);
            }
            let loads = Loads::of_cluster(tx, &cluster);
            let shown = changed.iter().filter_map(|key| tx.container_instances.get(key));
            Ok(UpdateContainerInstancesStateResponse {
                container_instances: Some(shown.map(|it| it.to_api(&loads, &[], context.now())).collect()),
                failures: Some(failures),
            })
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::ecs::operations::{
        create_cluster, deregister_container_instance as deregister, register_container_instance as register,
    };
    use crate::testing::context;

    async fn set(
        context: &Context,
        status: &str,
        instances: &[&str],
    ) -> Result<UpdateContainerInstancesStateResponse, UpdateContainerInstancesStateError> {
        let request = UpdateContainerInstancesStateRequest {
            status: Some(status.into()),
            container_instances: Some(instances.iter().map(|&it| it.to_owned()).collect()),
            ..Default::default()
        };
        handle(context.clone(), request).await
    }

    #[tokio::test]
    async fn instances_drain_and_come_back() {
        let context = context();
        create_cluster::handle(context.clone(), Default::default()).await.expect("a cluster");
        let mut arns = Vec::new();
        for _ in 0..2 {
            let made = register::handle(context.clone(), Default::default()).await.expect("an instance");
            arns.push(made.container_instance.and_then(|it| it.container_instance_arn).expect("an ARN"));
        }
        for (status, version) in [("DRAINING", 2), ("DRAINING", 2), ("ACTIVE", 3)] {
            let answer = set(&context, status, &[&arns[0], "ffff"]).await.expect("changed");
            let shown = answer.container_instances.expect("instances");
            assert_eq!((shown[0].status.as_deref(), shown[0].version), (Some(status), Some(version)));
            let failures = answer.failures.expect("failures");
            assert_eq!(failures[0].reason.as_deref(), Some("MISSING"));
            assert!(failures[0].arn.as_deref().is_some_and(|arn| arn.ends_with(":container-instance/default/ffff")));
        }
        let gone = api_models::ecs::DeregisterContainerInstanceRequest {
            container_instance: Some(arns[1].clone()),
            ..Default::default()
        };
        deregister::handle(context.clone(), gone).await.expect("gone");
        let answer = set(&context, "DRAINING", &[&arns[1]]).await.expect("answered");
        assert_eq!(answer.failures.expect("failures")[0].reason.as_deref(), Some("INACTIVE"));
    }

    #[tokio::test]
    async fn strange_requests_are_refused() {
        let context = context();
        create_cluster::handle(context.clone(), Default::default()).await.expect("a cluster");
        for (status, count, message) in [
            ("INACTIVE", 1, "Container instances status should be one of [ACTIVE,DRAINING]"),
            ("ACTIVE", 0, "Container Instances cannot be empty."),
            ("ACTIVE", 11, "instanceIds can have at most 10 items."),
        ] {
            let error = set(&context, status, &vec!["a"; count]).await.expect_err(message).to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
