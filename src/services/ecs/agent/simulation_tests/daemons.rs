//! Scenes of managed daemons: the network namespace that those of an instance share.

use std::net::{IpAddr, Ipv4Addr};

use api_models::ecs::{DaemonContainerDefinition, RegisterDaemonTaskDefinitionRequest};

use super::*;
use crate::runtime::{DAEMONS_ADDRESS_LABEL, DAEMONS_LABEL, ObservedState};
use crate::services::ec2::instance_types;
use crate::services::ecs::resources::container_instance::launch::{self, NewInstance};
use crate::services::ecs::resources::daemon::task_definition;
use crate::services::ecs::resources::{ClusterKey, DaemonLink, Origin};

impl World {
    /// A managed container instance.
    pub(super) async fn instance(&self, zone: &str) -> ContainerInstanceKey {
        let scope = task(&definition(NetworkMode::Bridge, vec![]), 1).key.scope;
        let cluster = ClusterKey::new(&scope, "default");
        let small = instance_types::find("m5.large").expect("it is in the table");
        let new = NewInstance::new(cluster, small, zone, Origin::Managed);
        let instance = launch::draft(&self.shared.store.snapshot(), &self.shared, new);
        let key = instance.key.clone();
        self.put(|tx| tx.put(instance)).await;
        key
    }

    async fn put(&self, write: impl FnOnce(&mut crate::store::Transaction) + Send) {
        let written = self.shared.store.transact(|tx| {
            write(tx);
            Ok::<_, api_models::Unexpected>(())
        });
        written.await.expect("in memory");
    }

    /// A task of the daemon, as its scheduler makes it.
    pub(super) async fn run_daemon(&mut self, instance: &ContainerInstanceKey, name: &str) -> TaskKey {
        let number = u32::try_from(self.tasks.len()).expect("few") + 1;
        let web = DaemonContainerDefinition {
            name: Some(name.to_owned()),
            image: Some(format!("{name}:1")),
            memory: Some(64),
            ..DaemonContainerDefinition::default()
        };
        let request = RegisterDaemonTaskDefinitionRequest {
            family: Some(name.to_owned()),
            container_definitions: Some(vec![web]),
            ..RegisterDaemonTaskDefinitionRequest::default()
        };
        let prepared = task_definition::prepare(request, &instance.scope).expect("valid");
        let now = self.shared.clock.now();
        let (link, instance) =
            (DaemonLink { name: name.into(), revision: "1".into(), settled: false }, instance.clone());
        let shown = ecs::TaskDefinition {
            family: Some(name.to_owned()),
            ..definition(NetworkMode::Bridge, vec![container(name, true)])
        };
        let mut task = Task { created_at: now, daemon: Some(Box::new(link)), ..task(&shown, number) };
        let key = task.key.clone();
        self.put(|tx| {
            let registered = task_definition::register(tx, &instance.scope, prepared, now);
            task.task_definition.revision = registered.revision;
            task.container_instance = Some(instance);
            tx.put(task);
        })
        .await;
        self.tasks.push(key.clone());
        key
    }

    /// The owner of the instance's namespace, and its address.
    async fn namespace(&self, instance: &ContainerInstanceKey) -> Option<(ContainerId, Ipv4Addr)> {
        let all = self.containers().await;
        let mut own = all.iter().filter(|found| found.labels.get(DAEMONS_LABEL) == Some(&instance.arn()));
        let found = own.next()?;
        assert_eq!(own.next(), None, "two namespaces of one instance");
        let Some(IpAddr::V4(address)) = found.address else { panic!("it has no address: {found:?}") };
        assert!(matches!(found.state, ObservedState::Running { .. }), "{found:?}");
        Some((found.id.clone(), address))
    }

    fn is_idle(&self) -> bool {
        self.running.as_ref().expect("started").1.is_idle()
    }

    fn status(&self, key: &TaskKey) -> TaskStatus {
        self.task(key).last_status
    }
}

#[tokio::test]
async fn the_daemons_of_an_instance_share_a_namespace_that_goes_with_the_last_one() {
    for restart in [false, true] {
        let mut world = World::new(1).await;
        let (here, there) = (world.instance("us-east-1a").await, world.instance("us-east-1b").await);
        // At once.
        let (logs, metrics) = (world.run_daemon(&here, "logs").await, world.run_daemon(&here, "metrics").await);
        let other = world.run_daemon(&there, "logs").await;
        world.settle().await;
        for key in [&logs, &metrics, &other] {
            let task = world.task(key);
            assert_eq!(task.last_status, TaskStatus::Running, "{task:#?}");
            assert!(task.attachment.is_none() && task.containers[0].network_bindings.is_empty(), "{task:#?}");
        }
        let own = world.namespace(&here).await.expect("there");
        let foreign = world.namespace(&there).await.expect("there");
        assert!(
            own.1 != foreign.1 && own.1 < Ipv4Addr::new(10, 192, 64, 0) && foreign.1 > own.1,
            "{own:?} {foreign:?}"
        );
        assert_eq!(world.containers().await.len(), 3 + 2);
        if restart {
            world.restart().await;
            world.settle().await;
            assert_eq!(world.containers().await.len(), 3 + 2);
        }

        world.stop(&logs).await;
        world.settle().await;
        assert_eq!((world.status(&logs), world.status(&metrics)), (TaskStatus::Stopped, TaskStatus::Running));
        assert_eq!(world.namespace(&here).await.as_ref(), Some(&own), "it outlives one daemon");
        let again = world.run_daemon(&here, "logs").await;
        world.settle().await;
        assert_eq!(world.status(&again), TaskStatus::Running);
        assert_eq!(world.namespace(&here).await.as_ref(), Some(&own));

        world.stop(&metrics).await;
        world.stop(&again).await;
        world.settle().await;
        assert_eq!(world.namespace(&here).await, None);
        assert_eq!(world.namespace(&there).await.as_ref(), Some(&foreign));
        world.stop(&other).await;
        world.settle().await;
        assert_eq!(world.containers().await, []);
        assert!(world.is_idle());
    }
}

