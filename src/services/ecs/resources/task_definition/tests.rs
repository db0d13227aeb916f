//! What registering makes of a definition, against outputs of the real ECS, and properties of all definitions.

use api_models::ecs::{RegisterTaskDefinitionRequest, TaskDefinition};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::identity::{Region, Scope};

fn scope() -> Scope {
    Scope::new("123456789012".parse().expect("12 digits"), Region::new("us-east-1"))
}

fn prepared(json: &str) -> Prepared {
    let request = serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"));
    prepare(request, &scope()).unwrap_or_else(|error| panic!("{error}: {json}"))
}

fn attributes(json: &str) -> Vec<String> {
    let prefixes = ["com.amazonaws.ecs.capability.", "ecs.capability.", "docker-remote-api."];
    let short = |name: &str| prefixes.iter().fold(name.to_owned(), |name, prefix| name.replacen(prefix, "", 1));
    required(&prepared(json).definition).iter().map(|name| short(name)).collect()
}

fn compatibilities(json: &str) -> Vec<String> {
    prepared(json).compatibilities.iter().map(|one| one.to_string()).collect()
}

const ROLE: &str = "arn:aws:iam::123456789012:role/exec";
const ECR: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1";

/// On Fargate, with awslogs that make their group, an ECR image and secrets.
fn console() -> String {
    format!(
        r#"{{"family":"a","networkMode":"awsvpc","cpu":"1 vCPU","memory":"2 GB","executionRoleArn":"{ROLE}",
        "requiresCompatibilities":["FARGATE"],"containerDefinitions":[{{"name":"a","image":"{ECR}",
        "secrets":[{{"name":"S","valueFrom":"arn:aws:secretsmanager:us-east-1:123456789012:secret:s"}}],
        "logConfiguration":{{"logDriver":"awslogs","options":{{"awslogs-create-group":"true","awslogs-group":"g",
        "awslogs-region":"us-east-1","awslogs-stream-prefix":"ecs"}}}}}}]}}"#
    )
}

#[test]
fn attributes_come_in_the_order_of_real_outputs() {
    assert_eq!(
        attributes(&console()),
        [
            "logging-driver.awslogs",
            "execution-role-awslogs",
            "ecr-auth",
            "1.19",
            "secrets.asm.environment-variables",
            "execution-role-ecr-pull",
            "1.18",
            "task-eni",
            "1.29",
        ]
    );
    // Public images, a task role, empty lists sent.
    let public = r#"{"family":"a","networkMode":"awsvpc","cpu":"256","memory":"512","taskRoleArn":"role",
        "volumes":[{"name":"downloads"}],"containerDefinitions":[{"name":"a","image":"ghcr.io/a/b:latest","links":[],
        "dnsServers":[],"portMappings":[{"containerPort":2222}],"mountPoints":[{"sourceVolume":"downloads","containerPath":"/home"}]}]}"#;
    assert_eq!(attributes(public), ["1.17", "task-iam-role", "1.18", "task-eni"]);
    // The plain one of the AWS CLI's examples.
    let sleep = r#"{"family":"sleep360","containerDefinitions":[{"name":"sleep","image":"busybox","cpu":10,"memory":10,"command":["sleep","360"]}]}"#;
    assert_eq!(attributes(sleep), [""; 0]);
    // EFS, logs and a task role: more than twelve lie in 32 buckets.
    let efs = console()
        .replace(r#""secrets":[{"name":"S","valueFrom":"arn:aws:secretsmanager:us-east-1:123456789012:secret:s"}]"#, r#""memoryReservation":100"#)
        .replace(r#""family":"a""#, r#""family":"a","taskRoleArn":"role","volumes":[{"name":"v","efsVolumeConfiguration":{"fileSystemId":"fs-1"}}]"#);
    assert_eq!(
        attributes(&efs),
        [
            "execution-role-awslogs",
            "ecr-auth",
            "1.21",
            "task-iam-role",
            "execution-role-ecr-pull",
            "1.18",
            "task-eni",
            "1.29",
            "logging-driver.awslogs",
            "efsAuth",
            "1.19",
            "efs",
            "1.25",
        ]
    );
}

#[test]
fn firelens_needs_what_it_was_seen_to_need() {
    let awslogs = r#""logConfiguration":{"logDriver":"awslogs","options":{"awslogs-create-group":"true",
        "awslogs-group":"g","awslogs-region":"us-east-1","awslogs-stream-prefix":"ecs"}}"#;
    let firelens = format!(
        r#"{{"family":"a","networkMode":"awsvpc","cpu":"256","memory":"512","executionRoleArn":"{ROLE}","taskRoleArn":"t",
        "containerDefinitions":[{{"name":"router","image":"{ECR}","memoryReservation":50,"user":"0",{awslogs},
        "healthCheck":{{"command":["CMD","true"]}},"firelensConfiguration":{{"type":"fluentbit",
        "options":{{"config-file-type":"file","config-file-value":"/a"}}}}}},
        {{"name":"app","image":"{ECR}","logConfiguration":{{"logDriver":"awsfirelens"}}}}]}}"#
    );
    let found = attributes(&firelens);
    assert_eq!(
        found,
        [
            "execution-role-awslogs",
            "ecr-auth",
            "firelens.options.config.file",
            "1.17",
            "1.21",
            "logging-driver.awsfirelens",
            "task-iam-role",
            "container-health-check",
            "execution-role-ecr-pull",
            "1.18",
            "task-eni",
            "1.29",
            "logging-driver.awslogs",
            "1.19",
            "firelens.fluentbit",
        ]
    );
}

