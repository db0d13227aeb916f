//! Waiting tasks and managed instances, from the operations to the scheduler, on a store in memory.

use std::time::Duration;

use api_models::autoscaling::{SetDesiredCapacityType, TerminateInstanceInAutoScalingGroupType};
use api_models::ecs::{
    AutoScalingGroupProvider, AutoScalingGroupProviderUpdate, AwsVpcConfiguration, CapacityProviderStrategyItem,
    CreateCapacityProviderRequest, CreateClusterRequest, LaunchType, ManagedScaling, ManagedScalingStatus,
    ManagedTerminationProtection, NetworkConfiguration, PutClusterCapacityProvidersRequest, RunTaskRequest,
    RunTaskResponse, Task as Shown, UpdateCapacityProviderRequest,
};

use super::*;
use crate::services::Context;
use crate::services::autoscaling::keeper::GroupKeeper;
use crate::services::autoscaling::operations::{set_desired_capacity, terminate_instance_in_auto_scaling_group};
use crate::services::ec2::instance_types;
use crate::services::ec2::lifecycle::InstanceLifecycle;
use crate::services::ecs::operations::{
    create_capacity_provider, create_cluster, put_cluster_capacity_providers, run_task, update_capacity_provider,
};
use crate::services::ecs::resources::container_instance::Origin;
use crate::services::ecs::resources::container_instance::launch::{NewInstance, launch};
use crate::services::ecs::resources::{ClusterKey, Task, TaskStatus, reservation};
use crate::testing::{auto_scaling_group, context, managed_provider_in, task_definition};

/// The default cluster, and `web`: awsvpc, a quarter of a vCPU and half a GiB.
async fn ready() -> (Context, CapacityScheduler) {
    let context = context();
    create_cluster::handle(context.clone(), CreateClusterRequest::default()).await.expect("a cluster");
    task_definition(&context, "web", |it| it.requires_compatibilities = None).await;
    let scheduler = CapacityScheduler { shared: context.shared.clone() };
    (context, scheduler)
}

async fn with_managed(context: &Context) -> CapacityProviderKey {
    managed_provider_in(context, "managed", &["subnet-1", "subnet-2", "subnet-3"], None).await;
    CapacityProviderKey::new(&context.scope, "managed")
}

/// The default cluster has these providers from now on.
async fn give(context: &Context, providers: &[&str]) {
    let put = PutClusterCapacityProvidersRequest {
        cluster: Some("default".into()),
        capacity_providers: Some(providers.iter().map(|name| (*name).to_owned()).collect()),
        default_capacity_provider_strategy: Some(vec![]),
    };
    put_cluster_capacity_providers::handle(context.clone(), put).await.expect("put");
}

async fn with_group(context: &Context, name: &str, status: ManagedScalingStatus) {
    auto_scaling_group(context, name, true).await;
    let request = CreateCapacityProviderRequest {
        name: Some(name.into()),
        auto_scaling_group_provider: Some(Box::new(AutoScalingGroupProvider {
            auto_scaling_group_arn: Some(name.into()),
            managed_termination_protection: (status == ManagedScalingStatus::Enabled)
                .then_some(ManagedTerminationProtection::Enabled),
            managed_scaling: Some(Box::new(ManagedScaling { status: Some(status), ..ManagedScaling::default() })),
            ..AutoScalingGroupProvider::default()
        })),
        ..CreateCapacityProviderRequest::default()
    };
    create_capacity_provider::handle(context.clone(), request).await.expect("a provider");
}

async fn run(context: &Context, strategy: &[(&str, i32)], count: i32) -> Result<RunTaskResponse, String> {
    let vpc = AwsVpcConfiguration { subnets: Some(vec!["subnet-1".into()]), ..AwsVpcConfiguration::default() };
    let item = |(name, weight): &(&str, i32)| CapacityProviderStrategyItem {
        capacity_provider: Some((*name).to_owned()),
        weight: Some(*weight),
        base: None,
    };
    let request = RunTaskRequest {
        task_definition: Some("web".into()),
        capacity_provider_strategy: Some(strategy.iter().map(item).collect()),
        network_configuration: Some(Box::new(NetworkConfiguration { awsvpc_configuration: Some(Box::new(vpc)) })),
        count: Some(count),
        ..RunTaskRequest::default()
    };
    run_task::handle(context.clone(), request).await.map_err(|error| error.to_string())
}

