//! Daemons and daemon task definitions through the official client: requests and refusals.

use aws_sdk_ecs::error::ProvideErrorMetadata;
use aws_sdk_ecs::types::{
    CapacityProviderUpdateStatus, DaemonContainerDefinition, DaemonDeploymentConfiguration, DaemonDeploymentStatus,
    DaemonPropagateTags, DaemonStatus, DaemonTaskDefinitionStatus, Tag,
};
use compat_tests::{Ecs, random_name, refusal, wait_until};

use crate::services::PATIENCE;

on_simulated!(daemon_task_definitions_live, a_daemon_is_created_updated_and_deleted, daemons_are_refused);

fn agent() -> DaemonContainerDefinition {
    let container = DaemonContainerDefinition::builder().name("agent").image("agent:1").memory(64).build();
    container.expect("complete")
}

async fn daemon_task_definitions_live(ecs: Ecs) {
    let family = random_name("daemon");
    let register = || {
        let tag = Tag::builder().key("team").value("logs").build();
        ecs.register_daemon_task_definition().family(&family).container_definitions(agent()).tags(tag).send()
    };
    let first = register().await.expect("registered").daemon_task_definition_arn.expect("an ARN");
    assert_eq!(first, ecs.arn(&format!("daemon-task-definition/{family}:1")));
    let second = register().await.expect("registered").daemon_task_definition_arn.expect("an ARN");
    let described = ecs.describe_daemon_task_definition().daemon_task_definition(&family).send().await;
    let latest = described.expect("described").daemon_task_definition.expect("a definition");
    assert_eq!((latest.revision(), latest.status()), (2, Some(&DaemonTaskDefinitionStatus::Active)));
    let tags = ecs.list_tags_for_resource().resource_arn(&first).send().await.expect("tags");
    assert_eq!(tags.tags()[0].key(), Some("team"));
    ecs.delete_daemon_task_definition().daemon_task_definition(&second).send().await.expect("deleted");
    let listed = ecs.list_daemon_task_definitions().family(&family).send().await.expect("listed");
    let arns: Vec<_> = listed.daemon_task_definitions().iter().filter_map(|it| it.arn()).collect();
    assert_eq!(arns, [first]);
    let missing = ecs.describe_daemon_task_definition().daemon_task_definition("none").send().await;
    assert_eq!(refusal(missing).0, "ClientException");
}

/// Waits until the deployment is SUCCESSFUL.
async fn successful(ecs: &Ecs, deployment: &str) {
    wait_until("a successful deployment", PATIENCE, || async {
        let described = ecs.describe_daemon_deployments().daemon_deployment_arns(deployment).send().await;
        let described = described.expect("described");
        described.daemon_deployments()[0].status() == Some(&DaemonDeploymentStatus::Successful)
    })
    .await;
}

/// A cluster, the ARN of a capacity provider of its own, and that of a daemon task definition.
pub(crate) async fn surroundings(ecs: &Ecs) -> (String, String, String) {
    let cluster = ecs.cluster().await;
    let name = ecs.managed_provider(&cluster, |settings| settings).await;
    let register = ecs.register_daemon_task_definition().family(random_name("daemon")).container_definitions(agent());
    let definition = register.send().await.expect("registered").daemon_task_definition_arn.expect("an ARN");
    (cluster, ecs.arn(&format!("capacity-provider/{name}")), definition)
}

