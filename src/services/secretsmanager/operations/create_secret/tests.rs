//! Secrets from their creation to their end, through the operations.

use std::time::Duration;

use api_models::OperationError;
use api_models::secretsmanager::{
    BatchGetSecretValueRequest, CreateSecretRequest, CreateSecretResponse, DeleteSecretRequest, DescribeSecretRequest,
    Filter, FilterNameStringType, GetSecretValueRequest, ListSecretVersionIdsRequest, ListSecretsRequest,
    PutResourcePolicyRequest, PutSecretValueRequest, RestoreSecretRequest, SortOrderType, Tag, TagResourceRequest,
    UntagResourceRequest, UpdateSecretRequest, UpdateSecretVersionStageRequest,
};

use crate::reconcile::{Next, Reconciler};
use crate::services::Context;
use crate::services::secretsmanager::deletion::SecretDeletion;
use crate::services::secretsmanager::operations::{
    batch_get_secret_value, create_secret, delete_secret, describe_secret, get_secret_value, list_secret_version_ids,
    list_secrets, put_resource_policy, put_secret_value, restore_secret, tag_resource, untag_resource, update_secret,
    update_secret_version_stage,
};
use crate::services::secretsmanager::resources::{SecretKey, find};
use crate::testing::{START, context};

fn token(letter: char) -> Option<String> {
    Some(letter.to_string().repeat(32))
}

fn id(name: &str) -> Option<String> {
    Some(name.to_owned())
}

async fn create(context: &Context, name: &str, value: &str) -> CreateSecretResponse {
    let request = CreateSecretRequest {
        name: id(name),
        secret_string: Some(value.to_owned()),
        client_request_token: token('1'),
        ..CreateSecretRequest::default()
    };
    create_secret::handle(context.clone(), request).await.expect("a secret")
}

async fn put(context: &Context, name: &str, value: &str, version: char, stages: &[&str]) {
    let request = PutSecretValueRequest {
        secret_id: id(name),
        secret_string: Some(value.to_owned()),
        client_request_token: token(version),
        version_stages: (!stages.is_empty()).then(|| stages.iter().map(|stage| (*stage).to_owned()).collect()),
        ..PutSecretValueRequest::default()
    };
    put_secret_value::handle(context.clone(), request).await.expect("a version");
}

/// The value, or the code and message of the error.
async fn get(context: &Context, name: &str, version: Option<char>, stage: Option<&str>) -> Result<String, String> {
    let request = GetSecretValueRequest {
        secret_id: id(name),
        version_id: version.and_then(token),
        version_stage: stage.map(str::to_owned),
    };
    match get_secret_value::handle(context.clone(), request).await {
        Ok(value) => Ok(value.secret_string.expect("a text")),
        Err(error) => Err(told(&error)),
    }
}

fn told(error: &dyn OperationError) -> String {
    format!("{}: {}", error.code(), error.message())
}

#[tokio::test]
async fn versions_are_made_staged_and_read() {
    let context = context();
    let made = create(&context, "db", "one").await;
    assert_eq!(made.version_id, token('1'));
    put(&context, "db", "two", '2', &[]).await;
    put(&context, "db", "three", '3', &["AWSPENDING"]).await;
    for (version, stage, expected) in [
        (None, None, "two"),
        (None, Some("AWSPREVIOUS"), "one"),
        (None, Some("AWSPENDING"), "three"),
        (Some('1'), None, "one"),
        (Some('3'), Some("AWSPENDING"), "three"),
    ] {
        assert_eq!(get(&context, "db", version, stage).await.as_deref(), Ok(expected));
    }
    for (version, stage, expected) in [
        (
            None,
            Some("x"),
            "ResourceNotFoundException: Secrets Manager can't find the specified secret value for staging label: x",
        ),
        (
            Some('1'),
            Some("AWSCURRENT"),
            "InvalidRequestException: You provided a VersionStage that is not associated to the provided VersionId.",
        ),
    ] {
        assert_eq!(get(&context, "db", version, stage).await, Err(expected.to_owned()));
    }
    let missing = get(&context, "other", None, None).await;
    assert_eq!(missing, Err("ResourceNotFoundException: Secrets Manager can't find the specified secret.".into()));

    let move_to = |from: Option<char>, to: Option<char>| UpdateSecretVersionStageRequest {
        secret_id: id("db"),
        version_stage: Some("AWSCURRENT".into()),
        remove_from_version_id: from.and_then(token),
        move_to_version_id: to.and_then(token),
    };
    let moved = |request| update_secret_version_stage::handle(context.clone(), request);
    let error = moved(move_to(None, Some('3'))).await.expect_err("attached elsewhere");
    assert!(error.to_string().contains("The parameter RemoveFromVersionId can't be empty."), "{error}");
    let error = moved(move_to(Some('2'), None)).await.expect_err("AWSCURRENT stays");
    assert!(error.to_string().contains("You can only move staging label AWSCURRENT"), "{error}");
    moved(move_to(Some('2'), Some('3'))).await.expect("moved");
    assert_eq!(get(&context, "db", None, None).await.as_deref(), Ok("three"));
    assert_eq!(get(&context, "db", None, Some("AWSPREVIOUS")).await.as_deref(), Ok("two"));

    let list = |all, max, next_token| ListSecretVersionIdsRequest {
        secret_id: id("db"),
        include_deprecated: Some(all),
        max_results: max,
        next_token,
    };
    let listed = list_secret_version_ids::handle(context.clone(), list(false, None, None)).await.expect("versions");
    assert_eq!(listed.versions.map(|versions| versions.len()), Some(2));
    let first = list_secret_version_ids::handle(context.clone(), list(true, Some(2), None)).await.expect("versions");
    let rest = list_secret_version_ids::handle(context.clone(), list(true, Some(2), first.next_token))
        .await
        .expect("versions");
    assert_eq!((rest.versions.map(|versions| versions.len()), rest.next_token), (Some(1), None));
}

