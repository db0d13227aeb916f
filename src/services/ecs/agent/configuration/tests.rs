//! What containers are given, and what a task says when it can't be had.

use std::collections::BTreeMap;
use std::sync::Arc;

use api_models::ecs::{
    ContainerOverride, EnvironmentFile, LaunchType, LogConfiguration, NetworkMode, RepositoryCredentials, Secret,
};

use super::*;
use crate::identity::{Region, Scope};
use crate::runtime::LogOptions;
use crate::services::ecs::agent::fixtures::{container, definition, task};
use crate::services::secretsmanager::resources::{self as secretsmanager, SecretKey, SecretValue, VersionWanted};
use crate::services::ssm::resources::{Kind, Parameter, ParameterKey, ParameterVersion, Tier};
use crate::store::Store;
use crate::testing::{START, context};
use api_models::Unexpected;

const ASM: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret";
const SSM: &str = "arn:aws:ssm:us-east-1:123456789012:parameter";

fn scope(region: &str) -> Scope {
    Scope::new("123456789012".parse().expect("an account"), Region::new(region))
}

fn secret(region: &str, name: &str, versions: &[&str]) -> secretsmanager::Secret {
    let mut secret = secretsmanager::Secret {
        key: SecretKey::new(&scope(region), name),
        suffix: "AbCdEf".into(),
        description: None,
        kms_key_id: None,
        tags: BTreeMap::new(),
        policy: None,
        versions: Vec::new(),
        created_at: START,
        changed_at: START,
        accessed_on: None,
        deletion: None,
    };
    for (index, value) in versions.iter().enumerate() {
        let value = SecretValue::Text(Sensitive::new((*value).to_owned()));
        let wanted = VersionWanted { id: format!("{index}").repeat(32), value, stages: Vec::new() };
        secret.add_version(wanted, START);
    }
    secret
}

fn parameter(region: &str, name: &str, value: &str) -> Parameter {
    let version = ParameterVersion {
        number: 1,
        kind: Kind::SecureString,
        value: Sensitive::new(value.to_owned()),
        description: None,
        key_id: None,
        allowed_pattern: None,
        tier: Tier::Standard,
        data_type: "text".into(),
        labels: Vec::new(),
        modified_at: START,
    };
    Parameter { key: ParameterKey::new(&scope(region), name), tags: BTreeMap::new(), versions: vec![version] }
}

