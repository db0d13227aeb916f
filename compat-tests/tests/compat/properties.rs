//! Whatever is sent, the answer is one that an AWS client understands: never a 5xx, a hang or a dropped connection.
//!
//! Inputs are grown from the schema of each operation, then damaged: wrong types, nulls, huge numbers, long strings,
//! members too many or too few, deep nesting, bytes that are no UTF-8, JSON cut off.

use api_models::ecs::SERVICE;
use api_models::schema::{OperationSchema, Schema, StructureSchema};
use compat_tests::{Runtime, Server, http, seed};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Map, Value, json};

/// For each operation. All of them together take some ten seconds.
const CASES: u32 = 150;
/// Deeper than any request's own structure.
const DEPTH: u32 = 7;

/// Names that exist, so that some requests get past the look-ups.
const KNOWN: &[&str] = &["known", "known:1", "default", "web", "FARGATE", "subnet-0a", "CPU", "INTEGER"];

#[test]
fn no_input_breaks_an_operation() {
    needs_own_server!();
    let seed = seed("no_input_breaks_an_operation");
    let server = Server::start(Runtime::Simulated, &["--log", "error"]);
    prepare(&server);
    let operations: Vec<&'static OperationSchema> = SERVICE.operations.iter().copied().filter(|o| o.on).collect();
    assert!(operations.len() >= 32, "{}", operations.len());
    std::thread::scope(|scope| {
        for part in operations.chunks(operations.len().div_ceil(4)) {
            let endpoint = server.endpoint();
            scope.spawn(move || {
                for operation in part {
                    check(endpoint, operation, seed);
                }
            });
        }
    });
    let log = server.log_from(0);
    assert!(!log.contains("panicked") && !log.contains("unexpected error"), "{log}");
    server.stop();
}

fn prepare(server: &Server) {
    let known = [
        ("CreateCluster", json!({ "clusterName": "known" })),
        ("CreateCluster", json!({})),
        (
            "RegisterTaskDefinition",
            json!({ "family": "known", "containerDefinitions": [{ "name": "web", "image": "web", "memory": 64 }] }),
        ),
        (
            "RegisterContainerInstance",
            json!({ "cluster": "known", "totalResources": [
                { "name": "CPU", "type": "INTEGER", "integerValue": 8192 },
                { "name": "MEMORY", "type": "INTEGER", "integerValue": 8192 },
            ] }),
        ),
    ];
    for (operation, input) in known {
        let answer = send(server.endpoint(), operation, input.to_string().as_bytes()).expect("an answer");
        assert_eq!(answer.status, 200, "{operation}: {}", answer.text());
    }
}

fn send(endpoint: &str, operation: &str, body: &[u8]) -> std::io::Result<http::Answer> {
    http::post_ecs(endpoint, "000000000007", operation, body)
}

