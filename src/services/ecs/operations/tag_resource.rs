//! TagResource: more tags for a resource, or new values for those it has.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TagResource.html>

use api_models::ecs::{InvalidParameterException, TagResourceError, TagResourceRequest, TagResourceResponse};

use crate::services::Context;
use crate::services::ecs::resources::taggable::Taggable;
use crate::services::ecs::resources::tags;

pub(crate) async fn handle(
    context: Context,
    input: TagResourceRequest,
) -> Result<TagResourceResponse, TagResourceError> {
    let given = input.tags.unwrap_or_default();
    if given.is_empty() {
        return Err(InvalidParameterException::new("Tags can not be empty.").into());
    }
    tags::validate(&given)?;
    context
        .store()
        .transact(|tx| {
            let resource = Taggable::find(tx, &context.scope, input.resource_arn.as_deref())?;
            resource.check_changeable(tx)?;
            let merged = tags::merge(&resource.tags(tx), given)?;
            resource.set_tags(tx, merged);
            Ok(TagResourceResponse::default())
        })
        .await
}

#[cfg(test)]
mod tests {
    use api_models::ecs::{
        CreateClusterRequest, DeleteClusterRequest, ListTagsForResourceRequest, RegisterContainerInstanceRequest, Tag,
        UntagResourceRequest,
    };

    use super::*;
    use crate::services::ecs::operations::{
        create_cluster, delete_cluster, list_tags_for_resource as list, register_container_instance, untag_resource,
    };
    use crate::testing::context;

    const CLUSTER: &str = "arn:aws:ecs:us-east-1:123456789012:cluster/default";

    async fn cluster() -> Context {
        let context = context();
        create_cluster::handle(context.clone(), CreateClusterRequest::default()).await.expect("a cluster");
        context
    }

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: Some(key.into()), value: Some(value.into()) }
    }

    async fn add(context: &Context, arn: &str, tags: Vec<Tag>) -> Result<(), TagResourceError> {
        let request = TagResourceRequest { resource_arn: Some(arn.into()), tags: Some(tags) };
        handle(context.clone(), request).await.map(|_| ())
    }

    async fn tags_of(context: &Context, arn: &str) -> Vec<Tag> {
        let request = ListTagsForResourceRequest { resource_arn: Some(arn.into()) };
        list::handle(context.clone(), request).await.expect("tags").tags.expect("a list")
    }

    #[tokio::test]
    async fn tags_are_added_replaced_and_removed() {
        let context = cluster().await;
        let instance =
            register_container_instance::handle(context.clone(), RegisterContainerInstanceRequest::default())
                .await
                .expect("an instance");
        let instance = instance.container_instance.and_then(|it| it.container_instance_arn).expect("an ARN");
        for arn in [CLUSTER, &instance] {
            add(&context, arn, vec![tag("a", "1"), tag("b", "1")]).await.expect("tagged");
            add(&context, arn, vec![tag("a", "2")]).await.expect("tagged");
            assert_eq!(tags_of(&context, arn).await, [tag("a", "2"), tag("b", "1")]);
            let request = UntagResourceRequest {
                resource_arn: Some(arn.into()),
                tag_keys: Some(vec!["a".into(), "absent".into()]),
            };
            untag_resource::handle(context.clone(), request).await.expect("untagged");
            assert_eq!(tags_of(&context, arn).await, [tag("b", "1")]);
        }
    }

    #[tokio::test]
    async fn what_is_not_there_has_its_words() {
        let context = cluster().await;
        let ecs = "arn:aws:ecs:us-east-1:123456789012";
        for (arn, message) in [
            ("", "Resource ARN can not be blank."),
            ("default", "The ARN provided is invalid."),
            ("arn:aws:ecs:eu-west-1:123456789012:cluster/default", "The ARN provided is invalid."),
            (&format!("{ecs}:cluster/other"), "The specified cluster does not exist."),
            (&format!("{ecs}:task/0123"), "Long arn format must be used for tagging operations"),
            (&format!("{ecs}:task/default/0123"), "The specified task does not exist."),
            (&format!("{ecs}:task-definition/web:1"), "Unable to describe task definition."),
            (&format!("{ecs}:service/default/web"), "The specified service does not exist."),
        ] {
            let error = add(&context, arn, vec![tag("a", "1")]).await.expect_err(message);
            assert!(error.to_string().contains(message), "{arn}: {error}");
        }
        let error = add(&context, CLUSTER, vec![]).await.expect_err("no tags");
        assert!(error.to_string().contains("Tags can not be empty."), "{error}");
        delete_cluster::handle(context.clone(), DeleteClusterRequest { cluster: Some("default".into()) })
            .await
            .expect("deleted");
        let error = add(&context, CLUSTER, vec![tag("a", "1")]).await.expect_err("inactive");
        assert!(error.to_string().contains("The specified cluster is inactive."), "{error}");
    }
}
