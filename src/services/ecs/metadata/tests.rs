//! The answers to containers, on the simulated runtime.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use api_models::ecs::{LaunchType, NetworkMode, Tag};
use hyper::Method;
use serde_json as json;

use super::*;
use crate::reconcile::Reconciler;
use crate::runtime::simulated::SimulatedRuntime;
use crate::runtime::{ContainerId, ObservedHealth};
use crate::services::Context;
use crate::services::ecs::agent::fixtures::{container, definition, task};
use crate::services::ecs::metadata::route::{Route, route};
use crate::services::ecs::resources::{DaemonLink, Task, TaskStatus};
use crate::testing::context;

const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 192, 64, 5);

struct Endpoint {
    context: Context,
    metadata: Metadata,
}

impl Endpoint {
    /// With one running task in that mode, changed by `change`.
    async fn with_task(mode: NetworkMode, change: impl FnOnce(&mut Task)) -> Self {
        let context = context();
        let definition = definition(mode, vec![container("web", true), container("side", false)]);
        let mut task = task(&definition, 7);
        task.last_status = TaskStatus::Running;
        task.containers[0].runtime_id = Some(ContainerId("f00d".into()));
        task.containers[0].last_status = TaskStatus::Running;
        task.containers[0].health = ObservedHealth::Healthy;
        task.tags = [Tag { key: Some("team".into()), value: Some("blue".into()) }].into();
        if let Some(attachment) = &mut task.attachment {
            attachment.address = Some(ADDRESS);
            attachment.subnet_id = (0..100)
                .map(|number| format!("subnet-{number}"))
                .find(|id| crate::services::ecs::network::zone_index(id) == 1)
                .expect("one of them lies in the second zone")
                .into();
        }
        change(&mut task);
        let put = context.store().transact(|tx| {
            tx.put(task);
            Ok::<_, api_models::Unexpected>(())
        });
        put.await.expect("in memory");
        let shared = context.shared.clone();
        let runtime = SimulatedRuntime::new(shared.store.id(), shared.clock.clone(), shared.ids.clone());
        Self { metadata: Metadata::new(shared, Arc::new(runtime)), context }
    }

    async fn ask(&self, method: Method, path: &str, body: &str) -> (u16, String) {
        let Route::Inside(asked) = route(&method, path, Some(ADDRESS)) else { panic!("{path} is no such path") };
        let answer = self.metadata.answer(&asked, body.as_bytes()).await;
        (answer.status, String::from_utf8(answer.body).expect("JSON"))
    }

    async fn get(&self, path: &str) -> json::Map<String, json::value::Value> {
        let (status, body) = self.ask(Method::GET, path, "").await;
        assert_eq!(status, 200, "{body}");
        json::from_str(&body).expect("an object")
    }
}

#[tokio::test]
async fn version_4_shows_more_than_version_3_and_ec2_other_things_than_fargate() {
    let fargate = Endpoint::with_task(NetworkMode::Awsvpc, |task| {
        task.ephemeral_storage_gib = Some(20);
        task.group = "service:shop".into();
    })
    .await;
    let id = format!("{:032x}-0", 7);
    let task = fargate.get(&format!("/v4/{id}/task")).await;
    assert_eq!(task["Cluster"], "arn:aws:ecs:us-east-1:000000000000:cluster/default");
    assert_eq!((&task["LaunchType"], &task["ServiceName"]), (&"FARGATE".into(), &"shop".into()));
    assert_eq!(task["EphemeralStorageMetrics"]["Reserved"], 20_496);
    assert_eq!(task["ClockDrift"]["ClockSynchronizationStatus"], "SYNCHRONIZED");
    assert_eq!(task["FaultInjectionEnabled"], false);
    assert!(!task.contains_key("VPCID") && !task.contains_key("TaskTags"));
    let web = &task["Containers"][0];
    assert_eq!(web["DockerId"], id);
    assert_eq!(web["DockerName"], "web");
    assert_eq!(web["Health"]["status"], "HEALTHY");
    let network = &web["Networks"][0];
    assert_eq!(network["IPv4SubnetCIDRBlock"], "10.192.64.0/18");
    assert_eq!(network["PrivateDNSName"], "ip-10-192-64-5.ec2.internal");
    assert_eq!(network["SubnetGatewayIpv4Address"], "10.192.0.1/18");
    let old = fargate.get(&format!("/v3/{id}/task")).await;
    for new in ["LaunchType", "ServiceName", "ClockDrift", "EphemeralStorageMetrics", "FaultInjectionEnabled"] {
        assert!(!old.contains_key(new), "{new}");
    }
    assert!(old["Containers"][0].get("ContainerARN").is_none());

    let ec2 = Endpoint::with_task(NetworkMode::Awsvpc, |task| task.launch_type = Some(LaunchType::Ec2)).await;
    let task = ec2.get("/v4/7-web/taskWithTags").await;
    assert_eq!((&task["Cluster"], &task["LaunchType"]), (&"default".into(), &"EC2".into()));
    assert_eq!(task["TaskTags"]["team"], "blue");
    assert!(task.contains_key("VPCID") && !task.contains_key("ClockDrift"));
    assert_eq!(task["Containers"][0]["DockerId"], "f00d");
}

