//! The life of daemons' records, through the operations.

use std::time::Duration;

use api_models::OperationError;
use api_models::ecs::{
    CapacityProviderUpdateStatus, CreateClusterRequest, CreatedAt, DaemonAlarmConfiguration,
    DaemonDeploymentConfiguration, DaemonDeploymentStatus, DaemonDetail, DaemonPropagateTags, DaemonStatus as Shown,
    DeleteCapacityProviderRequest, DeleteClusterRequest, DeleteDaemonRequest, DescribeDaemonDeploymentsRequest,
    DescribeDaemonRequest, DescribeDaemonRevisionsRequest, ListDaemonDeploymentsRequest, ListDaemonsRequest,
    ListTagsForResourceRequest, ListTasksRequest, Tag, TagResourceRequest, UntagResourceRequest, UpdateDaemonRequest,
};

use super::*;
use crate::services::ecs::operations::{
    create_cluster, delete_capacity_provider, delete_cluster, delete_daemon, describe_daemon,
    describe_daemon_deployments, describe_daemon_revisions, list_daemon_deployments, list_daemons,
    list_tags_for_resource, list_tasks, tag_resource, untag_resource, update_daemon,
};
use crate::services::ecs::resources::{Place, daemon};
use crate::testing::{context, daemon_definition, managed_provider};

const DAEMON: &str = "arn:aws:ecs:us-east-1:123456789012:daemon/default/agent";

fn provider_arn(name: &str) -> String {
    format!("arn:aws:ecs:us-east-1:123456789012:capacity-provider/{name}")
}

fn definition_arn(revision: i32) -> String {
    format!("arn:aws:ecs:us-east-1:123456789012:daemon-task-definition/agent:{revision}")
}

/// The default cluster with the capacity providers `one` and `two`, and two revisions of a task definition, the second
/// with a role.
async fn with_providers() -> Context {
    let context = context();
    create_cluster::handle(context.clone(), CreateClusterRequest::default()).await.expect("a cluster");
    for name in ["one", "two"] {
        managed_provider(&context, name).await;
    }
    daemon_definition(&context, "agent", None).await;
    daemon_definition(&context, "agent", Some("arn:aws:iam::123456789012:role/agent")).await;
    context
}

fn agent() -> CreateDaemonRequest {
    CreateDaemonRequest {
        daemon_name: Some("agent".into()),
        daemon_task_definition_arn: Some(definition_arn(1)),
        capacity_provider_arns: Some(vec![provider_arn("one")]),
        ..CreateDaemonRequest::default()
    }
}

fn update() -> UpdateDaemonRequest {
    UpdateDaemonRequest {
        daemon_arn: Some(DAEMON.into()),
        daemon_task_definition_arn: Some(definition_arn(2)),
        capacity_provider_arns: Some(vec![provider_arn("one"), provider_arn("two")]),
        ..UpdateDaemonRequest::default()
    }
}

/// An error's code and message.
fn said(error: impl OperationError) -> String {
    format!("{}: {error}", error.code())
}

async fn create(context: &Context, request: CreateDaemonRequest) -> Result<CreateDaemonResponse, String> {
    handle(context.clone(), request).await.map_err(said)
}

async fn describe(context: &Context) -> Result<DaemonDetail, String> {
    let request = DescribeDaemonRequest { daemon_arn: Some(DAEMON.into()) };
    let answer = describe_daemon::handle(context.clone(), request).await.map_err(said)?;
    Ok(*answer.daemon.expect("a daemon"))
}

async fn delete(context: &Context) -> Result<Option<Shown>, String> {
    let request = DeleteDaemonRequest { daemon_arn: Some(DAEMON.into()) };
    delete_daemon::handle(context.clone(), request).await.map(|it| it.status).map_err(said)
}

