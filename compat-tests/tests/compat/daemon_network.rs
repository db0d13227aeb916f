//! The network of managed daemons: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-daemons-task-definitions.html>

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ecs::types::{
    AutoRepairActionsStatus, AutoRepairConfiguration, CapacityProviderStrategyItem, Compatibility,
    DaemonContainerDefinition, PlacementConstraint, PlacementConstraintType, Task,
};
use compat_tests::{
    Ecs, Registers, Runtime, Server, Store, app, awsvpc, docker, random_account, random_name, wait_until,
    wait_until_some,
};

use crate::inside::{get_inside, json_inside};

on_docker!(tasks_find_the_daemons_of_their_own_instance);

const PATIENCE: Duration = Duration::from_secs(60);
/// What tells a daemon's task from its others.
const METADATA: &str = "ECS_CONTAINER_METADATA_URI_V4";

/// A cluster with managed instances, and daemons on each of them.
struct Fleet<'e> {
    ecs: &'e Ecs,
    cluster: String,
    provider: String,
    daemons: Vec<String>,
}

impl<'e> Fleet<'e> {
    async fn new(ecs: &'e Ecs) -> Self {
        let cluster = ecs.cluster().await;
        // A daemon that ends gets a successor on the same instance.
        let repair = AutoRepairConfiguration::builder().actions_status(AutoRepairActionsStatus::Disabled).build();
        let provider = ecs.managed_provider(&cluster, |settings| settings.auto_repair_configuration(repair)).await;
        Self { ecs, cluster, provider, daemons: Vec::new() }
    }

    /// A daemon that serves on a port of its own.
    async fn daemon(&mut self, port: u16) {
        let container = DaemonContainerDefinition::builder()
            .name("web")
            .image(compat_tests::APP_IMAGE)
            .memory(64)
            .command("serve")
            .command("--port")
            .command(port.to_string());
        let family = random_name("daemon");
        let register = self.ecs.register_daemon_task_definition().family(&family);
        let register = register.container_definitions(container.build().expect("complete"));
        let definition = register.send().await.expect("registered").daemon_task_definition_arn.expect("an ARN");
        let create = self.ecs.create_daemon().daemon_name(&family).daemon_task_definition_arn(&definition);
        let create = create
            .cluster_arn(self.ecs.arn(&format!("cluster/{}", self.cluster)))
            .capacity_provider_arns(self.ecs.arn(&format!("capacity-provider/{}", self.provider)));
        self.daemons.push(create.send().await.expect("CreateDaemon").daemon_arn.expect("an ARN"));
    }

    /// Application tasks, each on an instance of its own, which serve on 8125 as a daemon does.
    async fn apps(&self, count: i32) -> Vec<Task> {
        let definition = self.ecs.on_fargate();
        let definition = definition
            .set_requires_compatibilities(Some(vec![Compatibility::ManagedInstances]))
            .container_definitions(app("web", &["serve", "--port", "8125"]).build());
        let item = CapacityProviderStrategyItem::builder().capacity_provider(&self.provider).weight(1);
        let apart = PlacementConstraint::builder().r#type(PlacementConstraintType::DistinctInstance).build();
        let run = self.ecs.run_task().cluster(&self.cluster).task_definition(definition.registered().await);
        let run = run
            .capacity_provider_strategy(item.build().expect("it has a provider"))
            .placement_constraints(apart)
            .network_configuration(awsvpc(&["subnet-a"]))
            .count(count);
        let run = run.send().await.expect("RunTask");
        assert_eq!(run.failures(), &[]);
        let mut running = Vec::new();
        for task in run.tasks() {
            running.push(self.ecs.running(task).await);
        }
        running
    }

    /// The running daemon tasks on the instance of that task.
    async fn daemons_beside(&self, app: &Task) -> Vec<Task> {
        let list = self.ecs.list_tasks().cluster(&self.cluster);
        let list = list.container_instance(app.container_instance_arn().expect("it is on an instance"));
        let arns = list.send().await.expect("listed").task_arns.unwrap_or_default();
        let describe = self.ecs.describe_tasks().cluster(&self.cluster).set_tasks(Some(arns)).send().await;
        let found = describe.expect("described").tasks.unwrap_or_default();
        let daemons = found.into_iter().filter(|task| task.group().is_some_and(|group| group.starts_with("daemon:")));
        daemons.filter(|task| task.last_status() == Some("RUNNING")).collect()
    }

    /// What the task finds at the daemons' address, once something listens there.
    async fn found_by(&self, app: &Task, port: u16) -> String {
        let url = format!("http://169.254.172.2:{port}/env");
        wait_until_some(&url, PATIENCE, || async { get_inside(app, &url).ok() }).await
    }

