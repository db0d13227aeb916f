//! Adding, listing and removing, and what a file brings about.

use api_models::ecs::CreateClusterRequest;

use super::file::{Done, File, bring_about};
use super::*;
use crate::services::Context;
use crate::services::ecs::operations::create_cluster;
use crate::testing::context;

async fn with_cluster() -> Context {
    let context = context();
    create_cluster::handle(context.clone(), CreateClusterRequest::default()).await.expect("a cluster");
    context
}

/// In the account of the tests.
fn wanted(text: &str) -> Wanted {
    toml::from_str(&format!("account = \"123456789012\"\n{text}")).expect("TOML")
}

async fn run<T>(
    context: &Context,
    work: impl FnOnce(&mut Transaction, &Shared) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    context.store().transact(|tx| work(tx, &context.shared)).await
}

#[tokio::test]
async fn they_are_added_listed_and_removed() {
    let context = with_cluster().await;
    let asked = wanted("type = 'm5.large'\ncount = 4\nattributes = { stack = 'blue' }\ntags = { team = 'a' }");
    let added = run(&context, |tx, shared| add(tx, shared, &asked)).await.expect("instances");
    let listed = list(&context.snapshot(), Some("default"));
    assert_eq!(listed.len(), 4);
    let mut zones: Vec<_> = listed.iter().filter_map(|it| it.zone.as_deref()).collect();
    zones.sort_unstable();
    assert_eq!(zones, ["us-east-1a", "us-east-1a", "us-east-1b", "us-east-1c"]);
    assert_eq!((listed[0].cpu, listed[0].memory, &*listed[0].origin), (2048, 7679, "added"));
    assert_eq!(value_of(&added[0], "stack"), Some("blue"));
    assert!(list(&context.snapshot(), Some("other")).is_empty());

    let by_ec2_id = added[0].ec2_instance_id.clone().expect("an id");
    let named = [by_ec2_id, added[1].key.id.to_string(), added[2].key.arn()];
    let removed = run(&context, |tx, shared| remove(tx, shared, &named)).await.expect("removed");
    assert_eq!(removed.len(), 3);
    assert_eq!(list(&context.snapshot(), None).len(), 1);
    let error = run(&context, |tx, shared| remove(tx, shared, &named)).await.expect_err("gone");
    assert!(error.to_string().starts_with("there is no container instance i-0"), "{error}");
}

#[tokio::test]
async fn what_can_not_be_added_is_named() {
    let context = with_cluster().await;
    for (text, message) in [
        ("type = 'm5.huge'", "there is no instance type m5.huge; there are m5.12xlarge"),
        ("type = 'm5.large'\ncount = 0", "count is between 1 and 5000"),
        ("type = 'm5.large'\nzones = ['us-east-1z']", "there is no zone us-east-1z in us-east-1"),
        ("type = 'm5.large'\ncluster = 'x'", "there is no cluster x in account 123456789012"),
        ("type = 'm5.large'\ntags = { 'aws:a' = 'b' }", "Tag keys can not be prefixed with aws:"),
    ] {
        let asked = wanted(text);
        let error = run(&context, |tx, shared| add(tx, shared, &asked)).await.expect_err(message);
        assert!(error.to_string().starts_with(message), "{error}");
    }
    assert!(list(&context.snapshot(), None).is_empty(), "all or none");
}

#[tokio::test]
async fn a_file_is_brought_about_again_and_again() {
    let context = context();
    let file = |text: &str| {
        let text = text.replace("[[instances]]", "[[instances]]\naccount = \"123456789012\"\ncluster = \"dev\"");
        toml::from_str::<File>(&text).expect("a file")
    };
    let apply = async |file: File| {
        let work = |tx: &mut Transaction| bring_about(tx, &context.shared, &file);
        context.store().transact(work).await.expect("brought about")
    };
    let first = "[[instances]]\ntype = 'm5.large'\ncount = 3\n[[instances]]\ntype = 't3.micro'\nzones = ['us-east-1b']";
    assert_eq!(apply(file(first)).await, Done { kept: 0, made: 4, terminated: 0 });
    assert_eq!(apply(file(first)).await, Done { kept: 4, made: 0, terminated: 0 });
    // One more, one fewer, and something to say of the others.
    let then = "[[instances]]\ntype = 'm5.large'\ncount = 4\nattributes = { stack = 'green' }";
    assert_eq!(apply(file(then)).await, Done { kept: 3, made: 1, terminated: 1 });
    let state = context.snapshot();
    let active: Vec<_> = state.container_instances.values().filter(|it| it.status == "ACTIVE").collect();
    assert!(active.iter().all(|it| value_of(it, "stack") == Some("green")));
    assert_eq!(active.len(), 4);
    // What others added stays.
    let cluster = "cluster = 'dev'\ntype = 'c5.large'";
    let added = wanted(cluster);
    context.store().transact(|tx| add(tx, &context.shared, &added)).await.expect("an instance");
    assert_eq!(apply(File::default()).await, Done { kept: 0, made: 0, terminated: 4 });
    assert_eq!(list(&context.snapshot(), None).len(), 1);

    for wrong in ["[[instances]]\ncount = 1", "[[instance]]", "[[instances]]\ntype = 'a'\nzone = 'b'"] {
        assert!(toml::from_str::<File>(wrong).is_err(), "{wrong}");
    }
    let bad = file("[[instances]]\ntype = 'm5.large'\n[[instances]]\ntype = 'm5.huge'");
    let work = |tx: &mut Transaction| bring_about(tx, &context.shared, &bad);
    assert!(context.store().transact(work).await.is_err());
    assert_eq!(list(&context.snapshot(), None).len(), 1, "all or nothing");
}