/// The names of the listed daemons.
async fn listed(context: &Context, providers: &[&str]) -> Vec<String> {
    let arns = providers.iter().map(|name| provider_arn(name)).collect();
    let request = ListDaemonsRequest { capacity_provider_arns: Some(arns), ..ListDaemonsRequest::default() };
    let answer = list_daemons::handle(context.clone(), request).await.expect("a list");
    let arns = answer.daemon_summaries_list.expect("a list").into_iter().filter_map(|it| it.daemon_arn);
    arns.filter_map(|arn| arn.rsplit('/').next().map(str::to_owned)).collect()
}

/// The ARNs of the listed deployments.
async fn deployments(context: &Context, request: ListDaemonDeploymentsRequest) -> Vec<String> {
    let request = ListDaemonDeploymentsRequest { daemon_arn: Some(DAEMON.into()), ..request };
    let answer = list_daemon_deployments::handle(context.clone(), request).await.expect("a list");
    answer.daemon_deployments.expect("a list").into_iter().filter_map(|it| it.daemon_deployment_arn).collect()
}

/// What the scheduler does in the end.
async fn gone(context: &Context) {
    let key = daemon::key_of(&context.scope, Some(DAEMON)).expect("an ARN").expect("ours");
    let work = |tx: &mut crate::store::Transaction| {
        tx.update(&key, |daemon: &mut Daemon| {
            daemon.status = DaemonStatus::Deleted;
            true
        });
        Ok::<_, api_models::Unexpected>(())
    };
    context.store().transact(work).await.expect("written");
}

#[tokio::test]
async fn a_daemon_lives_from_its_creation_to_its_deletion() {
    let context = with_providers().await;
    let tags = vec![Tag { key: Some("team".into()), value: Some("logs".into()) }];
    let request = CreateDaemonRequest {
        tags: Some(tags.clone()),
        propagate_tags: Some(DaemonPropagateTags::Daemon),
        critical: Some(false),
        deployment_configuration: Some(Box::new(DaemonDeploymentConfiguration {
            drain_percent: Some(50.0),
            ..DaemonDeploymentConfiguration::default()
        })),
        ..agent()
    };
    let made = create(&context, request).await.expect("created");
    assert_eq!((made.daemon_arn.as_deref(), made.status), (Some(DAEMON), Some(Shown::Active)));
    let first = made.deployment_arn.expect("a deployment");

    let shown = describe(&context).await.expect("described");
    assert_eq!((shown.deployment_arn.as_ref(), shown.created_at), (Some(&first), made.created_at));
    let revisions = shown.current_revisions.expect("revisions");
    assert_eq!(revisions[0].capacity_providers.as_ref().expect("providers")[0].arn, Some(provider_arn("one")));
    let arns =
        vec![revisions[0].arn.clone().expect("an ARN"), format!("{DAEMON}/1").replace(":daemon/", ":daemon-revision/")];
    let request = DescribeDaemonRevisionsRequest { daemon_revision_arns: Some(arns.clone()) };
    let answer = describe_daemon_revisions::handle(context.clone(), request).await.expect("described");
    let revision = &answer.daemon_revisions.expect("revisions")[0];
    assert_eq!(revision.daemon_task_definition_arn, Some(definition_arn(1)));
    assert_eq!(
        (revision.critical, revision.propagate_tags.as_ref()),
        (Some(false), Some(&DaemonPropagateTags::Daemon))
    );
    let failures = answer.failures.expect("failures");
    assert_eq!((failures[0].arn.as_ref(), failures[0].reason.as_deref()), (Some(&arns[1]), Some("MISSING")));

    // What is left out has its default again, and a deployment begins in any case.
    context.shared.clock.advance(Duration::from_secs(60));
    let updated = update_daemon::handle(context.clone(), update()).await.expect("updated");
    assert_eq!(updated.created_at, made.created_at);
    assert_ne!(updated.updated_at, made.created_at);
    let second = updated.deployment_arn.expect("a deployment");
    assert_eq!(deployments(&context, <_>::default()).await, [second.clone(), first.clone()]);
    let state = context.snapshot();
    let key = daemon::key_of(&context.scope, Some(DAEMON)).expect("an ARN").expect("ours");
    let newest = state.daemons[&key].revision.clone().expect("a revision");
    let revision = &state.daemon_revisions[&state.daemons[&key].revision_key(&newest)];
    assert_eq!((revision.critical, &revision.propagated_tags), (true, &None));
    let arns = vec![first.clone(), second.clone(), second.replace("default/agent/", "default/agent/x")];
    let request = DescribeDaemonDeploymentsRequest { daemon_deployment_arns: Some(arns) };
    let answer = describe_daemon_deployments::handle(context.clone(), request).await.expect("described");
    let described = answer.daemon_deployments.expect("deployments");
    assert_eq!(described[0].status, Some(DaemonDeploymentStatus::Stopped));
    let asked = |it: &api_models::ecs::DaemonDeployment| it.deployment_configuration.as_ref()?.drain_percent;
    assert_eq!((asked(&described[0]), asked(&described[1])), (Some(50.0), Some(25.0)));
    assert_eq!(answer.failures.expect("failures").len(), 1);

    let only = |status| ListDaemonDeploymentsRequest { status: Some(vec![status]), ..<_>::default() };
    assert_eq!(deployments(&context, only(DaemonDeploymentStatus::Pending)).await, [second]);
    let before = CreatedAt { before: updated.updated_at, after: None };
    let request = ListDaemonDeploymentsRequest { created_at: Some(Box::new(before)), ..<_>::default() };
    assert_eq!(deployments(&context, request).await, [first]);

    assert_eq!(delete(&context).await.expect("deleted"), Some(Shown::DeleteInProgress));
    assert_eq!(describe(&context).await.expect("described").status, Some(Shown::DeleteInProgress));
    assert_eq!(listed(&context, &["two"]).await, ["agent"]);
    assert!(delete(&context).await.expect_err("refused").contains("deployment deletion is ongoing"));
    let refused = update_daemon::handle(context.clone(), update()).await.expect_err("refused");
    assert_eq!(said(refused), "DaemonNotActiveException: Daemon was not ACTIVE.");
    assert!(create(&context, agent()).await.expect_err("refused").contains("still being deleted"));
    gone(&context).await;
    assert_eq!(describe(&context).await.expect_err("gone"), "DaemonNotFoundException: Daemon not found.");
    assert_eq!(listed(&context, &[]).await, [""; 0]);
    let again = create(&context, agent()).await.expect("created again");
    assert_eq!(deployments(&context, <_>::default()).await, [again.deployment_arn.expect("a deployment")]);
}