#[tokio::test]
async fn daemons_end_with_their_namespace_and_their_successors_get_another() {
    for while_away in [false, true] {
        let mut world = World::new(1).await;
        let instance = world.instance("us-east-1a").await;
        let daemons = [world.run_daemon(&instance, "logs").await, world.run_daemon(&instance, "metrics").await];
        world.settle().await;
        let (id, _) = world.namespace(&instance).await.expect("there");
        if while_away {
            world.running = None;
        }
        world.runtime.remove_container(&id).await.expect("the engine answers");
        if while_away {
            world.restart().await;
        }
        let successor = world.run_daemon(&instance, "logs").await;
        for _ in 0..5 {
            world.pass(Duration::from_secs(10)).await;
        }
        for key in &daemons {
            let task = world.task(key);
            let (code, reason) = (task.stop_code.as_ref(), task.stopped_reason.as_deref());
            assert_eq!(task.last_status, TaskStatus::Stopped, "{task:#?}");
            assert_eq!(code, Some(&TaskStopCode::EssentialContainerExited));
            assert_eq!(reason, Some("Essential container in task exited"));
        }
        assert_eq!(world.status(&successor), TaskStatus::Running);
        let (new, _) = world.namespace(&instance).await.expect("there");
        assert_ne!(new, id);
        assert_eq!(world.containers().await.len(), 2);
    }
}

#[tokio::test]
async fn what_a_kill_left_is_cleaned() {
    let mut world = World::new(1).await;
    let instance = world.instance("us-east-1a").await;
    let key = world.run_daemon(&instance, "logs").await;
    world.settle().await;
    world.running = None;
    world
        .put(|tx| {
            tx.delete::<Task>(&key);
        })
        .await;
    world.seen.clear();
    world.restart().await;
    world.settle().await;
    assert_eq!(world.containers().await, []);
    assert!(world.is_idle());
}

#[tokio::test]
async fn tasks_have_a_route_to_the_daemons_of_their_instance_which_keep_their_address() {
    for restart in [false, true] {
        let mut world = World::new(1).await;
        let (here, there) = (world.instance("us-east-1a").await, world.instance("us-east-1a").await);
        let app = one(NetworkMode::Awsvpc, &[]);
        // Before its instance has daemons.
        let early = world.run_on(app.clone(), Some(&here)).await;
        world.settle().await;
        let (daemon, other) = (world.run_daemon(&here, "logs").await, world.run_daemon(&there, "logs").await);
        world.settle().await;
        let neighbour = world.run_on(app.clone(), Some(&there)).await;
        let fargate = world.run(app.clone()).await;
        world.settle().await;
        let (own, foreign) =
            (world.namespace(&here).await.expect("there").1, world.namespace(&there).await.expect("there").1);
        let mut routes = HashMap::new();
        for container in world.containers().await {
            let Some((key, super::super::observed::Slot::Pause)) = super::super::observations::owner(&container.labels)
            else {
                continue;
            };
            routes.insert(key, container.labels.get(DAEMONS_ADDRESS_LABEL).cloned());
        }
        assert_eq!(routes[&early], Some(own.to_string()));
        assert_eq!(routes[&neighbour], Some(foreign.to_string()));
        assert_eq!(routes[&fargate], None);

        // The task still has its route when another daemon comes.
        world.stop(&daemon).await;
        world.settle().await;
        assert_eq!(world.namespace(&here).await, None);
        if restart {
            world.restart().await;
            world.settle().await;
        }
        let thief = world.run(app).await;
        world.settle().await;
        world.run_daemon(&here, "logs").await;
        world.settle().await;
        assert_eq!(world.namespace(&here).await.expect("there").1, own);
        assert_eq!((world.status(&thief), world.status(&early)), (TaskStatus::Running, TaskStatus::Running));

        for key in world.tasks.clone() {
            world.stop(&key).await;
        }
        for _ in 0..5 {
            world.pass(Duration::from_secs(1)).await;
        }
        assert_eq!((world.containers().await, world.status(&other)), (vec![], TaskStatus::Stopped));
        assert!(world.is_idle());
    }
}

#[tokio::test]
async fn daemons_that_get_no_network_fail_to_start_and_leave_nothing() {
    let mut world = World::new(1).await;
    let instance = world.instance("us-east-1a").await;
    let fault = Fault::StartFails { image: "localecs/pause".into(), message: Some("no".into()), times: Some(1) };
    world.runtime.inject(fault).expect("simulated");
    let key = world.run_daemon(&instance, "logs").await;
    world.settle().await;
    let task = world.task(&key);
    assert_eq!(task.stop_code, Some(TaskStopCode::TaskFailedToStart), "{task:#?}");
    assert!(task.stopped_reason.as_deref().is_some_and(|reason| reason.starts_with("ContainerNetworkingError: ")));
    assert_eq!(world.containers().await, []);
    assert!(world.is_idle());
    let next = world.run_daemon(&instance, "logs").await;
    world.settle().await;
    assert_eq!(world.status(&next), TaskStatus::Running);
}