async fn state() -> Arc<State> {
    let store = Store::in_memory(context().ids());
    store
        .transact(|tx| {
            tx.put(secret("us-east-1", "db", &[r#"{"password":"old"}"#, r#"{"password":"new","port":5432}"#]));
            tx.put(secret("eu-west-1", "far", &["away"]));
            tx.put(secret("us-east-1", "registry", &[r#"{"username":"me","password":"pw"}"#]));
            tx.put(secret("us-east-1", "odd", &["no JSON"]));
            let mut marked = secret("us-east-1", "marked", &["x"]);
            marked.deletion = Some(secretsmanager::Deletion { asked_at: START, due: START });
            tx.put(marked);
            tx.put(parameter("us-east-1", "/app/token", "s3cret"));
            tx.put(parameter("us-east-1", "plain", "text"));
            tx.put(parameter("eu-west-1", "/far", "away too"));
            Ok::<_, Unexpected>(())
        })
        .await
        .expect("written");
    store.snapshot()
}

fn secrets(values: &[&str]) -> Option<Vec<Secret>> {
    let secret = |(index, value): (usize, &&str)| Secret {
        name: Some(format!("S{index}")),
        value_from: Some((*value).to_owned()),
    };
    Some(values.iter().enumerate().map(secret).collect())
}

/// A definition with one container that wants these, and its task.
fn wanting(values: &[&str], fargate: bool) -> (Task, ecs::TaskDefinition) {
    let mut web = container("web", true);
    web.secrets = secrets(values);
    let definition = definition(if fargate { NetworkMode::Awsvpc } else { NetworkMode::Bridge }, vec![web]);
    let mut task = task(&definition, 1);
    task.key.scope = scope("us-east-1");
    task.launch_type = Some(if fargate { LaunchType::Fargate } else { LaunchType::Ec2 });
    (task, definition)
}

#[tokio::test]
async fn references_of_all_forms_are_resolved() {
    let state = state().await;
    for (value_from, expected) in [
        (format!("{ASM}:db-AbCdEf"), r#"{"password":"new","port":5432}"#),
        (format!("{ASM}:db"), r#"{"password":"new","port":5432}"#),
        (format!("{ASM}:db-AbCdEf:password::"), "new"),
        (format!("{ASM}:db:port::"), "5432"),
        (format!("{ASM}:db-AbCdEf:password:AWSPREVIOUS:"), "old"),
        (format!("{ASM}:db-AbCdEf:password::{}", "0".repeat(32)), "old"),
        (format!("{ASM}:db-AbCdEf::AWSPREVIOUS:"), r#"{"password":"old"}"#),
        ("arn:aws:secretsmanager:eu-west-1:123456789012:secret:far-AbCdEf".into(), "away"),
        ("/app/token".into(), "s3cret"),
        ("plain".into(), "text"),
        (format!("{SSM}/aws/reference/secretsmanager/odd"), "no JSON"),
        (format!("{SSM}/app/token"), "s3cret"),
        (format!("{SSM}/plain"), "text"),
        ("arn:aws:ssm:eu-west-1:123456789012:parameter/far".into(), "away too"),
    ] {
        let (task, definition) = wanting(&[&value_from], true);
        let resolved = resolve(&state, &task, &definition).expect(&value_from);
        let environment = vec!["S0=of the definition".to_owned(), "A=1".to_owned()];
        let mut spec = ContainerSpec { environment, ..ContainerSpec::default() };
        resolved.add_to("web", &mut spec);
        assert_eq!(spec.environment, [format!("S0={expected}"), "A=1".to_owned()], "{value_from}");
        assert!(!format!("{resolved:?}").contains(expected), "{resolved:?}");
    }
}

#[tokio::test]
async fn what_is_missing_is_named_in_the_words_of_fargate_and_of_the_agent() {
    const HEAD: &str =
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: ";
    const FETCH: &str = "unable to retrieve secret from asm: service call has been retried 1 time(s): ";
    let state = state().await;
    let gone = format!("{ASM}:gone-AbCdEf");
    let not_found = "ResourceNotFoundException: Secrets Manager can't find the specified secret.";
    let marked = "InvalidRequestException: You can't perform this operation on the secret because it was marked for \
                  deletion.";
    for (values, fargate, agent) in [
        (
            vec![format!("{gone}:key::")],
            format!("{HEAD}{FETCH}failed to fetch secret {gone} from secrets manager: {not_found}"),
            format!(
                "fetching secret data from AWS Secrets Manager in region us-east-1: ResourceInitializationError: The \
                 task can't retrieve the secret with ARN '{gone}' from AWS Secrets Manager. Check that the secret ARN \
                 is correct: {not_found}"
            ),
        ),
        (
            vec![format!("{ASM}:db:nokey::")],
            format!("{HEAD}{FETCH}retrieved secret from Secrets Manager did not contain json key nokey"),
            "fetching secret data from AWS Secrets Manager in region us-east-1: retrieved secret from Secrets Manager \
             did not contain json key nokey"
                .to_owned(),
        ),
        (
            vec![format!("{ASM}:odd:key::")],
            format!("{HEAD}{FETCH}invalid character looking for beginning of value"),
            "fetching secret data from AWS Secrets Manager in region us-east-1: invalid character looking for \
             beginning of value"
                .to_owned(),
        ),
        (
            vec![format!("{ASM}:marked")],
            format!("{HEAD}{FETCH}failed to fetch secret {ASM}:marked from secrets manager: {marked}"),
            format!("fetching secret data from AWS Secrets Manager in region us-east-1: secret {ASM}:marked: {marked}"),
        ),
        (
            vec!["/gone".to_owned(), "plain".to_owned(), format!("{SSM}/gone/too")],
            format!(
                "{HEAD}unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm \
                 parameters: /gone,/gone/too"
            ),
            "fetching secret data from SSM Parameter Store in us-east-1: invalid parameters: /gone,/gone/too"
                .to_owned(),
        ),
        (
            vec![format!("{ASM}:db:too:many")],
            format!(
                "{HEAD}{FETCH}trying to retrieve secret with value {ASM}:db:too:many resulted in error: an invalid ARN \
                 format for the AWS Secrets Manager secret was specified. Specify a valid ARN and try again."
            ),
            format!(
                "trying to retrieve secret with value {ASM}:db:too:many resulted in error: an invalid ARN format for \
                 the AWS Secrets Manager secret was specified. Specify a valid ARN and try again."
            ),
        ),
    ] {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        for (on_fargate, expected) in [(true, fargate), (false, agent)] {
            let (task, definition) = wanting(&values, on_fargate);
            assert_eq!(resolve(&state, &task, &definition).expect_err("missing"), expected);
        }
    }
}

#[tokio::test]
async fn registries_and_log_drivers_get_theirs() {
    let state = state().await;
    let (task, mut definition) = wanting(&[], true);
    assert!(!is_wanted(&task, &definition));
    let web = &mut definition.container_definitions.as_mut().expect("containers")[0];
    let credentials =
        |id: &str| Some(Box::new(RepositoryCredentials { credentials_parameter: Some(format!("{ASM}:{id}")) }));
    web.repository_credentials = credentials("registry-AbCdEf");
    let log = LogConfiguration { secret_options: secrets(&["plain"]), ..LogConfiguration::default() };
    web.log_configuration = Some(Box::new(log));
    assert!(is_wanted(&task, &definition));
    let resolved = resolve(&state, &task, &definition).expect("all is there");
    let auth = resolved.registry_auth("web").expect("credentials");
    assert_eq!((auth.username.as_str(), auth.password.as_str()), ("me", "pw"));
    let options = LogOptions(BTreeMap::from([("splunk-url".to_owned(), "http://localhost".to_owned())]));
    let log = LogDriver::Named { driver: "splunk".into(), options };
    let mut spec = ContainerSpec { log, ..ContainerSpec::default() };
    resolved.add_to("web", &mut spec);
    let LogDriver::Named { options, .. } = &spec.log else { panic!("another driver: {spec:?}") };
    assert_eq!((options.0["S0"].as_str(), options.0.len()), ("text", 2));
    for (id, words) in [
        ("odd", "unable to unmarshal secret value, invalid schema"),
        ("db", "asm fetching username: AuthorizationData is malformed, empty field"),
        (
            "gone",
            "asm fetching secret from the service for arn:aws:secretsmanager:us-east-1:123456789012:secret:gone: ",
        ),
    ] {
        definition.container_definitions.as_mut().expect("containers")[0].repository_credentials = credentials(id);
        let reason = resolve(&state, &task, &definition).expect_err(words);
        assert!(reason.contains("unable to get registry auth from asm: ") && reason.contains(words), "{reason}");
    }
}

#[test]
fn the_files_of_an_override_come_in_place_of_the_definition_s() {
    let file =
        |key: &str| EnvironmentFile { value: Some(format!("arn:aws:s3:::b/{key}")), ..EnvironmentFile::default() };
    let (mut task, mut definition) = wanting(&[], true);
    let web = &mut definition.container_definitions.as_mut().expect("containers")[0];
    web.environment_files = Some(vec![file("a.env"), file("b.env")]);
    let web = web.clone();
    assert_eq!(files_of(&task, &web).len(), 2);
    Arc::make_mut(&mut task.overrides).container_overrides = Some(vec![ContainerOverride {
        name: Some("web".into()),
        environment_files: Some(vec![file("c.env")]),
        ..ContainerOverride::default()
    }]);
    assert_eq!(files_of(&task, &web), [file("c.env")]);
}

#[test]
fn other_variables_win_over_files_and_the_first_file_over_the_second() {
    let mut given = Given::default();
    for file in [&b"A=file\nB=first"[..], b"B=second\nC=second"] {
        given.files.extend(env_file::parse(file));
    }
    given.secrets.push(("C".into(), Sensitive::new("secret".into())));
    let resolved = Resolved(BTreeMap::from([("web".to_owned(), given)]));
    let mut spec = ContainerSpec { environment: vec!["A=definition".to_owned()], ..ContainerSpec::default() };
    resolved.add_to("web", &mut spec);
    resolved.add_to("other", &mut spec);
    assert_eq!(spec.environment, ["A=definition", "B=first", "C=secret"]);
}
