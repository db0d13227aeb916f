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
    let is_query = |protocol| matches!(protocol, Protocol::AwsQuery | Protocol::Ec2Query);
    let services = api_models::services().iter().filter(|service| is_query(service.protocol));
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
    let ec2 = operation.service.protocol == Protocol::Ec2Query;
    members(operation.input, input, "", ec2, &mut pairs);
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn members(
    schema: &'static StructureSchema,
    input: &Value,
    prefix: &str,
    ec2: bool,
    pairs: &mut Vec<(String, String)>,
) {
    for member in schema.members {
        if let Some(value) = input.get(member.wire_name) {
            let name = match member.query_name.filter(|_| ec2) {
                Some(name) => name.to_owned(),
                None if ec2 => member.wire_name[..1].to_uppercase() + &member.wire_name[1..],
                None => member.wire_name.to_owned(),
            };
            value_pairs(member.schema, value, &format!("{prefix}{name}"), ec2, pairs);
        }
    }
}

fn value_pairs(schema: Schema, value: &Value, path: &str, ec2: bool, pairs: &mut Vec<(String, String)>) {
    match (schema, value) {
        (Schema::Structure(schema), Value::Object(_)) => members(schema, value, &format!("{path}."), ec2, pairs),
        (Schema::List(_), Value::Array(list)) if list.is_empty() => pairs.push((path.to_owned(), String::new())),
        (Schema::List(schema), Value::Array(list)) => {
            // EC2 flattens all lists.
            let path = if ec2 { path.to_owned() } else { format!("{path}.{}", schema.member_name) };
            for (index, element) in list.iter().enumerate() {
                value_pairs(schema.member, element, &format!("{path}.{}", index + 1), ec2, pairs);
            }
        }
        (Schema::Map(schema), Value::Object(map)) => {
            for (index, (key, value)) in map.iter().enumerate() {
                let entry = format!("{path}.entry.{}", index + 1);
                pairs.push((format!("{entry}.{}", schema.key_name), key.clone()));
                value_pairs(schema.value, value, &format!("{entry}.{}", schema.value_name), ec2, pairs);
            }
        }
        (_, Value::String(text)) => pairs.push((path.to_owned(), text.clone())),
        (_, other) => pairs.push((path.to_owned(), other.to_string())),
    }
}
