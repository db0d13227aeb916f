//! Codegen on small models: what it writes, not whether that compiles (api-models is the test of that).

use serde_json::{Value, json};

use super::*;
use crate::config::{Generate, Service};

fn service(on: &[&str], generate: Generate) -> Service {
    Service {
        botocore: None,
        sha256: String::new(),
        generate,
        partial: false,
        internal_error: None,
        on: on.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn generated(model: Value, service: &Service) -> Output {
    let (model, other_operations) = model::prepare(model, service).unwrap();
    let code = ServiceCode::new("demo", service, &model, &other_operations);
    let mut output = Output::default();
    service_files(&code, &mut output).unwrap();
    output
}

fn demo() -> Value {
    json!({
        "metadata": {"apiVersion": "1", "endpointPrefix": "demo", "protocol": "json", "serviceFullName": "Demo"},
        "operations": {
            "PutNode": {"http": {"method": "POST", "requestUri": "/"}, "input": {"shape": "Node"},
                "errors": [{"shape": "Gone"}, {"shape": "Broken"}]},
            "Ping": {"http": {"method": "GET", "requestUri": "/ping"}, "errors": [{"shape": "Gone"}]},
        },
        "pagination": {},
        "shapes": {
            "Node": {"type": "structure", "required": ["type"], "members": {
                "type": {"shape": "Kind"},
                "efsVolumeConfiguration": {"shape": "Text"},
                "parent": {"shape": "Node"},
                "children": {"shape": "Nodes"},
                "labels": {"shape": "Labels"},
                "secret": {"shape": "Secret"},
                "at": {"shape": "Time"},
                "any": {"shape": "Any"}}},
            "Nodes": {"type": "list", "member": {"shape": "Node"}, "max": 3},
            "Labels": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Nodes"}},
            "Kind": {"type": "string", "enum": ["BIG_ONE", "small"]},
            "Text": {"type": "string", "min": 1, "pattern": "\\d\"+"},
            "Secret": {"type": "string", "sensitive": true},
            "Time": {"type": "timestamp", "timestampFormat": "iso8601"},
            "Any": {"type": "structure", "document": true, "members": {}},
            "Gone": {"type": "structure", "exception": true, "members": {"Message": {"shape": "Text"}},
                "error": {"code": "GoneForGood", "httpStatusCode": 410}},
            "Broken": {"type": "structure", "exception": true, "fault": true, "members": {}},
            "Unused": {"type": "structure", "members": {}},
        },
    })
}

fn assert_contains(output: &Output, path: &str, parts: &[&str]) {
    let path = format!("api-models/src/generated/demo/{path}");
    let text = output.text(&path).unwrap_or_else(|| panic!("{path} is not generated"));
    for part in parts {
        assert!(text.contains(part), "{part}\nis not in {path}:\n{text}");
    }
}

#[test]
fn structures() {
    let output = generated(demo(), &service(&["PutNode"], Generate::All));
    assert_contains(
        &output,
        "types/n.rs",
        &[
            "pub r#type: Option<Kind>,",
            "pub efs_volume_configuration: Option<String>,",
            "pub parent: Option<Box<Node>>,",
            "pub children: Option<Vec<Node>>,",
            "pub labels: Option<std::collections::BTreeMap<String, Vec<Node>>>,",
            "pub at: Option<crate::Timestamp>,",
            "pub any: Option<crate::Untyped>,",
            "structure!(Node, schema::NODE, {\n    0 r#type,\n    1 efs_volume_configuration,",
        ],
    );
    assert_contains(&output, "types/k.rs", &["BigOne = \"BIG_ONE\"", "Small = \"small\""]);
    assert!(output.text("api-models/src/generated/demo/types/u.rs").is_none(), "Unused is not reachable");
}

#[test]
fn schemas() {
    let output = generated(demo(), &service(&[], Generate::All));
    assert_contains(
        &output,
        "schema/n.rs",
        &[
            "MemberSchema::new(\"type\", Schema::String(&KIND)).required()",
            "MemberSchema::new(\"parent\", Schema::Structure(&NODE))",
            "MemberSchema::new(\"secret\", Schema::String(&SECRET)).sensitive()",
            "Schema::Timestamp(TimestampFormat::DateTime)",
            "MemberSchema::new(\"any\", Schema::Untyped)",
            "ListSchema::new(\"Nodes\", Schema::Structure(&NODE)).max(3)",
        ],
    );
    assert_contains(&output, "schema/t.rs", &[r#"StringSchema::new("Text").min(1).pattern("\\d\"+")"#]);
    assert_contains(&output, "schema/g.rs", &[r#".error("GoneForGood", 410, false)"#]);
    assert_contains(&output, "schema/b.rs", &[r#".error("Broken", 500, true)"#]);
}

#[test]
fn errors_and_operations() {
    let output = generated(demo(), &service(&["PutNode"], Generate::All));
    assert_contains(
        &output,
        "errors.rs",
        &[
            "exception!(Gone, message);",
            "exception!(Broken, message);",
            "operation_error!(PutNodeError, operations::PUT_NODE, {\n    Broken,\n    Gone,\n});",
            "common_error!(CommonError {\n    Gone,\n} =>\n    PingError,\n    PutNodeError,\n);",
        ],
    );
    assert_contains(
        &output,
        "operations.rs",
        &[
            "operation!(Ping, PING, types::PingRequest => types::PingResponse, errors::PingError);",
            r#".http("GET", "/ping", 200)"#,
            "&[&schema::GONE,&schema::BROKEN,]).on();",
        ],
    );
    assert_contains(&output, "mod.rs", &["other_operations: &[]", "internal_error: \"InternalFailure\""]);
}

#[test]
fn only_operations_that_are_on() {
    let output = generated(demo(), &service(&["Ping"], Generate::On));
    assert!(output.text("api-models/src/generated/demo/types/n.rs").is_none());
    assert_contains(&output, "mod.rs", &["other_operations: &[\"PutNode\"]"]);
}

#[test]
fn an_operation_that_does_not_exist_cannot_be_on() {
    assert!(model::prepare(demo(), &service(&["Pong"], Generate::All)).is_err());
}

#[test]
fn statics_do_not_collide() {
    let mut model = demo();
    model["shapes"]["text"] = json!({"type": "string"});
    model["shapes"]["Node"]["members"]["other"] = json!({"shape": "text"});
    let service = service(&[], Generate::All);
    let (model, _) = model::prepare(model, &service).unwrap();
    let code = ServiceCode::new("demo", &service, &model, &[]);
    assert_eq!(code.statics["Text"], "TEXT");
    assert_eq!(code.statics["text"], "TEXT_");
}

#[test]
fn names_that_would_clash() {
    let mut model = demo();
    model["shapes"]["PingError"] = json!({"type": "structure", "members": {"cause": {"shape": "Gone"}}});
    model["shapes"]["Node"]["members"]["error"] = json!({"shape": "PingError"});
    let output = generated(model, &service(&[], Generate::All));
    assert_contains(&output, "types/p.rs", &["pub cause: Option<Box<super::super::errors::Gone>>,"]);
    assert_contains(&output, "errors.rs", &["operation_error!(PingOperationError, operations::PING, {"]);
    assert_contains(&output, "operations.rs", &["types::PingResponse, errors::PingOperationError);"]);
}

#[test]
fn protocols() {
    let mut model = demo();
    model["metadata"]["protocol"] = json!("smithy-rpc-v2-cbor");
    model["metadata"]["protocols"] = json!(["smithy-rpc-v2-cbor", "query"]);
    let output = generated(model, &service(&[], Generate::All));
    let expected = ["protocol: Protocol::RpcV2Cbor", "protocols: &[Protocol::RpcV2Cbor,Protocol::AwsQuery,]"];
    assert_contains(&output, "mod.rs", &expected);
}

#[test]
fn names_of_the_wire() {
    let mut model = demo();
    model["shapes"]["Node"]["members"]["children"] = json!({"shape": "Nodes", "locationName": "Children"});
    model["shapes"]["Node"]["members"]["at"] = json!({"shape": "Time", "location": "header", "locationName": "x-at"});
    model["shapes"]["Nodes"]["member"]["locationName"] = json!("item");
    let output = generated(model.clone(), &service(&[], Generate::All));
    let parts = [
        "(\"children\", Schema::List(&NODES)).wire(\"Children\")",
        ".wire(\"x-at\").at(Location::Header)",
        ".member_name(\"item\")",
    ];
    assert_contains(&output, "schema/n.rs", &parts);
    model["shapes"]["Nodes"]["flattened"] = json!(true);
    let output = generated(model, &service(&[], Generate::All));
    assert_contains(&output, "schema/n.rs", &["(\"children\", Schema::List(&NODES)).wire(\"item\")", ".flattened()"]);
}
