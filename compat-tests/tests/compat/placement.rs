//! Placement constraints in the cluster query language.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-query-language.html>

use aws_sdk_ecs::types::{
    Attribute, NetworkMode, PlacementConstraint, PlacementConstraintType, Resource, TaskDefinitionPlacementConstraint,
    TaskDefinitionPlacementConstraintType,
};
use compat_tests::{Ecs, Registers, app, refusal};

on_simulated!(members_of_expressions, filters_of_lists);

/// Three instances in three zones, the last with a disk; their ARNs.
async fn three_zones(ecs: &Ecs, cluster: &str) -> Vec<String> {
    let attribute = |name: &str, value: &str| Attribute::builder().name(name).value(value).build().expect("named");
    let resource = |name: &str| Resource::builder().name(name).r#type("INTEGER").integer_value(4096).build();
    let mut arns = Vec::new();
    for zone in ["a", "b", "c"] {
        let mut attributes = vec![attribute("ecs.availability-zone", &format!("us-east-1{zone}"))];
        attributes.extend((zone == "c").then(|| attribute("disk", "ssd")));
        let registered = ecs
            .register_container_instance()
            .cluster(cluster)
            .set_total_resources(Some(vec![resource("CPU"), resource("MEMORY")]))
            .set_attributes(Some(attributes))
            .send()
            .await
            .expect("registered");
        arns.extend(registered.container_instance.and_then(|instance| instance.container_instance_arn));
    }
    arns
}

fn member_of(expression: &str) -> PlacementConstraint {
    PlacementConstraint::builder().r#type(PlacementConstraintType::MemberOf).expression(expression).build()
}

async fn members_of_expressions(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let instances = three_zones(&ecs, &cluster).await;
    let not_in_a = TaskDefinitionPlacementConstraint::builder()
        .r#type(TaskDefinitionPlacementConstraintType::MemberOf)
        .expression("attribute:ecs.availability-zone =~ us-east-1[bc]")
        .build();
    let definition = ecs
        .on_ec2(NetworkMode::None)
        .container_definitions(app("c", &["sleep", "600"]).build())
        .placement_constraints(not_in_a)
        .registered()
        .await;
    // The request's expression and the definition's hold together.
    let run =
        ecs.run_on_ec2(&cluster, &definition).group("cache").placement_constraints(member_of("attribute:disk !exists"));
    let run = run.count(2).send().await.expect("answered");
    let placed: Vec<_> = run.tasks().iter().filter_map(|task| task.container_instance_arn()).collect();
    assert_eq!(placed, [instances[1].as_str(), instances[1].as_str()]);

    // Beside the cache, and apart from it.
    let beside =
        ecs.run_on_ec2(&cluster, &definition).group("web").placement_constraints(member_of("task:group == cache"));
    let beside = beside.send().await.expect("answered");
    assert_eq!(beside.tasks()[0].container_instance_arn(), Some(instances[1].as_str()));
    let apart = || {
        ecs.run_on_ec2(&cluster, &definition)
            .group("batch")
            .placement_constraints(member_of("not(task:group == cache)"))
    };
    let apart_from_cache = apart().send().await.expect("answered");
    assert_eq!(apart_from_cache.tasks()[0].container_instance_arn(), Some(instances[2].as_str()));

    // Nobody is left: each instance says why.
    let nowhere =
        apart().placement_constraints(member_of("attribute:disk not_equals ssd")).send().await.expect("answered");
    assert_eq!(nowhere.tasks(), []);
    let reasons: Vec<_> = nowhere.failures().iter().filter_map(|failure| failure.reason()).collect();
    assert_eq!(reasons, ["MemberOf placement constraint unsatisfied."; 3]);

    let distinct = PlacementConstraint::builder().r#type(PlacementConstraintType::DistinctInstance).build();
    let alone = ecs.run_on_ec2(&cluster, &definition).group("alone").placement_constraints(distinct).count(3);
    let alone = alone.send().await.expect("answered");
    assert_eq!(alone.tasks().len(), 2);
    let mut reasons: Vec<_> = alone.failures().iter().filter_map(|failure| failure.reason()).collect();
    reasons.sort_unstable();
    let not_distinct = "DistinctInstance placement constraint unsatisfied.";
    assert_eq!(reasons, [not_distinct, not_distinct, "MemberOf placement constraint unsatisfied."]);

    let broken = ecs.run_on_ec2(&cluster, &definition).placement_constraints(member_of("attribute:disk ~ ssd"));
    let (code, message) = refusal(broken.send().await);
    assert_eq!(code, "InvalidParameterException");
    assert_eq!(message, "Invalid memberOf expression 'attribute:disk ~ ssd': expected an operator at position 16.");
}

async fn filters_of_lists(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let instances = three_zones(&ecs, &cluster).await;
    for (filter, found) in [
        ("attribute:ecs.availability-zone in [us-east-1a, us-east-1c]", vec![0, 2]),
        ("attribute:disk exists or attribute:ecs.availability-zone == us-east-1b", vec![1, 2]),
        ("runningTasksCount > 0", vec![]),
        ("agentConnected == true && registeredAt > 2020-01-01", vec![0, 1, 2]),
    ] {
        let listed = ecs.list_container_instances().cluster(&cluster).filter(filter).send().await.expect("listed");
        let mut wanted: Vec<&str> = found.into_iter().map(|index| instances[index].as_str()).collect();
        wanted.sort_unstable();
        assert_eq!(listed.container_instance_arns(), wanted, "{filter}");
    }
    let (code, message) =
        refusal(ecs.list_container_instances().cluster(&cluster).filter("attribute:disk in ssd").send().await);
    assert_eq!(code, "InvalidParameterException");
    assert!(message.contains("expected a list"), "{message}");
}
