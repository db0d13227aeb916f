//! Deployments through lifecycle stages: blue/green, canary, pauses, and Lambda hooks.

use std::sync::{Arc, Mutex};

use aws_sdk_ecs::types::{
    CanaryConfiguration, DeploymentConfiguration, DeploymentLifecycleHook, DeploymentLifecycleHookAction,
    DeploymentLifecycleHookStage, DeploymentLifecycleHookStatus, DeploymentLifecycleHookTargetType, DeploymentStrategy,
    ServiceDeployment, ServiceDeploymentLifecycleStage, ServiceDeploymentStatus,
};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use compat_tests::{Ecs, Runtime, Server, Store, random_account, refusal, wait_until_some};
use serde_json::{Value, json};

use crate::admin::call;
use crate::deployments::{hasty, newest, reaches};
use crate::services::{PATIENCE, described, end, messages, primary, service, steady, tasks, web};

on_both!(a_pause_holds_green_beside_blue);

on_simulated!(refusals);

fn pause(stage: DeploymentLifecycleHookStage) -> DeploymentLifecycleHook {
    let pause = DeploymentLifecycleHook::builder().target_type(DeploymentLifecycleHookTargetType::Pause);
    pause.lifecycle_stages(stage).build()
}

fn blue_green(hooks: Vec<DeploymentLifecycleHook>) -> DeploymentConfiguration {
    let configuration = DeploymentConfiguration::builder().strategy(DeploymentStrategy::BlueGreen);
    configuration.bake_time_in_minutes(0).set_lifecycle_hooks(Some(hooks)).build()
}

/// Waits until the newest deployment waits for an answer; returns it and the hook's id.
async fn paused(ecs: &Ecs, cluster: &str) -> (ServiceDeployment, String) {
    wait_until_some("the deployment to pause", PATIENCE, || async {
        let deployment = newest(ecs, cluster).await;
        let waits = deployment
            .lifecycle_hook_details()
            .iter()
            .find(|hook| hook.status() == Some(&DeploymentLifecycleHookStatus::AwaitingAction));
        let id = waits.and_then(|hook| hook.hook_id()).map(str::to_owned);
        id.map(|id| (deployment, id))
    })
    .await
}

async fn go_on(ecs: &Ecs, deployment: &ServiceDeployment, hook: &str, action: DeploymentLifecycleHookAction) {
    let arn = deployment.service_deployment_arn().expect("an ARN");
    let request = ecs.continue_service_deployment().service_deployment_arn(arn).hook_id(hook).action(action);
    assert_eq!(request.send().await.expect("ContinueServiceDeployment").service_deployment_arn(), Some(arn));
}

async fn a_pause_holds_green_beside_blue(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let definition = web(&ecs).await;
    service(&ecs, &cluster, &definition, 1).send().await.expect("CreateService");
    steady(&ecs, &cluster).await;
    let blue = tasks(&ecs, &cluster).await.remove(0);
    let hooks = vec![pause(DeploymentLifecycleHookStage::PostScaleUp)];
    let update = ecs.update_service().cluster(&cluster).service("web").force_new_deployment(true);
    let update = update.deployment_configuration(blue_green(hooks)).send().await.expect("UpdateService");
    let green = primary(&update.service.expect("the service")).id().expect("an id").to_owned();

    let (deployment, hook) = paused(&ecs, &cluster).await;
    assert!(hook.starts_with("ecs-pause-"), "{hook}");
    assert_eq!(deployment.lifecycle_stage(), Some(&ServiceDeploymentLifecycleStage::PostScaleUp));
    assert_eq!(deployment.status(), Some(&ServiceDeploymentStatus::InProgress));
    let held = described(&ecs, &cluster).await;
    assert_eq!((held.running_count(), held.deployments().len()), (2, 2));
    let target = deployment.target_service_revision().expect("a target");
    let source = &deployment.source_service_revisions()[0];
    assert_eq!((target.running_task_count(), source.running_task_count()), (1, 1));
    assert_eq!(
        (target.requested_production_traffic_weight(), source.requested_production_traffic_weight()),
        (Some(0.0), Some(100.0))
    );

    go_on(&ecs, &deployment, &hook, DeploymentLifecycleHookAction::Continue).await;
    let ended = reaches(&ecs, &cluster, ServiceDeploymentStatus::Successful).await;
    let target = ended.target_service_revision().expect("a target");
    assert_eq!(target.requested_production_traffic_weight(), Some(100.0));
    assert_eq!(ended.lifecycle_stage(), Some(&ServiceDeploymentLifecycleStage::CleanUp));
    let after = steady(&ecs, &cluster).await;
    assert_eq!(primary(&after).id(), Some(green.as_str()));
    let left = tasks(&ecs, &cluster).await;
    assert!(left.iter().all(|task| task.task_arn() != blue.task_arn()), "{left:#?}");
    end(&ecs, &cluster).await;
}

