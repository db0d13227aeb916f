//! What is told of a daemon when records change.

use api_models::ecs::{CreateClusterRequest, CreateDaemonRequest};

use super::*;
use crate::services::Context;
use crate::services::ecs::events::Event;
use crate::services::ecs::events::changes::changes;
use crate::services::ecs::operations::{create_cluster, create_daemon};
use crate::services::ecs::resources::{Place, daemon};
use crate::services::ecs::scheduler::deployment::FAILED_CHECKS;
use crate::store::{Change, Transaction};
use crate::testing::{context, daemon_definition, managed_provider};

const ARN: &str = "arn:aws:ecs:us-east-1:123456789012";

/// A context with the daemon `agent`.
async fn with_daemon() -> (Context, Daemon) {
    let context = context();
    create_cluster::handle(context.clone(), CreateClusterRequest::default()).await.expect("a cluster");
    managed_provider(&context, "managed").await;
    daemon_definition(&context, "agent", None).await;
    let request = CreateDaemonRequest {
        daemon_name: Some("agent".into()),
        daemon_task_definition_arn: Some(format!("{ARN}:daemon-task-definition/agent:1")),
        capacity_provider_arns: Some(vec![format!("{ARN}:capacity-provider/managed")]),
        ..CreateDaemonRequest::default()
    };
    create_daemon::handle(context.clone(), request).await.expect("a daemon");
    let made = Daemon::clone(context.snapshot().daemons.values().next().expect("a daemon"));
    (context, made)
}

async fn write(context: &Context, work: impl FnOnce(&mut Transaction)) {
    let work = |tx: &mut Transaction| {
        work(tx);
        Ok::<_, api_models::Unexpected>(())
    };
    context.store().transact(work).await.expect("written");
}

/// The events of a change, as JSON.
fn told(context: &Context, before: &State, change: &Change) -> Vec<String> {
    let after = context.snapshot();
    let facts = changes(before, &after, change);
    let facts = facts.iter().filter(|fact| !matches!(fact, Fact::Task(_)));
    let event = |fact| Event::new(fact, &after, "id".into(), context.now());
    facts.map(|fact| serde_json::to_string(&event(fact)).expect("JSON")).collect()
}