fn check(endpoint: &str, operation: &'static OperationSchema, seed: u64) {
    let config = Config {
        cases: CASES,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let result = TestRunner::new(config).run(&body(operation.input), |body| {
        let shown = || String::from_utf8_lossy(&body[..body.len().min(2000)]).into_owned();
        let answer = match send(endpoint, operation.name, &body) {
            Ok(answer) => answer,
            Err(error) => return Err(TestCaseError::fail(format!("no answer: {error}; sent {}", shown()))),
        };
        let text = answer.text();
        prop_assert!(answer.status < 500, "{}: {text}; sent {}", answer.status, shown());
        prop_assert!(answer.header("x-amzn-requestid").is_some(), "no request id");
        let parsed: Result<Value, _> = serde_json::from_slice(&answer.body);
        prop_assert!(parsed.is_ok(), "not JSON: {text}");
        if answer.status != 200 {
            let code = parsed.ok().and_then(|value| value["__type"].as_str().map(str::to_owned));
            prop_assert!(code.is_some_and(|code| !code.is_empty()), "no __type: {text}");
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{}: {error}", operation.name);
    }
}

/// A request body: what the schema allows, the same with damage, or something else altogether.
fn body(input: &'static StructureSchema) -> BoxedStrategy<Vec<u8>> {
    let valid = structure(input, DEPTH);
    let bytes = |value: Value| value.to_string().into_bytes();
    prop_oneof![
        5 => valid.clone().prop_map(bytes),
        5 => (valid.clone(), any::<prop::sample::Index>(), damage()).prop_map(move |(mut value, place, damage)| {
            damaged(&mut value, place, damage);
            bytes(value)
        }),
        1 => (valid.clone(), any::<prop::sample::Index>()).prop_map(move |(value, end)| {
            let mut cut = bytes(value);
            cut.truncate(end.index(cut.len()));
            cut
        }),
        1 => (valid, any::<prop::sample::Index>(), any::<u8>()).prop_map(move |(value, place, byte)| {
            let mut broken = bytes(value);
            let place = place.index(broken.len());
            broken[place] = byte | 0x80;
            broken
        }),
        1 => anything().prop_map(bytes),
        1 => abyss(input),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ]
    .boxed()
}

fn structure(schema: &'static StructureSchema, depth: u32) -> BoxedStrategy<Value> {
    if depth == 0 {
        return Just(json!({})).boxed();
    }
    let members: Vec<BoxedStrategy<Option<(String, Value)>>> = schema
        .members
        .iter()
        .map(|member| {
            let name = member.wire_name.to_owned();
            // Sparse, or nothing would ever be valid as a whole; what is required is nearly always there.
            let often = if member.required { 0.97 } else { 0.25 };
            prop::option::weighted(often, value(member.schema, member.name, depth - 1))
                .prop_map(move |value| value.map(|value| (name.clone(), value)))
                .boxed()
        })
        .collect();
    members.prop_map(|members| Value::Object(members.into_iter().flatten().collect())).boxed()
}

fn value(schema: Schema, name: &'static str, depth: u32) -> BoxedStrategy<Value> {
    match schema {
        Schema::Structure(schema) => structure(schema, depth),
        Schema::List(list) => {
            prop::collection::vec(value(list.member, name, depth), 0..3).prop_map(Value::Array).boxed()
        }
        Schema::Map(map) => prop::collection::vec((text(), value(map.value, name, depth)), 0..3)
            .prop_map(|pairs| Value::Object(pairs.into_iter().collect()))
            .boxed(),
        Schema::String(schema) if !schema.enum_values.is_empty() => {
            prop::sample::select(schema.enum_values).prop_map(|value| json!(value)).boxed()
        }
        Schema::String(_) => match name {
            "image" => Just(json!("web")).boxed(),
            "cpu" => prop::sample::select(&["256", "512", "1024"][..]).prop_map(|v| json!(v)).boxed(),
            "memory" => prop::sample::select(&["512", "1024", "2048"][..]).prop_map(|v| json!(v)).boxed(),
            _ => text().prop_map(Value::String).boxed(),
        },
        Schema::Integer(_) => number(i64::from(i32::MIN), i64::from(i32::MAX)),
        Schema::Long(_) => number(i64::MIN, i64::MAX),
        Schema::Float(_) | Schema::Double(_) => any::<f64>().prop_map(|number| json!(number)).boxed(),
        Schema::Boolean => any::<bool>().prop_map(Value::Bool).boxed(),
        Schema::Timestamp(_) => (0.0..4e9).prop_map(|seconds| json!(seconds)).boxed(),
        Schema::Blob(_) => Just(json!("aGVsbG8=")).boxed(),
        Schema::Untyped => anything().boxed(),
    }
}

fn text() -> BoxedStrategy<String> {
    prop_oneof![
        4 => prop::sample::select(KNOWN).prop_map(str::to_owned),
        2 => "[a-zA-Z0-9_-]{1,20}",
        1 => "arn:aws:ecs:us-east-1:000000000007:(cluster|task|task-definition|container-instance)/known(/[0-9a-f]{32}|:1)?",
        1 => "[0-9a-f]{32}",
        1 => "\\PC{0,30}",
        1 => "[\\x00-\\x1f \"\\\\/:]{0,5}",
    ]
    .boxed()
}

fn number(least: i64, most: i64) -> BoxedStrategy<Value> {
    prop_oneof![
        6 => (0..=512_i64).prop_map(|number| json!(number)),
        1 => (least..=most).prop_map(|number| json!(number)),
        1 => prop::sample::select(vec![least, most, -1, 0, 65535, 65536]).prop_map(|number| json!(number)),
    ]
    .boxed()
}

/// Any JSON.
fn anything() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        text().prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(text(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
    .boxed()
}

#[derive(Clone, Debug)]
enum Damage {
    Replace(Value),
    Remove,
    Add(String, Value),
    LongString(usize),
    Nest(usize),
}

fn damage() -> BoxedStrategy<Damage> {
    let huge = ["1e400", "-1e400", "123456789012345678901234567890", "1.5", "9223372036854775808"];
    let huge = huge.map(|text| serde_json::from_str(text).unwrap_or_else(|_| json!(1e300)));
    prop_oneof![
        4 => anything().prop_map(Damage::Replace),
        2 => Just(Damage::Replace(Value::Null)),
        2 => prop::sample::select(huge.to_vec()).prop_map(Damage::Replace),
        2 => Just(Damage::Remove),
        2 => (text(), anything()).prop_map(|(name, value)| Damage::Add(name, value)),
        1 => prop::sample::select(vec![256, 513, 70_000]).prop_map(Damage::LongString),
        1 => prop::sample::select(vec![20, 200]).prop_map(Damage::Nest),
    ]
    .boxed()
}

/// How many values there are in all.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

fn damaged(value: &mut Value, place: prop::sample::Index, damage: Damage) {
    let mut left = place.index(count(value));
    apply(value, &mut left, &mut Some(damage));
}

/// Walks to the value with the number `left`, and damages it there.
fn apply(value: &mut Value, left: &mut usize, damage: &mut Option<Damage>) {
    if *left == 0 {
        match damage.take() {
            None => {}
            Some(Damage::Replace(new)) => *value = new,
            Some(Damage::Remove) => *value = Value::Null,
            Some(Damage::Add(name, new)) => match value {
                Value::Object(members) => drop(members.insert(name, new)),
                Value::Array(items) => items.push(new),
                other => *other = json!({ name: new }),
            },
            Some(Damage::LongString(length)) => *value = Value::String("x".repeat(length)),
            Some(Damage::Nest(depth)) => *value = nested(depth),
        }
        return;
    }
    *left -= 1;
    let children: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(members) => members.values_mut().collect(),
        _ => return,
    };
    for child in children {
        if damage.is_none() {
            return;
        }
        apply(child, left, damage);
        if damage.is_none() {
            return;
        }
    }
}

/// Lists in lists.
fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| Value::Array(vec![inner]))
}

/// Deeper than a `Value` could be dropped: as text.
fn abyss(input: &'static StructureSchema) -> BoxedStrategy<Vec<u8>> {
    let names: Vec<&'static str> = input.members.iter().map(|member| member.wire_name).chain(["unknown"]).collect();
    (prop::sample::select(names), prop::sample::select(vec!["[", "{\"a\":"]), 1000..100_000_usize)
        .prop_map(|(name, open, depth)| format!("{{\"{name}\":{}", open.repeat(depth)).into_bytes())
        .boxed()
}
