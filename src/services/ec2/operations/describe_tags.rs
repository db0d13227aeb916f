//! DescribeTags: the tags of instances and launch templates.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTags.html>

use api_models::ec2::{DescribeTagsError, DescribeTagsRequest, DescribeTagsResult, ResourceType, TagDescription};

use crate::services::Context;
use crate::services::ec2::resources::errors::{page_size, unless_dry};
use crate::services::ec2::resources::filters::{Field, Filters};
use crate::services::ec2::resources::instance::instances_of;
use crate::services::ec2::resources::paging;
use crate::services::ec2::resources::template::templates_of;

pub(crate) async fn handle(
    context: Context,
    input: DescribeTagsRequest,
) -> Result<DescribeTagsResult, DescribeTagsError> {
    let filters = Filters::new(input.filters)?;
    let size = page_size(input.max_results, 5, 1000)?;
    unless_dry(input.dry_run)?;
    let state = context.snapshot();
    let instances = instances_of(&state, &context.scope).map(|it| (it.id(), ResourceType::Instance, &it.tags));
    let templates = templates_of(&state, &context.scope).map(|it| (it.id(), ResourceType::LaunchTemplate, &it.tags));
    let mut found = Vec::new();
    for (id, kind, tags) in instances.chain(templates) {
        for (key, value) in tags {
            let passes = filters.pass(|name| match name {
                "resource-id" => Field::one(id),
                "resource-type" => Field::one(kind.as_str()),
                "key" | "tag-key" => Field::one(key.clone()),
                "value" | "tag-value" => Field::one(value.clone()),
                name => match name.strip_prefix("tag:") {
                    Some(wanted) => Field::maybe((wanted == key).then(|| value.clone())),
                    None => Field::Unknown,
                },
            })?;
            if passes {
                found.push(TagDescription {
                    key: Some(key.clone()),
                    resource_id: Some(id.to_owned()),
                    resource_type: Some(kind.clone()),
                    value: Some(value.clone()),
                });
            }
        }
    }
    let place = |tag: &TagDescription| {
        format!("{}\0{}", tag.resource_id.as_deref().unwrap_or_default(), tag.key.as_deref().unwrap_or_default())
    };
    let (found, next_token) = paging::cut("DescribeTags", size, input.next_token, found, place)?;
    Ok(DescribeTagsResult { next_token, tags: Some(found) })
}
