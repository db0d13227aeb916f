//! Parameters through the operations.

use api_models::OperationError;
use api_models::ssm::{
    AddTagsToResourceRequest, DeleteParametersRequest, DescribeParametersRequest, GetParameterHistoryRequest,
    GetParameterRequest, GetParametersByPathRequest, GetParametersRequest, LabelParameterVersionRequest,
    ListTagsForResourceRequest, ParameterStringFilter, ParameterType, PutParameterRequest,
    RemoveTagsFromResourceRequest, ResourceTypeForTagging, Tag,
};

use crate::services::Context;
use crate::services::ssm::operations::{
    add_tags_to_resource, delete_parameters, describe_parameters, get_parameter, get_parameter_history, get_parameters,
    get_parameters_by_path, label_parameter_version, list_tags_for_resource, put_parameter, remove_tags_from_resource,
};
use crate::testing::context;

fn request(name: &str, kind: ParameterType, value: &str) -> PutParameterRequest {
    PutParameterRequest {
        name: Some(name.into()),
        r#type: Some(kind),
        value: Some(value.into()),
        overwrite: Some(true),
        ..PutParameterRequest::default()
    }
}

async fn put(context: &Context, name: &str, kind: ParameterType, value: &str) {
    put_parameter::handle(context.clone(), request(name, kind, value)).await.expect("put");
}

/// Value and selector, or the code and message of the error.
async fn get(context: &Context, name: &str, with_decryption: bool) -> Result<(String, Option<String>), String> {
    let request = GetParameterRequest { name: Some(name.into()), with_decryption: Some(with_decryption) };
    match get_parameter::handle(context.clone(), request).await {
        Ok(answer) => {
            let parameter = answer.parameter.expect("a parameter");
            Ok((parameter.value.expect("a value"), parameter.selector))
        }
        Err(error) => Err(format!("{}: {}", error.code(), error.message())),
    }
}

fn filter(key: &str, option: Option<&str>, values: &[&str]) -> ParameterStringFilter {
    ParameterStringFilter {
        key: Some(key.into()),
        option: option.map(str::to_owned),
        values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
    }
}

#[tokio::test]
async fn versions_and_labels_select() {
    let context = context();
    put(&context, "/app/db", ParameterType::SecureString, "one").await;
    put(&context, "/app/db", ParameterType::SecureString, "two").await;
    let label = LabelParameterVersionRequest {
        name: Some("/app/db".into()),
        parameter_version: Some(1),
        labels: Some(vec!["prod".into(), "1st".into(), "aws-x".into()]),
    };
    let labelled = label_parameter_version::handle(context.clone(), label).await.expect("labelled");
    assert_eq!(labelled.invalid_labels, Some(vec!["1st".to_owned(), "aws-x".to_owned()]));
    let arn = "arn:aws:ssm:us-east-1:123456789012:parameter/app/db";
    for (name, value, selector) in [
        ("/app/db", "two", None),
        ("/app/db:1", "one", Some(":1")),
        ("/app/db:prod", "one", Some(":prod")),
        (arn, "two", None),
        (&format!("{arn}:1"), "one", Some(":1")),
    ] {
        assert_eq!(get(&context, name, true).await, Ok((value.to_owned(), selector.map(str::to_owned))), "{name}");
    }
    let (cipher, _) = get(&context, "/app/db", false).await.expect("a cipher text");
    assert!(cipher.len() > 100 && cipher != "two", "{cipher}");
    for (name, expected) in [
        ("/app/x", "ParameterNotFound: "),
        ("/app/db:1:2", "ParameterNotFound: "),
        (
            "/app/db:7",
            "ParameterVersionNotFound: Systems Manager could not find version 7 of /app/db. Verify the version and try \
             again.",
        ),
        ("arn:aws:ssm:eu-west-1:123456789012:parameter/app/db", "ParameterNotFound: "),
    ] {
        assert_eq!(get(&context, name, true).await, Err(expected.to_owned()), "{name}");
    }
    let history = GetParameterHistoryRequest { name: Some("/app/db".into()), ..GetParameterHistoryRequest::default() };
    let history = get_parameter_history::handle(context.clone(), history).await.expect("history").parameters;
    let history = history.expect("versions");
    assert_eq!((history.len(), history[0].labels.as_deref()), (2, Some(&["prod".to_owned()][..])));
    assert_eq!(history[0].key_id.as_deref(), Some("alias/aws/ssm"));
    // By the ARN of a parameter without a path.
    put(&context, "plain", ParameterType::String, "three").await;
    let plain = get(&context, "arn:aws:ssm:us-east-1:123456789012:parameter/plain", false).await;
    assert_eq!(plain, Ok(("three".to_owned(), None)));
}

