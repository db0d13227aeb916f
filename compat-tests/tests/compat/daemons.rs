//! Daemon task definitions through the official client.

use aws_sdk_ecs::types::{DaemonContainerDefinition, DaemonTaskDefinitionStatus, Tag};
use compat_tests::{Ecs, random_name, refusal};

on_simulated!(daemon_task_definitions_live);

async fn daemon_task_definitions_live(ecs: Ecs) {
    let family = random_name("daemon");
    let container = DaemonContainerDefinition::builder().name("agent").image("agent:1").memory(64).build();
    let container = container.expect("complete");
    let register = || {
        let tag = Tag::builder().key("team").value("logs").build();
        ecs.register_daemon_task_definition().family(&family).container_definitions(container.clone()).tags(tag).send()
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
