//! Whatever a client sends to an operation, it gets an answer or one of AWS's errors: never an internal error, never
//! silence. Inputs are made from the schema, good ones and broken ones.

use api_models::schema::{OperationSchema, Schema, ServiceSchema, StructureSchema};
use localecs::config::Config;
use localecs::services::dispatch::Registry;
use proptest::prelude::*;
use proptest::test_runner::{Config as ProptestConfig, TestRunner};
use serde_json::{Map, Value};
use tokio::runtime::Runtime;

use crate::server::Server;

/// Deeper than any structure of ECS that matters.
const DEPTH: u32 = 8;
const CASES: u32 = 48;

#[test]
fn any_input_is_answered() {
    answers(
        &api_models::ecs::SERVICE,
        &[
            ("CreateCluster", "{}"),
            (
                "RegisterTaskDefinition",
                r#"{"family":"web","containerDefinitions":[{"name":"app","image":"web","memory":64}]}"#,
            ),
            ("RegisterContainerInstance", "{}"),
            (
                "PutClusterCapacityProviders",
                r#"{"cluster":"default","capacityProviders":["FARGATE"],"defaultCapacityProviderStrategy":[]}"#,
            ),
            ("RunTask", r#"{"taskDefinition":"web"}"#),
        ],
    );
}

#[test]
fn any_input_is_answered_by_secrets_manager() {
    answers(&api_models::secretsmanager::SERVICE, &[("CreateSecret", r#"{"Name":"web","SecretString":"x"}"#)]);
}

#[test]
fn any_input_is_answered_by_parameter_store() {
    answers(&api_models::ssm::SERVICE, &[("PutParameter", r#"{"Name":"/web/app","Type":"String","Value":"x"}"#)]);
}

/// Sends inputs to each operation of the service that is on, after these calls, which make something for them to meet.
fn answers(service: &'static ServiceSchema, before: &[(&str, &str)]) {
    let prefix = service.target_prefix.expect("a JSON service");
    let runtime = Runtime::new().expect("a runtime");
    let server = runtime.block_on(Server::start_whole(Config::default()));
    let mut client = runtime.block_on(server.connect());
    let registry = Registry::new();
    let on = |operation: &&&'static OperationSchema| registry.get(operation.service, operation).is_some();
    for operation in service.operations.iter().filter(on) {
        for (name, body) in before {
            let answer = runtime.block_on(client.call_target(&format!("{prefix}.{name}"), body));
            // Most are there already, from the operation before.
            assert!(matches!(answer.status, 200 | 400 | 501), "{name}: {answer:?}");
        }
        let target = format!("{prefix}.{}", operation.name);
        let mut runner =
            TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) });
        let client = std::cell::RefCell::new(&mut client);
        let outcome = runner.run(&structure(operation.input, DEPTH), |input| {
            let body = input.to_string();
            let answer = runtime.block_on(client.borrow_mut().call_target(&target, &body));
            prop_assert!(matches!(answer.status, 200 | 400), "{} {body}\n{answer:?}", operation.name);
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{}: {error}", operation.name);
        }
    }
    drop(server);
}

pub(crate) fn structure(schema: &'static StructureSchema, depth: u32) -> BoxedStrategy<Value> {
    let members: Vec<_> = schema
        .members
        .iter()
        .map(|member| {
            let expected = expected(member.name).filter(|_| matches!(member.schema, Schema::String(_)));
            // About three of the other members of any structure, so that not every input has a fault.
            let others = (3.0 / schema.members.len() as f64).min(0.5);
            let chance = if member.required || expected.is_some() { 0.98 } else { others };
            let value = broken_at_times(match expected {
                Some(text) => prop_oneof![8 => Just(Value::from(text)), 1 => string().prop_map(Value::from)].boxed(),
                None => value(member.schema, depth.saturating_sub(1)),
            });
            prop::option::weighted(chance, value)
                .prop_map(|value| value.map(|value| (member.wire_name.to_owned(), value)))
        })
        .collect();
    members.prop_map(|members| Value::Object(members.into_iter().flatten().collect())).boxed()
}

/// What a string is most likely to be when it is right.
fn expected(member: &str) -> Option<&'static str> {
    Some(match member {
        "cluster" => "default",
        "taskDefinition" => "web",
        "family" | "image" => "web",
        "name" | "containerName" | "sourceContainer" | "sourceVolume" => "app",
        "resourceArn" => "arn:aws:ecs:us-east-1:000000000000:cluster/default",
        "cpu" => "256",
        "memory" => "512",
        "capacityProvider" => "FARGATE",
        "SecretId" => "web",
        "Name" | "ResourceId" => "/web/app",
        "Path" => "/web",
        _ => return None,
    })
}

fn value(schema: Schema, depth: u32) -> BoxedStrategy<Value> {
    if depth == 0 {
        return Just(Value::Null).boxed();
    }
    match schema {
        Schema::Structure(schema) => structure(schema, depth),
        Schema::List(list) => {
            let element = broken_at_times(value(list.member, depth - 1));
            prop::collection::vec(element, 0..4).prop_map(Value::Array).boxed()
        }
        Schema::Map(map) => {
            let entry = (string(), value(map.value, depth - 1));
            prop::collection::vec(entry, 0..3).prop_map(|entries| Value::Object(Map::from_iter(entries))).boxed()
        }
        Schema::String(schema) if !schema.enum_values.is_empty() => {
            let known = prop::sample::select(schema.enum_values).prop_map(str::to_owned);
            prop_oneof![20 => known, 1 => string()].prop_map(Value::from).boxed()
        }
        Schema::String(_) => string().prop_map(Value::from).boxed(),
        Schema::Integer(_) | Schema::Long(_) => integer().prop_map(Value::from).boxed(),
        Schema::Float(_) | Schema::Double(_) => any::<f64>().prop_map(Value::from).boxed(),
        Schema::Boolean => any::<bool>().prop_map(Value::from).boxed(),
        Schema::Timestamp(_) => prop_oneof![Just(1.7e9), any::<f64>()].prop_map(Value::from).boxed(),
        Schema::Blob(_) => Just(Value::from("AAEC")).boxed(),
        Schema::Untyped => prop_oneof![Just(Value::Null), Just(Value::from(1))].boxed(),
    }
}

fn string() -> impl Strategy<Value = String> + Clone {
    let known = prop::sample::select(
        &[
            "",
            " ",
            "default",
            "web",
            "web:1",
            "web:0",
            "web:99999999999",
            "app",
            "a-b_c",
            "0",
            "-1",
            "256",
            "512",
            "1 vCPU",
            "1GB",
            "80",
            "8000-8010",
            "65536-1",
            "FARGATE",
            "FARGATE_SPOT",
            "awsvpc",
            "awslogs",
            "aws:x",
            "subnet-1",
            "sg-1",
            "10.0.0.1",
            "::1",
            "/",
            "../..",
            "\u{0}",
            "é🦀",
            "arn:aws:ecs:us-east-1:000000000000:cluster/default",
            "arn:aws:ecs:us-east-1:000000000000:task/default/0123456789abcdef0123456789abcdef",
            "arn:aws:ecs:us-east-1:000000000000:task-definition/web:1",
            "arn:aws:ecs:us-east-1:000000000000:cluster/",
            "arn:aws:iam::000000000000:role/x",
            "arn:aws:s3:::bucket/key",
            "arn:::::",
            "attribute:ecs.os-type == linux",
            "task:group == service:x",
            "((((",
            "eyJhIjoxfQ==",
            "0123456789abcdef0123456789abcdef",
            "nginx:latest",
            "enabled",
            "disabled",
            "containerInsights",
            "CPU",
            "MEMORY",
            "PORTS",
            "INTEGER",
        ][..],
    )
    .prop_map(str::to_owned);
    prop_oneof![
        12 => known,
        2 => any::<String>(),
        1 => (1..10_usize).prop_map(|length| "x".repeat(length * 40)),
    ]
}

fn integer() -> impl Strategy<Value = i64> {
    let known = [
        0,
        1,
        2,
        4,
        10,
        11,
        64,
        80,
        128,
        512,
        1024,
        8080,
        65_535,
        65_536,
        -1,
        i64::from(i32::MAX),
        i64::from(i32::MIN),
    ];
    prop_oneof![20 => prop::sample::select(known.to_vec()), 1 => any::<i64>()]
}

/// A value of another type now and then.
fn broken_at_times(good: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let broken = prop_oneof![
        Just(Value::Null),
        Just(Value::from(true)),
        Just(Value::from(1.5)),
        Just(Value::from("x")),
        Just(Value::Array(vec![])),
        Just(Value::Array(vec![Value::Null])),
        Just(Value::Object(Map::new())),
    ];
    prop_oneof![200 => good, 1 => broken].boxed()
}