#[tokio::test]
async fn what_is_asked_twice_happens_once() {
    let context = context();
    let first = create(&context, "db", "one").await;
    assert_eq!(create(&context, "db", "one").await, first, "the same request again");
    let again = |value: &str, version| CreateSecretRequest {
        name: id("db"),
        secret_string: Some(value.into()),
        client_request_token: token(version),
        ..CreateSecretRequest::default()
    };
    let error = create_secret::handle(context.clone(), again("two", '1')).await.expect_err("another value");
    assert!(told(&error).starts_with("ResourceExistsException: You can't use ClientRequestToken 1111"), "{error}");
    let error = create_secret::handle(context.clone(), again("one", '2')).await.expect_err("it exists");
    assert_eq!(told(&error), "ResourceExistsException: The operation failed because the secret db already exists.");
    let update = |version| UpdateSecretRequest {
        secret_id: id("db"),
        secret_string: Some("one".into()),
        client_request_token: token(version),
        description: Some("the database".into()),
        ..UpdateSecretRequest::default()
    };
    update_secret::handle(context.clone(), update('1')).await.expect_err("the version exists");
    let updated = update_secret::handle(context.clone(), update('2')).await.expect("updated");
    assert_eq!(updated.version_id, token('2'));
}

#[tokio::test]
async fn a_secret_is_marked_restored_and_deleted_when_its_time_has_come() {
    let context = context();
    create(&context, "db", "one").await;
    let delete = |days: Option<i64>, force: Option<bool>| {
        let request = DeleteSecretRequest {
            secret_id: id("db"),
            recovery_window_in_days: days,
            force_delete_without_recovery: force,
        };
        delete_secret::handle(context.clone(), request)
    };
    for (days, force, words) in [
        (Some(7), Some(true), "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."),
        (Some(6), None, "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."),
    ] {
        let error = delete(days, force).await.expect_err(words);
        assert_eq!(told(&error), format!("InvalidParameterException: {words}"));
    }
    let seven_days = Duration::from_secs(7 * 24 * 3600);
    let marked = delete(Some(7), None).await.expect("marked");
    assert_eq!(marked.deletion_date, Some(START.saturating_add(seven_days)));
    let refused = get(&context, "db", None, None).await.expect_err("marked");
    assert_eq!(
        refused,
        "InvalidRequestException: You can't perform this operation on the secret because it was marked for deletion."
    );
    let request = CreateSecretRequest { name: id("db"), ..CreateSecretRequest::default() };
    let error = create_secret::handle(context.clone(), request).await.expect_err("the name is taken");
    assert!(error.to_string().ends_with("a secret with this name is already scheduled for deletion."), "{error}");
    let describe = || describe_secret::handle(context.clone(), DescribeSecretRequest { secret_id: id("db") });
    assert!(describe().await.expect("it is there").deleted_date.is_some());
    restore_secret::handle(context.clone(), RestoreSecretRequest { secret_id: id("db") }).await.expect("restored");
    assert_eq!(get(&context, "db", None, None).await.as_deref(), Ok("one"));

    delete(Some(7), None).await.expect("marked");
    let deletion = SecretDeletion { shared: context.shared.clone() };
    let key = SecretKey::new(&context.scope, "db");
    assert_eq!(deletion.initial(&context.snapshot()), std::slice::from_ref(&key));
    assert_eq!(deletion.reconcile(&key).await.expect("no error"), Next::At(START.saturating_add(seven_days)));
    context.shared.clock.advance(seven_days);
    assert_eq!(deletion.reconcile(&key).await.expect("no error"), Next::Idle);
    assert!(describe().await.is_err(), "it is gone");
    delete(None, Some(true)).await.expect("deleting by force what is not there");
    let before = create(&context, "db", "one").await.arn;
    delete(None, Some(true)).await.expect("deleted");
    assert_ne!(create(&context, "db", "one").await.arn, before, "another secret");
}

