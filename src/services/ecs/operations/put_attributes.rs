//! PutAttributes: custom attributes of container instances, new or with new values.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutAttributes.html>

use std::collections::BTreeMap;

use api_models::ecs::{
    Attribute, AttributeLimitExceededException, PutAttributesError, PutAttributesRequest, PutAttributesResponse,
};

use crate::services::Context;
use crate::services::ecs::resources::container_instance::{attributes, targets};
use crate::services::ecs::resources::{ContainerInstance, lookup};

/// All are written, or none.
pub(crate) async fn handle(
    context: Context,
    input: PutAttributesRequest,
) -> Result<PutAttributesResponse, PutAttributesError> {
    let given = input.attributes.unwrap_or_default();
    targets::check_count(&given)?;
    attributes::validate(&given)?;
    context
        .store()
        .transact(|tx| {
            let cluster = lookup::active_cluster(tx, &context.scope, input.cluster.as_deref())?.key.clone();
            let mut targeted: BTreeMap<_, Vec<Attribute>> = BTreeMap::new();
            let mut answer = Vec::with_capacity(given.len());
            for attribute in given {
                let key = targets::find(tx, &cluster, &attribute)?;
                answer.push(targets::shown(&attribute, &key));
                targeted.entry(key).or_default().push(attribute);
            }
            for (key, new) in targeted {
                let Some(instance) = tx.container_instances.get(&key) else { continue };
                let mut instance = ContainerInstance::clone(instance);
                let merged = attributes::merge(instance.attributes.to_vec(), new);
                if attributes::count_custom(&merged) > attributes::MAX_CUSTOM {
                    let message = format!("A resource can have at most {} custom attributes.", attributes::MAX_CUSTOM);
                    return Err(AttributeLimitExceededException::new(message).into());
                }
                if merged != *instance.attributes {
                    instance.attributes = merged.into();
                    instance.version += 1;
                    tx.put(instance);
                }
            }
            Ok(PutAttributesResponse { attributes: Some(answer) })
        })
        .await
}

#[cfg(test)]
mod tests;