fn tasks(context: &Context) -> Vec<Arc<Task>> {
    context.snapshot().tasks.values().cloned().collect()
}

fn active(context: &Context) -> usize {
    context.snapshot().container_instances.values().filter(|instance| instance.status == "ACTIVE").count()
}

/// What the agent writes when all has ended.
async fn stop_all(context: &Context) {
    let now = context.now();
    let work = |tx: &mut Transaction| {
        let keys: Vec<_> = tx.tasks.keys().cloned().collect();
        for key in keys {
            let Some(mut task) = tx.tasks.get(&key).map(|task| Task::clone(task)) else { continue };
            task.desired_status = TaskStatus::Stopped;
            task.last_status = TaskStatus::Stopped;
            task.stopped_at = Some(now);
            reservation::release(tx, &mut task);
            tx.put(task);
        }
        Ok::<_, Unexpected>(())
    };
    context.store().transact(work).await.expect("a store");
}

fn shown(answer: RunTaskResponse) -> Vec<Shown> {
    assert_eq!(answer.failures, Some(vec![]));
    answer.tasks.expect("tasks")
}

#[tokio::test]
async fn managed_instances_come_for_waiting_tasks_and_go_when_idle() {
    let (context, scheduler) = ready().await;
    let provider = with_managed(&context).await;
    let made = shown(run(&context, &[("managed", 1)], 3).await.expect("an answer"));
    for task in &made {
        assert_eq!(task.last_status.as_deref(), Some("PROVISIONING"));
        assert_eq!(task.launch_type, Some(LaunchType::ManagedInstances));
        assert_eq!((task.capacity_provider_name.as_deref(), &task.container_instance_arn), (Some("managed"), &None));
    }
    assert_eq!(scheduler.reconcile(&provider).await.expect("a run"), Next::Idle);
    assert_eq!(active(&context), 1, "all three fit on one");
    let instance = context.snapshot().container_instances.values().next().expect("an instance").clone();
    assert_eq!((instance.capacity_provider.as_deref(), instance.origin), (Some("managed"), Origin::Managed));
    for task in tasks(&context) {
        assert_eq!(task.container_instance.as_ref(), Some(&instance.key));
        assert!(task.waiting.is_none() && task.reserved.is_some() && task.availability_zone.is_some());
    }
    assert_eq!(instance.registered.cpu - instance.remaining.cpu, 3 * 256);
    // Nothing more to do; a plain EC2 task is not for it.
    scheduler.reconcile(&provider).await.expect("a run");
    assert_eq!(active(&context), 1);
    let plain = RunTaskRequest { task_definition: Some("web".into()), ..RunTaskRequest::default() };
    let plain = RunTaskRequest { launch_type: Some(LaunchType::Ec2), ..plain };
    let vpc = AwsVpcConfiguration { subnets: Some(vec!["subnet-1".into()]), ..AwsVpcConfiguration::default() };
    let network = NetworkConfiguration { awsvpc_configuration: Some(Box::new(vpc)) };
    let plain = RunTaskRequest { network_configuration: Some(Box::new(network)), ..plain };
    let error = run_task::handle(context.clone(), plain).await.expect_err("no room").to_string();
    assert!(error.contains("No Container Instances were found in your cluster."), "{error}");

    stop_all(&context).await;
    let later = context.now().saturating_add(Duration::from_secs(300));
    assert_eq!(scheduler.reconcile(&provider).await.expect("a run"), Next::At(later));
    context.shared.clock.advance(Duration::from_secs(300));
    assert_eq!(scheduler.reconcile(&provider).await.expect("a run"), Next::Idle);
    assert_eq!(active(&context), 0);
}