/// `kill -9` while a deployment pauses: it goes on pausing, and the answer takes it back.
#[tokio::test]
async fn a_paused_deployment_outlives_a_kill() {
    needs_own_server!();
    let store = Arc::new(Store::in_folder());
    let account = random_account();
    let start = || Server::start_on(store.clone(), Runtime::Docker, &[]);
    let server = start();
    let ecs = server.ecs_in(&account, "us-east-1");
    let cluster = ecs.cluster().await;
    let definition = web(&ecs).await;
    service(&ecs, &cluster, &definition, 1).send().await.expect("CreateService");
    steady(&ecs, &cluster).await;
    let blue = tasks(&ecs, &cluster).await.remove(0);
    let hooks = vec![pause(DeploymentLifecycleHookStage::PostProductionTrafficShift)];
    let update = ecs.update_service().cluster(&cluster).service("web").force_new_deployment(true);
    update.deployment_configuration(blue_green(hooks)).send().await.expect("UpdateService");
    let (_, hook) = paused(&ecs, &cluster).await;
    server.kill();

    let server = start();
    let ecs = server.ecs_in(&account, "us-east-1");
    let (deployment, same) = paused(&ecs, &cluster).await;
    assert_eq!(same, hook);
    go_on(&ecs, &deployment, &hook, DeploymentLifecycleHookAction::Rollback).await;
    reaches(&ecs, &cluster, ServiceDeploymentStatus::RollbackSuccessful).await;
    steady(&ecs, &cluster).await;
    let [left] = &tasks(&ecs, &cluster).await[..] else { panic!("one task") };
    assert_eq!(left.task_arn(), blue.task_arn());
    assert_eq!(left.containers()[0].runtime_id(), blue.containers()[0].runtime_id(), "it was left alone");
    end(&ecs, &cluster).await;
    server.stop();
}

#[tokio::test]
async fn a_canary_bakes_twice() {
    needs_own_server!();
    let server = hasty();
    let ecs = server.ecs();
    let cluster = ecs.cluster().await;
    let definition = web(&ecs).await;
    // The clock is moved by hand: nothing passes by itself in the time that the test takes.
    let canary = CanaryConfiguration::builder().canary_percent(12.5).canary_bake_time_in_minutes(1440).build();
    let configuration = DeploymentConfiguration::builder().strategy(DeploymentStrategy::Canary);
    let configuration = configuration.canary_configuration(canary).bake_time_in_minutes(1440).build();
    let create = service(&ecs, &cluster, &definition, 2).deployment_configuration(configuration);
    create.send().await.expect("CreateService");
    steady(&ecs, &cluster).await;
    ecs.update_service().cluster(&cluster).service("web").force_new_deployment(true).send().await.expect("updated");
    let at = async |stage: ServiceDeploymentLifecycleStage, weight: f64| {
        wait_until_some(&format!("{stage} with {weight} %"), PATIENCE, || async {
            let deployment = newest(&ecs, &cluster).await;
            let target = deployment.target_service_revision().expect("a target");
            let there = deployment.lifecycle_stage() == Some(&stage)
                && target.requested_production_traffic_weight() == Some(weight);
            there.then_some(())
        })
        .await;
    };
    at(ServiceDeploymentLifecycleStage::ProductionTrafficShift, 12.5).await;
    call(&server, "clock", &json!({ "advanceSeconds": 86_400 }));
    at(ServiceDeploymentLifecycleStage::BakeTime, 100.0).await;
    assert_eq!(described(&ecs, &cluster).await.running_count(), 4);
    call(&server, "clock", &json!({ "advanceSeconds": 86_400 }));
    reaches(&ecs, &cluster, ServiceDeploymentStatus::Successful).await;
    assert_eq!(steady(&ecs, &cluster).await.running_count(), 2);
    server.stop();
}

