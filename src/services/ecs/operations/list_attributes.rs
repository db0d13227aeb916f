//! ListAttributes: the attributes of a cluster's container instances.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListAttributes.html>

use api_models::ecs::{
    InvalidParameterException, ListAttributesError, ListAttributesRequest, ListAttributesResponse, TargetType,
};

use crate::services::Context;
use crate::services::ecs::resources::cluster::instances_of;
use crate::services::ecs::resources::container_instance::targets;
use crate::services::ecs::resources::lookup;
use crate::services::ecs::resources::paging::{Order, PageRequest};

/// By instance, then by name. Of INACTIVE instances none.
pub(crate) async fn handle(
    context: Context,
    input: ListAttributesRequest,
) -> Result<ListAttributesResponse, ListAttributesError> {
    let invalid = |message: &str| ListAttributesError::from(InvalidParameterException::new(message));
    if input.target_type != Some(TargetType::ContainerInstance) {
        return Err(invalid("targetType should be one of [container-instance]"));
    }
    let name = input.attribute_name.as_deref().filter(|name| !name.is_empty());
    let value = input.attribute_value.as_deref().filter(|value| !value.is_empty());
    if name.is_none() && value.is_some() {
        return Err(invalid("attributeName must be specified when attributeValue is specified."));
    }
    let state = context.snapshot();
    let cluster = &lookup::active_cluster(&state, &context.scope, input.cluster.as_deref())?.key;
    let mut all = Vec::new();
    for instance in instances_of(&state, cluster).filter(|instance| instance.status != "INACTIVE") {
        let wanted = instance.attributes.iter().filter(|attribute| {
            name.is_none_or(|name| attribute.name.as_deref() == Some(name))
                && value.is_none_or(|value| attribute.value.as_deref() == Some(value))
        });
        let start = all.len();
        all.extend(wanted.map(|attribute| (cursor(&instance.key.id, attribute.name.as_deref()), attribute, instance)));
        all[start..].sort_by(|one, other| one.0.cmp(&other.0));
    }
    let page = PageRequest::new("ListAttributes", input.max_results, input.next_token.as_deref());
    let (found, next_token) = page.cut(all, Order::Ascending, |(cursor, ..)| cursor.clone())?;
    let shown = found.into_iter().map(|(_, attribute, instance)| targets::shown(attribute, &instance.key));
    Ok(ListAttributesResponse { attributes: Some(shown.collect()), next_token })
}

/// What orders attributes; a NUL comes before all that a name can have.
fn cursor(id: &str, name: Option<&str>) -> String {
    format!("{id}\0{}", name.unwrap_or_default())
}