/// As in the examples of
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-managed-instances-response.html>.
#[tokio::test]
async fn managed_instances_tell_of_themselves_as_fargate_does() {
    let managed =
        Endpoint::with_task(NetworkMode::Awsvpc, |task| task.launch_type = Some(LaunchType::ManagedInstances)).await;
    let id = format!("{:032x}-0", 7);
    let task = managed.get(&format!("/v4/{id}/task")).await;
    assert_eq!(task["LaunchType"], "MANAGED_INSTANCES");
    assert_eq!(task["Cluster"], "arn:aws:ecs:us-east-1:000000000000:cluster/default");
    assert!(task.contains_key("VPCID") && task.contains_key("ClockDrift"));
    assert!(!task.contains_key("EphemeralStorageMetrics"));
    let web = &task["Containers"][0];
    assert_eq!((&web["DockerId"], &web["DockerName"]), (&id.clone().into(), &"web".into()));
    assert_eq!(web["Snapshotter"], "overlayfs");
    assert!(managed.get(&format!("/v4/{id}/task/stats")).await.contains_key(&id));
}

#[tokio::test]
async fn containers_that_were_only_pulled_show_in_version_4() {
    let pulled =
        Endpoint::with_task(NetworkMode::Bridge, |task| task.pull_stopped_at = Some(crate::testing::START)).await;
    let task = pulled.get("/v4/7-web/task").await;
    assert_eq!(task["Containers"][1]["KnownStatus"], "PULLED");
    assert_eq!(pulled.get("/v3/7-web/task").await["Containers"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn daemons_are_where_the_instance_s_tasks_find_them() {
    let endpoint = Endpoint::with_task(NetworkMode::Bridge, |task| {
        task.daemon = Some(Box::new(DaemonLink { name: "logs".into(), revision: "1".into(), settled: false }));
    })
    .await;
    let web = endpoint.get("/v4/7-web").await;
    assert_eq!(web["Networks"], json::json!([{ "NetworkMode": "daemon_bridge", "IPv4Addresses": ["169.254.172.2"] }]));
}

#[tokio::test]
async fn version_2_goes_by_the_address_and_ends_with_the_task() {
    let endpoint = Endpoint::with_task(NetworkMode::Awsvpc, |task| task.launch_type = Some(LaunchType::Ec2)).await;
    assert_eq!(endpoint.get("/v2/metadata").await["Family"], "web");
    assert_eq!(endpoint.get("/v2/metadata/f00d").await["Name"], "web");
    let (status, body) = endpoint.ask(Method::GET, "/v2/metadata/other", "").await;
    assert_eq!((status, body.starts_with('"')), (400, true), "{body}");
    let stopped = Endpoint::with_task(NetworkMode::Awsvpc, |task| task.last_status = TaskStatus::Stopped).await;
    assert_eq!(stopped.ask(Method::GET, "/v2/metadata", "").await.0, 400);
}

#[tokio::test]
async fn what_is_unknown_is_said_in_the_agents_words() {
    let endpoint = Endpoint::with_task(NetworkMode::Bridge, |_| {}).await;
    for (path, status, message) in [
        (
            "/v4/no/task",
            404,
            "V4 task metadata handler: unable to get task arn from request: unable to get task Arn from v3 endpoint ID: no",
        ),
        (
            "/v4/no/stats",
            404,
            "V4 container stats handler: unable to get task arn from request: unable to get task Arn from v3 endpoint ID: no",
        ),
        (
            "/v3/no",
            500,
            "V3 container metadata handler: unable to get container ID from request: unable to get docker ID from v3 endpoint ID: no",
        ),
    ] {
        assert_eq!(endpoint.ask(Method::GET, path, "").await, (status, format!("\"{message}\"")), "{path}");
    }
    let expected =
        r#"{"code":"InvalidIdInRequest","message":"CredentialsV2Request: Credentials not found","HTTPErrorCode":400}"#;
    assert_eq!(endpoint.ask(Method::GET, "/v2/credentials/no", "").await, (400, expected.to_owned()));
}

#[tokio::test]
async fn a_task_of_a_service_protects_itself() {
    const STATE: &str = "/api/7-web/task-protection/v1/state";
    let alone = Endpoint::with_task(NetworkMode::Bridge, |task| task.credentials_id = Some("c".to_owned())).await;
    let (status, body) = alone.ask(Method::PUT, STATE, r#"{"ProtectionEnabled":true,"Extra":1}"#).await;
    let decode =
        r#"{"error":{"Code":"InvalidParameterException","Message":"UpdateTaskProtection: failed to decode request"}}"#;
    assert_eq!((status, body.as_str()), (400, decode));
    let (status, body) = alone.ask(Method::PUT, STATE, "{}").await;
    assert!(status == 400 && body.contains("Invalid request: does not contain 'ProtectionEnabled' field"), "{body}");
    let (status, body) = alone.ask(Method::GET, STATE, "").await;
    assert!(status == 200 && body.contains(r#""failure":{"Arn":"#) && body.contains("TASK_NOT_VALID"), "{body}");
    let (status, body) = alone.ask(Method::GET, "/api/no/task-protection/v1/state", "").await;
    assert!(status == 404 && body.contains("ResourceNotFoundException"), "{body}");
    let no_role = Endpoint::with_task(NetworkMode::Bridge, |_| {}).await;
    let (status, body) = no_role.ask(Method::GET, STATE, "").await;
    assert!(status == 403 && body.contains("AccessDeniedException"), "{body}");

    let service = Endpoint::with_task(NetworkMode::Bridge, |task| {
        task.credentials_id = Some("c".to_owned());
        task.group = "service:shop".into();
    })
    .await;
    let arn = format!("arn:aws:ecs:us-east-1:000000000000:task/default/{:032x}", 7);
    let (_, body) = service.ask(Method::GET, STATE, "").await;
    assert_eq!(
        body,
        format!(r#"{{"protection":{{"ExpirationDate":null,"ProtectionEnabled":false,"TaskArn":"{arn}"}}}}"#)
    );
    drop(service.context);
}

#[tokio::test]
async fn credentials_are_renewed_in_time_and_taken_back_at_the_end() {
    const ROLE: &str = "arn:aws:iam::123456789012:role/web";
    let endpoint = Endpoint::with_task(NetworkMode::Bridge, |task| {
        task.credentials_id = Some("c0ffee".to_owned());
        Arc::make_mut(&mut task.overrides).task_role_arn = Some(ROLE.to_owned());
    })
    .await;
    let shared = &endpoint.context.shared;
    let first = endpoint.get("/v2/credentials/c0ffee").await;
    assert_eq!(first["RoleArn"], ROLE);
    assert_eq!(first["Expiration"], "2026-01-01T06:00:00Z");
    let names: Vec<_> = first.keys().map(String::as_str).collect();
    assert_eq!(names.len(), 5, "{names:?}");
    let session = shared.store.snapshot().sessions.values().next().cloned().expect("a session");
    assert_eq!(session.arn, format!("arn:aws:sts::123456789012:assumed-role/web/{:032x}", 7));

    // More than an hour before the end they are good enough, then new ones are made beside them.
    shared.clock.advance(Duration::from_secs(5 * 3600 - 1));
    assert_eq!(endpoint.get("/v2/credentials/c0ffee").await, first);
    shared.clock.advance(Duration::from_secs(1));
    let second = endpoint.get("/v2/credentials/c0ffee").await;
    assert_ne!(second["AccessKeyId"], first["AccessKeyId"]);
    assert_eq!(second["Expiration"], "2026-01-01T11:00:00Z");
    assert_eq!(shared.store.snapshot().sessions.len(), 2, "the old ones are good until they end");

    let key = shared.store.snapshot().tasks.keys().next().cloned().expect("a task");
    let end = CredentialsEnd { shared: shared.clone() };
    assert_eq!(end.initial(&shared.store.snapshot()), []);
    let stop = shared.store.transact(|tx| {
        tx.update(&key, |task: &mut Task| {
            task.last_status = TaskStatus::Stopped;
            true
        });
        Ok::<_, api_models::Unexpected>(())
    });
    stop.await.expect("in memory");
    assert_eq!(endpoint.ask(Method::GET, "/v2/credentials/c0ffee", "").await.0, 400);
    assert_eq!(end.initial(&shared.store.snapshot()), std::slice::from_ref(&key));
    end.reconcile(&key).await.expect("in memory");
    assert!(shared.store.snapshot().sessions.is_empty());
}

#[tokio::test]
async fn a_role_that_is_none_has_no_credentials() {
    let endpoint = Endpoint::with_task(NetworkMode::Bridge, |task| {
        task.credentials_id = Some("c0ffee".to_owned());
        Arc::make_mut(&mut task.overrides).task_role_arn = Some("arn:aws:iam::123456789012:user/web".to_owned());
    })
    .await;
    assert_eq!(endpoint.ask(Method::GET, "/v2/credentials/c0ffee", "").await.0, 400);
}
