//! One test's view of a server: the official client, and the steps that many tests take.

use std::fs::File;
use std::ops::Deref;
use std::time::Duration;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::retry::RetryConfig;
use aws_sdk_ecs::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::operation::register_task_definition::builders::RegisterTaskDefinitionFluentBuilder;
use aws_sdk_ecs::operation::run_task::builders::RunTaskFluentBuilder;
use aws_sdk_ecs::types::builders::{ContainerDefinitionBuilder, CreateManagedInstancesProviderConfigurationBuilder};
use aws_sdk_ecs::types::{
    AwsVpcConfiguration, Compatibility, ContainerDefinition, CreateManagedInstancesProviderConfiguration,
    InfrastructureOptimization, InstanceLaunchTemplate, LaunchType, ManagedInstancesNetworkConfiguration,
    NetworkConfiguration, NetworkMode, Resource, Task,
};

use crate::{Runtime, random_account, random_name, server, wait_until_some};

/// One program for every role; docker/sample-app/build makes it.
pub const APP_IMAGE: &str = "localecs/sample-app:latest";

/// How long a task may take to get anywhere. Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client (which it derefs to) and helpers. Prints what the server logged meanwhile if the test fails.
#[derive(Debug)]
pub struct Ecs {
    client: Client,
    pub runtime: Runtime,
    pub endpoint: String,
    pub account: String,
    pub region: String,
    log: Option<(File, u64)>,
}

impl Deref for Ecs {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for Ecs {
    fn drop(&mut self) {
        if let (true, Some((log, start))) = (std::thread::panicking(), &self.log) {
            eprintln!("--- account {}; the server logged meanwhile\n{}", self.account, server::read_from(log, *start));
        }
    }
}

impl Ecs {
    /// A client with an account of its own in us-east-1, of a server that no [`crate::Server`] stands for.
    #[must_use]
    pub fn at(endpoint: &str, runtime: Runtime) -> Self {
        Self::new(runtime, endpoint, &random_account(), "us-east-1", None)
    }

    pub(crate) fn new(runtime: Runtime, endpoint: &str, account: &str, region: &str, log: Option<&File>) -> Self {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(endpoint)
            .region(Region::new(region.to_owned()))
            .credentials_provider(Credentials::new(account, "secret", None, None, "compat-tests"))
            // A retry could hide an answer that ECS would not give.
            .retry_config(RetryConfig::disabled())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        let log = log.and_then(|file| Some((file.try_clone().ok()?, file.metadata().ok()?.len())));
        Self {
            client: Client::from_conf(config),
            runtime,
            endpoint: endpoint.to_owned(),
            account: account.to_owned(),
            region: region.to_owned(),
            log,
        }
    }

    /// `arn:aws:ecs:<region>:<account>:<resource>`
    #[must_use]
    pub fn arn(&self, resource: &str) -> String {
        format!("arn:aws:ecs:{}:{}:{resource}", self.region, self.account)
    }

    /// Creates a cluster and returns its name.
    pub async fn cluster(&self) -> String {
        let name = random_name("cluster");
        self.create_cluster().cluster_name(&name).send().await.expect("CreateCluster");
        name
    }

    /// Registers a container instance with so many CPU units and MiB, and returns its ARN.
    pub async fn instance(&self, cluster: &str, cpu: i32, memory: i32) -> String {
        let resource =
            |name: &str, value| Resource::builder().name(name).r#type("INTEGER").integer_value(value).build();
        let answer = self
            .register_container_instance()
            .cluster(cluster)
            .total_resources(resource("CPU", cpu))
            .total_resources(resource("MEMORY", memory))
            .send()
            .await
            .expect("RegisterContainerInstance");
        let instance = answer.container_instance.expect("a container instance");
        instance.container_instance_arn.expect("its ARN")
    }

    /// A cluster with one large container instance.
    pub async fn cluster_with_instance(&self) -> String {
        let cluster = self.cluster().await;
        self.instance(&cluster, 4096, 8192).await;
        cluster
    }

    /// A capacity provider for managed instances of the cluster, which go as soon as they have no tasks, unless `change` says
    /// otherwise; its name.
    pub async fn managed_provider(
        &self,
        cluster: &str,
        change: impl FnOnce(
            CreateManagedInstancesProviderConfigurationBuilder,
        ) -> CreateManagedInstancesProviderConfigurationBuilder,
    ) -> String {
        let name = random_name("managed");
        let network = ManagedInstancesNetworkConfiguration::builder().subnets("subnet-a").subnets("subnet-b").build();
        let template = InstanceLaunchTemplate::builder()
            .ec2_instance_profile_arn("arn:aws:iam::000000000000:instance-profile/ecs")
            .network_configuration(network)
            .build()
            .expect("it has a profile and a network");
        let settings = CreateManagedInstancesProviderConfiguration::builder()
            .infrastructure_role_arn("arn:aws:iam::000000000000:role/infrastructure")
            .instance_launch_template(template)
            .infrastructure_optimization(InfrastructureOptimization::builder().scale_in_after(0).build());
        let settings = change(settings).build().expect("it has a role and a template");
        let create = self.create_capacity_provider().name(&name).cluster(cluster).managed_instances_provider(settings);
        create.send().await.expect("CreateCapacityProvider");
        name
    }

    /// Begins a task definition for container instances in that network mode.
    #[must_use]
    pub fn on_ec2(&self, mode: NetworkMode) -> RegisterTaskDefinitionFluentBuilder {
        self.register_task_definition()
            .family(random_name("family"))
            .network_mode(mode)
            .requires_compatibilities(Compatibility::Ec2)
    }