#[tokio::test]
async fn lists_filter_sort_and_page() {
    let context = context();
    for (number, name) in ["app/db", "app/cache", "other"].into_iter().enumerate() {
        create(&context, name, &number.to_string()).await;
        context.shared.clock.advance(Duration::from_secs(1));
    }
    let tag = |key: &str, value: &str| Tag { key: Some(key.into()), value: Some(value.into()) };
    let tags = TagResourceRequest { secret_id: id("other"), tags: Some(vec![tag("team", "blue"), tag("x", "y")]) };
    tag_resource::handle(context.clone(), tags).await.expect("tagged");
    let keys = UntagResourceRequest { secret_id: id("other"), tag_keys: Some(vec!["x".into()]) };
    untag_resource::handle(context.clone(), keys).await.expect("untagged");
    let update = UpdateSecretRequest {
        secret_id: id("app/db"),
        description: Some("The main database".into()),
        ..UpdateSecretRequest::default()
    };
    update_secret::handle(context.clone(), update).await.expect("described");
    let filter =
        |key: FilterNameStringType, value: &str| Filter { key: Some(key), values: Some(vec![value.to_owned()]) };
    let list = |filters: Vec<Filter>, max_results, next_token| {
        let request = ListSecretsRequest {
            filters: Some(filters),
            max_results,
            next_token,
            sort_order: Some(SortOrderType::Asc),
            ..ListSecretsRequest::default()
        };
        let listed = list_secrets::handle(context.clone(), request);
        async {
            let listed = listed.await.expect("a list");
            let names: Vec<_> = listed.secret_list.into_iter().flatten().filter_map(|secret| secret.name).collect();
            (names, listed.next_token)
        }
    };
    let (names, token) = list(vec![], Some(2), None).await;
    assert_eq!(names, ["app/db", "app/cache"]);
    assert_eq!(list(vec![], Some(2), token).await, (vec!["other".to_owned()], None));
    for (key, value, expected) in [
        (FilterNameStringType::Name, "app/", vec!["app/db", "app/cache"]),
        (FilterNameStringType::Name, "!app/", vec!["other"]),
        (FilterNameStringType::Description, "data main", vec!["app/db"]),
        (FilterNameStringType::TagKey, "te", vec!["other"]),
        (FilterNameStringType::TagValue, "red", vec![]),
        (FilterNameStringType::All, "Blue", vec!["other"]),
    ] {
        assert_eq!(list(vec![filter(key.clone(), value)], None, None).await.0, expected, "{key:?} {value}");
    }
    let batch = BatchGetSecretValueRequest {
        secret_id_list: Some(vec!["app/db".into(), "nothing".into()]),
        ..BatchGetSecretValueRequest::default()
    };
    let batch = batch_get_secret_value::handle(context.clone(), batch).await.expect("values");
    let value = &batch.secret_values.expect("values")[0];
    assert_eq!(value.secret_string.as_deref(), Some("0"));
    let error = &batch.errors.expect("errors")[0];
    assert_eq!(
        (error.secret_id.as_deref(), error.error_code.as_deref()),
        (Some("nothing"), Some("ResourceNotFoundException"))
    );
    batch_get_secret_value::handle(context.clone(), BatchGetSecretValueRequest::default())
        .await
        .expect_err("neither names nor filters");
    let policy = PutResourcePolicyRequest {
        secret_id: id("other"),
        resource_policy: Some("{".into()),
        ..PutResourcePolicyRequest::default()
    };
    let error = put_resource_policy::handle(context.clone(), policy).await.expect_err("no JSON");
    assert_eq!(told(&error), "MalformedPolicyDocumentException: This resource policy contains a syntax error.");
}

#[tokio::test]
async fn a_secret_is_found_by_name_by_arn_and_by_a_part_of_the_arn() {
    let context = context();
    for name in ["db", "team/app-abcdef"] {
        let request = CreateSecretRequest { name: Some(name.into()), ..CreateSecretRequest::default() };
        let arn = create_secret::handle(context.clone(), request).await.expect("a secret").arn.expect("its ARN");
        let state = context.snapshot();
        for id in [name, &arn, &arn[..arn.len() - 7]] {
            assert_eq!(&*find(&state, &context.scope, Some(id)).expect(id).key.name, name);
        }
        for id in [
            &arn[..arn.len() - 1],
            &arn.replace("us-east-1", "eu-west-1"),
            &arn.replace("123456789012", "000000000000"),
        ] {
            assert!(find(&state, &context.scope, Some(id)).is_err(), "{id}");
        }
    }
}
