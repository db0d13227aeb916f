//! DeleteService: the service drains, and is INACTIVE once its tasks have stopped.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html>

use api_models::ecs::{
    DeleteServiceError, DeleteServiceRequest, DeleteServiceResponse, InvalidParameterException,
    ServiceNotFoundException,
};

use crate::services::Context;
use crate::services::ecs::resources::lookup;
use crate::services::ecs::resources::service::{self, Scheduling, Service, ServiceStatus, drain_task_sets, supersede};

/// Deleting a service that drains already answers it again.
pub(crate) async fn handle(
    context: Context,
    input: DeleteServiceRequest,
) -> Result<DeleteServiceResponse, DeleteServiceError> {
    context
        .store()
        .transact(|tx| {
            let now = context.now();
            let cluster = lookup::active_cluster(tx, &context.scope, input.cluster.as_deref())?.key.clone();
            let found = service::find::<DeleteServiceError>(tx, &cluster, input.service.as_deref())?;
            let mut service = Service::clone(found);
            match service.status {
                ServiceStatus::Active => {}
                ServiceStatus::Draining => {
                    return Ok(DeleteServiceResponse { service: Some(Box::new(service.to_api(tx, false))) });
                }
                ServiceStatus::Inactive => return Err(ServiceNotFoundException::new("Service not found.").into()),
            }
            let replica = service.scheduling == Scheduling::Replica;
            if replica && service.desired_count > 0 && input.force != Some(true) {
                return Err(InvalidParameterException::new(
                    "The service cannot be stopped while it is scaled above 0.",
                )
                .into());
            }
            service.status = ServiceStatus::Draining;
            service.desired_count = 0;
            supersede(tx, &mut service, now);
            drain_task_sets(tx, &service.key, now);
            let answer = service.to_api(tx, false);
            tx.put(service);
            Ok(DeleteServiceResponse { service: Some(Box::new(answer)) })
        })
        .await
}