#[test]
fn compatibilities_follow_from_the_fields() {
    let awsvpc = |more: &str| {
        format!(
            r#"{{"family":"a","networkMode":"awsvpc","cpu":"256","memory":"512","containerDefinitions":[{{"name":"a","image":"a"{more}}}]}}"#
        )
    };
    let all = ["EC2", "MANAGED_INSTANCES", "FARGATE"];
    assert_eq!(compatibilities(&console()), all);
    assert_eq!(compatibilities(&awsvpc("")), all, "asked for or not");
    assert_eq!(compatibilities(&awsvpc(r#","privileged":true"#)), all[..2]);
    assert_eq!(compatibilities(&awsvpc(r#","stopTimeout":121"#)), all[..2]);
    assert_eq!(compatibilities(&awsvpc("").replace("512", "600")), all[..2]);
    assert_eq!(compatibilities(&awsvpc("").replace("awsvpc", "bridge")), ["EXTERNAL", "EC2"]);
    assert_eq!(compatibilities(&awsvpc("").replace(r#""networkMode":"awsvpc","#, "")), ["EXTERNAL", "EC2"]);
}

#[test]
fn defaults_are_those_of_ecs() {
    let json = r#"{"family":"a","networkMode":"awsvpc","cpu":".25 vCPU","memory":"0.5GB","volumes":[{"name":"v"}],
        "containerDefinitions":[{"name":"a","image":"a","portMappings":[{"containerPort":80},{"containerPort":81,"hostPort":0,"protocol":"udp"}],
        "healthCheck":{"command":["CMD","true"],"retries":5},"links":[]}]}"#;
    let expected = r#"{"containerDefinitions":[{"name":"a","image":"a","cpu":0,"links":[],"portMappings":[
        {"containerPort":80,"hostPort":80,"protocol":"tcp"},{"containerPort":81,"hostPort":81,"protocol":"udp"}],
        "essential":true,"environment":[],"mountPoints":[],"volumesFrom":[],
        "healthCheck":{"command":["CMD","true"],"interval":30,"timeout":5,"retries":5},"systemControls":[]}],
        "networkMode":"awsvpc","volumes":[{"name":"v","host":{}}],"placementConstraints":[],"cpu":"256","memory":"512"}"#;
    let expected: TaskDefinition = serde_json::from_str(expected).expect("a definition");
    assert_eq!(prepared(json).definition, expected);
    let bridge = r#"{"family":"a","containerDefinitions":[{"name":"a","image":"a","memory":9,"portMappings":[{"containerPort":80}]}]}"#;
    let bridge = prepared(bridge).definition;
    assert_eq!(bridge.network_mode, None);
    let ports = bridge.container_definitions.expect("containers").remove(0).port_mappings.expect("ports");
    assert_eq!(ports[0].host_port, Some(0));
}

/// What one would register to have the definition again.
fn again(definition: &TaskDefinition) -> RegisterTaskDefinitionRequest {
    let text = serde_json::to_string(definition).expect("JSON");
    let request: RegisterTaskDefinitionRequest = serde_json::from_str(&text).expect("the members have the same names");
    RegisterTaskDefinitionRequest { family: Some("web".into()), ..request }
}

/// Members of a container, each in good and in bad forms.
const MEMBERS: &[&str] = &[
    r#""cpu":10"#,
    r#""cpu":-1"#,
    r#""memory":128"#,
    r#""memory":1"#,
    r#""memoryReservation":64"#,
    r#""essential":false"#,
    r#""portMappings":[{"containerPort":80}]"#,
    r#""portMappings":[{"containerPort":80,"hostPort":8080,"protocol":"sctp"}]"#,
    r#""portMappings":[{"containerPortRange":"1-65535","name":"a"}]"#,
    r#""portMappings":[{"hostPort":-2147483648},{}]"#,
    r#""dependsOn":[{"containerName":"c0","condition":"HEALTHY"}]"#,
    r#""dependsOn":[{}]"#,
    r#""healthCheck":{"command":[]}"#,
    r#""healthCheck":{"command":["CMD","a"],"interval":2147483647}"#,
    r#""healthCheck":{}"#,
    r#""logConfiguration":{"logDriver":"awslogs"}"#,
    r#""logConfiguration":{"logDriver":"json-file"}"#,
    r#""logConfiguration":{}"#,
    r#""mountPoints":[{"sourceVolume":"v","containerPath":"/v"}]"#,
    r#""mountPoints":[{}]"#,
    r#""volumesFrom":[{}]"#,
    r#""links":[":::"]"#,
    r#""links":[]"#,
    r#""user":"0""#,
    r#""privileged":true"#,
    r#""ulimits":[{"softLimit":-2147483648}]"#,
    r#""secrets":[{"name":"A","valueFrom":"arn:aws:ssm:::"}]"#,
    r#""secrets":[{}]"#,
    r#""environmentFiles":[{}]"#,
    r#""resourceRequirements":[{"type":"GPU","value":"1"}]"#,
    r#""resourceRequirements":[{}]"#,
    r#""restartPolicy":{}"#,
    r#""linuxParameters":{"devices":[{}],"tmpfs":[{}]}"#,
    r#""linuxParameters":{"initProcessEnabled":true}"#,
    r#""firelensConfiguration":{}"#,
    r#""environment":[{}]"#,
    r#""dockerLabels":{"a":"b"}"#,
    r#""stopTimeout":121"#,
    r#""repositoryCredentials":{}"#,
    r#""systemControls":[{"namespace":"net.a","value":"1"}]"#,
    r#""credentialSpecs":["x"]"#,
];

const TASK_MEMBERS: &[&str] = &[
    r#""networkMode":"awsvpc""#,
    r#""networkMode":"host""#,
    r#""networkMode":"none""#,
    r#""cpu":"256""#,
    r#""cpu":".5 vcpu""#,
    r#""cpu":"x""#,
    r#""memory":"1 GB""#,
    r#""memory":"512""#,
    r#""memory":"""#,
    r#""requiresCompatibilities":["FARGATE"]"#,
    r#""requiresCompatibilities":["EC2","EXTERNAL"]"#,
    r#""executionRoleArn":"role""#,
    r#""taskRoleArn":"arn:aws:iam::1:role/a""#,
    r#""volumes":[{"name":"v"}]"#,
    r#""volumes":[{"name":"v","host":{"sourcePath":"/v"}}]"#,
    r#""volumes":[{}]"#,
    r#""volumes":[{"name":"v","efsVolumeConfiguration":{}}]"#,
    r#""volumes":[{"name":"v","configuredAtLaunch":true}]"#,
    r#""ephemeralStorage":{}"#,
    r#""ephemeralStorage":{"sizeInGiB":30}"#,
    r#""runtimePlatform":{"operatingSystemFamily":"LINUX"}"#,
    r#""runtimePlatform":{"operatingSystemFamily":"WINDOWS_SERVER_2022_CORE"}"#,
    r#""pidMode":"host""#,
    r#""ipcMode":"none""#,
    r#""placementConstraints":[{"type":"memberOf","expression":"a"}]"#,
    r#""proxyConfiguration":{"containerName":"c0"}"#,
    r#""enableFaultInjection":true"#,
    r#""tags":[]"#,
    r#""tags":[{}]"#,
    r#""tags":[{"key":"a","value":"b"}]"#,
];

/// One of the forms of each of some members: JSON takes a name once.
fn members(all: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    subsequence(all, 0..most).prop_map(|chosen| {
        let mut named = std::collections::BTreeMap::new();
        for member in chosen {
            named.entry(member.split(':').next().unwrap_or_default()).or_insert(member);
        }
        named.into_values().map(|member| format!(",{member}")).collect()
    })
}

fn request() -> impl Strategy<Value = String> {
    let container = (select(vec!["nginx", ECR, "a b", ""]), members(MEMBERS, 4));
    (proptest::collection::vec(container, 0..4), members(TASK_MEMBERS, 7)).prop_map(|(containers, task)| {
        let containers: Vec<String> = containers
            .iter()
            .enumerate()
            .map(|(n, (image, members))| format!(r#"{{"name":"c{n}","image":"{image}"{members}}}"#))
            .collect();
        format!(r#"{{"family":"web","containerDefinitions":[{}]{task}}}"#, containers.join(","))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Whatever is asked, there is an answer; and registering what was answered changes nothing.
    #[test]
    fn registering_the_answer_again_changes_nothing(json in request()) {
        let request: RegisterTaskDefinitionRequest = serde_json::from_str(&json).expect("a request");
        if let Ok(first) = prepare(request, &scope()) {
            let second = prepare(again(&first.definition), &scope()).expect("what was valid stays so");
            prop_assert_eq!(&second.definition, &first.definition);
            prop_assert_eq!(second.compatibilities, first.compatibilities);
            prop_assert_eq!(required(&second.definition), required(&first.definition));
        }
    }

    #[test]
    fn sizes_never_panic(text in "\\PC{0,12}|[0-9.]{0,12} ?(vcpu|GB)?") {
        let _ = (cpu_units(&text), memory_mib(&text));
    }
}
