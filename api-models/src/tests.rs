//! The generated ECS types against the hand-written core.

use std::collections::BTreeMap;

use crate::ecs::*;
use crate::schema::{ListSchema, MapSchema, MemberSchema, Schema, StructureSchema, TimestampFormat};
use crate::{
    Blob, Document, Encode, Exception, Operation, OperationError, Shape, ShapeSerializer, Structure, Timestamp,
    Unexpected, Untyped,
};

/// Writes events as text, close to JSON.
#[derive(Default)]
struct Text(String);

impl ShapeSerializer for Text {
    fn begin_structure(&mut self, schema: &'static StructureSchema) {
        self.0 += schema.name;
        self.0 += "{";
    }
    fn member(&mut self, member: &'static MemberSchema) {
        self.0 += member.wire_name;
        self.0 += "=";
    }
    fn end_structure(&mut self) {
        self.0 += "}";
    }
    fn begin_list(&mut self, _: &'static ListSchema, len: usize) {
        self.0 += &format!("{len}[");
    }
    fn element(&mut self) {
        self.0 += ",";
    }
    fn end_list(&mut self) {
        self.0 += "]";
    }
    fn begin_map(&mut self, _: &'static MapSchema, len: usize) {
        self.0 += &format!("{len}<");
    }
    fn key(&mut self, key: &str) {
        self.0 += key;
        self.0 += ":";
    }
    fn end_map(&mut self) {
        self.0 += ">";
    }
    fn string(&mut self, value: &str) {
        self.0 += value;
    }
    fn integer(&mut self, value: i64) {
        self.0 += &value.to_string();
    }
    fn double(&mut self, value: f64) {
        self.0 += &value.to_string();
    }
    fn boolean(&mut self, value: bool) {
        self.0 += &value.to_string();
    }
    fn timestamp(&mut self, value: Timestamp, _: TimestampFormat) {
        self.0 += &value.to_string();
    }
    fn blob(&mut self, value: &[u8]) {
        self.0 += &value.len().to_string();
    }
    fn untyped(&mut self, value: &Untyped) {
        self.0 += &format!("{value:?}");
    }
    fn null(&mut self) {
        self.0 += "null";
    }
}

fn text(value: &dyn Encode) -> String {
    let mut out = Text::default();
    value.encode(&mut out);
    out.0
}

fn string(value: &str) -> Document {
    Document::String(value.into())
}

/// A structure's document from the names of its members.
fn document(schema: &'static StructureSchema, members: Vec<(&str, Document)>) -> Document {
    let index = |name: &str| schema.member(name).unwrap_or_else(|| panic!("no member {name}")).0;
    Document::Structure(members.into_iter().map(|(name, value)| (index(name), value)).collect())
}

fn container_definition() -> Document {
    document(
        &schema::CONTAINER_DEFINITION,
        vec![
            ("name", string("web")),
            ("cpu", Document::Integer(128)),
            ("essential", Document::Boolean(true)),
            ("dockerLabels", Document::Map(vec![("b".into(), string("2")), ("a".into(), string("1"))])),
            ("command", Document::List(vec![string("sleep"), string("1")])),
            (
                "repositoryCredentials",
                document(&schema::REPOSITORY_CREDENTIALS, vec![("credentialsParameter", string("secret-arn"))]),
            ),
            ("image", Document::Null),
        ],
    )
}

#[test]
fn document_to_type_to_serializer() {
    let container = ContainerDefinition::from_document(container_definition()).unwrap();
    assert_eq!(container.name.as_deref(), Some("web"));
    assert_eq!(container.cpu, Some(128));
    assert_eq!(container.image, None, "null is as good as absent");
    assert_eq!(container.command.as_ref().unwrap().len(), 2);
    assert_eq!(
        text(&container),
        "ContainerDefinition{name=webrepositoryCredentials=RepositoryCredentials{credentialsParameter=secret-arn}\
         cpu=128essential=truecommand=2[,sleep,1]dockerLabels=2<a:1b:2>}"
    );
}

