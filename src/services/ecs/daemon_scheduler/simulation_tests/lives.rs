//! Random lives of daemons: whatever happens, what must be so at any time is (`World::check`), and once nothing goes wrong
//! any more every instance runs what it should.

use api_models::ecs::DaemonDeploymentStatus as Status;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::services::ecs::resources::daemon::is_over;
use crate::testing::seeds;

async fn live(seed: u64) {
    let mut world = World::new(seed).await;
    let mut rng = StdRng::seed_from_u64(seed);
    let mut below = |bound: usize| (rng.next_u64() % bound as u64) as usize;
    let names = ["logs", "audit"];
    let mut services = 0;
    for _ in 0..40 {
        let name = names[below(2)];
        let present = world.context.snapshot().daemons.get(&world.key(name)).map(|daemon| daemon.status);
        match below(12) {
            0 | 1 if present.is_none() || present == Some(DaemonStatus::Active) => {
                let family = ["good", "good", "checked", "bad"][below(4)];
                let providers: &[&str] = [&["one"][..], &["two"][..], &["one", "two"][..]][below(3)];
                let wanted = world.wanted(family, providers, below(10) < 6);
                let given = DaemonDeploymentConfiguration {
                    drain_percent: Some([1.0, 25.0, 100.0][below(3)]),
                    bake_time_in_minutes: Some([0, 0, 1][below(3)]),
                    ..DaemonDeploymentConfiguration::default()
                };
                world.deploy(name, Some(wanted), given).await;
            }
            2 if present == Some(DaemonStatus::Active) && below(10) < 3 => {
                world.deploy(name, None, DaemonDeploymentConfiguration::default()).await;
            }
            3 if services < 3 => {
                services += 1;
                let provider = ["one", "two"][below(2)];
                world.serve(&format!("web-{services}"), provider, 1 + below(3) as i32).await;
            }
            4 => world.run(["one", "two"][below(2)], 1 + below(2) as i32).await,
            5 => {
                let tasks = world.tasks(Some(name));
                if !tasks.is_empty() {
                    let key = tasks[below(tasks.len())].key.clone();
                    world.die(&key).await;
                }
            }
            6 => {
                let shared = world.context.shared.clone();
                world.daemons = DaemonScheduler::new(shared).with_alarms(world.surroundings.clone());
            }
            7 => world.step(1 + below(700) as u64).await,
            _ => world.step(1 + below(4) as u64).await,
        }
    }
    // Those that can't start give way to one that can.
    for name in names {
        let daemon = world.context.snapshot().daemons.get(&world.key(name)).cloned();
        if daemon.is_some_and(|daemon| daemon.status == DaemonStatus::Active) {
            let wanted = world.wanted("good", &["one", "two"], true);
            world.deploy(name, Some(wanted), DaemonDeploymentConfiguration::default()).await;
        }
    }
    for _ in 0..150 {
        world.step(4).await;
        if world.is_at_rest() {
            break;
        }
    }
    world.assert_settled(seed);
}

impl World {
    /// Whether no deployment is under way, and no task on its way.
    fn is_at_rest(&self) -> bool {
        let state = self.context.snapshot();
        let mut tasks = state.tasks.values().filter(|task| task.last_status != TaskStatus::Stopped);
        tasks.all(|it| it.last_status == TaskStatus::Running && it.desired_status == TaskStatus::Running)
            && state.daemon_deployments.values().all(|deployment| is_over(&deployment.status))
            && self.hosts("DRAINING").is_empty()
    }

    /// Every instance runs all daemons that there are, and nothing is under way.
    fn assert_settled(&self, seed: u64) {
        let state = self.context.snapshot();
        assert!(self.hosts("REGISTERING").is_empty() && self.hosts("DRAINING").is_empty(), "seed {seed}");
        for daemon in state.daemons.values() {
            let deployment = self.deployment(&daemon.key.name);
            assert!(is_over(&deployment.status), "seed {seed}: {deployment:#?}");
            let deleted = daemon.status == DaemonStatus::Deleted;
            assert_eq!(deployment.status, Status::Successful, "seed {seed}: {deployment:#?}");
            for host in self.hosts("ACTIVE") {
                let own = self.tasks(Some(&daemon.key.name)).into_iter().filter(|task| {
                    task.container_instance.as_ref() == Some(&host.key) && task.last_status == TaskStatus::Running
                });
                assert_eq!(own.count(), usize::from(!deleted), "seed {seed}: {} on {host:#?}", daemon.key.name);
            }
        }
        let wanted: i32 = state.services.values().map(|service| service.desired_count).sum();
        let kept = self
            .tasks(None)
            .into_iter()
            .filter(|it| it.service.is_some())
            .filter(|it| it.last_status == TaskStatus::Running);
        assert_eq!(kept.count(), usize::try_from(wanted).expect("not negative"), "seed {seed}");
    }
}

#[tokio::test]
async fn random_lives_end_well() {
    for seed in seeds(20) {
        live(seed).await;
    }
}
