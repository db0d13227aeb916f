//! The protocol against every kind of value, good and bad.

use api_models::ecs::operations as ops;
use api_models::ecs::{
    Cluster, ClusterNotFoundException, ConflictException, ContainerDefinition, CreateClusterResponse,
    DescribeClustersError, RegisterTaskDefinitionRequest, Resource, RunTaskError, RunTaskRequest, Task,
};
use api_models::schema::{BlobSchema, DoubleSchema, IntegerSchema, ListSchema, MapSchema, MemberSchema, StringSchema};
use api_models::{Encode, Operation, Shape, Unexpected};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use api_models::schema::{OperationSchema, Schema, StructureSchema, TimestampFormat};
use api_models::{Timestamp, Untyped};

/// An input with a member of every type, which no operation of ECS has.
static PROBE: OperationSchema = OperationSchema::new("Probe", &api_models::ecs::SERVICE, &INPUT, &INPUT, &[]);
static INPUT: StructureSchema = StructureSchema::new(
    "ProbeRequest",
    &[
        MemberSchema::new("string", Schema::String(&STRING)),
        MemberSchema::new("integer", Schema::Integer(&IntegerSchema::new("Integer"))),
        MemberSchema::new("long", Schema::Long(&IntegerSchema::new("Long"))),
        MemberSchema::new("double", Schema::Double(&DoubleSchema::new("Double"))),
        MemberSchema::new("boolean", Schema::Boolean),
        MemberSchema::new("timestamp", Schema::Timestamp(TimestampFormat::Default)),
        MemberSchema::new("blob", Schema::Blob(&BlobSchema::new("Blob"))),
        MemberSchema::new("list", Schema::List(&ListSchema::new("List", Schema::String(&STRING)))),
        MemberSchema::new("map", Schema::Map(&MapSchema::new("Map", &STRING, Schema::String(&STRING)))),
        MemberSchema::new("structure", Schema::Structure(&INPUT)),
        MemberSchema::new("structures", Schema::List(&ListSchema::new("Structures", Schema::Structure(&INPUT)))),
        MemberSchema::new("untyped", Schema::Untyped),
    ],
);
static STRING: StringSchema = StringSchema::new("String");

fn decoded(body: &str) -> Result<Vec<(u16, Document)>, Rejection> {
    match decode::document(&PROBE, body.as_bytes())? {
        Document::Structure(members) => Ok(members),
        other => panic!("{other:?}"),
    }
}

/// The message of the refusal; `None` where AWS has none either.
fn refused(body: &str) -> Option<String> {
    let rejection = decoded(body).expect_err("not an input");
    assert_eq!((rejection.status, &*rejection.code), (400, "SerializationException"), "{body}");
    rejection.message.map(String::from)
}

fn one(body: &str) -> Document {
    decoded(body).expect(body).pop().expect("one member").1
}