/// What came to the Lambda API, and what it answers next.
#[derive(Default)]
struct Lambda {
    seen: Vec<(String, HeaderMap, Value)>,
    /// The last one stays.
    answers: Vec<Value>,
}

type Shared = Arc<Mutex<Lambda>>;

async fn invoked(State(lambda): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes) -> String {
    let mut lambda = lambda.lock().expect("not poisoned");
    lambda.seen.push((uri.to_string(), headers, serde_json::from_slice(&body).expect("JSON")));
    let answer = if lambda.answers.len() > 1 { lambda.answers.remove(0) } else { lambda.answers[0].clone() };
    answer.to_string()
}

async fn lambda() -> (String, Shared) {
    let shared = Shared::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("its address"));
    let router = Router::new().fallback(invoked).with_state(shared.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (endpoint, shared)
}

const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:check:live";

fn hook(stages: &[DeploymentLifecycleHookStage]) -> DeploymentLifecycleHook {
    let hook = DeploymentLifecycleHook::builder().hook_target_arn(FUNCTION);
    let hook = hook.role_arn("arn:aws:iam::123456789012:role/hooks");
    hook.set_lifecycle_stages(Some(stages.to_vec())).build()
}

#[tokio::test]
async fn lambda_functions_decide() {
    use DeploymentLifecycleHookStage::{PostTestTrafficShift, ProductionTrafficShift, TestTrafficShift};

    needs_own_server!();
    let (endpoint, lambda) = lambda().await;
    let server = Server::start(Runtime::Simulated, &["--lambda-endpoint", &endpoint]);
    call(&server, "clock", &json!({ "speed": 20 }));
    let ecs = server.ecs();
    let cluster = ecs.cluster().await;
    let definition = web(&ecs).await;
    service(&ecs, &cluster, &definition, 1).send().await.expect("CreateService");
    steady(&ecs, &cluster).await;
    let answer = |answers: &[Value]| {
        let mut lambda = lambda.lock().expect("not poisoned");
        lambda.answers = answers.to_vec();
        std::mem::take(&mut lambda.seen)
    };
    answer(&[
        json!({ "hookStatus": "IN_PROGRESS", "callBackDelay": 5, "hookDetails": { "tries": 1 } }),
        json!({ "hookStatus": "SUCCEEDED" }),
    ]);
    let hooks = vec![hook(&[PostTestTrafficShift, ProductionTrafficShift])];
    let deploy = |hooks: Vec<DeploymentLifecycleHook>| {
        let update = ecs.update_service().cluster(&cluster).service("web").force_new_deployment(true);
        update.deployment_configuration(blue_green(hooks)).send()
    };
    deploy(hooks).await.expect("UpdateService");
    let first = reaches(&ecs, &cluster, ServiceDeploymentStatus::Successful).await;
    assert!(
        first.lifecycle_hook_details().iter().all(|hook| hook.target_arn() == Some(FUNCTION)
            && hook.status() == Some(&DeploymentLifecycleHookStatus::Succeeded)),
        "{first:#?}"
    );

    // The test passes, the shift of production traffic does not; both are shifted back, and the hooks are told.
    let seen = answer(&[
        json!({ "hookStatus": "SUCCEEDED" }),
        json!({ "hookStatus": "FAILED", "reason": "no" }),
        json!({ "hookStatus": "SUCCEEDED" }),
    ]);
    let [asked, again, shift] = &seen[..] else { panic!("{seen:#?}") };
    assert_eq!(asked.0, "/2015-03-31/functions/check/invocations?Qualifier=live");
    let signed = asked.1.get("authorization").and_then(|header| header.to_str().ok()).expect("it is signed");
    assert!(
        signed.contains("Credential=123456789012/") && signed.contains("/us-east-1/lambda/aws4_request"),
        "{signed}"
    );
    let target = first.target_service_revision().and_then(|target| target.arn()).expect("an ARN");
    let source = first.source_service_revisions()[0].arn().expect("an ARN");
    assert_eq!(asked.2["lifecycleStage"], "POST_TEST_TRAFFIC_SHIFT");
    assert_eq!(asked.2["resourceArn"], first.service_deployment_arn().expect("an ARN"));
    assert_eq!(asked.2["executionDetails"]["targetServiceRevisionArn"], target);
    assert_eq!(asked.2["executionDetails"]["productionTrafficWeights"], json!({}));
    assert_eq!((&asked.2["hookDetails"], &again.2["hookDetails"]), (&Value::Null, &json!({ "tries": 1 })));
    assert_eq!(asked.2["executionId"], again.2["executionId"]);
    assert_eq!(shift.2["executionDetails"]["productionTrafficWeights"], json!({ target: 100, source: 0 }));

    deploy(vec![hook(&[TestTrafficShift, ProductionTrafficShift])]).await.expect("UpdateService");
    let second = reaches(&ecs, &cluster, ServiceDeploymentStatus::RollbackSuccessful).await;
    let why = format!(
        "Service deployment rolled back because PRODUCTION_TRAFFIC_SHIFT lifecycle hook(s) failed. Lifecycle hook target \
         {FUNCTION} returned FAILED status."
    );
    assert_eq!(second.status_reason(), Some(why.as_str()));
    let event = format!("deployment failed: {why}");
    let after = described(&ecs, &cluster).await;
    assert!(messages(&after).iter().any(|message| message.ends_with(&event)), "{:#?}", messages(&after));
    let seen = answer(&[json!({ "errorMessage": "division by zero", "errorType": "ZeroDivisionError" })]);
    let stages: Vec<_> =
        seen.iter().map(|(_, _, event)| event["lifecycleStage"].as_str().unwrap_or_default()).collect();
    let (test, production) = ("TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT");
    assert_eq!(stages, [test, production, production, test], "there and back");
    let back = &seen[2].2["executionDetails"]["productionTrafficWeights"];
    let target = second.target_service_revision().and_then(|target| target.arn()).expect("an ARN");
    assert_eq!(back[target], 0, "{back}");

    // A function that fails says nothing.
    deploy(vec![hook(&[DeploymentLifecycleHookStage::PreScaleUp])]).await.expect("UpdateService");
    let third = reaches(&ecs, &cluster, ServiceDeploymentStatus::RollbackSuccessful).await;
    let why = format!("ECS was unable to parse the response from {FUNCTION} due to: HookStatus must not be null.");
    assert!(third.status_reason().is_some_and(|reason| reason.ends_with(&why)), "{third:#?}");
    server.stop();
}

