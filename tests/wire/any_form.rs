//! The same as `any_input` for the services of the query protocol: forms made from the schema are answered.

use api_models::schema::{OperationSchema, Protocol, Schema, StructureSchema};
use localecs::config::Config;
use localecs::services::dispatch::Registry;
use proptest::test_runner::{Config as ProptestConfig, TestRunner};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::any_input::structure;
use crate::client::Connection;
use crate::server::Server;

const DEPTH: u32 = 6;
const CASES: u32 = 32;

#[test]
fn any_form_is_answered() {
    let runtime = Runtime::new().expect("a runtime");
    let server = runtime.block_on(Server::start_whole(Config::default()));
    let mut client = runtime.block_on(server.connect());
    let registry = Registry::new();
    let services = api_models::services().iter().filter(|service| service.protocol == Protocol::AwsQuery);
    let operations = services.flat_map(|service| service.operations).copied();
    for operation in operations.filter(|operation| registry.get(operation.service, operation).is_some()) {
        runtime.block_on(prepare(&mut client));
        let mut runner =
            TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) });
        let client = std::cell::RefCell::new(&mut client);
        let outcome = runner.run(&structure(operation.input, DEPTH), |input| {
            let form = form(operation, &input);
            let answer = runtime.block_on(client.borrow_mut().post_form(operation.service.signing_name, &form));
            // Besides 200 and 400: AccessDenied, NoSuchEntity, EntityAlreadyExists.
            proptest::prop_assert!(
                matches!(answer.status, 200 | 400 | 403 | 404 | 409),
                "{} {form}\n{answer:?}",
                operation.name
            );
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{}: {error}", operation.name);
        }
    }
}

/// Something for the inputs to meet.
async fn prepare(client: &mut Connection) {
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}"#;
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Resource":"*","Action":"*"}}"#;
    for (operation, members) in [
        ("CreateRole", vec![("RoleName", "web"), ("AssumeRolePolicyDocument", trust)]),
        ("PutRolePolicy", vec![("RoleName", "web"), ("PolicyName", "web"), ("PolicyDocument", policy)]),
        ("CreatePolicy", vec![("PolicyName", "web"), ("PolicyDocument", policy)]),
        ("CreateInstanceProfile", vec![("InstanceProfileName", "web")]),
    ] {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", operation).append_pair("Version", "2010-05-08").extend_pairs(members);
        let answer = client.post_form("iam", &form.finish()).await;
        assert!(matches!(answer.status, 200 | 409 | 501), "{operation}: {answer:?}");
    }
}

fn form(operation: &'static OperationSchema, input: &Value) -> String {
    let mut pairs = vec![
        ("Action".to_owned(), operation.name.to_owned()),
        ("Version".to_owned(), operation.service.api_version.to_owned()),
    ];
    members(operation.input, input, "", &mut pairs);
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn members(schema: &'static StructureSchema, input: &Value, prefix: &str, pairs: &mut Vec<(String, String)>) {
    for member in schema.members {
        if let Some(value) = input.get(member.wire_name) {
            value_pairs(member.schema, value, &format!("{prefix}{}", member.wire_name), pairs);
        }
    }
}

fn value_pairs(schema: Schema, value: &Value, path: &str, pairs: &mut Vec<(String, String)>) {
    match (schema, value) {
        (Schema::Structure(schema), Value::Object(_)) => members(schema, value, &format!("{path}."), pairs),
        (Schema::List(_), Value::Array(list)) if list.is_empty() => pairs.push((path.to_owned(), String::new())),
        (Schema::List(schema), Value::Array(list)) => {
            for (index, element) in list.iter().enumerate() {
                value_pairs(schema.member, element, &format!("{path}.{}.{}", schema.member_name, index + 1), pairs);
            }
        }
        (Schema::Map(schema), Value::Object(map)) => {
            for (index, (key, value)) in map.iter().enumerate() {
                pairs.push((format!("{path}.entry.{}.{}", index + 1, schema.key_name), key.clone()));
                value_pairs(schema.value, value, &format!("{path}.entry.{}.{}", index + 1, schema.value_name), pairs);
            }
        }
        (_, Value::String(text)) => pairs.push((path.to_owned(), text.clone())),
        (_, other) => pairs.push((path.to_owned(), other.to_string())),
    }
}