async fn a_daemon_is_created_updated_and_deleted(ecs: Ecs) {
    let (cluster, provider, definition) = surroundings(&ecs).await;
    let create = || {
        ecs.create_daemon()
            .daemon_name("agent")
            .cluster_arn(ecs.arn(&format!("cluster/{cluster}")))
            .daemon_task_definition_arn(&definition)
            .capacity_provider_arns(&provider)
            .deployment_configuration(DaemonDeploymentConfiguration::builder().drain_percent(50.0).build())
            .propagate_tags(DaemonPropagateTags::Daemon)
            .tags(Tag::builder().key("team").value("logs").build())
            .client_token("once")
            .send()
    };
    let made = create().await.expect("created");
    let daemon = made.daemon_arn().expect("an ARN").to_owned();
    assert_eq!(daemon, ecs.arn(&format!("daemon/{cluster}/agent")));
    let first = made.deployment_arn().expect("a deployment").to_owned();
    assert!(first.starts_with(&ecs.arn(&format!("daemon-deployment/{cluster}/agent/"))), "{first}");
    let again = create().await.expect("the same");
    assert_eq!((again.daemon_arn(), again.deployment_arn()), (made.daemon_arn(), made.deployment_arn()));

    let described = ecs.describe_daemon().daemon_arn(&daemon).send().await.expect("described").daemon;
    let described = described.expect("a daemon");
    assert_eq!(described.status(), Some(&DaemonStatus::Active));
    assert_eq!(described.cluster_arn(), Some(&*ecs.arn(&format!("cluster/{cluster}"))));
    let revision = described.current_revisions()[0].arn().expect("an ARN").to_owned();
    assert_eq!(described.current_revisions()[0].capacity_providers()[0].arn(), Some(&*provider));
    let none = format!("{revision}0");
    let revisions = ecs.describe_daemon_revisions().daemon_revision_arns(&revision).daemon_revision_arns(&none);
    let revisions = revisions.send().await.expect("described");
    let shown = &revisions.daemon_revisions()[0];
    assert_eq!(shown.daemon_task_definition_arn(), Some(&*definition));
    assert_eq!(shown.propagate_tags(), Some(&DaemonPropagateTags::Daemon));
    assert_eq!(shown.container_images()[0].container_name(), Some("agent"));
    assert_eq!(revisions.failures()[0].reason(), Some("MISSING"));

    let update = ecs.update_daemon().daemon_arn(&daemon).daemon_task_definition_arn(&definition);
    let updated = update.capacity_provider_arns(&provider).send().await.expect("updated");
    let second = updated.deployment_arn().expect("a deployment").to_owned();
    // There are no instances that it would have to be brought to.
    successful(&ecs, &second).await;
    let mut pages = ecs.list_daemon_deployments().daemon_arn(&daemon).max_results(1).send().await.expect("a page");
    let mut listed = Vec::new();
    loop {
        listed.extend(pages.daemon_deployments().iter().filter_map(|it| it.daemon_deployment_arn().map(str::to_owned)));
        let Some(token) = pages.next_token() else { break };
        let next = ecs.list_daemon_deployments().daemon_arn(&daemon).max_results(1).next_token(token);
        pages = next.send().await.expect("a page");
    }
    listed.sort();
    let mut expected = vec![first.clone(), second.clone()];
    expected.sort();
    assert_eq!(listed, expected);
    let deployments = ecs.describe_daemon_deployments().daemon_deployment_arns(&first).send().await;
    let deployments = deployments.expect("described");
    let configuration = deployments.daemon_deployments()[0].deployment_configuration().expect("a configuration");
    assert!((configuration.drain_percent().unwrap_or_default() - 50.0).abs() < f64::EPSILON, "{configuration:?}");

    let daemons = ecs.list_daemons().cluster_arn(ecs.arn(&format!("cluster/{cluster}")));
    let daemons = daemons.capacity_provider_arns(&provider).send().await.expect("listed");
    assert_eq!(daemons.daemon_summaries_list()[0].daemon_arn(), Some(&*daemon));
    let tasks = ecs.list_tasks().cluster(&cluster).daemon_name("agent").send().await.expect("listed");
    assert!(tasks.task_arns().is_empty());
    let tags = ecs.list_tags_for_resource().resource_arn(&daemon).send().await.expect("tags");
    assert_eq!(tags.tags()[0].key(), Some("team"));

    let refused = ecs.delete_cluster().cluster(&cluster).send().await;
    assert_eq!(refusal(refused).1, "The Cluster cannot be deleted while Daemons are active.");
    let held = ecs.delete_capacity_provider().capacity_provider(&provider).send().await.expect("an answer");
    let reason = held.capacity_provider().and_then(|it| it.update_status_reason()).expect("a reason").to_owned();
    assert!(reason.contains("You must delete all daemons and services"), "{reason}");
    let deleted = ecs.delete_daemon().daemon_arn(&daemon).send().await.expect("deleted");
    assert_eq!(deleted.status(), Some(&DaemonStatus::DeleteInProgress));
    wait_until("the end of the daemon", PATIENCE, || async {
        let described = ecs.describe_daemon().daemon_arn(&daemon).send().await;
        described.is_err_and(|error| error.code() == Some("DaemonNotFoundException"))
    })
    .await;
    successful(&ecs, deleted.deployment_arn().expect("a deployment")).await;
    let listed = ecs.list_daemons().cluster_arn(ecs.arn(&format!("cluster/{cluster}"))).send().await.expect("listed");
    assert!(listed.daemon_summaries_list().is_empty());
    let held = ecs.delete_capacity_provider().capacity_provider(&provider).send().await.expect("an answer");
    let status = held.capacity_provider().and_then(|it| it.update_status()).cloned();
    assert_eq!(status, Some(CapacityProviderUpdateStatus::DeleteInProgress));
    ecs.delete_cluster().cluster(&cluster).send().await.expect("deleted");
}

