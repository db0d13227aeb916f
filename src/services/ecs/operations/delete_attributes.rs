//! DeleteAttributes: takes custom attributes from container instances.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteAttributes.html>

use api_models::ecs::{DeleteAttributesError, DeleteAttributesRequest, DeleteAttributesResponse};

use crate::services::Context;
use crate::services::ecs::resources::container_instance::{attributes, targets};
use crate::services::ecs::resources::{ContainerInstance, lookup};

/// Answers those that were there. One that is given with a value is only deleted if it has that value.
pub(crate) async fn handle(
    context: Context,
    input: DeleteAttributesRequest,
) -> Result<DeleteAttributesResponse, DeleteAttributesError> {
    let given = input.attributes.unwrap_or_default();
    targets::check_count(&given)?;
    attributes::validate(&given)?;
    context
        .store()
        .transact(|tx| {
            let cluster = lookup::active_cluster(tx, &context.scope, input.cluster.as_deref())?.key.clone();
            let mut deleted = Vec::new();
            for attribute in given {
                let key = targets::find(tx, &cluster, &attribute)?;
                let value = attribute.value.as_deref().filter(|value| !value.is_empty());
                tx.update(&key, |instance: &mut ContainerInstance| {
                    let position = instance.attributes.iter().position(|known| {
                        known.name == attribute.name && value.is_none_or(|value| known.value.as_deref() == Some(value))
                    });
                    if let Some(position) = position {
                        let known = instance.attributes.remove(position);
                        deleted.push(targets::shown(&known, &key));
                        instance.version += 1;
                    }
                    position.is_some()
                });
            }
            Ok(DeleteAttributesResponse { attributes: Some(deleted) })
        })
        .await
}
