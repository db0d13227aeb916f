//! Random lives: whatever is asked for and whatever goes wrong, limits are kept at every step, and in the end, when
//! nothing goes wrong any more, the service is what was asked for.

use super::*;
use api_models::ecs::{
    CanaryConfiguration, DeploymentAlarms, DeploymentEarlySuccessCriteria, DeploymentLifecycleHook,
    DeploymentLifecycleHookAction, DeploymentLifecycleHookTargetType, DeploymentLifecycleHookTimeoutConfiguration,
    DeploymentStrategy, LinearConfiguration, ServiceRevisionCleanup, StopServiceDeploymentRequest,
    StopServiceDeploymentStopType,
};

use crate::services::ecs::operations::stop_service_deployment;
use crate::services::ecs::resources::Protection;
use crate::services::ecs::resources::service::ordered_by_age;
use crate::services::ecs::service_scheduler::surroundings::AlarmState;

impl World {
    fn configuration(&mut self) -> Option<Box<DeploymentConfiguration>> {
        const PERCENTS: [(i32, i32); 7] = [(100, 200), (0, 100), (50, 100), (100, 150), (50, 200), (0, 200), (75, 125)];
        let (minimum, maximum) = PERCENTS[self.below(PERCENTS.len() as u64) as usize];
        let breaker = DeploymentCircuitBreaker {
            enable: Some(self.below(2) == 0),
            rollback: None,
            reset_on_healthy_task: Some(self.below(2) == 0),
            ..DeploymentCircuitBreaker::default()
        };
        let breaker =
            DeploymentCircuitBreaker { rollback: Some(breaker.enable == Some(true) && self.below(2) == 0), ..breaker };
        let strategy = match self.below(6) {
            _ if self.daemon => DeploymentStrategy::Rolling,
            0..3 => DeploymentStrategy::Rolling,
            3 => DeploymentStrategy::BlueGreen,
            4 => DeploymentStrategy::Linear,
            _ => DeploymentStrategy::Canary,
        };
        let linear = LinearConfiguration { step_percent: Some(40.0), step_bake_time_in_minutes: Some(1) };
        let canary = CanaryConfiguration { canary_percent: Some(5.0), canary_bake_time_in_minutes: Some(1) };
        Some(Box::new(DeploymentConfiguration {
            linear_configuration: (strategy == DeploymentStrategy::Linear).then(|| Box::new(linear)),
            canary_configuration: (strategy == DeploymentStrategy::Canary).then(|| Box::new(canary)),
            early_success_criteria: (strategy == DeploymentStrategy::Rolling).then(|| {
                let cleanup = [ServiceRevisionCleanup::Blocking, ServiceRevisionCleanup::Deferred];
                Box::new(DeploymentEarlySuccessCriteria {
                    enable: Some(self.below(3) == 0),
                    healthy_percent: Some(minimum),
                    source_service_revision_cleanup: Some(cleanup[self.below(2) as usize].clone()),
                })
            }),
            lifecycle_hooks: (strategy != DeploymentStrategy::Rolling).then(|| self.hooks()),
            bake_time_in_minutes: Some(self.below(3) as i32),
            alarms: Some(Box::new(DeploymentAlarms {
                alarm_names: Some(vec!["errors".into()]),
                enable: Some(true),
                rollback: Some(self.below(2) == 0),
            })),
            strategy: Some(strategy),
            minimum_healthy_percent: Some(minimum),
            maximum_percent: Some(maximum),
            deployment_circuit_breaker: Some(Box::new(breaker)),
        }))
    }

    /// None, or a pause that goes on or back after a minute when nobody answers it.
    fn hooks(&mut self) -> Vec<DeploymentLifecycleHook> {
        let stages = [
            "RECONCILE_SERVICE",
            "PRE_SCALE_UP",
            "POST_SCALE_UP",
            "PRE_PRODUCTION_TRAFFIC_SHIFT",
            "POST_PRODUCTION_TRAFFIC_SHIFT",
        ];
        let stage = stages[self.below(stages.len() as u64) as usize];
        let actions = [DeploymentLifecycleHookAction::Continue, DeploymentLifecycleHookAction::Rollback];
        // Once all is well nobody goes back.
        let action = if self.well { 0 } else { self.below(2) as usize };
        let timeout = DeploymentLifecycleHookTimeoutConfiguration {
            timeout_in_minutes: Some(1),
            action: Some(actions[action].clone()),
        };
        let pause = DeploymentLifecycleHook {
            target_type: Some(DeploymentLifecycleHookTargetType::Pause),
            lifecycle_stages: Some(vec![stage.into()]),
            timeout_configuration: Some(Box::new(timeout)),
            ..DeploymentLifecycleHook::default()
        };
        if self.below(2) == 0 { Vec::new() } else { vec![pause] }
    }

    fn any_task(&mut self) -> Option<TaskKey> {
        let tasks = self.tasks();
        let index = self.below(tasks.len() as u64) as usize;
        tasks.get(index).map(|task| task.key.clone())
    }

