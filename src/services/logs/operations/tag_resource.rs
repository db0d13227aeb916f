//! TagResource: adds tags to a log group, by its ARN.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TagResource.html>

use api_models::logs::{CommonError, TagResourceError, TagResourceRequest, TagResourceResponse, TooManyTagsException};

use crate::services::Context;
use crate::services::logs::resources::{names, tags};

pub(crate) async fn handle(
    context: Context,
    input: TagResourceRequest,
) -> Result<TagResourceResponse, TagResourceError> {
    let arn = input.resource_arn.unwrap_or_default();
    let key = names::tagged(&context.scope, &arn)?;
    let new = input.tags.unwrap_or_default();
    tags::check(&new)?;
    let fits = context.logs().update_group(&key, move |settings| tags::add(&mut settings.tags, new)).await;
    if !fits.map_err(CommonError::from)? {
        return Err(TooManyTagsException {
            resource_name: Some(arn),
            ..TooManyTagsException::new("A resource can have no more than 50 tags.")
        }
        .into());
    }
    Ok(TagResourceResponse::default())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use api_models::logs::{
        CreateLogGroupRequest, ListTagsForResourceRequest, ListTagsLogGroupRequest, TagLogGroupRequest,
        UntagLogGroupRequest, UntagResourceRequest,
    };

    use super::*;
    use crate::services::logs::operations::{
        create_log_group, list_tags_for_resource, list_tags_log_group, tag_log_group, untag_log_group, untag_resource,
    };
    use crate::testing::context;

    const ARN: &str = "arn:aws:logs:us-east-1:123456789012:log-group:web";

    async fn group() -> Context {
        let context = context();
        let request = CreateLogGroupRequest {
            log_group_name: Some("web".into()),
            tags: Some(map(&[("a", "1")])),
            ..CreateLogGroupRequest::default()
        };
        create_log_group::handle(context.clone(), request).await.expect("created");
        context
    }

    fn map(tags: &[(&str, &str)]) -> BTreeMap<String, String> {
        tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    async fn tags(context: &Context) -> BTreeMap<String, String> {
        let by_arn = ListTagsForResourceRequest { resource_arn: Some(ARN.into()) };
        let by_arn = list_tags_for_resource::handle(context.clone(), by_arn).await.expect("tags").tags;
        let by_name = ListTagsLogGroupRequest { log_group_name: Some("web".into()) };
        let by_name = list_tags_log_group::handle(context.clone(), by_name).await.expect("tags").tags;
        assert_eq!(by_arn, by_name);
        by_name.expect("a map")
    }

    #[tokio::test]
    async fn tags_come_and_go_by_arn_and_by_name() {
        let context = group().await;
        let add = |arn: &str, tags| TagResourceRequest { resource_arn: Some(arn.into()), tags: Some(map(tags)) };
        handle(context.clone(), add(ARN, &[("a", "2"), ("b", "1")])).await.expect("tagged");
        let by_name = TagLogGroupRequest { log_group_name: Some("web".into()), tags: Some(map(&[("c", "x y")])) };
        tag_log_group::handle(context.clone(), by_name).await.expect("tagged");
        assert_eq!(tags(&context).await, map(&[("a", "2"), ("b", "1"), ("c", "x y")]));
        let keys = Some(vec!["a".to_owned(), "absent".to_owned()]);
        let remove = UntagResourceRequest { resource_arn: Some(ARN.into()), tag_keys: keys };
        untag_resource::handle(context.clone(), remove).await.expect("untagged");
        let remove = UntagLogGroupRequest { log_group_name: Some("web".into()), tags: Some(vec!["b".into()]) };
        untag_log_group::handle(context.clone(), remove).await.expect("untagged");
        assert_eq!(tags(&context).await, map(&[("c", "x y")]));
        for bad in [
            "web",
            "arn:aws:logs:us-east-1:123456789012:log-group:none",
            "arn:aws:ecs:us-east-1:123456789012:cluster/c",
        ] {
            assert!(handle(context.clone(), add(bad, &[("a", "1")])).await.is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn there_are_at_most_fifty() {
        let context = group().await;
        let many: Vec<String> = (0..50).map(|at| format!("k{at}")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|key| (key.as_str(), "")).collect();
        let request = TagResourceRequest { resource_arn: Some(ARN.into()), tags: Some(map(&many)) };
        let error = handle(context.clone(), request).await.expect_err("51");
        assert!(matches!(error, TagResourceError::TooManyTagsException(_)));
        assert_eq!(tags(&context).await.len(), 1);
    }
}