#[test]
fn serde_round_trip() {
    let task = Task {
        task_arn: Some("arn".into()),
        created_at: Some(Timestamp::from_millis(1_700_000_000_123)),
        launch_type: Some(LaunchType::Fargate),
        health_status: Some(HealthStatus::from("ODD")),
        containers: Some(vec![Container { name: Some("web".into()), exit_code: Some(0), ..Default::default() }]),
        overrides: Some(Box::default()),
        ..Default::default()
    };
    let json = serde_json::to_string(&task).unwrap();
    assert_eq!(
        json,
        r#"{"containers":[{"name":"web","exitCode":0}],"createdAt":1700000000123,"healthStatus":"ODD","launchType":"FARGATE","overrides":{},"taskArn":"arn"}"#
    );
    assert_eq!(serde_json::from_str::<Task>(&json).unwrap(), task);
    // Also out of a tree, which gives owned strings.
    assert_eq!(serde_json::from_value::<Task>(serde_json::to_value(&task).unwrap()).unwrap(), task);

    let with_more = r#"{"taskArn":"arn","unknown":{"a":[1]},"cpu":null}"#;
    assert_eq!(
        serde_json::from_str::<Task>(with_more).unwrap(),
        Task { task_arn: Some("arn".into()), ..Default::default() }
    );
    assert!(serde_json::from_str::<Task>(r#"{"taskArn":1}"#).is_err());
    assert!(serde_json::from_str::<Task>(r#"[]"#).is_err());
}

#[test]
fn serde_of_the_small_types() {
    let json = r#"{"a":[1,2.5,null,true,"s",{}]}"#;
    let untyped: Untyped = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&untyped).unwrap(), json);
    let blob = Blob(vec![1, 2]);
    assert_eq!(serde_json::from_str::<Blob>(&serde_json::to_string(&blob).unwrap()).unwrap(), blob);
    let tags: BTreeMap<String, LaunchType> = serde_json::from_str(r#"{"a":"EC2"}"#).unwrap();
    assert_eq!(tags["a"], LaunchType::Ec2);
}

#[test]
fn debug_shows_what_is_set_and_no_secrets() {
    let container = ContainerDefinition {
        name: Some("web".into()),
        environment: Some(vec![KeyValuePair { name: Some("PASSWORD".into()), value: Some("hunter2".into()) }]),
        repository_credentials: Some(Box::new(RepositoryCredentials {
            credentials_parameter: Some("secret-arn".into()),
        })),
        ..Default::default()
    };
    assert_eq!(
        format!("{container:?}"),
        r#"ContainerDefinition { name: "web", repositoryCredentials: (sensitive), environment: (sensitive) }"#
    );
    let credentials = container.repository_credentials.unwrap();
    assert_eq!(format!("{credentials:?}"), "RepositoryCredentials { credentialsParameter: (sensitive) }");
}

#[test]
fn a_document_that_does_not_fit_says_where() {
    let containers = Document::List(vec![
        container_definition(),
        document(&schema::CONTAINER_DEFINITION, vec![("cpu", string("many"))]),
    ]);
    let input = document(&schema::REGISTER_TASK_DEFINITION_REQUEST, vec![("containerDefinitions", containers)]);
    let error = RegisterTaskDefinitionRequest::from_document(input).unwrap_err();
    assert_eq!(error.to_string(), ".containerDefinitions.1.cpu: expected integer, found string");
}

#[test]
fn enums() {
    assert_eq!(LaunchType::from("FARGATE"), LaunchType::Fargate);
    assert_eq!(LaunchType::from("MOON").as_str(), "MOON");
    assert_eq!("EC2".parse::<LaunchType>(), Ok(LaunchType::Ec2));
    assert_eq!(format!("{:>5}", LaunchType::Ec2), "  EC2");
    assert_eq!(LaunchType::ALL.len(), 4);
}

#[test]
fn schemas() {
    let schema = RegisterTaskDefinitionRequest::SCHEMA;
    let (_, family) = schema.member("family").unwrap();
    assert!(family.required);
    // Recursive through statics: services() → operation → service.
    let run_task = SERVICE.operation("RunTask").unwrap();
    assert!(std::ptr::eq(run_task.service, &SERVICE));
    assert!(run_task.on);
    assert!(!SERVICE.operation("DescribeExpressGatewayService").unwrap().on);
    assert_eq!(SERVICE.operations.len(), 88);
    assert!(SERVICE.operations.is_sorted_by_key(|operation| operation.name));
    assert!(SERVICE.operation("RunTasks").is_none());
    let list_tasks = SERVICE.operation("ListTasks").unwrap().pagination.unwrap();
    assert_eq!((list_tasks.limit_key, list_tasks.result_key), (Some("maxResults"), &["taskArns"][..]));
    let Schema::List(environment) = schema::CONTAINER_DEFINITION.member("environment").unwrap().1.schema else {
        panic!("environment is a list")
    };
    assert!(environment.sensitive);
    for service in crate::services() {
        for operation in service.operations {
            assert!(operation.input.members.len() < usize::from(u16::MAX));
        }
    }
}

fn find_cluster(name: &str) -> Result<(), ClusterNotFoundException> {
    Err(ClusterNotFoundException::new(format!("Cluster {name} not found.")))
}

fn find_more(fail: bool) -> Result<(), CommonError> {
    find_cluster("a")?;
    if fail { Err(InvalidParameterException::new("no").into()) } else { Ok(()) }
}

#[test]
fn errors_convert_and_render() {
    fn run_task() -> Result<(), RunTaskError> {
        find_cluster("default")?;
        Ok(())
    }
    fn stop_task() -> Result<(), StopTaskError> {
        find_more(false)?;
        Ok(())
    }
    let error = run_task().unwrap_err();
    assert!(matches!(error, RunTaskError::ClusterNotFoundException(_)));
    assert_eq!((error.code(), error.http_status()), ("ClusterNotFoundException", 400));
    assert_eq!(error.message(), "Cluster default not found.");
    assert_eq!(error.to_string(), error.message());
    assert!(error.unexpected().is_none());
    assert!(std::ptr::eq(error.operation(), operations::RunTask::SCHEMA));
    let mut out = Text::default();
    error.encode_members(&mut out);
    assert_eq!(out.0, "ClusterNotFoundException{message=Cluster default not found.}");
    assert!(matches!(stop_task(), Err(StopTaskError::ClusterNotFoundException(_))));

    let server = ServerException::new("broken");
    assert_eq!((server.code(), server.http_status()), ("ServerException", 500));
}

#[test]
fn what_is_unexpected_stays_inside() {
    let error = RunTaskError::from(Unexpected::new("the disk is full"));
    assert_eq!((error.code(), error.http_status()), ("ServerException", 500));
    assert!(!error.message().contains("disk"));
    assert_eq!(error.unexpected().unwrap().to_string(), "the disk is full");
    let mut out = Text::default();
    error.encode_members(&mut out);
    assert_eq!(out.0, "");
    // Also a whole error with its chain.
    let error = Unexpected::new(std::io::Error::other("inner"));
    assert_eq!(error.inner().to_string(), "inner");
}

#[test]
fn the_common_errors_are_on_every_operation() {
    for operation in SERVICE.operations {
        for code in [
            "AccessDeniedException",
            "ClientException",
            "ClusterNotFoundException",
            "InvalidParameterException",
            "ServerException",
            "UnsupportedFeatureException",
        ] {
            assert!(operation.errors.iter().any(|error| error.name == code), "{} lacks {code}", operation.name);
        }
    }
}

#[test]
fn types_are_small() {
    // 50,000 task definitions are kept: what is not set should cost little.
    let size = size_of::<ContainerDefinition>();
    assert!(size <= 800, "ContainerDefinition has {size} bytes");
    let size = size_of::<TaskDefinition>();
    assert!(size <= 600, "TaskDefinition has {size} bytes");
}

mod timestamps {
    use std::time::Duration;

    use super::Timestamp;

    #[test]
    fn text() {
        let time = Timestamp::from_millis(1_700_000_000_120);
        assert_eq!(time.to_string(), "2023-11-14T22:13:20.12Z");
        assert_eq!(time.to_http_date(), "Tue, 14 Nov 2023 22:13:20 GMT");
        assert_eq!("2023-11-14T22:13:20.120Z".parse::<Timestamp>().unwrap(), time);
        assert_eq!("2023-11-14T23:13:20.120+01:00".parse::<Timestamp>().unwrap(), time);
        assert_eq!(
            "Tue, 14 Nov 2023 22:13:20 GMT".parse::<Timestamp>().unwrap(),
            Timestamp::from_millis(1_700_000_000_000)
        );
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[test]
    fn arithmetic() {
        let time = Timestamp::from_millis(1_500);
        assert_eq!(time.epoch_seconds_f64(), 1.5);
        assert_eq!(Timestamp::from_epoch_seconds_f64(1.5), time);
        assert_eq!(time.saturating_add(Duration::from_secs(1)), Timestamp::from_millis(2_500));
        assert_eq!(time.saturating_sub(Duration::from_secs(1)), Timestamp::from_millis(500));
        assert_eq!(time.saturating_add(Duration::MAX).as_millis(), i64::MAX);
        assert_eq!(time.duration_since(Timestamp::EPOCH), Duration::from_millis(1_500));
        assert_eq!(Timestamp::EPOCH.duration_since(time), Duration::ZERO);
        assert_eq!(Timestamp::from_millis(i64::MAX).to_string(), jiff::Timestamp::MAX.to_string());
    }
}