#[tokio::test]
async fn a_token_makes_a_creation_idempotent() {
    let context = with_providers().await;
    let request = |token: &str| CreateDaemonRequest { client_token: Some(token.into()), ..agent() };
    let first = create(&context, request("a")).await.expect("created");
    context.shared.clock.advance(Duration::from_secs(1));
    update_daemon::handle(context.clone(), update()).await.expect("updated");
    assert_eq!(create(&context, request("a")).await.expect("the same"), first);
    let other = CreateDaemonRequest { critical: Some(false), ..request("a") };
    for again in [other, request("b"), agent()] {
        let refused = create(&context, again).await.expect_err("refused");
        assert_eq!(refused, "InvalidParameterException: Creation of daemon was not idempotent.");
    }
    delete(&context).await.expect("deleted");
    gone(&context).await;
    let made = create(&context, request("a")).await.expect("made anew");
    assert_ne!(made.deployment_arn, first.deployment_arn);
    let long = create(&context, request(&"x".repeat(37))).await.expect_err("refused");
    assert!(long.contains("at most 36"), "{long}");
}

#[tokio::test]
async fn daemons_are_listed_by_provider_and_tagged() {
    let context = with_providers().await;
    create(&context, agent()).await.expect("created");
    let other = CreateDaemonRequest {
        daemon_name: Some("other".into()),
        capacity_provider_arns: Some(vec![provider_arn("two")]),
        ..agent()
    };
    create(&context, other).await.expect("created");
    assert_eq!(listed(&context, &[]).await, ["agent", "other"]);
    assert_eq!(listed(&context, &["two"]).await, ["other"]);
    assert_eq!(listed(&context, &["one", "two"]).await, ["agent", "other"]);

    let tag = |key: &str| Tag { key: Some(key.into()), value: Some("1".into()) };
    let request = TagResourceRequest { resource_arn: Some(DAEMON.into()), tags: Some(vec![tag("a"), tag("b")]) };
    tag_resource::handle(context.clone(), request).await.expect("tagged");
    let request = UntagResourceRequest { resource_arn: Some(DAEMON.into()), tag_keys: Some(vec!["a".into()]) };
    untag_resource::handle(context.clone(), request).await.expect("untagged");
    let request = |arn: &str| ListTagsForResourceRequest { resource_arn: Some(arn.into()) };
    let tags = list_tags_for_resource::handle(context.clone(), request(DAEMON)).await.expect("tags");
    assert_eq!(tags.tags, Some(vec![tag("b")]));
    let missing = DAEMON.replace("agent", "none");
    let refused = list_tags_for_resource::handle(context.clone(), request(&missing)).await.expect_err("refused");
    assert_eq!(said(refused), "InvalidParameterException: The specified daemon does not exist.");
}