#[tokio::test]
async fn paths_and_filters_find() {
    let context = context();
    for name in ["/a/1", "/a/2", "/a/b/3", "root"] {
        put(&context, name, ParameterType::String, name).await;
    }
    put(&context, "/a/list", ParameterType::StringList, "x,y").await;
    let by_path = |path: &str, recursive, filters: Vec<ParameterStringFilter>, max_results, next_token| {
        let request = GetParametersByPathRequest {
            path: Some(path.into()),
            recursive: Some(recursive),
            parameter_filters: Some(filters),
            max_results,
            next_token,
            ..GetParametersByPathRequest::default()
        };
        let found = get_parameters_by_path::handle(context.clone(), request);
        async {
            let found = found.await.map_err(|error| error.to_string())?;
            let names: Vec<_> = found.parameters.into_iter().flatten().filter_map(|found| found.name).collect();
            Ok::<_, String>((names, found.next_token))
        }
    };
    assert_eq!(by_path("/a", false, vec![], None, None).await.expect("found").0, ["/a/1", "/a/2", "/a/list"]);
    let (first, token) = by_path("/a", true, vec![], Some(3), None).await.expect("found");
    assert_eq!(first, ["/a/1", "/a/2", "/a/b/3"]);
    assert_eq!(by_path("/a", true, vec![], Some(3), token).await, Ok((vec!["/a/list".to_owned()], None)));
    assert_eq!(by_path("/", false, vec![], None, None).await.expect("found").0, ["root"]);
    let lists = vec![filter("Type", None, &["StringList"])];
    assert_eq!(by_path("/a", true, lists, None, None).await.expect("found").0, ["/a/list"]);
    let error = by_path("/a", true, vec![filter("Name", None, &["x"])], None, None).await.expect_err("not a key");
    assert_eq!(error, "The following filter key is not valid: Name. Valid filter keys include: [Type, KeyId].");

    let describe = |filters: Vec<ParameterStringFilter>| {
        let request =
            DescribeParametersRequest { parameter_filters: Some(filters), ..DescribeParametersRequest::default() };
        let found = describe_parameters::handle(context.clone(), request);
        async {
            let found = found.await.map_err(|error| error.to_string())?;
            Ok::<_, String>(found.parameters.into_iter().flatten().filter_map(|found| found.name).collect::<Vec<_>>())
        }
    };
    for (found, expected) in [
        (describe(vec![filter("Name", None, &["/root"])]).await, vec!["root"]),
        (describe(vec![filter("Name", Some("Contains"), &["b/"])]).await, vec!["/a/b/3"]),
        (describe(vec![filter("Path", Some("Recursive"), &["/a/b"])]).await, vec!["/a/b/3"]),
        (describe(vec![filter("Type", Some("BeginsWith"), &["StringL"])]).await, vec!["/a/list"]),
    ] {
        assert_eq!(found, Ok(expected.into_iter().map(str::to_owned).collect()));
    }
    for (filters, words) in [
        (vec![filter("Label", None, &["x"])], "Valid filter keys include: [Path, Name, Type, KeyId, Tier]."),
        (vec![filter("Name", Some("Like"), &["x"])], "Valid options include: [BeginsWith, Equals, Contains]."),
        (vec![filter("Type", None, &[])], "The following filter values are missing : null for filter key Type."),
        (vec![filter("Path", None, &["a"])], "The parameter doesn't meet the parameter name requirements."),
        (vec![filter("Type", None, &["x"]), filter("Type", None, &["y"])], "is duplicated in the request: Type."),
    ] {
        let error = describe(filters).await.expect_err(words);
        assert!(error.contains(words), "{error}");
    }
    let names = GetParametersRequest { names: Some(vec!["root".into(), "gone".into()]), with_decryption: None };
    let found = get_parameters::handle(context.clone(), names).await.expect("found");
    assert_eq!(found.invalid_parameters, Some(vec!["gone".to_owned()]));
    let names = DeleteParametersRequest { names: Some(vec!["root".into(), "gone".into()]) };
    let deleted = delete_parameters::handle(context.clone(), names).await.expect("deleted");
    assert_eq!(deleted.deleted_parameters, Some(vec!["root".to_owned()]));
}

#[tokio::test]
async fn tags_are_of_the_parameter_not_of_a_version() {
    let context = context();
    let tag = |key: &str, value: &str| Tag { key: Some(key.into()), value: Some(value.into()) };
    let tagged = PutParameterRequest {
        tags: Some(vec![tag("a", "1")]),
        overwrite: None,
        ..request("p", ParameterType::String, "x")
    };
    put_parameter::handle(context.clone(), tagged.clone()).await.expect("put");
    let both = PutParameterRequest { overwrite: Some(true), ..tagged };
    let error = put_parameter::handle(context.clone(), both).await.expect_err("tags and overwrite");
    assert!(error.to_string().contains("tags and overwrite can't be used together"), "{error}");
    put(&context, "p", ParameterType::String, "y").await;
    let of = |id: &str| (Some(ResourceTypeForTagging::Parameter), Some(id.to_owned()));
    let (resource_type, resource_id) = of("p");
    let add = AddTagsToResourceRequest { resource_type, resource_id, tags: Some(vec![tag("b", "2")]) };
    add_tags_to_resource::handle(context.clone(), add).await.expect("tagged");
    let (resource_type, resource_id) = of("p");
    let remove = RemoveTagsFromResourceRequest { resource_type, resource_id, tag_keys: Some(vec!["a".into()]) };
    remove_tags_from_resource::handle(context.clone(), remove).await.expect("untagged");
    let (resource_type, resource_id) = of("p");
    let list = ListTagsForResourceRequest { resource_type, resource_id };
    let listed = list_tags_for_resource::handle(context.clone(), list).await.expect("tags");
    assert_eq!(listed.tag_list, Some(vec![tag("b", "2")]));
    let (resource_type, resource_id) = of("gone");
    let list = ListTagsForResourceRequest { resource_type, resource_id };
    let error = list_tags_for_resource::handle(context.clone(), list).await.expect_err("not there");
    assert_eq!(error.code(), "InvalidResourceId");
}