    /// Everything ends, and leaves nothing.
    async fn end(self, apps: &[Task]) {
        for app in apps {
            self.ecs.stop(app).await;
        }
        for daemon in &self.daemons {
            self.ecs.delete_daemon().daemon_arn(daemon).send().await.expect("DeleteDaemon");
        }
        for app in apps {
            wait_until("the namespace to go", PATIENCE, || async { namespaces_beside(app).is_empty() }).await;
        }
        wait_until("the instances to be retired", PATIENCE, || async {
            let listed = self.ecs.list_container_instances().cluster(&self.cluster).send().await.expect("listed");
            listed.container_instance_arns().is_empty()
        })
        .await;
        let delete = self.ecs.delete_capacity_provider().capacity_provider(&self.provider).cluster(&self.cluster);
        delete.send().await.expect("deleted");
    }
}

/// The containers that own the namespace of the daemons on the task's instance.
fn namespaces_beside(app: &Task) -> Vec<String> {
    docker::containers(&format!("localecs.daemons={}", app.container_instance_arn().expect("an instance")))
}

/// Whether the page is of a container of that task.
fn is_of(page: &str, task: &Task) -> bool {
    let id = task.task_arn().and_then(|arn| arn.rsplit('/').next()).expect("an id");
    page.lines().any(|line| line.contains(METADATA) && line.contains(id))
}

async fn tasks_find_the_daemons_of_their_own_instance(ecs: Ecs) {
    let mut fleet = Fleet::new(&ecs).await;
    fleet.daemon(8125).await;
    fleet.daemon(8126).await;
    let apps = fleet.apps(2).await;
    assert_ne!(apps[0].container_instance_arn(), apps[1].container_instance_arn());
    for app in &apps {
        let daemons = fleet.daemons_beside(app).await;
        assert_eq!((daemons.len(), namespaces_beside(app).len()), (2, 1), "{daemons:#?}");
        for port in [8125, 8126] {
            let page = fleet.found_by(app, port).await;
            assert!(daemons.iter().any(|daemon| is_of(&page, daemon)), "another instance's answered: {page}");
        }
        // Its own port is its own.
        let own = get_inside(app, "http://localhost:8125/env").expect("it listens");
        assert!(is_of(&own, app), "{own}");
        for daemon in &daemons {
            let shown = &daemon.containers()[0];
            assert_eq!((shown.network_bindings(), shown.network_interfaces()), (&[][..], &[][..]));
            assert_eq!(daemon.attachments(), &[]);
            // Each finds the other, and both what every container finds.
            for port in [8125, 8126] {
                get_inside(daemon, &format!("http://localhost:{port}/healthz")).expect("they share localhost");
            }
            let inside = json_inside(daemon, &format!("${METADATA}"));
            let networks = &inside["Networks"][0];
            assert_eq!(
                (&networks["NetworkMode"], &networks["IPv4Addresses"][0]),
                (&"daemon_bridge".into(), &"169.254.172.2".into())
            );
        }
    }
    fleet.end(&apps).await;
}

#[tokio::test]
async fn daemons_keep_their_namespace_over_a_kill_and_get_another_when_it_dies() {
    needs_own_server!();
    let store = Arc::new(Store::in_folder());
    let account = random_account();
    let server = Server::start_on(store.clone(), Runtime::Docker, &[]);
    let ecs = server.ecs_in(&account, "us-east-1");
    let mut fleet = Fleet::new(&ecs).await;
    fleet.daemon(8125).await;
    let apps = fleet.apps(1).await;
    let app = &apps[0];
    let before = fleet.daemons_beside(app).await;
    assert!(is_of(&fleet.found_by(app, 8125).await, &before[0]));
    let namespace = namespaces_beside(app);
    let Fleet { cluster, provider, daemons, .. } = fleet;
    server.kill();

    let server = Server::start_on(store.clone(), Runtime::Docker, &[]);
    let ecs = server.ecs_in(&account, "us-east-1");
    let fleet = Fleet { ecs: &ecs, cluster, provider, daemons };
    ecs.running(&before[0]).await;
    assert!(is_of(&fleet.found_by(app, 8125).await, &before[0]));
    assert_eq!(namespaces_beside(app), namespace);

    let _ = docker::run(&["rm", "--force", &namespace[0]]);
    ecs.stopped(&before[0]).await;
    let after = wait_until_some("another daemon task", PATIENCE, || async {
        fleet.daemons_beside(app).await.into_iter().next()
    });
    let after = after.await;
    assert_ne!(after.task_arn(), before[0].task_arn());
    // The task's route leads to it.
    assert!(is_of(&fleet.found_by(app, 8125).await, &after));
    assert_eq!(namespaces_beside(app).len(), 1);
    fleet.end(&apps).await;
    server.stop();
}