#[tokio::test]
async fn what_a_daemon_cannot_be_made_of_is_refused() {
    let context = with_providers().await;
    let with = |change: &dyn Fn(&mut CreateDaemonRequest)| {
        let mut request = agent();
        change(&mut request);
        request
    };
    let alarms = DaemonAlarmConfiguration { enable: Some(true), ..DaemonAlarmConfiguration::default() };
    let configured = |configuration: DaemonDeploymentConfiguration| {
        with(&|it| it.deployment_configuration = Some(Box::new(configuration.clone())))
    };
    let cases = [
        (with(&|it| it.daemon_name = Some("a b".into())), "InvalidParameterException: The specified daemon name"),
        (with(&|it| it.cluster_arn = Some("none".into())), "ClusterNotFoundException: Cluster not found."),
        (with(&|it| it.daemon_task_definition_arn = Some(definition_arn(9))), "ClientException: Unable to describe"),
        (with(&|it| it.capacity_provider_arns = Some(vec![])), "InvalidParameterException: capacityProviderArns"),
        (with(&|it| it.capacity_provider_arns = Some(vec![provider_arn("none")])), "ClientException: The specified"),
        (
            with(&|it| it.propagate_tags = Some(DaemonPropagateTags::Unrecognized("SERVICE".into()))),
            "InvalidParameterException: propagateTags should be one of",
        ),
        (with(&|it| it.enable_execute_command = Some(true)), "InvalidParameterException: The task couldn't be run"),
        (
            configured(DaemonDeploymentConfiguration { drain_percent: Some(0.5), ..<_>::default() }),
            "InvalidParameterException: drainPercent must be between 1.0 and 100.0.",
        ),
        (
            configured(DaemonDeploymentConfiguration { bake_time_in_minutes: Some(1441), ..<_>::default() }),
            "InvalidParameterException: bakeTimeInMinutes must be between 0 and 1440.",
        ),
        (
            configured(DaemonDeploymentConfiguration { alarms: Some(Box::new(alarms)), ..<_>::default() }),
            "InvalidParameterException: alarmNames can not be empty",
        ),
    ];
    for (request, expected) in cases {
        let refused = create(&context, request).await.expect_err(expected);
        assert!(refused.starts_with(expected), "{refused}");
    }
    let state = context.snapshot();
    assert!(state.daemons.is_empty() && state.daemon_revisions.is_empty() && state.daemon_deployments.is_empty());
    let request = CreateDaemonRequest {
        daemon_task_definition_arn: Some(definition_arn(2)),
        enable_execute_command: Some(true),
        ..agent()
    };
    create(&context, request).await.expect("it has a role");
    let none = DeleteDaemonRequest { daemon_arn: Some(DAEMON.replace("agent", "none")) };
    let refused = delete_daemon::handle(context.clone(), none).await.expect_err("refused");
    assert_eq!(said(refused), "DaemonNotFoundException: Daemon not found.");
    let none = DeleteDaemonRequest { daemon_arn: Some(DAEMON.replace("default", "none")) };
    let refused = delete_daemon::handle(context.clone(), none).await.expect_err("refused");
    assert_eq!(said(refused), "ClusterNotFoundException: Cluster not found.");
    let none = ListDaemonDeploymentsRequest { daemon_arn: Some(DAEMON.replace("agent", "none")), ..<_>::default() };
    let refused = list_daemon_deployments::handle(context.clone(), none).await.expect_err("refused");
    assert_eq!(said(refused), "ClientException: Daemon not found.");
    let wrong = DescribeDaemonRequest { daemon_arn: Some("agent".into()) };
    let refused = describe_daemon::handle(context.clone(), wrong).await.expect_err("refused");
    assert_eq!(said(refused), "InvalidParameterException: Invalid identifier: Unexpected resource type");
}

