//! CreateLogGroup: a new, empty group.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>

use api_models::logs::{
    CommonError, CreateLogGroupError, CreateLogGroupRequest, CreateLogGroupResponse, InvalidParameterException,
    ResourceAlreadyExistsException,
};

use crate::logstore::{GroupSettings, LogStoreError};
use crate::services::Context;
use crate::services::logs::resources::{names, tags};

pub(crate) async fn handle(
    context: Context,
    input: CreateLogGroupRequest,
) -> Result<CreateLogGroupResponse, CreateLogGroupError> {
    let key = names::group(&context.scope, input.log_group_name.as_deref())?;
    if key.name.starts_with("aws/") {
        return Err(InvalidParameterException::new("Log groups starting with aws/ are reserved for AWS.").into());
    }
    let new = input.tags.unwrap_or_default();
    tags::check(&new)?;
    let settings = GroupSettings {
        class: input.log_group_class.map_or("STANDARD".to_owned(), |class| class.to_string()),
        kms_key: input.kms_key_id,
        deletion_protection: input.deletion_protection_enabled.unwrap_or(false),
        tags: new,
        ..GroupSettings::new(context.now())
    };
    match context.logs().create_group(&key, settings).await {
        Ok(()) => Ok(CreateLogGroupResponse::default()),
        Err(error @ LogStoreError::GroupExists) => Err(ResourceAlreadyExistsException::new(error.to_string()).into()),
        Err(error) => Err(CommonError::from(error).into()),
    }
}

#[cfg(test)]
mod tests {
    use api_models::logs::{DescribeLogGroupsRequest, LogGroupClass};

    use super::*;
    use crate::services::logs::operations::describe_log_groups;
    use crate::testing::{START, context};

    fn named(name: &str) -> CreateLogGroupRequest {
        CreateLogGroupRequest { log_group_name: Some(name.into()), ..CreateLogGroupRequest::default() }
    }

    #[tokio::test]
    async fn a_group_is_shown_as_it_was_created() {
        let context = context();
        handle(context.clone(), named("/ecs/web")).await.expect("created");
        let answer = describe_log_groups::handle(context.clone(), DescribeLogGroupsRequest::default()).await;
        let group = answer.expect("a list").log_groups.expect("a list").remove(0);
        assert_eq!(group.arn.as_deref(), Some("arn:aws:logs:us-east-1:123456789012:log-group:/ecs/web:*"));
        assert_eq!(group.log_group_arn.as_deref(), Some("arn:aws:logs:us-east-1:123456789012:log-group:/ecs/web"));
        assert_eq!(group.creation_time, Some(START.as_millis()));
        assert_eq!(group.log_group_class, Some(LogGroupClass::Standard));
        assert_eq!((group.stored_bytes, group.retention_in_days), (Some(0), None));
        let again = handle(context, named("/ecs/web")).await.expect_err("it is there");
        assert_eq!(again.to_string(), "The specified log group already exists");
        assert!(matches!(again, CreateLogGroupError::ResourceAlreadyExistsException(_)));
    }

    #[tokio::test]
    async fn bad_names_and_tags_are_refused() {
        let context = context();
        for bad in ["a b", "a:b", "a*", "aws/x", "ü"] {
            let error = handle(context.clone(), named(bad)).await.expect_err(bad);
            assert!(matches!(error, CreateLogGroupError::InvalidParameterException(_)), "{bad}");
        }
        let tagged = CreateLogGroupRequest { tags: Some([("aws:x".to_owned(), String::new())].into()), ..named("a") };
        assert!(handle(context, tagged).await.is_err());
    }
}
