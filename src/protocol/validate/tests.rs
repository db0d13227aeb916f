//! What ECS, and other services, say to input that breaks their model.

use api_models::Operation;
use api_models::ecs::operations as ops;
use api_models::schema::{OperationSchema, ServiceSchema};
use hyper::http::Request;

use super::*;
use crate::protocol::{Codec, aws_json::AwsJson};

fn check(operation: &'static OperationSchema, body: &str) -> Result<(), (String, String)> {
    let (parts, ()) = Request::new(()).into_parts();
    let document = AwsJson.decode(operation, &parts, body.as_bytes()).expect(body);
    input(operation, &document).map_err(|rejection| {
        assert_eq!(rejection.status, 400);
        (rejection.code.into_owned(), rejection.message.expect("a message").into_owned())
    })
}

fn refused(operation: &'static OperationSchema, body: &str, code: &str, message: &str) {
    assert_eq!(check(operation, body), Err((code.to_owned(), message.to_owned())), "{body}");
}

#[test]
fn required_members_are_told_as_ecs_does() {
    let register = ops::RegisterTaskDefinition::SCHEMA;
    refused(register, "{}", "ClientException", "Family can not be blank.");
    refused(register, r#"{"family":""}"#, "ClientException", "Family can not be blank.");
    refused(register, r#"{"family":"a"}"#, "ClientException", "Container list cannot be empty.");
    let ipe = "InvalidParameterException";
    refused(ops::RunTask::SCHEMA, "{}", ipe, "Task Definition can not be blank.");
    refused(ops::DescribeTasks::SCHEMA, r#"{"cluster":"a"}"#, ipe, "Tasks cannot be empty.");
    refused(ops::DescribeContainerInstances::SCHEMA, "{}", "ClientException", "Container Instances cannot be empty.");
    refused(ops::DeleteCluster::SCHEMA, r#"{"cluster":null}"#, ipe, "Cluster can not be blank.");
    refused(
        ops::UpdateTaskProtection::SCHEMA,
        r#"{"cluster":"a","tasks":[]}"#,
        ipe,
        "Protection Enabled can not be null.",
    );
    refused(ops::UpdateClusterSettings::SCHEMA, r#"{"cluster":"a"}"#, ipe, "Settings can not be empty.");
}

#[test]
fn required_members_inside_name_their_structure() {
    refused(
        ops::RegisterTaskDefinition::SCHEMA,
        r#"{"family":"a","containerDefinitions":[{"environmentFiles":[{"type":"s3"}]}]}"#,
        "ClientException",
        "EnvironmentFile.value should not be null or empty.",
    );
    refused(
        ops::RunTask::SCHEMA,
        r#"{"taskDefinition":"a","networkConfiguration":{"awsvpcConfiguration":{}}}"#,
        "InvalidParameterException",
        "subnets can not be empty.",
    );
}

#[test]
fn enums_show_what_they_know() {
    refused(
        ops::RunTask::SCHEMA,
        r#"{"taskDefinition":"a","launchType":"FARGAT"}"#,
        "InvalidParameterException",
        "launch type should be one of [EC2,FARGATE,EXTERNAL,FMI,MANAGED_INSTANCES]",
    );
    refused(
        ops::DescribeTasks::SCHEMA,
        r#"{"tasks":["a"],"include":["TAG"]}"#,
        "InvalidParameterException",
        "include should be one of [TAGS]",
    );
    let container = |inner: &str| format!(r#"{{"family":"a","containerDefinitions":[{{"name":"a",{inner}}}]}}"#);
    refused(
        ops::RegisterTaskDefinition::SCHEMA,
        &container(r#""logConfiguration":{"logDriver":"etwlogs"}"#),
        "ClientException",
        "etwlogs is not a valid log driver. Must be one of \
         [json-file,syslog,journald,gelf,fluentd,awslogs,splunk,awsfirelens]",
    );
    // The one enum that ECS does not check.
    let body = container(r#""portMappings":[{"containerPort":80,"protocol":"sctp"}]"#);
    assert_eq!(check(ops::RegisterTaskDefinition::SCHEMA, &body), Ok(()));
}

#[test]
fn ranges_and_nulls_are_refused() {
    refused(
        ops::RunTask::SCHEMA,
        r#"{"taskDefinition":"a","capacityProviderStrategy":[{"capacityProvider":"FARGATE","weight":1001}]}"#,
        "InvalidParameterException",
        "weight must be less than or equal to 1000.",
    );
    refused(
        ops::DescribeTasks::SCHEMA,
        r#"{"tasks":["a",null]}"#,
        "InvalidParameterException",
        "Tasks can not contain null.",
    );
}

#[test]
fn good_input_passes() {
    for (operation, body) in [
        (ops::ListClusters::SCHEMA, "{}"),
        (ops::RunTask::SCHEMA, r#"{"taskDefinition":"a","launchType":"FARGATE","tags":[{"key":"","value":"x"}]}"#),
        (ops::DescribeTasks::SCHEMA, r#"{"tasks":["a"],"include":["TAGS"]}"#),
    ] {
        assert_eq!(check(operation, body), Ok(()), "{body}");
    }
}

/// The same operation as one of a service that has the usual validation.
static OTHER: ServiceSchema =
    ServiceSchema { id: "other", operations: &[&OTHER_OPERATION], other_operations: &[], ..api_models::ecs::SERVICE };
static OTHER_OPERATION: OperationSchema = OperationSchema::new(
    "RunTask",
    &OTHER,
    &api_models::ecs::schema::RUN_TASK_REQUEST,
    &api_models::ecs::schema::RUN_TASK_RESPONSE,
    &[&api_models::ecs::schema::INVALID_PARAMETER_EXCEPTION],
);

#[test]
fn other_services_tell_all_at_once() {
    refused(
        &OTHER_OPERATION,
        r#"{"launchType":"X","capacityProviderStrategy":[{"weight":-1}]}"#,
        "InvalidParameterException",
        "4 validation errors detected: \
         Value null at 'taskDefinition' failed to satisfy constraint: Member must not be null; \
         Value 'X' at 'launchType' failed to satisfy constraint: Member must satisfy enum value set: \
         [EC2, FARGATE, EXTERNAL, MANAGED_INSTANCES]; \
         Value null at 'capacityProviderStrategy.1.member.capacityProvider' failed to satisfy constraint: \
         Member must not be null; \
         Value '-1' at 'capacityProviderStrategy.1.member.weight' failed to satisfy constraint: \
         Member must have value greater than or equal to 0",
    );
}

#[test]
fn ec2_tells_one_at_a_time() {
    use api_models::ec2::operations::{CreateLaunchTemplate, RunInstances};
    let told = |operation: &'static OperationSchema, members: Vec<(u16, Document)>| {
        let rejection = input(operation, &Document::Structure(members)).expect_err("refused");
        format!("{}: {}", rejection.code, rejection.message.unwrap_or_default())
    };
    assert_eq!(told(RunInstances::SCHEMA, vec![]), "MissingParameter: The request must contain the parameter MaxCount");
    let named = CreateLaunchTemplate::SCHEMA.input.members.iter().position(|it| it.name == "LaunchTemplateName");
    let name = (u16::try_from(named.expect("a member")).expect("few"), Document::String("ab".into()));
    let answer = told(CreateLaunchTemplate::SCHEMA, vec![name]);
    assert!(answer.contains("MissingParameter") || answer.contains("InvalidParameterValue"), "{answer}");
}
