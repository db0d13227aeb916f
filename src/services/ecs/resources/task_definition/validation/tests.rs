//! Each rule with its sentence: a good definition, changed in one or more places, and what ECS says to it.

use super::*;
use crate::identity::Region;

fn scope() -> Scope {
    Scope::new("123456789012".parse().expect("12 digits"), Region::new("us-east-1"))
}

fn request(json: &str) -> RegisterTaskDefinitionRequest {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

/// The sentence a request is refused with; nothing when it is accepted.
fn refusal(json: &str) -> String {
    validate(&request(json), &scope()).err().and_then(|error| error.message).unwrap_or_default()
}

/// A definition on EC2: `container` and `task` are members of a container `app` and of the request.
fn ec2(container: &str, task: &str) -> String {
    definition("app", container, r#""memory":"512""#, task)
}

/// One on Fargate.
fn fargate(container: &str, task: &str) -> String {
    let size = r#""requiresCompatibilities":["FARGATE"],"networkMode":"awsvpc","cpu":"256","memory":"512""#;
    definition("app", container, size, task)
}

fn awsvpc(container: &str, task: &str) -> String {
    definition("app", container, r#""networkMode":"awsvpc","memory":"512""#, task)
}

fn definition(name: &str, container: &str, defaults: &str, task: &str) -> String {
    let comma = |text: &str| if text.is_empty() { String::new() } else { format!(",{text}") };
    format!(
        r#"{{"family":"web","containerDefinitions":[{{"name":"{name}","image":"nginx"{}}}],{defaults}{}}}"#,
        comma(container),
        comma(task)
    )
}

/// A definition with two containers, `app` and `side`, of the members given.
fn two(app: &str, side: &str, task: &str) -> String {
    format!(
        r#"{{"family":"web","memory":"512","containerDefinitions":[{{"name":"app","image":"a",{app}}},{{"name":"side","image":"b",{side}}}]{task}}}"#
    )
}

#[test]
fn good_definitions_pass() {
    let role = r#""executionRoleArn":"arn:aws:iam::123456789012:role/path/exec","taskRoleArn":"task-role""#;
    for json in [
        ec2("", ""),
        fargate("", ""),
        awsvpc("", ""),
        ec2(
            r#""portMappings":[{"containerPort":80},{"containerPort":80,"protocol":"udp"},{"containerPort":81,"hostPort":0}]"#,
            "",
        ),
        awsvpc(
            r#""portMappings":[{"containerPort":80,"hostPort":80,"name":"web","appProtocol":"http"},{"containerPortRange":"81-90"},{"containerPort":85,"protocol":"udp"}]"#,
            "",
        ),
        awsvpc(r#""dnsServers":[],"links":[],"extraHosts":[],"dockerSecurityOptions":[],"dnsSearchDomains":[]"#, ""),
        ec2(r#""logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"g","awslogs-region":"r"}}"#, ""),
        ec2(
            r#""healthCheck":{"command":["CMD-SHELL","true"],"interval":300,"timeout":60,"retries":10,"startPeriod":0}"#,
            "",
        ),
        ec2(r#""image":"123456789012.dkr.ecr.us-east-1.amazonaws.com/a/b@sha256:0123456789abcdef""#, ""),
        fargate(r#""secrets":[{"name":"A","valueFrom":"arn:aws:ssm:us-east-1:123456789012:parameter/a"}]"#, role),
        fargate(
            r#""stopTimeout":120,"linuxParameters":{"capabilities":{"add":["SYS_PTRACE"],"drop":["ALL"]},"initProcessEnabled":true}"#,
            "",
        ),
        fargate("", r#""ephemeralStorage":{"sizeInGiB":21}"#),
        fargate(
            "",
            r#""volumes":[{"name":"a","host":{}},{"name":"b"},{"name":"c","efsVolumeConfiguration":{"fileSystemId":"fs-1"}}]"#,
        ),
        ec2(
            r#""mountPoints":[{"sourceVolume":"a","containerPath":"/a"}]"#,
            r#""volumes":[{"name":"a","host":{"sourcePath":"/a"}},{"name":"unused"}]"#,
        ),
        two(r#""dependsOn":[{"containerName":"side","condition":"COMPLETE"}]"#, r#""essential":false"#, ""),
        two(r#""links":["side:db"],"volumesFrom":[{"sourceContainer":"side"}]"#, r#""cpu":10"#, ""),
        two(r#""memory":256"#, r#""memory":512"#, ""),
    ] {
        assert_eq!(refusal(&json), "", "{json}");
    }
}

#[test]
fn names_and_task_level() {
    let long = "n".repeat(256);
    let eleven = (0..11).map(|n| format!(r#"{{"name":"c{n}","image":"a"}}"#)).collect::<Vec<_>>().join(",");
    let cases = [
        (r#"{"containerDefinitions":[]}"#.to_owned(), "Family can not be blank."),
        (r#"{"family":" "}"#.into(), "Family can not be blank."),
        (r#"{"family":"a b"}"#.into(), "Family contains invalid characters."),
        (format!(r#"{{"family":"{long}"}}"#), "Family contains invalid characters."),
        (r#"{"family":"a"}"#.into(), "Container list cannot be empty."),
        (r#"{"family":"a","containerDefinitions":[]}"#.into(), "Container list cannot be empty."),
        (format!(r#"{{"family":"a","containerDefinitions":[{eleven}]}}"#), "Too many containers."),
        (ec2("", r#""inferenceAccelerators":[]"#), "Unsupported field 'inferenceAccelerators'."),
        (ec2("", r#""taskRoleArn":"arn:aws:iam::123456789012:user/me""#), "Role is not valid"),
        (ec2("", r#""executionRoleArn":"a role""#), "Role is not valid"),
        (r#"{"family":"a","containerDefinitions":[{}]}"#.into(), "Container.name should not be null or empty."),
        (ec2("", "").replace("app", "a.b"), "Container.name contains invalid characters."),
        (
            r#"{"family":"a","containerDefinitions":[{"name":"a"}]}"#.into(),
            "Container.image should not be null or empty.",
        ),
        (
            r#"{"family":"a","containerDefinitions":[{"name":"a","image":"$IMAGE:$TAG"}]}"#.into(),
            "Container.image contains invalid characters.",
        ),
        (
            two("\"cpu\":0", "\"cpu\":0", "").replace("side", "app"),
            "Container names must be unique within a task definition",
        ),
        (ec2(r#""essential":false"#, ""), "Task definition doesn't have any essential container"),
        (
            ec2(r#""cpu":300"#, r#""cpu":"256""#),
            "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.",
        ),
        (
            ec2("", r#""cpu":"64""#),
            "Invalid 'cpu' setting for task. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.",
        ),
        (
            fargate("", r#""cpu":"abc""#),
            "Invalid 'cpu' setting for task. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.",
        ),
        (
            ec2("", r#""memory":"lots""#),
            "Invalid 'memory' setting for task. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.",
        ),
        (
            ec2("", r#""placementConstraints":[{"type":"memberOf"}]"#),
            "constraint.expression should not be null or empty.",
        ),
        (fargate("", r#""ephemeralStorage":{"sizeInGiB":20}"#), "EphemeralStorage size should be at least 21"),
        (fargate("", r#""ephemeralStorage":{"sizeInGiB":201}"#), "EphemeralStorage size should be at most 200"),
        (
            ec2("", r#""ephemeralStorage":{"sizeInGiB":30}"#),
            "Tasks using the EC2 launch type do not support EphemeralStorage.",
        ),
        (
            fargate("", r#""ephemeralStorage":{"sizeInGiB":30},"requiresCompatibilities":["EC2","FARGATE"]"#),
            "Tasks using the EC2 launch type do not support EphemeralStorage.",
        ),
    ];
    check(&cases);
    let big = ec2(&format!(r#""command":["{}"]"#, "x".repeat(70_000)), "");
    assert!(refusal(&big).starts_with("Actual length: '70"), "{}", refusal(&big));
    assert!(refusal(&big).ends_with("'. Max allowed length is '65536' bytes."));
}

/// The last of two members of the same name holds, so that a case can replace a default.
fn check(cases: &[(String, &str)]) {
    for (json, message) in cases {
        assert_eq!(refusal(json), *message, "{json}");
    }
}

#[test]
fn container_settings() {
    let bare = |container: &str| {
        format!(r#"{{"family":"web","containerDefinitions":[{{"name":"app","image":"a",{container}}}]}}"#)
    };
    let health = |setting: &str| ec2(&format!(r#""healthCheck":{{"command":["CMD","x"],{setting}}}"#), "");
    check(&[
        (
            bare(r#""cpu":1"#),
            "Invalid setting for container 'app'. At least one of 'memory' or 'memoryReservation' must be specified.",
        ),
        (
            bare(r#""memory":100,"memoryReservation":200"#),
            "Invalid setting for container 'app'. 'memory' must be greater than or equal to 'memoryReservation'.",
        ),
        (bare(r#""memory":3"#), "Invalid 'memory' setting for container 'app'."),
        (ec2(r#""memory":600"#, ""), "The 'memory' setting for container 'app' is greater than for the task."),
        (
            two(r#""memoryReservation":300"#, r#""memoryReservation":300"#, ""),
            "The sum of all container 'memoryReservation' values cannot be greater than the value of the task 'memory'.",
        ),
        (ec2(r#""startTimeout":1"#, ""), "Granular start timeout on container 'app' must be at least 2 seconds."),
        (ec2(r#""stopTimeout":0"#, ""), "Granular stop timeout on container 'app' must be at least 2 seconds."),
        (
            health(r#""interval":301"#),
            "Health check interval must be less than or equal to the maximum allowed value 300 for container 'app'",
        ),
        (
            health(r#""timeout":61"#),
            "Health check timeout must be less than or equal to the maximum allowed value 60 for container 'app'",
        ),
        (
            health(r#""retries":11"#),
            "Health check retries must be less than or equal to the maximum allowed value 10 for container 'app'",
        ),
        (
            health(r#""startPeriod":301"#),
            "Health check startPeriod must be less than or equal to the maximum allowed value 300 for container 'app'",
        ),
        (
            health(r#""interval":4"#),
            "Health check interval must be greater than or equal to the minimum allowed value 5 for container 'app'",
        ),
        (
            ec2(r#""restartPolicy":{"enabled":true,"restartAttemptPeriod":59}"#, ""),
            "The 'restartAttemptPeriod' setting for container 'app' must be between 60 and 1800.",
        ),
        (
            ec2(r#""ulimits":[{"name":"nofile","softLimit":2,"hardLimit":1}]"#, ""),
            "Invalid 'ulimits' setting for container 'app'.",
        ),
        (ec2(r#""linuxParameters":{"swappiness":101}"#, ""), "Invalid 'swappiness' setting for container 'app'."),
        (
            ec2(r#""resourceRequirements":[{"type":"GPU","value":"0"}]"#, ""),
            "Invalid 'GPU' resource requirement for container 'app'.",
        ),
    ]);
}

#[test]
fn network() {
    let port = |mapping: &str| format!(r#""portMappings":[{mapping}]"#);
    let proxy = |name: &str, properties: &str| {
        format!(r#""proxyConfiguration":{{"containerName":"{name}","properties":[{properties}]}}"#)
    };
    check(&[
        (ec2(&port("{}"), ""), "Invalid 'containerPort' setting for container 'app'."),
        (ec2(&port(r#"{"containerPort":65536}"#), ""), "Invalid 'containerPort' setting for container 'app'."),
        (ec2(&port(r#"{"containerPort":80,"hostPort":-1}"#), ""), "Invalid 'hostPort' setting for container 'app'."),
        (
            awsvpc(&port(r#"{"containerPort":80,"hostPort":8080}"#), ""),
            "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
        ),
        (
            ec2(&port(r#"{"containerPort":80,"hostPort":8080}"#), r#""networkMode":"host""#),
            "When networkMode=host, the host ports and container ports in port mappings must match.",
        ),
        (
            ec2(&port(r#"{"containerPort":80}"#), r#""networkMode":"none""#),
            "Port mappings are not supported when networkMode=none.",
        ),
        (
            awsvpc(&port(r#"{"containerPort":8085},{"containerPort":8085}"#), ""),
            "TCP container port '8085' is used multiple times in task when networkMode=awsvpc.",
        ),
        (
            awsvpc(
                &port(r#"{"containerPort":85,"protocol":"udp"},{"containerPortRange":"80-90","protocol":"udp"}"#),
                "",
            ),
            "UDP container port '85' is used multiple times in task when networkMode=awsvpc.",
        ),
        (
            ec2(&port(r#"{"containerPort":1,"hostPort":3000},{"containerPort":2,"hostPort":3000}"#), ""),
            "TCP host port '3000' is mapped multiple times in task.",
        ),
        (
            awsvpc(&port(r#"{"containerPort":1,"name":"a"},{"containerPort":2,"name":"a"}"#), ""),
            "When networkMode=awsvpc, port mapping name is already used",
        ),
        (ec2(&port(r#"{"containerPort":1,"name":"-A"}"#), ""), "Invalid 'name' setting for container 'app'."),
        (
            awsvpc(&port(r#"{"containerPortRange":"90-80"}"#), ""),
            "Invalid 'containerPortRange' setting for container 'app'.",
        ),
        (
            awsvpc(&port(r#"{"containerPortRange":"80"}"#), ""),
            "Invalid 'containerPortRange' setting for container 'app'.",
        ),
        (
            awsvpc(&port(r#"{"containerPortRange":"80-90","containerPort":80}"#), ""),
            "Invalid port mapping for container 'app', cannot specify both single port and port range.",
        ),
        (awsvpc(r#""links":["app"]"#, ""), "Links are not supported when networkMode=awsvpc."),
        (ec2(r#""links":["nope:x"]"#, ""), "Unknown container 'nope'."),
        (ec2(r#""links":["app"]"#, ""), "Container dependency cannot have a cycle."),
        (
            ec2(r#""credentialSpecs":["credentialspec:x"]"#, ""),
            "Unsupported setting 'credentialSpecs' for container 'app'.",
        ),
        (awsvpc(r#""hostname":"h""#, ""), "hostname is not supported on container when networkMode=awsvpc."),
        (
            awsvpc(r#""extraHosts":[{"hostname":"h","ipAddress":"1.2.3.4"}]"#, ""),
            "Extra hosts are not supported on container when networkMode=awsvpc.",
        ),
        (
            awsvpc(r#""dnsServers":["1.1.1.1"]"#, ""),
            "DNS servers are not supported on container when networkMode=awsvpc.",
        ),
        (
            awsvpc(r#""disableNetworking":true"#, ""),
            "Disable Networking is not supported on container when networkMode=awsvpc.",
        ),
        (ec2("", &proxy("app", "")), "APPMESH proxy configuration is only supported in networkMode=awsvpc"),
        (awsvpc("", &proxy("envoy", "")), "Proxy container [envoy] does not exist."),
        (awsvpc("", &proxy("app", "")), "Ingress port not found"),
        (
            ec2("", r#""enableFaultInjection":true"#),
            "Fault injection is only supported in networkMode=awsvpc and networkMode=host.",
        ),
    ]);
}

#[test]
fn what_containers_refer_to() {
    let file = r#"{"value":"arn:aws:s3:::bucket/a.env","type":"s3"}"#;
    let volume = |volume: &str| ec2("", &format!(r#""volumes":[{{"name":"v",{volume}}}]"#));
    let role = r#""executionRoleArn":"exec""#;
    check(&[
        (
            ec2(r#""dependsOn":[{"containerName":"nope","condition":"START"}]"#, ""),
            "Cannot depend on container + 'nope' because it does not exist",
        ),
        (
            two(r#""dependsOn":[{"containerName":"side","condition":"SUCCESS"}]"#, r#""cpu":0"#, ""),
            "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
        ),
        (
            two(r#""dependsOn":[{"containerName":"side","condition":"HEALTHY"}]"#, r#""cpu":0"#, ""),
            "A dependency container with HEALTHY condition must have health check configured",
        ),
        (
            two(
                r#""dependsOn":[{"containerName":"side","condition":"START"}]"#,
                r#""dependsOn":[{"containerName":"app","condition":"START"}]"#,
                "",
            ),
            "Container dependency cannot have a cycle.",
        ),
        (
            ec2(r#""dependsOn":[{"containerName":"app","condition":"START"}]"#, ""),
            "Container dependency cannot have a cycle.",
        ),
        (ec2(r#""mountPoints":[{"sourceVolume":"nope","containerPath":"/"}]"#, ""), "Unknown volume 'nope'."),
        (ec2(r#""mountPoints":[{"containerPath":"/"}]"#, ""), "Unknown volume 'null'."),
        (ec2(r#""volumesFrom":[{"sourceContainer":"nope"}]"#, ""), "Unknown container 'nope'."),
        (volume(r#""host":{"sourcePath":""}"#), "host.sourcePath should not be blank."),
        (volume(r#""configuredAtLaunch":true"#), "Volumes [v] are not referenced by any of the containers"),
        (
            volume(r#""host":{"sourcePath":"/a"},"efsVolumeConfiguration":{"fileSystemId":"fs-1"}"#),
            "Fields mutually exclusive: volume 'v' can have only one configuration.",
        ),
        (
            volume(
                r#""efsVolumeConfiguration":{"fileSystemId":"fs-1","rootDirectory":"/a","authorizationConfig":{"accessPointId":"fsap-1"}}"#,
            ),
            "When using an EFS access point, the root directory must either be set to \"/\" or be omitted.",
        ),
        (
            volume(r#""efsVolumeConfiguration":{"fileSystemId":"fs-1","authorizationConfig":{"iam":"ENABLED"}}"#),
            "EFS IAM authorization requires TransitEncryption to be enabled.",
        ),
        (
            volume(r#""efsVolumeConfiguration":{"fileSystemId":"fs-1","transitEncryptionPort":2999}"#),
            "TransitEncryptionPort requires that TransitEncryption is enabled.",
        ),
        (
            ec2(r#""logConfiguration":{"logDriver":"awslogs"}"#, ""),
            "Log driver awslogs requires options: awslogs-region, awslogs-group",
        ),
        (
            ec2(r#""logConfiguration":{"logDriver":"awslogs","options":{"awslogs-region":"r"}}"#, ""),
            "Log driver awslogs requires options: awslogs-group",
        ),
        (
            ec2(r#""logConfiguration":{"logDriver":"awsfirelens"}"#, ""),
            "When awsfirelens log driver is specified in log configuration, a firelens configuration object must be configured in one of the containers.",
        ),
        (
            ec2(r#""firelensConfiguration":{"type":"fluentbit"}"#, ""),
            "When a firelensConfiguration object is specified, at least one container has to be configured with the awsfirelens log driver",
        ),
        (
            ec2(
                r#""firelensConfiguration":{"type":"fluentbit","options":{"config-file-type":"s3","config-file-value":"x"}}"#,
                "",
            ),
            "Invalid arn syntax.",
        ),
        (
            ec2(r#""secrets":[{"name":"A","valueFrom":"a"}]"#, ""),
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
        ),
        (
            ec2(r#""environment":[{"name":"A","value":"1"}],"secrets":[{"name":"A","valueFrom":"a"}]"#, role),
            "The secret name must be unique and not shared with any new or existing environment variables set on the container, such as 'A'.",
        ),
        (
            ec2(r#""secrets":[{"name":"A","valueFrom":"arn:aws:ssm:us-east-1:999999999999:parameter/a"}]"#, role),
            "The Systems Manager parameter ARN has a different account ID than the current account. The current account ID is 123456789012 and the ARN account ID is 999999999999. Cross-account access for ARNs is not currently supported.",
        ),
        (
            ec2(&format!(r#""environmentFiles":[{}]"#, [file; 11].join(",")), ""),
            "The maximum number of environment files was exceeded. Specify ten or less and try again.",
        ),
        (ec2(r#""environmentFiles":[{"value":"bucket/a.env","type":"s3"}]"#, ""), "Invalid arn syntax."),
    ]);
}

#[test]
fn fargate_rules() {
    let linux = |setting: &str| fargate(&format!(r#""linuxParameters":{{{setting}}}"#), "");
    let awslogs = r#""logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"g","awslogs-region":"r"}}"#;
    let prefixed = awslogs.replace(r#""g","#, r#""g","awslogs-stream-prefix":"p","#);
    let required = r#""requiresCompatibilities":["FARGATE"]"#;
    check(&[
        (ec2("", required), "Fargate only supports network mode ‘awsvpc’."),
        (awsvpc("", required), "Fargate requires that 'cpu' be defined at the task level."),
        (
            format!(
                r#"{{"family":"a","networkMode":"awsvpc","cpu":"256",{required},"containerDefinitions":[{{"name":"a","image":"a","memory":10}}]}}"#
            ),
            "Fargate requires that 'memory' be defined at the task level.",
        ),
        (
            // "At least one of..." comes before.
            format!(
                r#"{{"family":"a","networkMode":"awsvpc","cpu":"256",{required},"containerDefinitions":[{{"name":"a","image":"a"}}]}}"#
            ),
            "Invalid setting for container 'a'. At least one of 'memory' or 'memoryReservation' must be specified.",
        ),
        (
            fargate("", r#""cpu":"512","memory":"9 GB""#),
            "No Fargate configuration exists for given values: 512 CPU, 9216 memory. See the Amazon ECS documentation for the valid values.",
        ),
        (
            fargate("", r#""runtimePlatform":{"operatingSystemFamily":"WINDOWS_SERVER_2022_CORE"}"#),
            "No Fargate configuration exists for given values: 256 CPU, 512 memory. See the Amazon ECS documentation for the valid values.",
        ),
        (
            fargate("", r#""pidMode":"host""#),
            "Tasks using the Fargate launch type do not support pidMode 'host'. The supported value for pidMode is 'task'.",
        ),
        (fargate("", r#""ipcMode":"task""#), "Fargate compatible task definitions do not support ipcMode"),
        (
            fargate("", r#""placementConstraints":[{"type":"memberOf","expression":"e"}]"#),
            "Fargate compatible task definitions do not support constraints",
        ),
        (
            fargate("", r#""volumes":[{"name":"v","host":{"sourcePath":"/a"}}]"#),
            "Fargate compatible task definitions do not support sourcePath",
        ),
        (
            fargate("", r#""volumes":[{"name":"v","dockerVolumeConfiguration":{}}]"#),
            "Fargate compatible task definitions do not support dockerVolumeConfiguration",
        ),
        (linux(r#""devices":[{"hostPath":"/dev/x"}]"#), "Fargate compatible task definitions do not support devices"),
        (linux(r#""sharedMemorySize":64"#), "Fargate compatible task definitions do not support sharedMemorySize"),
        (linux(r#""maxSwap":1"#), "Fargate compatible task definitions do not support maxSwap"),
        (linux(r#""capabilities":{"add":["NET_ADMIN"]}"#), "NET_ADMIN is not allowed on Fargate."),
        (
            fargate(r#""dockerSecurityOptions":["no-new-privileges"]"#, ""),
            "Fargate compatible task definitions do not support dockerSecurityOptions",
        ),
        (
            fargate(r#""privileged":true"#, ""),
            "Fargate requires that the ‘privileged’ setting be ‘false’ at the container level.",
        ),
        (
            fargate(r#""resourceRequirements":[{"type":"GPU","value":"1"}]"#, ""),
            "Tasks using the Fargate launch type do not support GPU resource requirements.",
        ),
        (
            fargate(r#""stopTimeout":121"#, ""),
            "Tasks using the Fargate launch type must have a container stop timeout of less than 120 seconds.",
        ),
        (
            fargate(r#""logConfiguration":{"logDriver":"json-file"}"#, ""),
            "json-file is not a valid log driver. Must be one of [awslogs,splunk,awsfirelens]",
        ),
        (
            fargate(awslogs, ""),
            "Fargate requires log configuration options to include awslogs-stream-prefix to support log driver awslogs.",
        ),
        (
            fargate(&prefixed, ""),
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
        ),
        (
            fargate(r#""image":"123456789012.dkr.ecr.us-east-1.amazonaws.com/a""#, ""),
            "Fargate requires task definition to have execution role ARN to support ECR images.",
        ),
        (
            fargate(
                r#""firelensConfiguration":{"type":"fluentbit","options":{"config-file-type":"s3","config-file-value":"arn:aws:s3:::b/c"}},"logConfiguration":{"logDriver":"awsfirelens"}"#,
                "",
            ),
            "Fargate launch type does not support FirelensConfiguration config file from 's3'",
        ),
    ]);
}
