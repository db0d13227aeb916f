//! `kill -9` at any moment: no acknowledged write is lost, none is there by half.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_ecs::types::{Tag, TaskDefinitionField};
use compat_tests::{Ecs, Runtime, Server, Store, app, random_account, seed};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// How often the server is killed.
const KILLS: usize = 12;
const WRITERS: usize = 4;

/// What the server said it did, and must not forget.
#[derive(Debug, Default)]
struct Acknowledged {
    /// Family to its highest revision that was answered.
    revisions: BTreeMap<String, i32>,
    clusters: BTreeSet<String>,
    /// ARN to the last value of its tag `n`.
    tags: BTreeMap<String, u64>,
    tasks: BTreeSet<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_kills() {
    needs_own_server!();
    let mut random = StdRng::seed_from_u64(seed("acknowledged_writes_survive_kills"));
    let store = Arc::new(Store::in_folder());
    let account = random_account();
    let acknowledged = Arc::new(Mutex::new(Acknowledged::default()));
    let mut server = Server::start_on(store.clone(), Runtime::Simulated, &[]);
    for round in 0..KILLS {
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let ecs = server.ecs_in(&account, "us-east-1");
                tokio::spawn(write(ecs, round, writer, acknowledged.clone(), stop.clone()))
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(random.random_range(20..400))).await;
        server.kill();
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.expect("a writer does not panic");
        }
        server = Server::start_on(store.clone(), Runtime::Simulated, &[]);
        let ecs = server.ecs_in(&account, "us-east-1");
        let acknowledged = std::mem::take(&mut *acknowledged.lock().expect("no writer panicked"));
        println!(
            "round {round}: {} families, {} clusters, {} tags, {} tasks",
            acknowledged.revisions.len(),
            acknowledged.clusters.len(),
            acknowledged.tags.len(),
            acknowledged.tasks.len()
        );
        verify(&ecs, &acknowledged).await;
    }
    server.stop();
}

/// Writes until the server is gone; notes what was answered, and only that.
async fn write(ecs: Ecs, round: usize, writer: usize, noted: Arc<Mutex<Acknowledged>>, stop: Arc<AtomicBool>) {
    let family = format!("f-{round}-{writer}");
    let cluster = format!("c-{round}-{writer}");
    let arn = ecs.arn(&format!("cluster/{cluster}"));
    let note = |change: &dyn Fn(&mut Acknowledged)| change(&mut noted.lock().expect("no writer panicked"));
    if ecs.create_cluster().cluster_name(&cluster).send().await.is_err() {
        return;
    }
    note(&|all| {
        all.clusters.insert(cluster.clone());
    });
    for n in 1_u64.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let tags = || Tag::builder().key("n").value(n.to_string()).build();
        let web = app("web", &[]).build();
        let registered = ecs.on_fargate().family(&family).tags(tags()).container_definitions(web);
        let Ok(answer) = registered.send().await else { return };
        let revision = answer.task_definition().map(|definition| definition.revision()).expect("a definition");
        note(&|all| {
            all.revisions.insert(family.clone(), revision);
        });
        if ecs.tag_resource().resource_arn(&arn).tags(tags()).send().await.is_err() {
            return;
        }
        note(&|all| {
            all.tags.insert(arn.clone(), n);
        });
        let run = ecs.run_on_fargate(&cluster, &family).started_by("writer").send().await;
        match run {
            Ok(answer) => note(&|all| {
                all.tasks.extend(answer.tasks().iter().filter_map(|task| task.task_arn()).map(str::to_owned));
            }),
            Err(_) => return,
        }
    }
}

async fn verify(ecs: &Ecs, acknowledged: &Acknowledged) {
    for (family, revision) in &acknowledged.revisions {
        // Whole: each revision with its tags, and no gap below the latest.
        let arns: Vec<_> =
            ecs.list_task_definitions().family_prefix(family).into_paginator().items().send().collect().await;
        let arns = arns.into_iter().collect::<Result<Vec<String>, _>>().expect("listed");
        let expected: Vec<String> =
            (1..=arns.len()).map(|n| ecs.arn(&format!("task-definition/{family}:{n}"))).collect();
        assert_eq!(arns, expected);
        let latest = i32::try_from(arns.len()).expect("few");
        // One more may have been written whose answer the kill cut off.
        assert!((*revision..=revision + 1).contains(&latest), "{family}: {revision} answered, {latest} there");
        for number in [1, *revision, latest] {
            let definition = format!("{family}:{number}");
            let described = ecs
                .describe_task_definition()
                .task_definition(&definition)
                .include(TaskDefinitionField::Tags)
                .send()
                .await
                .expect(&definition);
            assert_eq!(described.tags()[0].value(), Some(number.to_string().as_str()), "{definition}");
            let definition = described.task_definition().expect("a definition");
            assert_eq!(definition.container_definitions()[0].name(), Some("web"));
        }
        let web = app("web", &[]).build();
        let next = ecs.register_task_definition().family(family).container_definitions(web).send().await;
        let next = next.expect("registered").task_definition.expect("a definition");
        assert_eq!(next.revision(), latest + 1, "the counter of {family}");
    }
    for cluster in &acknowledged.clusters {
        let described = ecs.describe_clusters().clusters(cluster).send().await.expect("described");
        assert_eq!(described.clusters().first().and_then(|found| found.status()), Some("ACTIVE"), "{cluster}");
    }
    for (arn, n) in &acknowledged.tags {
        let tags = ecs.list_tags_for_resource().resource_arn(arn).send().await.expect("listed");
        let value: u64 = tags.tags()[0].value().and_then(|value| value.parse().ok()).expect("a number");
        assert!((*n..=n + 1).contains(&value), "{arn}: {n} answered, {value} there");
    }
    let mut by_cluster: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for arn in &acknowledged.tasks {
        by_cluster.entry(arn.split('/').nth(1).expect("a cluster")).or_default().push(arn);
    }
    for (cluster, arns) in by_cluster {
        for some in arns.chunks(100) {
            let ids = some.iter().map(|arn| (*arn).clone()).collect();
            let described = ecs.describe_tasks().cluster(cluster).set_tasks(Some(ids)).send().await.expect("described");
            assert_eq!(described.failures(), []);
            assert_eq!(described.tasks().len(), some.len());
        }
    }
}