#[tokio::test]
async fn tasks_are_listed_by_daemon() {
    let context = with_providers().await;
    create(&context, agent()).await.expect("created");
    let state = context.snapshot();
    let revision = state.daemon_revisions.values().next().expect("a revision");
    let blueprint = daemon::launch(&state, revision).expect("it can be launched").expect("its definition is there");
    let place = Place::Fargate { capacity_provider: None };
    let task = blueprint.task(place, 0, context.ids(), context.now());
    let arn = task.key.arn();
    let put = |tx: &mut crate::store::Transaction| {
        tx.put(task.clone());
        Ok::<_, api_models::Unexpected>(())
    };
    context.store().transact(put).await.expect("written");
    let list = async |request| list_tasks::handle(context.clone(), request).await.map_err(said);
    let of = |name: &str| ListTasksRequest { daemon_name: Some(name.into()), ..ListTasksRequest::default() };
    assert_eq!(list(of("agent")).await.expect("a list").task_arns, Some(vec![arn.clone()]));
    assert_eq!(list(of("none")).await.expect_err("refused"), "ClientException: Daemon not found.");
    let started = ListTasksRequest { started_by: Some("daemon/agent".into()), ..ListTasksRequest::default() };
    assert_eq!(list(started).await.expect("a list").task_arns, Some(vec![arn]));
    let other = CreateDaemonRequest { daemon_name: Some("other".into()), ..agent() };
    create(&context, other).await.expect("created");
    assert_eq!(list(of("other")).await.expect("a list").task_arns, Some(vec![]));
}

#[tokio::test]
async fn daemons_hold_their_cluster_and_their_capacity_providers() {
    let context = with_providers().await;
    create(&context, agent()).await.expect("created");
    let delete_provider = async |name: &str| {
        let capacity_provider = Some(name.to_owned());
        let request = DeleteCapacityProviderRequest { capacity_provider, ..DeleteCapacityProviderRequest::default() };
        let answer = delete_capacity_provider::handle(context.clone(), request).await.expect("an answer");
        let provider = answer.capacity_provider.expect("a provider");
        (provider.update_status, provider.update_status_reason)
    };
    let delete_the_cluster = async || {
        let request = DeleteClusterRequest { cluster: Some("default".into()) };
        delete_cluster::handle(context.clone(), request).await.map(drop).map_err(said)
    };
    let (status, reason) = delete_provider("one").await;
    assert_eq!(status, Some(CapacityProviderUpdateStatus::DeleteFailed));
    assert!(reason.expect("a reason").contains("You must delete all daemons and services"));
    assert_eq!(delete_provider("two").await.0, Some(CapacityProviderUpdateStatus::DeleteInProgress));
    assert!(delete_the_cluster().await.expect_err("refused").contains("while Daemons are active."));
    delete(&context).await.expect("deleted");
    assert_eq!(delete_provider("one").await.0, Some(CapacityProviderUpdateStatus::DeleteFailed));
    gone(&context).await;
    assert_eq!(delete_provider("one").await.0, Some(CapacityProviderUpdateStatus::DeleteInProgress));
    delete_the_cluster().await.expect("deleted");
    let state = context.snapshot();
    assert!(state.daemons.is_empty() && state.daemon_revisions.is_empty() && state.daemon_deployments.is_empty());
}