async fn daemons_are_refused(ecs: Ecs) {
    let (cluster, provider, definition) = surroundings(&ecs).await;
    let create = || {
        let create = ecs.create_daemon().daemon_name("agent").cluster_arn(ecs.arn(&format!("cluster/{cluster}")));
        create.daemon_task_definition_arn(&definition).capacity_provider_arns(&provider)
    };
    create().send().await.expect("created");
    let (code, message) = refusal(create().send().await);
    assert_eq!((&*code, &*message), ("InvalidParameterException", "Creation of daemon was not idempotent."));
    let (code, message) = refusal(create().daemon_name("other").enable_execute_command(true).send().await);
    assert!(code == "InvalidParameterException" && message.contains("taskRoleArn"), "{code}: {message}");
    let elsewhere = create().cluster_arn(ecs.arn("cluster/none")).send().await;
    assert_eq!(refusal(elsewhere).0, "ClusterNotFoundException");
    let fargate = create().daemon_name("other").capacity_provider_arns(ecs.arn("capacity-provider/FARGATE")).send();
    assert_eq!(refusal(fargate.await).0, "ClientException");

    let none = ecs.arn(&format!("daemon/{cluster}/none"));
    assert_eq!(refusal(ecs.describe_daemon().daemon_arn(&none).send().await).0, "DaemonNotFoundException");
    assert_eq!(refusal(ecs.delete_daemon().daemon_arn(&none).send().await).0, "DaemonNotFoundException");
    let update = ecs.update_daemon().daemon_arn(&none).daemon_task_definition_arn(&definition);
    let update = update.capacity_provider_arns(&provider).send().await;
    assert_eq!(refusal(update).0, "DaemonNotFoundException");
    let nowhere = ecs.describe_daemon().daemon_arn(ecs.arn("daemon/none/agent")).send().await;
    assert_eq!(refusal(nowhere).0, "ClusterNotFoundException");
    assert_eq!(refusal(ecs.describe_daemon().daemon_arn("agent").send().await).0, "InvalidParameterException");
    let listed = ecs.list_daemon_deployments().daemon_arn(&none).send().await;
    assert_eq!(refusal(listed).0, "ClientException");
    let many = (0..21).map(|id| ecs.arn(&format!("daemon-deployment/{cluster}/agent/{id}"))).collect();
    let many = ecs.describe_daemon_deployments().set_daemon_deployment_arns(Some(many)).send().await;
    assert_eq!(refusal(many).0, "InvalidParameterException");
    let tasks = ecs.list_tasks().cluster(&cluster).daemon_name("none").send().await;
    assert_eq!(refusal(tasks).0, "ClientException");
}