#[tokio::test]
async fn a_strategy_s_tasks_go_to_its_providers_instances_alone() {
    let (context, scheduler) = ready().await;
    with_group(&context, "fixed", ManagedScalingStatus::Disabled).await;
    with_group(&context, "scaled", ManagedScalingStatus::Enabled).await;
    give(&context, &["fixed", "scaled"]).await;
    let add = |provider: Option<&'static str>| {
        let mut new = NewInstance::new(
            ClusterKey::new(&context.scope, "default"),
            instance_types::find("m5.large").expect("a type"),
            "us-east-1b",
            Origin::Added,
        );
        new.capacity_provider = provider.map(str::to_owned);
        let shared = context.shared.clone();
        let work = move |tx: &mut Transaction| Ok::<_, Unexpected>(launch(tx, &shared, new).expect("an instance"));
        context.store().transact(work)
    };
    add(None).await.expect("a store");
    let error = run(&context, &[("fixed", 1)], 1).await.expect_err("no instance of its own");
    assert!(error.contains("No Container Instances were found in your capacity provider."), "{error}");
    let fixed = add(Some("fixed")).await.expect("a store");
    let made = shown(run(&context, &[("fixed", 1), ("scaled", 3)], 4).await.expect("an answer"));
    let on: Vec<_> =
        made.iter().map(|task| (task.capacity_provider_name.as_deref(), &task.container_instance_arn)).collect();
    assert_eq!(on[0], (Some("fixed"), &Some(fixed.key.arn())));
    assert_eq!(on[1..], [(Some("scaled"), &None); 3]);
    assert!(made.iter().all(|task| task.launch_type == Some(LaunchType::Ec2)));

    // Room comes with an instance; as much as it has.
    let scaled = add(Some("scaled")).await.expect("a store");
    scheduler.reconcile(&CapacityProviderKey::new(&context.scope, "scaled")).await.expect("a run");
    let placed = tasks(&context).iter().filter(|task| task.container_instance.as_ref() == Some(&scaled.key)).count();
    assert_eq!(placed, 3);
    assert!(tasks(&context).iter().all(|task| task.waiting.is_none()));
}

/// Runs the scheduler, the keeper of groups and EC2's life cycle until nothing changes.
async fn settle(context: &Context, scheduler: &CapacityScheduler) {
    let shared = context.shared.clone();
    let (keeper, lifecycle) = (GroupKeeper { shared: shared.clone() }, InstanceLifecycle { shared });
    for _ in 0..20 {
        let before = context.snapshot();
        for key in scheduler.initial(&before) {
            scheduler.reconcile(&key).await.expect("a run");
        }
        for key in keeper.initial(&context.snapshot()) {
            keeper.reconcile(&key).await.expect("a run");
        }
        for key in lifecycle.initial(&context.snapshot()) {
            lifecycle.reconcile(&key).await.expect("a run");
        }
        if Arc::ptr_eq(&before, &context.snapshot()) {
            return;
        }
    }
    panic!("it does not settle");
}

#[tokio::test]
async fn a_group_grows_from_nothing_with_its_tasks_and_goes_back_to_it() {
    let (context, scheduler) = ready().await;
    with_group(&context, "scaled", ManagedScalingStatus::Enabled).await;
    give(&context, &["scaled"]).await;
    settle(&context, &scheduler).await;
    let group = || context.snapshot().auto_scaling_groups.values().next().expect("a group").clone();
    assert!(group().tags.contains_key("AmazonECSManaged"));
    assert!(group().hooks.contains_key("ecs-managed-draining-termination-hook"));
    assert_eq!((group().desired, active(&context)), (0, 0));

    shown(run(&context, &[("scaled", 1)], 10).await.expect("an answer"));
    shown(run(&context, &[("scaled", 1)], 10).await.expect("an answer"));
    settle(&context, &scheduler).await;
    // Eight of the tasks fill an m5.large.
    assert_eq!((group().desired, active(&context)), (3, 3));
    assert!(tasks(&context).iter().all(|task| task.container_instance.is_some() && task.waiting.is_none()));
    assert!(group().members.values().all(|member| member.protected));
    for (wanted, expected) in
        [(ManagedTerminationProtection::Disabled, false), (ManagedTerminationProtection::Enabled, true)]
    {
        let settings =
            AutoScalingGroupProviderUpdate { managed_termination_protection: Some(wanted), ..Default::default() };
        let update = UpdateCapacityProviderRequest {
            name: Some("scaled".into()),
            auto_scaling_group_provider: Some(Box::new(settings)),
            ..UpdateCapacityProviderRequest::default()
        };
        update_capacity_provider::handle(context.clone(), update).await.expect("updated");
        settle(&context, &scheduler).await;
        assert!(group().members.values().all(|member| member.protected == expected), "{expected}");
    }
    for instance in context.snapshot().container_instances.values() {
        assert_eq!(instance.capacity_provider.as_deref(), Some("scaled"));
    }

    stop_all(&context).await;
    settle(&context, &scheduler).await;
    assert_eq!(group().desired, 3, "not before a quarter of an hour");
    context.shared.clock.advance(Duration::from_secs(15 * 60));
    settle(&context, &scheduler).await;
    assert_eq!((group().desired, active(&context)), (2, 2));
    for left in [1, 0] {
        context.shared.clock.advance(Duration::from_secs(60));
        settle(&context, &scheduler).await;
        assert_eq!((group().desired, active(&context)), (left, usize::try_from(left).expect("a count")));
    }
    assert!(group().members.is_empty());

    // Without the provider the group is on its own again.
    give(&context, &[]).await;
    settle(&context, &scheduler).await;
    assert!(group().hooks.is_empty());
}

