//! Pages: every item once, in order, until there is no token.

use aws_sdk_ecs::types::NetworkMode;
use compat_tests::{Ecs, Registers, app, random_name, refusal};

on_simulated!(clusters_in_pages, task_definitions_in_pages, tasks_in_pages, wrong_tokens);

async fn clusters_in_pages(ecs: Ecs) {
    let mut expected = vec![];
    for n in 0..7 {
        let name = format!("page-{n}");
        ecs.create_cluster().cluster_name(&name).send().await.expect("created");
        expected.push(ecs.arn(&format!("cluster/{name}")));
    }
    let (mut listed, mut sizes, mut token) = (vec![], vec![], None);
    loop {
        let page = ecs.list_clusters().max_results(3).set_next_token(token).send().await.expect("a page");
        sizes.push(page.cluster_arns().len());
        listed.extend(page.cluster_arns().to_vec());
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    listed.sort();
    assert_eq!((listed, sizes), (expected.clone(), vec![3, 3, 1]));

    // The SDK's own paginator.
    let all: Vec<_> = ecs.list_clusters().max_results(2).into_paginator().items().send().collect().await;
    let mut all = all.into_iter().collect::<Result<Vec<String>, _>>().expect("pages");
    all.sort();
    assert_eq!(all, expected);
}

async fn task_definitions_in_pages(ecs: Ecs) {
    let family = random_name("paged");
    for _ in 0..12 {
        let web = app("web", &[]).build();
        ecs.register_task_definition().family(&family).container_definitions(web).send().await.expect("registered");
    }
    let all: Vec<_> = ecs
        .list_task_definitions()
        .family_prefix(&family)
        .max_results(5)
        .into_paginator()
        .items()
        .send()
        .collect()
        .await;
    let all = all.into_iter().collect::<Result<Vec<String>, _>>().expect("pages");
    // By revision as a number: 10 after 9, not after 1.
    let expected: Vec<String> = (1..=12).map(|n| ecs.arn(&format!("task-definition/{family}:{n}"))).collect();
    assert_eq!(all, expected);
}

async fn tasks_in_pages(ecs: Ecs) {
    let cluster = ecs.cluster_with_instance().await;
    let definition = ecs.on_ec2(NetworkMode::None).container_definitions(app("web", &[]).build()).registered().await;
    let run = ecs.run_on_ec2(&cluster, &definition).count(7).send().await.expect("RunTask");
    let mut expected: Vec<String> = run.tasks().iter().filter_map(|task| task.task_arn()).map(str::to_owned).collect();
    let all: Vec<_> = ecs.list_tasks().cluster(&cluster).max_results(2).into_paginator().items().send().collect().await;
    let mut all = all.into_iter().collect::<Result<Vec<String>, _>>().expect("pages");
    all.sort();
    expected.sort();
    assert_eq!(all, expected);
}

async fn wrong_tokens(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let codes = [
        refusal(ecs.list_clusters().next_token("nonsense").send().await).0,
        refusal(ecs.list_tasks().cluster(&cluster).next_token("nonsense").send().await).0,
        refusal(ecs.list_clusters().max_results(0).send().await).0,
        refusal(ecs.list_clusters().max_results(101).send().await).0,
    ];
    assert_eq!(codes, ["InvalidParameterException"; 4]);
}