    fn any_family(&mut self) -> &'static str {
        // Mostly ones that work.
        FAMILIES[[0, 0, 0, 1, 1, 2, 3][self.below(7) as usize]]
    }

    async fn something_happens(&mut self) {
        let choice = self.below(26);
        self.history.push(format!("{choice} at {:?}", self.context.now()));
        match choice {
            0 => {
                let desired = self.below(7) as i32;
                if self.service().scheduling == Scheduling::Replica {
                    self.scale(desired).await;
                }
            }
            1 | 2 => {
                let family = self.any_family();
                self.history.push(format!("deploy {family}"));
                self.deploy(family).await;
            }
            3 => {
                let deployment_configuration = self.configuration();
                self.update(UpdateServiceRequest { deployment_configuration, ..UpdateServiceRequest::default() }).await;
            }
            4..=6 => {
                if let Some(key) = self.any_task() {
                    self.die(&key).await;
                }
            }
            7 | 8 => {
                let healthy = [ObservedHealth::Unhealthy, ObservedHealth::Healthy][self.below(2) as usize];
                if let Some(key) = self.any_task() {
                    self.turn(&key, healthy).await;
                }
            }
            9 => {
                let seconds = self.below(100);
                let expires_at = self.context.now().saturating_add(Duration::from_secs(seconds));
                if let Some(key) = self.any_task() {
                    self.change(&key, |task| task.protection = Some(Protection { expires_at })).await;
                    self.reconcile().await;
                }
            }
            10 => {
                let stop = [StopServiceDeploymentStopType::Rollback, StopServiceDeploymentStopType::Abort];
                let stop_type = Some(stop[self.below(2) as usize].clone());
                let state = self.context.snapshot();
                let arn = ordered_by_age(&state, &self.key).first().map(|deployment| deployment.key.arn());
                let request = StopServiceDeploymentRequest { service_deployment_arn: arn, stop_type };
                // Refused when there is nothing to stop.
                let _ = stop_service_deployment::handle(self.context.clone(), request).await;
                self.reconcile().await;
            }
            11 if self.launch_type == LaunchType::Ec2 => self.instances_change().await,
            12 => {
                let seconds = self.below(40);
                self.pass(seconds).await;
            }
            13 => {
                self.restart();
                self.reconcile().await;
            }
            14..=16 => self.pass(1).await,
            24 => {
                let state = [AlarmState::Alarm, AlarmState::Ok][self.below(2) as usize];
                self.tell(Outside::Alarm { alarm: "errors".into(), state }).await;
            }
            25 => {
                let seconds = self.below(200);
                self.pass(seconds).await;
            }
            _ => {
                if let Some(key) = self.any_task() {
                    self.advance(&key).await;
                }
            }
        }
    }

    pub(super) async fn instances_change(&mut self) {
        let zone = ["us-east-1a", "us-east-1b"][self.below(2) as usize];
        if self.below(2) == 0 {
            self.add_instance(zone).await;
        } else {
            let state = self.context.snapshot();
            let index = self.below(state.container_instances.len() as u64) as usize;
            let Some(key) = state.container_instances.keys().nth(index).cloned() else { return };
            let status = ["ACTIVE", "DRAINING"][self.below(2) as usize];
            let change = |tx: &mut crate::store::Transaction| {
                tx.update(&key, |instance: &mut ContainerInstance| {
                    instance.status = status.into();
                    true
                });
                Ok::<_, Unexpected>(())
            };
            self.context.store().transact(change).await.expect("in memory");
        }
        self.reconcile().await;
    }

    /// All is well again: a definition that works, room, nothing in the way.
    async fn recover(&mut self) {
        self.history.push("recovers".into());
        self.well = true;
        self.surroundings.clear(&self.context.snapshot());
        for _ in 0..4 {
            self.add_instance("us-east-1a").await;
        }
        let deployment_configuration = self.configuration();
        let request = UpdateServiceRequest {
            deployment_configuration,
            task_definition: Some("good".into()),
            force_new_deployment: Some(true),
            ..UpdateServiceRequest::default()
        };
        self.update(request).await;
        self.pass(200).await;
        self.settle().await;
    }
}

async fn live(seed: u64) {
    let launch_type = if seed.is_multiple_of(3) { LaunchType::Fargate } else { LaunchType::Ec2 };
    let mut world = World::new(seed, launch_type).await;
    if world.launch_type == LaunchType::Ec2 {
        for zone in ["us-east-1a", "us-east-1b"] {
            world.add_instance(zone).await;
        }
    }
    let daemon = seed % 5 == 1 && world.launch_type == LaunchType::Ec2;
    world.daemon = daemon;
    let (family, desired) = (world.any_family(), world.below(6) as i32);
    let deployment_configuration = world.configuration();
    let request = CreateServiceRequest { deployment_configuration, ..world.request(family, desired) };
    let request = if daemon {
        CreateServiceRequest { scheduling_strategy: Some(SchedulingStrategy::Daemon), desired_count: None, ..request }
    } else {
        request
    };
    world.create(request).await;
    let steps = 20 + world.below(60);
    for _ in 0..steps {
        world.something_happens().await;
    }
    if seed % 4 == 3 {
        world.delete().await;
        world.settle().await;
        assert_eq!(world.service().status, ServiceStatus::Inactive, "seed {seed}: {:#?}", world.history);
        return;
    }
    world.recover().await;
    let service = world.service();
    let limits = Limits::of(&service.deployment_configuration, usize::try_from(service.desired_count).unwrap_or(0));
    let wanted = usize::try_from(service.desired_count).unwrap_or(0);
    // With no room above and none below, AWS can't deploy either.
    let rolling = service.deployment_configuration.strategy == Some(DeploymentStrategy::Rolling);
    let stuck = limits.maximum == wanted && limits.minimum == wanted && !daemon && rolling;
    assert!(
        world.is_as_wanted() || stuck,
        "seed {seed}: {:#?}\n{service:#?}\n{:#?}\n{:#?}",
        world.history,
        world.tasks().iter().map(|it| (it.last_status, it.desired_status, it.service.clone())).collect::<Vec<_>>(),
        world.events()
    );
    if world.is_as_wanted() {
        let before = world.context.snapshot();
        world.pass(10_000).await;
        assert!(Arc::ptr_eq(&before, &world.context.snapshot()), "seed {seed}: something is done without need");
    }
}

#[tokio::test]
async fn random_lives_keep_the_limits_and_end_well() {
    for seed in crate::testing::seeds(1000) {
        live(seed).await;
    }
}
