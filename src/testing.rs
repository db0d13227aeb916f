//! What the unit tests of operations start from: an empty store in memory, a clock that stands still, seeded ids.

use std::sync::Arc;

use api_models::Unexpected;
use api_models::autoscaling::{CreateAutoScalingGroupType, LaunchTemplateSpecification};
use api_models::ec2::{CreateLaunchTemplateRequest, RequestLaunchTemplateData};
use api_models::ecs::{
    Compatibility, ContainerDefinition, CreateCapacityProviderRequest, CreateManagedInstancesProviderConfiguration,
    DaemonContainerDefinition, InfrastructureOptimization, InstanceLaunchTemplate,
    ManagedInstancesNetworkConfiguration, NetworkMode, RegisterDaemonTaskDefinitionRequest,
    RegisterTaskDefinitionRequest, TaskStopCode,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::config::Config;
use crate::identity::{AccountId, Region, Scope};
use crate::ids::IdSource;
use crate::logstore::{DEFAULT_MAX_BYTES_IN_MEMORY, LogStore};
use crate::services::autoscaling::operations::create_auto_scaling_group;
use crate::services::ec2::operations::create_launch_template;
use crate::services::ecs::exec::Sessions;
use crate::services::ecs::operations::{
    create_capacity_provider, register_daemon_task_definition, register_task_definition,
};
use crate::services::ecs::resources::{Task, TaskKey, TaskStatus, reservation};
use crate::services::sts::resources::Caller;
use crate::services::{CallerAddress, Context, Shared};
use crate::store::{Store, Transaction};
use crate::time::{Clock, Timestamp};

/// When the clock of [`context`] stands: 2026-01-01T00:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// The account of [`context`].
pub(crate) const ACCOUNT: &str = "123456789012";

/// A request's context in [`ACCOUNT`] and us-east-1 over a store of its own; clones share that store.
pub(crate) fn context() -> Context {
    context_with(Config::default())
}

/// [`context`] with settings of the test's own.
pub(crate) fn context_with(config: Config) -> Context {
    context_seeded(config, 1)
}

/// [`context_with`] with other ids.
pub(crate) fn context_seeded(config: Config, seed: u64) -> Context {
    let ids = IdSource::seeded(seed);
    let (store, clock) = (Arc::new(Store::in_memory(&ids)), Clock::manual(START));
    let account: AccountId = ACCOUNT.parse().expect("12 digits");
    Context {
        shared: Arc::new(Shared { store, logs: logs(&clock), clock, ids, config, exec: Sessions::default() }),
        scope: Scope::new(account, Region::new("us-east-1")),
        request_id: "5f1a2b3c-0000-4000-8000-000000000000".into(),
        caller: Caller::Root,
        caller_address: CallerAddress::default(),
    }
}

/// An empty log store in memory.
pub(crate) fn logs(clock: &Clock) -> Arc<LogStore> {
    Arc::new(LogStore::in_memory(clock.clone(), DEFAULT_MAX_BYTES_IN_MEMORY).expect("a database in memory"))
}

/// A task definition for Fargate of one container `app`, a quarter of a vCPU and half a GiB, unless `change` says otherwise.
pub(crate) async fn task_definition(
    context: &Context,
    family: &str,
    change: impl FnOnce(&mut RegisterTaskDefinitionRequest),
) {
    let mut request = RegisterTaskDefinitionRequest {
        family: Some(family.into()),
        network_mode: Some(NetworkMode::Awsvpc),
        requires_compatibilities: Some(vec![Compatibility::Fargate]),
        cpu: Some("256".into()),
        memory: Some("512".into()),
        container_definitions: Some(vec![ContainerDefinition {
            name: Some("app".into()),
            image: Some("app:1".into()),
            ..ContainerDefinition::default()
        }]),
        ..RegisterTaskDefinitionRequest::default()
    };
    change(&mut request);
    register_task_definition::handle(context.clone(), request).await.expect("a task definition");
}

/// A capacity provider of the default cluster with managed instances of any type, in one subnet.
pub(crate) async fn managed_provider(context: &Context, name: &str) {
    managed_provider_in(context, name, &["subnet-1"], None).await;
}

/// [`managed_provider`] in these subnets, whose instances go after so many seconds without tasks.
pub(crate) async fn managed_provider_in(context: &Context, name: &str, subnets: &[&str], scale_in_after: Option<i32>) {
    let subnets = Some(subnets.iter().map(|subnet| (*subnet).to_owned()).collect());
    let network = ManagedInstancesNetworkConfiguration { subnets, ..ManagedInstancesNetworkConfiguration::default() };
    let template = InstanceLaunchTemplate {
        ec2_instance_profile_arn: Some("arn:aws:iam::123456789012:instance-profile/ecs".into()),
        network_configuration: Some(Box::new(network)),
        ..InstanceLaunchTemplate::default()
    };
    let request = CreateCapacityProviderRequest {
        name: Some(name.into()),
        cluster: Some("default".into()),
        managed_instances_provider: Some(Box::new(CreateManagedInstancesProviderConfiguration {
            infrastructure_role_arn: Some("arn:aws:iam::123456789012:role/infrastructure".into()),
            instance_launch_template: Some(Box::new(template)),
            infrastructure_optimization: Some(Box::new(InfrastructureOptimization { scale_in_after })),
            ..CreateManagedInstancesProviderConfiguration::default()
        })),
        ..CreateCapacityProviderRequest::default()
    };
    create_capacity_provider::handle(context.clone(), request).await.expect("a provider");
}

/// Changes a task, if it is there, as the agent does: one that is STOPPED gives back what it took.
pub(crate) async fn change_task(context: &Context, key: &TaskKey, change: impl FnOnce(&mut Task)) {
    let work = |tx: &mut Transaction| {
        let Some(task) = tx.tasks.get(key) else { return Ok(()) };
        let mut task = Task::clone(task);
        change(&mut task);
        if task.last_status == TaskStatus::Stopped {
            reservation::release(tx, &mut task);
        }
        tx.put(task);
        Ok::<_, Unexpected>(())
    };
    context.store().transact(work).await.expect("in memory");
}

/// The task has ended: by itself, unless it was to stop.
pub(crate) fn end_task(task: &mut Task, now: Timestamp) {
    if task.desired_status != TaskStatus::Stopped {
        task.desired_status = TaskStatus::Stopped;
        let code = match task.started_at {
            Some(_) => TaskStopCode::EssentialContainerExited,
            None => TaskStopCode::TaskFailedToStart,
        };
        task.stop_code = Some(code);
    }
    task.last_status = TaskStatus::Stopped;
    task.stopped_at = Some(now);
}

/// The next revision of a daemon task definition of one container.
pub(crate) async fn daemon_definition(context: &Context, family: &str, role: Option<&str>) {
    let container = DaemonContainerDefinition {
        name: Some("agent".into()),
        image: Some("agent:1".into()),
        memory: Some(64),
        ..DaemonContainerDefinition::default()
    };
    let request = RegisterDaemonTaskDefinitionRequest {
        family: Some(family.into()),
        task_role_arn: role.map(str::to_owned),
        container_definitions: Some(vec![container]),
        ..RegisterDaemonTaskDefinitionRequest::default()
    };
    register_daemon_task_definition::handle(context.clone(), request).await.expect("registered");
}

/// An Auto Scaling group of 0 to 10 m5.large in one zone, whose instances join the default cluster.
pub(crate) async fn auto_scaling_group(context: &Context, name: &str, protects_new: bool) {
    let data = RequestLaunchTemplateData {
        image_id: Some("ami-12345678".into()),
        instance_type: Some("m5.large".into()),
        user_data: Some(STANDARD.encode("#!/bin/bash\necho ECS_CLUSTER=default >> /etc/ecs/ecs.config\n")),
        ..RequestLaunchTemplateData::default()
    };
    let template = CreateLaunchTemplateRequest {
        launch_template_name: Some(format!("of-{name}")),
        launch_template_data: Some(Box::new(data)),
        ..CreateLaunchTemplateRequest::default()
    };
    create_launch_template::handle(context.clone(), template).await.expect("a template");
    let specification = LaunchTemplateSpecification {
        launch_template_name: Some(format!("of-{name}")),
        ..LaunchTemplateSpecification::default()
    };
    let group = CreateAutoScalingGroupType {
        auto_scaling_group_name: Some(name.into()),
        launch_template: Some(Box::new(specification)),
        min_size: Some(0),
        max_size: Some(10),
        availability_zones: Some(vec!["us-east-1a".into()]),
        new_instances_protected_from_scale_in: Some(protects_new),
        ..CreateAutoScalingGroupType::default()
    };
    create_auto_scaling_group::handle(context.clone(), group).await.expect("a group");
}

/// The seeds of random lives: `LOCALECS_SEED=17` runs that one alone, `LOCALECS_SEEDS=5000` more than `usual`. Each is
/// named before it runs: a panic in the middle of a life has no other witness.
pub(crate) fn seeds(usual: u64) -> impl Iterator<Item = u64> {
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seeds = match number("LOCALECS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("LOCALECS_SEEDS").unwrap_or(usual),
    };
    seeds.inspect(|seed| eprintln!("seed {seed}"))
}