#[tokio::test]
async fn each_status_of_a_deployment_is_told() {
    let (context, made) = with_daemon().await;
    let key = DaemonDeploymentKey { daemon: made.key.clone(), id: made.deployment.clone() };
    let change = Change::DaemonDeployment(key.clone());
    let empty = State::default();
    let began = told(&context, &empty, &change);
    let (daemon, now) = (made.key.arn(), context.now().to_rfc3339());
    let target = made.revision.as_ref().map(|id| made.revision_key(id).arn()).expect("a target");
    let detail = format!(
        r#""detail":{{"eventType":"INFO","eventName":"DAEMON_DEPLOYMENT_PENDING","clusterArn":"{ARN}:cluster/default","daemonArn":"{daemon}","daemonDeploymentArn":"{}","targetDaemonRevisionArn":"{target}","updatedAt":"{now}"}}"#,
        key.arn()
    );
    let [began] = &began[..] else { panic!("{began:?}") };
    assert!(began.contains(&detail), "{began}");
    assert!(began.contains(r#""detail-type":"ECS Daemon Deployment State Change""#), "{began}");
    assert!(began.contains(&format!(r#""resources":["{daemon}"]"#)), "{began}");
    let expected = [
        (DaemonDeploymentStatus::InProgress, "INFO", "IN_PROGRESS"),
        (DaemonDeploymentStatus::StopRequested, "INFO", "STOP_REQUESTED"),
        (DaemonDeploymentStatus::RollbackInProgress, "INFO", "ROLLBACK_IN_PROGRESS"),
        (DaemonDeploymentStatus::RollbackFailed, "ERROR", "ROLLBACK_FAILED"),
    ];
    for (status, kind, name) in expected {
        let before = context.snapshot();
        let to = |deployment: &mut DaemonDeployment| {
            deployment.status = status.clone();
            true
        };
        write(&context, |tx| {
            tx.update(&key, to);
        })
        .await;
        let events = told(&context, &before, &change);
        let names = format!(r#""eventType":"{kind}","eventName":"DAEMON_DEPLOYMENT_{name}""#);
        assert!(events.len() == 1 && events[0].contains(&names), "{events:?}");
        assert_eq!(told(&context, &context.snapshot(), &change), [""; 0]);
    }
    assert_eq!(told(&context, &empty, &change).len(), 2, "both of one commit");
}

#[tokio::test]
async fn a_task_that_never_runs_is_told() {
    let (context, made) = with_daemon().await;
    let state = context.snapshot();
    let revision = state.daemon_revisions.values().next().expect("a revision");
    let blueprint = daemon::launch(&state, revision).expect("it can be launched").expect("its definition is there");
    let mut task = blueprint.task(Place::Fargate { capacity_provider: None }, 0, context.ids(), context.now());
    let cluster = made.key.cluster();
    let instance = ContainerInstanceKey { scope: cluster.scope, cluster: cluster.name, id: "i".into() };
    task.container_instance = Some(instance.clone());
    task.capacity_provider = Some("managed".into());
    let change = Change::Task(task.key.clone());
    let put = async |task: &Task| write(&context, |tx| tx.put(task.clone())).await;
    put(&task).await;
    let pending = context.snapshot();
    assert_eq!(told(&context, &State::default(), &change), [""; 0]);
    let stopped = Task {
        version: task.version + 1,
        last_status: TaskStatus::Stopped,
        stop_code: Some(TaskStopCode::TaskFailedToStart),
        stopped_reason: Some("CannotPullContainerError: no".into()),
        ..task.clone()
    };
    put(&stopped).await;
    let events = told(&context, &pending, &change);
    let (daemon, task_arn, now) = (made.key.arn(), task.key.arn(), context.now().to_rfc3339());
    let detail = format!(
        r#""detail":{{"eventType":"WARNING","eventName":"DAEMON_TASK_START_IMPAIRED","clusterArn":"{ARN}:cluster/default","containerInstanceArn":"{}","taskArn":"{task_arn}","daemonRevisionArn":"{}","capacityProviderName":"managed","daemonArn":"{daemon}","daemonTaskDefinitionArn":"{ARN}:daemon-task-definition/agent:1","failureType":"TASK_FAILED_TO_RUN","createdAt":"{now}","reason":"Task failed to reach RUNNING status: CannotPullContainerError: no"}}"#,
        instance.arn(),
        revision.key.arn(),
    );
    let [event] = &events[..] else { panic!("{events:?}") };
    assert!(event.contains(&detail), "{event}");
    assert!(event.contains(&format!(r#""resources":["{task_arn}"]"#)), "{event}");
    assert!(event.contains(r#""detail-type":"ECS Daemon Service Action""#), "{event}");
    let ran = Task { started_at: Some(context.now()), ..stopped.clone() };
    let asked = Task { stop_code: Some(TaskStopCode::ServiceSchedulerInitiated), ..stopped.clone() };
    let unhealthy = Task { started_at: ran.started_at, stopped_reason: Some(FAILED_CHECKS.into()), ..asked.clone() };
    put(&unhealthy).await;
    let events = told(&context, &pending, &change);
    assert!(
        events.len() == 1 && events[0].contains("RUNNING status: Task failed container health checks"),
        "{events:?}"
    );
    let somebody = Task { daemon: None, ..stopped };
    for other in [ran, asked, somebody] {
        put(&other).await;
        assert_eq!(told(&context, &pending, &change), [""; 0]);
    }
}

#[tokio::test]
async fn an_instance_without_room_is_told_once() {
    let (context, made) = with_daemon().await;
    let change = Change::Daemon(made.key.clone());
    let note = async |notes: &[&str]| {
        let before = context.snapshot();
        let noted = notes.iter().map(|note| (*note).to_owned()).collect();
        write(&context, |tx| tx.put(Daemon { noted, ..made.clone() })).await;
        told(&context, &before, &change)
    };
    let events = note(&["i RESOURCE:CPU"]).await;
    let [event] = &events[..] else { panic!("{events:?}") };
    assert!(event.contains(r#""resources":[]"#) && !event.contains("taskArn"), "{event}");
    let reason = "RESOURCE:CPU - Unable to place daemon task on container instance: insufficient CPU";
    assert!(event.contains(r#""failureType":"TASK_CREATION_FAILED""#) && event.contains(reason), "{event}");
    assert!(event.contains(&format!(r#""containerInstanceArn":"{ARN}:container-instance/default/i""#)), "{event}");
    assert_eq!(note(&["i RESOURCE:CPU", "j RESOURCE:MEMORY"]).await.len(), 1);
    assert_eq!(note(&["j RESOURCE:MEMORY"]).await, [""; 0]);
    let events = note(&["j The role is unusable."]).await;
    assert!(events[0].contains("daemon task on container instance: The role is unusable."), "{events:?}");
}