#[test]
fn reads_every_type() {
    assert_eq!(one(r#"{"string":"a\u00e9\n"}"#), Document::String("aé\n".to_owned()));
    assert_eq!(one(r#"{"integer":-7}"#), Document::Integer(-7));
    assert_eq!(one(r#"{"long":9223372036854775807}"#), Document::Integer(i64::MAX));
    assert_eq!(one(r#"{"double":1}"#), Document::Double(1.0));
    assert_eq!(one(r#"{"double":1.5e3}"#), Document::Double(1500.0));
    assert_eq!(one(r#"{"boolean":true}"#), Document::Boolean(true));
    assert_eq!(one(r#"{"timestamp":1700000000.123}"#), Document::Timestamp(Timestamp::from_millis(1_700_000_000_123)));
    assert_eq!(one(r#"{"timestamp":1.7E9}"#), Document::Timestamp(Timestamp::from_millis(1_700_000_000_000)));
    assert_eq!(one(r#"{"blob":"AAEC"}"#), Document::Blob(vec![0, 1, 2]));
    assert_eq!(one(r#"{"list":["a"]}"#), Document::List(vec![Document::String("a".to_owned())]));
    assert_eq!(one(r#"{"map":{"k":"v"}}"#), Document::Map(vec![("k".to_owned(), Document::String("v".to_owned()))]));
    assert_eq!(one(r#"{"structure":{"integer":1}}"#), Document::Structure(vec![(1, Document::Integer(1))]));
    assert_eq!(
        one(r#"{"untyped":{"a":[1,2.5,null,"x",true]}}"#),
        Document::Untyped(Untyped::Map(vec![(
            "a".to_owned(),
            Untyped::List(vec![
                Untyped::Integer(1),
                Untyped::Double(2.5),
                Untyped::Null,
                Untyped::String("x".to_owned()),
                Untyped::Boolean(true)
            ])
        )]))
    );
}

#[test]
fn leaves_out_what_is_null_unknown_or_empty() {
    for body in ["", " \n", "{}", r#"{"string":null}"#, r#"{"what":{"is":[1,{"this":null}]}}"#] {
        assert_eq!(decoded(body).expect(body), vec![], "{body}");
    }
}

#[test]
fn cuts_fractions_and_refuses_what_is_out_of_range() {
    assert_eq!(one(r#"{"integer":1.0}"#), Document::Integer(1));
    assert_eq!(one(r#"{"integer":-1.9}"#), Document::Integer(-1));
    assert_eq!(
        refused(r#"{"integer":2147483648}"#).as_deref(),
        Some("Numeric value (2147483648) out of range of int (-2147483648 - 2147483647)")
    );
    for body in [r#"{"integer":1e10}"#, r#"{"long":9223372036854775808}"#, r#"{"long":1e300}"#] {
        assert!(refused(body).expect(body).contains("out of range of"), "{body}");
    }
}

#[test]
fn refuses_wrong_types_in_the_words_of_ecs() {
    let structure = "com.amazonaws.madison.frontend.ProbeRequest";
    let cases = [
        (r#"{"integer":"1"}"#, "STRING_VALUE cannot be converted to Integer".to_owned()),
        (r#"{"integer":true}"#, "TRUE_VALUE cannot be converted to Integer".to_owned()),
        (r#"{"integer":[1]}"#, "Unrecognized collection type class java.lang.Integer".to_owned()),
        (r#"{"integer":{}}"#, "Start of structure or map found where not expected".to_owned()),
        (r#"{"long":"1"}"#, "STRING_VALUE cannot be converted to Long".to_owned()),
        (r#"{"double":"x"}"#, "STRING_VALUE cannot be converted to Double".to_owned()),
        (r#"{"string":1}"#, "NUMBER_VALUE cannot be converted to String".to_owned()),
        (r#"{"string":1.5}"#, "DECIMAL_VALUE cannot be converted to String".to_owned()),
        (r#"{"string":false}"#, "FALSE_VALUE cannot be converted to String".to_owned()),
        (r#"{"string":[]}"#, "Unrecognized collection type class java.lang.String".to_owned()),
        (r#"{"list":[1]}"#, "NUMBER_VALUE cannot be converted to String".to_owned()),
        (r#"{"list":"a"}"#, "Unexpected field type".to_owned()),
        (r#"{"list":{}}"#, "Start of structure or map found where not expected".to_owned()),
        (r#"{"map":"a"}"#, "Unexpected field type".to_owned()),
        (r#"{"map":[]}"#, "Unrecognized collection type java.util.Map<java.lang.String, java.lang.String>".to_owned()),
        (r#"{"structure":"a"}"#, "Unexpected field type".to_owned()),
        (r#"{"structure":[]}"#, format!("Unrecognized collection type class {structure}")),
        (r#"{"structures":["a"]}"#, "Unexpected value type in payload".to_owned()),
        (r#"{"boolean":"true"}"#, "Unexpected token received from parser".to_owned()),
        (r#"{"boolean":1}"#, "NUMBER_VALUE cannot be converted to Boolean".to_owned()),
        (r#"{"blob":"%"}"#, "only base-64-encoded strings are convertible to bytes".to_owned()),
        (r#"{"timestamp":"now"}"#, "STRING_VALUE cannot be converted to milliseconds since epoch".to_owned()),
        ("[]", format!("Unrecognized collection type class {structure}")),
    ];
    for (body, message) in cases {
        assert_eq!(refused(body).as_deref(), Some(message.as_str()), "{body}");
    }
}

#[test]
fn refuses_what_is_no_json_without_a_message() {
    let deep = format!("{}{}", r#"{"structure":"#.repeat(200), "1");
    for body in ["{", "null", "\"x\"", "1", r#"{"string":"a",}"#, r#"{} {}"#, "\u{feff}{}", deep.as_str()] {
        assert_eq!(refused(body), None, "{body}");
    }
    // What is ignored is skipped without recursion, however deep it is.
    let deep_but_unknown = format!("{{\"what\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(decoded(&deep_but_unknown).is_ok());
    assert!(decode::document(&PROBE, b"{\"string\":\"\xff\"}").is_err());
}

fn reply(answer: &dyn Encode) -> String {
    let reply = AwsJson.encode(ops::RunTask::SCHEMA, answer, "");
    assert_eq!((reply.status, reply.content_type), (200, "application/x-amz-json-1.1"));
    String::from_utf8(reply.body).expect("UTF-8")
}

#[test]
fn writes_answers_without_what_is_not_set() {
    assert_eq!(reply(&CreateClusterResponse::default()), "{}");
    let cluster =
        Cluster { cluster_name: Some("a\"<\u{1}é".to_owned()), statistics: Some(vec![]), ..Cluster::default() };
    let answer = CreateClusterResponse { cluster: Some(Box::new(cluster)) };
    assert_eq!(reply(&answer), r#"{"cluster":{"clusterName":"a\"<\u0001é","statistics":[]}}"#);
    let resource = Resource { double_value: Some(0.0), long_value: Some(5), ..Resource::default() };
    assert_eq!(reply(&resource), r#"{"doubleValue":0.0,"longValue":5}"#);
}

#[test]
fn writes_times_as_plain_decimals() {
    let cases = [
        (1_700_000_000_123, "1700000000.123"),
        (1_700_000_000_120, "1700000000.12"),
        (1_700_000_000_000, "1700000000.0"),
        (1_700_000_000_007, "1700000000.007"),
        (-1_500, "-1.5"),
        (0, "0.0"),
    ];
    for (millis, text) in cases {
        let task = Task { created_at: Some(Timestamp::from_millis(millis)), ..Task::default() };
        assert_eq!(reply(&task), format!("{{\"createdAt\":{text}}}"));
    }
}

#[test]
fn writes_errors_with_their_plain_name() {
    let error = DescribeClustersError::from(ClusterNotFoundException::new("Cluster not found."));
    let reply = AwsJson.encode_error(&error, "");
    assert_eq!(reply.status, 400);
    assert_eq!(
        String::from_utf8(reply.body).expect("UTF-8"),
        r#"{"__type":"ClusterNotFoundException","message":"Cluster not found."}"#
    );
}

#[test]
fn writes_the_other_members_of_errors() {
    let error = ConflictException { resource_ids: Some(vec!["a".to_owned()]), ..ConflictException::new("Taken.") };
    let body: Value = serde_json::from_slice(&AwsJson.encode_error(&RunTaskError::from(error), "").body).expect("JSON");
    assert_eq!(body, json!({"__type": "ConflictException", "message": "Taken.", "resourceIds": ["a"]}));
}

#[test]
fn keeps_the_unexpected_to_itself() {
    let reply = AwsJson.encode_error(&RunTaskError::from(Unexpected::new("the disk is full")), "");
    assert_eq!(reply.status, 500);
    assert_eq!(
        String::from_utf8(reply.body).expect("UTF-8"),
        r#"{"__type":"ServerException","message":"An internal error occurred."}"#
    );
}

#[test]
fn writes_rejections() {
    let text = |rejection| String::from_utf8(AwsJson.encode_rejection(&rejection, "").body).expect("UTF-8");
    assert_eq!(text(Rejection::unknown_operation()), r#"{"__type":"UnknownOperationException"}"#);
    assert_eq!(
        text(Rejection::serialization(Some("Unexpected field type".to_owned()))),
        r#"{"__type":"SerializationException","Message":"Unexpected field type"}"#
    );
    assert_eq!(text(Rejection::new(403, "X", "why")), r#"{"__type":"X","message":"why"}"#);
}

/// JSON of any shape, with names that ECS knows often enough to get deep into its structures.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z:/ ]{0,12}".prop_map(Value::from),
    ];
    let name = prop_oneof![
        Just("family"),
        Just("containerDefinitions"),
        Just("name"),
        Just("portMappings"),
        Just("containerPort"),
        Just("environment"),
        Just("dockerLabels"),
        Just("tags"),
        Just("unknown"),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|entries| entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_read_or_refused(body in any_json()) {
        let schema = ops::RegisterTaskDefinition::SCHEMA;
        if let Ok(document) = decode::document(schema, body.to_string().as_bytes())
            && crate::protocol::validate::input(schema, &document).is_ok()
        {
            prop_assert!(RegisterTaskDefinitionRequest::from_document(document).is_ok());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = decode::document(ops::RunTask::SCHEMA, &body);
    }

    #[test]
    fn what_is_written_is_read_again(name in any::<String>(), cpu in any::<i32>(), label in any::<String>()) {
        let container = ContainerDefinition {
            name: Some(name.clone()),
            cpu: Some(cpu),
            docker_labels: Some([(label, name)].into()),
            command: Some(vec![String::new()]),
            ..ContainerDefinition::default()
        };
        let request =
            RegisterTaskDefinitionRequest { container_definitions: Some(vec![container]), ..Default::default() };
        let body = encode::answer(&request);
        let document = decode::document(ops::RegisterTaskDefinition::SCHEMA, &body).expect("JSON of the schema");
        let again = RegisterTaskDefinitionRequest::from_document(document).expect("the same type");
        prop_assert_eq!(again, request);
    }
}

#[test]
fn inputs_are_typed_values_in_the_end() {
    let body = br#"{"taskDefinition":"web:1","count":2,"launchType":"FARGATE","unknown":1,"cluster":null}"#;
    let document = decode::document(ops::RunTask::SCHEMA, body).expect("an input");
    let input = RunTaskRequest::from_document(document).expect("an input");
    assert_eq!(input.count, Some(2));
    assert_eq!(input.cluster, None);
}