    /// Begins a task definition for the smallest Fargate size.
    #[must_use]
    pub fn on_fargate(&self) -> RegisterTaskDefinitionFluentBuilder {
        self.register_task_definition()
            .family(random_name("family"))
            .network_mode(NetworkMode::Awsvpc)
            .requires_compatibilities(Compatibility::Fargate)
            .cpu("256")
            .memory("512")
    }

    /// Runs one task of a Fargate definition (its ARN).
    #[must_use]
    pub fn run_on_fargate(&self, cluster: &str, definition: &str) -> RunTaskFluentBuilder {
        self.run_task()
            .cluster(cluster)
            .task_definition(definition)
            .launch_type(LaunchType::Fargate)
            .network_configuration(awsvpc(&["subnet-0a"]))
    }

    /// Runs one task of an EC2 definition (its ARN).
    #[must_use]
    pub fn run_on_ec2(&self, cluster: &str, definition: &str) -> RunTaskFluentBuilder {
        self.run_task().cluster(cluster).task_definition(definition).launch_type(LaunchType::Ec2)
    }

    /// The task as DescribeTasks shows it.
    pub async fn task(&self, task: &Task) -> Task {
        let (cluster, arn) = (task.cluster_arn().expect("a cluster"), task.task_arn().expect("an ARN"));
        let mut answer = self.describe_tasks().cluster(cluster).tasks(arn).send().await.expect("DescribeTasks");
        assert_eq!(answer.failures(), [], "DescribeTasks of {arn}");
        answer.tasks.take().and_then(|mut tasks| tasks.pop()).expect("the task")
    }

    /// Waits until the task is RUNNING.
    ///
    /// # Panics
    /// When it stops instead.
    pub async fn running(&self, task: &Task) -> Task {
        let reached = self.reaches(task, &["RUNNING", "STOPPED"]).await;
        assert_eq!(reached.last_status(), Some("RUNNING"), "{reached:#?}");
        reached
    }

    /// Waits until the task is STOPPED.
    pub async fn stopped(&self, task: &Task) -> Task {
        self.reaches(task, &["STOPPED"]).await
    }

    async fn reaches(&self, task: &Task, statuses: &[&str]) -> Task {
        let what = format!("{} to be {statuses:?}", task.task_arn().unwrap_or_default());
        let mut last = None;
        let waiting = wait_until_some(&what, PATIENCE, || async {
            let now = self.task(task).await;
            statuses.contains(&now.last_status().unwrap_or_default()).then_some(now)
        });
        // The panic of a timeout should show where the task stands.
        let done = tokio::time::timeout(PATIENCE - Duration::from_secs(1), waiting).await;
        if done.is_err() {
            last = Some(self.task(task).await);
        }
        done.unwrap_or_else(|_| panic!("waited for {what}; it is {last:#?}"))
    }

    /// StopTask, and waits until it is STOPPED.
    pub async fn stop(&self, task: &Task) -> Task {
        let (cluster, arn) = (task.cluster_arn().expect("a cluster"), task.task_arn().expect("an ARN"));
        self.stop_task().cluster(cluster).task(arn).send().await.expect("StopTask");
        self.stopped(task).await
    }
}

/// Steps that end a builder.
pub trait Registers {
    /// Registers it and returns `family:revision`.
    fn registered(self) -> impl Future<Output = String>;
}

impl Registers for RegisterTaskDefinitionFluentBuilder {
    async fn registered(self) -> String {
        let answer = self.send().await.expect("RegisterTaskDefinition");
        let definition = answer.task_definition.expect("a task definition");
        definition.task_definition_arn.expect("its ARN")
    }
}

/// Steps that end a builder.
pub trait Runs {
    /// Runs exactly one task.
    fn one(self) -> impl Future<Output = Task>;
}

impl Runs for RunTaskFluentBuilder {
    async fn one(self) -> Task {
        let mut answer = self.send().await.expect("RunTask");
        assert_eq!(answer.failures(), [], "RunTask");
        let mut tasks = answer.tasks.take().unwrap_or_default();
        assert_eq!(tasks.len(), 1, "RunTask answers one task");
        tasks.remove(0)
    }
}

/// An essential container of the sample app with 128 MiB; no arguments means its web server.
#[must_use]
pub fn app(name: &str, command: &[&str]) -> ContainerDefinitionBuilder {
    let command = command.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    ContainerDefinition::builder()
        .name(name)
        .image(APP_IMAGE)
        .memory(128)
        .essential(true)
        .set_command((!command.is_empty()).then_some(command))
}

#[must_use]
pub fn awsvpc(subnets: &[&str]) -> NetworkConfiguration {
    let mut vpc = AwsVpcConfiguration::builder();
    for subnet in subnets {
        vpc = vpc.subnets(*subnet);
    }
    NetworkConfiguration::builder().awsvpc_configuration(vpc.build().expect("subnets are given")).build()
}

/// The error code and message that the service refused a request with.
///
/// # Panics
/// When it did not refuse it.
pub fn refusal<T: std::fmt::Debug, E, R>(result: Result<T, SdkError<E, R>>) -> (String, String)
where
    SdkError<E, R>: ProvideErrorMetadata + std::fmt::Debug,
{
    let error = result.expect_err("a refusal");
    let code = error.code().unwrap_or_else(|| panic!("not an answer of the service: {error:?}"));
    (code.to_owned(), error.message().unwrap_or_default().to_owned())
}