#[tokio::test]
async fn a_function_that_is_not_there_fails_the_deployment() {
    needs_own_server!();
    let server = hasty();
    let ecs = server.ecs();
    let cluster = ecs.cluster().await;
    let definition = web(&ecs).await;
    let configuration = blue_green(vec![hook(&[DeploymentLifecycleHookStage::PreScaleUp])]);
    let create = service(&ecs, &cluster, &definition, 1).deployment_configuration(configuration);
    create.send().await.expect("CreateService");
    let failed = reaches(&ecs, &cluster, ServiceDeploymentStatus::RollbackFailed).await;
    assert_eq!(failed.status_reason(), Some("No rollback candidate was found to run the rollback."));
    let service = described(&ecs, &cluster).await;
    let why = format!("ECS was unable to invoke hook target {FUNCTION} due to LocalECS not knowing where Lambda is");
    assert!(messages(&service).iter().any(|message| message.contains(&why)), "{:#?}", messages(&service));
    assert_eq!(service.running_count(), 0);
    server.stop();
}

async fn refusals(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let definition = web(&ecs).await;
    let create = |configuration| service(&ecs, &cluster, &definition, 1).deployment_configuration(configuration).send();
    let refused = refusal(create(blue_green(vec![pause(DeploymentLifecycleHookStage::TestTrafficShift)])).await);
    assert_eq!(refused.1, "Invalid lifecycle stage provided for Pause Hook");
    let canary = CanaryConfiguration::builder().canary_percent(0.05).build();
    let canary = DeploymentConfiguration::builder().strategy(DeploymentStrategy::Canary).canary_configuration(canary);
    let refused = refusal(create(canary.build()).await);
    assert_eq!(refused.0, "InvalidParameterException");
    let arn = ecs.arn(&format!("service-deployment/{cluster}/web/abcdefghijklmnopqrstuv"));
    let go_on = |hook: &str| ecs.continue_service_deployment().service_deployment_arn(&arn).hook_id(hook).send();
    let malformed = "Invalid hookId: hookId must follow the format: ecs-{hookType}-{id}";
    assert_eq!(refusal(go_on("pause").await).1, malformed);
    let missing = ("ServiceDeploymentNotFoundException".into(), "The service deployment does not exist.".into());
    assert_eq!(refusal(go_on("ecs-pause-abc").await), missing);
}
