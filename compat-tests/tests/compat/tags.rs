//! Tags: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html>

use aws_sdk_ecs::types::{NetworkMode, PropagateTags, Tag, TaskDefinitionField, TaskField};
use compat_tests::{Ecs, Registers, Runs, app, refusal};

on_simulated!(life_of_tags, every_resource_is_tagged, tags_reach_tasks, refusals);

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

async fn tags_of(ecs: &Ecs, arn: &str) -> Vec<Tag> {
    ecs.list_tags_for_resource().resource_arn(arn).send().await.expect("ListTagsForResource").tags.unwrap_or_default()
}

async fn life_of_tags(ecs: Ecs) {
    let arn = ecs.arn(&format!("cluster/{}", ecs.cluster().await));
    assert_eq!(tags_of(&ecs, &arn).await, []);
    let tags = [tag("stage", "dev"), tag("owner", "me"), tag("empty", "")];
    ecs.tag_resource().resource_arn(&arn).set_tags(Some(tags.to_vec())).send().await.expect("tagged");
    assert_eq!(tags_of(&ecs, &arn).await, tags);

    ecs.tag_resource().resource_arn(&arn).tags(tag("stage", "prod")).send().await.expect("tagged");
    ecs.untag_resource().resource_arn(&arn).tag_keys("owner").tag_keys("absent").send().await.expect("untagged");
    assert_eq!(tags_of(&ecs, &arn).await, [tag("stage", "prod"), tag("empty", "")]);
}

async fn every_resource_is_tagged(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let instance = ecs.instance(&cluster, 1024, 1024).await;
    let definition = ecs.on_ec2(NetworkMode::Bridge).container_definitions(app("web", &[]).build()).registered().await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let task = task.task_arn().expect("an ARN");
    for arn in [ecs.arn(&format!("cluster/{cluster}")), instance, definition, task.to_owned()] {
        ecs.tag_resource().resource_arn(&arn).tags(tag("a", "1")).send().await.expect(&arn);
        assert_eq!(tags_of(&ecs, &arn).await, [tag("a", "1")], "{arn}");
        ecs.untag_resource().resource_arn(&arn).tag_keys("a").send().await.expect(&arn);
        assert_eq!(tags_of(&ecs, &arn).await, [], "{arn}");
    }
}

async fn tags_reach_tasks(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let definition = ecs
        .on_fargate()
        .container_definitions(app("web", &[]).build())
        .tags(tag("from", "definition"))
        .tags(tag("both", "definition"))
        .registered()
        .await;
    let described = ecs
        .describe_task_definition()
        .task_definition(&definition)
        .include(TaskDefinitionField::Tags)
        .send()
        .await
        .expect("described");
    assert_eq!(described.tags(), [tag("from", "definition"), tag("both", "definition")]);

    let task = ecs
        .run_on_fargate(&cluster, &definition)
        .propagate_tags(PropagateTags::TaskDefinition)
        .enable_ecs_managed_tags(true)
        .tags(tag("both", "request"))
        .one()
        .await;
    let described = ecs
        .describe_tasks()
        .cluster(&cluster)
        .tasks(task.task_arn().expect("an ARN"))
        .include(TaskField::Tags)
        .send()
        .await
        .expect("described");
    let mut tags: Vec<(String, String)> = described.tasks()[0]
        .tags()
        .iter()
        .map(|tag| (tag.key().unwrap_or_default().to_owned(), tag.value().unwrap_or_default().to_owned()))
        .collect();
    tags.sort();
    let expected = [("aws:ecs:clusterName", cluster.as_str()), ("both", "request"), ("from", "definition")];
    assert_eq!(tags, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    // Not asked for, not told.
    assert_eq!(ecs.task(&task).await.tags(), []);
}

async fn refusals(ecs: Ecs) {
    let arn = ecs.arn(&format!("cluster/{}", ecs.cluster().await));
    let reserved = ecs.tag_resource().resource_arn(&arn).tags(tag("aws:x", "1")).send().await;
    assert_eq!(refusal(reserved).0, "InvalidParameterException");
    let many = (0..51).map(|n| tag(&format!("k{n}"), "v")).collect();
    let many = ecs.tag_resource().resource_arn(&arn).set_tags(Some(many)).send().await;
    assert_eq!(refusal(many).0, "InvalidParameterException");
    let odd = ecs.tag_resource().resource_arn(&arn).tags(tag("sm[ile]", "1")).send().await;
    let (code, message) = refusal(odd);
    assert_eq!(code, "InvalidParameterException");
    assert!(message.starts_with("Some tags contain invalid characters."), "{message}");
    assert_eq!(tags_of(&ecs, &arn).await, [], "none of them was taken");

    let missing = ecs.arn("cluster/missing");
    let (code, message) = refusal(ecs.list_tags_for_resource().resource_arn(&missing).send().await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("InvalidParameterException", "The specified cluster does not exist.")
    );
}