#[tokio::test]
async fn an_instance_that_goes_is_drained_first() {
    let (context, scheduler) = ready().await;
    with_group(&context, "scaled", ManagedScalingStatus::Enabled).await;
    give(&context, &["scaled"]).await;
    shown(run(&context, &[("scaled", 1)], 1).await.expect("an answer"));
    settle(&context, &scheduler).await;
    let on = tasks(&context)[0].container_instance.clone().expect("an instance");
    let instance = || context.snapshot().container_instances.get(&on).expect("the instance").clone();
    let request = TerminateInstanceInAutoScalingGroupType {
        instance_id: instance().ec2_instance_id.clone(),
        should_decrement_desired_capacity: Some(true),
        ..TerminateInstanceInAutoScalingGroupType::default()
    };
    terminate_instance_in_auto_scaling_group::handle(context.clone(), request).await.expect("accepted");
    settle(&context, &scheduler).await;
    assert_eq!(instance().status, "DRAINING");
    assert_eq!(tasks(&context)[0].desired_status, TaskStatus::Running, "a task of nobody's is waited for");
    stop_all(&context).await;
    settle(&context, &scheduler).await;
    assert_eq!(instance().status, "INACTIVE");
}

#[tokio::test]
async fn so_many_tasks_of_a_cluster_may_wait_for_a_group() {
    let (context, scheduler) = ready().await;
    with_group(&context, "scaled", ManagedScalingStatus::Enabled).await;
    give(&context, &["scaled"]).await;
    with_managed(&context).await;
    for _ in 0..49 {
        shown(run(&context, &[("scaled", 1)], 10).await.expect("an answer"));
    }
    shown(run(&context, &[("scaled", 1)], 5).await.expect("an answer"));
    // All or none.
    let error = run(&context, &[("scaled", 1)], 6).await.expect_err("too many");
    assert!(error.contains("Tasks provisioning capacity limit exceeded."), "{error}");
    assert_eq!(tasks(&context).len(), 495);
    shown(run(&context, &[("scaled", 1)], 5).await.expect("an answer"));
    // Managed instances have no such quota.
    shown(run(&context, &[("managed", 1)], 10).await.expect("an answer"));
    // Who has a place waits no more.
    settle(&context, &scheduler).await;
    assert!(tasks(&context).iter().filter(|task| task.waiting.is_none()).count() > 10);
    shown(run(&context, &[("scaled", 1)], 6).await.expect("an answer"));
}

#[tokio::test]
async fn instances_that_were_there_before_the_provider_are_its_own() {
    let (context, scheduler) = ready().await;
    with_group(&context, "fixed", ManagedScalingStatus::Disabled).await;
    let one = SetDesiredCapacityType {
        auto_scaling_group_name: Some("fixed".into()),
        desired_capacity: Some(1),
        honor_cooldown: None,
    };
    set_desired_capacity::handle(context.clone(), one).await.expect("set");
    settle(&context, &scheduler).await;
    let provider = || {
        let state = context.snapshot();
        state.container_instances.values().next().expect("an instance").capacity_provider.clone()
    };
    assert_eq!(provider(), None);
    give(&context, &["fixed"]).await;
    settle(&context, &scheduler).await;
    assert_eq!(provider().as_deref(), Some("fixed"));
    let made = shown(run(&context, &[("fixed", 1)], 1).await.expect("an answer"));
    assert_eq!(made[0].capacity_provider_name.as_deref(), Some("fixed"));
}
