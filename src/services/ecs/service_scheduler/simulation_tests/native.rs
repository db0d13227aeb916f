//! Deployments through lifecycle stages, scene by scene.

use api_models::ecs::{
    CanaryConfiguration, ContinueServiceDeploymentRequest, DeploymentAlarms, DeploymentEarlySuccessCriteria,
    DeploymentLifecycleHook, DeploymentLifecycleHookAction, DeploymentLifecycleHookStatus,
    DeploymentLifecycleHookTargetType, DeploymentLifecycleHookTimeoutConfiguration, DeploymentStrategy,
    LinearConfiguration, ServiceDeploymentStatus, ServiceRevisionCleanup, StopServiceDeploymentRequest,
};

use super::*;
use crate::services::ecs::operations::{continue_service_deployment, stop_service_deployment};
use crate::services::ecs::resources::service::{Stage, ordered_by_age};
use crate::services::ecs::service_scheduler::surroundings::AlarmState;

fn strategy(strategy: DeploymentStrategy) -> DeploymentConfiguration {
    DeploymentConfiguration {
        strategy: Some(strategy),
        bake_time_in_minutes: Some(5),
        ..DeploymentConfiguration::default()
    }
}

fn pause(stage: &str, action: DeploymentLifecycleHookAction) -> DeploymentLifecycleHook {
    DeploymentLifecycleHook {
        target_type: Some(DeploymentLifecycleHookTargetType::Pause),
        lifecycle_stages: Some(vec![stage.into()]),
        timeout_configuration: Some(Box::new(DeploymentLifecycleHookTimeoutConfiguration {
            timeout_in_minutes: Some(10),
            action: Some(action),
        })),
        ..DeploymentLifecycleHook::default()
    }
}

/// A service of two tasks, deployed once.
async fn deployed(configuration: DeploymentConfiguration) -> World {
    let mut world = World::new(1, LaunchType::Fargate).await;
    let request =
        CreateServiceRequest { deployment_configuration: Some(Box::new(configuration)), ..world.request("good", 2) };
    world.create(request).await;
    world.settle().await;
    assert!(world.is_as_wanted(), "{:#?}", world.newest());
    world
}

impl World {
    fn newest(&self) -> ServiceDeployment {
        let state = self.context.snapshot();
        ServiceDeployment::clone(ordered_by_age(&state, &self.key)[0])
    }

    fn stage(&self) -> Stage {
        self.newest().course.expect("it has stages").stage
    }

    /// Tasks that should run, of the newest revision and of others.
    fn counts(&self) -> (usize, usize) {
        let target = self.newest().target;
        let tasks = self.tasks();
        let kept = tasks.iter().filter(|task| is_kept(task));
        let (new, old): (Vec<_>, Vec<_>) =
            kept.partition(|task| task.service.as_ref().is_some_and(|link| link.deployment == target));
        (new.len(), old.len())
    }

    /// The agent does all it has to.
    async fn agent(&mut self) {
        for _ in 0..3 {
            for task in self.tasks() {
                let idle = is_kept(&task) && task.last_status == TaskStatus::Running;
                if !idle || &*task.task_definition.family == "checked" {
                    self.advance(&task.key).await;
                }
            }
        }
        self.pass(3).await;
    }

    async fn answer(&mut self, action: DeploymentLifecycleHookAction) -> Result<(), String> {
        let deployment = self.newest();
        let runs = &deployment.course.as_ref().expect("it has stages").hooks;
        let request = ContinueServiceDeploymentRequest {
            service_deployment_arn: Some(deployment.key.arn()),
            hook_id: runs.last().map(|run| run.id.to_string()),
            action: Some(action),
        };
        let answered = continue_service_deployment::handle(self.context.clone(), request).await;
        self.reconcile().await;
        answered.map(drop).map_err(|error| error.to_string())
    }

    /// What DescribeServiceDeployments shows of the traffic: target and first source, test and production.
    fn weights(&self) -> [Option<f64>; 4] {
        let shown = self.newest().to_api(&self.context.snapshot());
        let target = shown.target_service_revision.expect("a target");
        let sources = shown.source_service_revisions.unwrap_or_default();
        let source = sources.first();
        [
            target.requested_test_traffic_weight,
            source.and_then(|source| source.requested_test_traffic_weight),
            target.requested_production_traffic_weight,
            source.and_then(|source| source.requested_production_traffic_weight),
        ]
    }
}

#[tokio::test]
async fn green_is_started_beside_blue_and_blue_goes_after_the_bake_time() {
    let mut world = deployed(strategy(DeploymentStrategy::BlueGreen)).await;
    let blue = world.service().deployments[0].name();
    assert_eq!(world.weights()[2], Some(100.0), "the first one gets all");
    world.deploy("checked").await;
    assert_eq!((world.stage(), world.counts()), (Stage::ScaleUp, (2, 2)));
    assert_eq!(world.weights(), [Some(0.0), Some(100.0), Some(0.0), Some(100.0)]);
    // Blue is kept at its size.
    let gone = world.tasks().iter().find(|task| &*task.task_definition.family == "good").expect("blue").key.clone();
    world.die(&gone).await;
    assert_eq!(world.counts(), (2, 2));
    world.agent().await;
    assert_eq!((world.stage(), world.counts()), (Stage::BakeTime, (2, 2)));
    assert_eq!(world.weights(), [Some(100.0), Some(0.0), Some(100.0), Some(0.0)]);
    let service = world.service();
    assert_eq!((service.deployments.len(), service.deployments[1].name()), (2, blue));
    world.scale(3).await;
    world.agent().await;
    assert_eq!((world.stage(), world.counts()), (Stage::BakeTime, (3, 3)));
    world.pass(300).await;
    assert_eq!((world.stage(), world.counts()), (Stage::CleanUp, (3, 0)));
    assert_eq!(world.newest().status, ServiceDeploymentStatus::InProgress);
    world.settle().await;
    assert!(world.is_as_wanted());
    assert_eq!(world.newest().status, ServiceDeploymentStatus::Successful);
    let shown = world.newest().to_api(&world.context.snapshot());
    assert_eq!(shown.lifecycle_stage.map(|stage| stage.to_string()).as_deref(), Some("CLEAN_UP"));
}

#[tokio::test]
async fn linear_and_canary_shift_production_in_steps() {
    let linear = LinearConfiguration { step_percent: Some(33.3), step_bake_time_in_minutes: Some(2) };
    let linear = DeploymentConfiguration {
        linear_configuration: Some(Box::new(linear)),
        ..strategy(DeploymentStrategy::Linear)
    };
    let canary = CanaryConfiguration { canary_percent: Some(12.5), canary_bake_time_in_minutes: Some(2) };
    let canary = DeploymentConfiguration {
        canary_configuration: Some(Box::new(canary)),
        ..strategy(DeploymentStrategy::Canary)
    };
    for (configuration, course) in [(linear, &[33.3, 66.6, 99.9, 100.0][..]), (canary, &[12.5, 100.0])] {
        let mut world = deployed(configuration).await;
        // Before it there was nothing to shift from.
        let first = world.newest().course.expect("it has stages");
        assert_eq!((first.production, first.entry), (100.0, 10));
        world.deploy("good").await;
        world.agent().await;
        let mut seen = Vec::new();
        while world.stage() < Stage::BakeTime {
            assert_eq!(world.stage(), Stage::ProductionTrafficShift);
            seen.extend(world.weights()[2]);
            world.pass(119).await;
            assert_eq!(world.stage(), Stage::ProductionTrafficShift, "the step takes two minutes");
            world.pass(1).await;
        }
        seen.extend(world.weights()[2]);
        assert_eq!(seen, course);
        world.settle().await;
        assert!(world.is_as_wanted());
    }
}

#[tokio::test]
async fn a_pause_waits_for_its_answer() {
    use DeploymentLifecycleHookAction::{Continue, Rollback};

    let with = |action| DeploymentConfiguration {
        lifecycle_hooks: Some(vec![pause("POST_TEST_TRAFFIC_SHIFT", action)]),
        ..strategy(DeploymentStrategy::BlueGreen)
    };
    // The first deployment pauses as well.
    let mut world = World::new(1, LaunchType::Fargate).await;
    let request =
        CreateServiceRequest { deployment_configuration: Some(Box::new(with(Rollback))), ..world.request("good", 2) };
    world.create(request).await;
    world.agent().await;
    assert_eq!(world.stage(), Stage::PostTestTrafficShift);
    world.answer(Continue).await.expect("it goes on");
    // There is nothing to bake beside.
    assert!(world.is_as_wanted());
    let late = world.answer(Continue).await.expect_err("it is over");
    assert!(late.contains("not allowed for service deployment in terminal states"), "{late}");

    // Back: the test traffic first, then the tasks.
    let blue = world.service().deployments[0].id.clone();
    world.deploy("good").await;
    world.agent().await;
    assert_eq!((world.stage(), world.weights()[0]), (Stage::PostTestTrafficShift, Some(100.0)));
    let shown = world.newest().to_api(&world.context.snapshot()).lifecycle_hook_details.expect("a hook");
    assert_eq!(shown[0].status, Some(DeploymentLifecycleHookStatus::AwaitingAction));
    assert!(shown[0].hook_id.as_ref().is_some_and(|id| id.len() == "ecs-pause-".len() + 43), "{shown:?}");
    world.answer(Rollback).await.expect("it goes back");
    assert_eq!(world.newest().status, ServiceDeploymentStatus::RollbackInProgress);
    let twice = world.answer(Rollback).await.expect_err("once only");
    assert!(twice.contains("Provided hookId is either completed, unavailable"), "{twice}");
    world.agent().await;
    world.settle().await;
    assert!(world.is_as_wanted());
    assert_eq!(world.service().deployments[0].id, blue);
    let ended = world.newest();
    assert_eq!(ended.status, ServiceDeploymentStatus::RollbackSuccessful);
    assert_eq!(world.weights()[0], Some(0.0));

    // Nobody answers in time.
    world.deploy("good").await;
    world.agent().await;
    world.pass(600).await;
    let timed_out = world.newest();
    assert_eq!(
        timed_out.status_reason.as_deref(),
        Some("Service deployment rolled back because POST_TEST_TRAFFIC_SHIFT pause hook timed out.")
    );
    world.settle().await;
    let configuration = Some(Box::new(with(Continue)));
    world.update(UpdateServiceRequest { deployment_configuration: configuration, ..Default::default() }).await;
    world.deploy("good").await;
    world.agent().await;
    world.pass(600).await;
    assert_eq!(world.stage(), Stage::BakeTime);
}

#[tokio::test]
async fn a_failure_shifts_back_what_was_shifted() {
    let alarms =
        DeploymentAlarms { alarm_names: Some(vec!["errors".into()]), enable: Some(true), rollback: Some(true) };
    let configuration =
        DeploymentConfiguration { alarms: Some(Box::new(alarms)), ..strategy(DeploymentStrategy::BlueGreen) };
    let mut world = deployed(configuration).await;
    let before: Vec<_> = world.tasks().iter().map(|task| task.key.clone()).collect();
    world.deploy("good").await;
    world.agent().await;
    assert_eq!((world.stage(), world.weights()[2]), (Stage::BakeTime, Some(100.0)));
    world.restart();
    world.tell(Outside::Alarm { alarm: "errors".into(), state: AlarmState::Alarm }).await;
    assert_eq!((world.stage(), world.counts()), (Stage::CleanUp, (0, 2)));
    assert_eq!(world.weights(), [Some(0.0), Some(100.0), Some(0.0), Some(100.0)]);
    world.settle().await;
    assert!(world.is_as_wanted());
    assert_eq!(world.newest().status, ServiceDeploymentStatus::RollbackSuccessful);
    assert_eq!(world.tasks().iter().map(|task| task.key.clone()).collect::<Vec<_>>(), before, "blue was left alone");

    // And when somebody asks for it while green starts.
    world.deploy("checked").await;
    assert_eq!(world.stage(), Stage::ScaleUp);
    let request =
        StopServiceDeploymentRequest { service_deployment_arn: Some(world.newest().key.arn()), stop_type: None };
    stop_service_deployment::handle(world.context.clone(), request).await.expect("it is stopped");
    world.reconcile().await;
    assert_eq!((world.stage(), world.counts()), (Stage::CleanUp, (0, 2)));
    world.settle().await;
    assert_eq!(world.newest().status, ServiceDeploymentStatus::RollbackSuccessful);
}

#[tokio::test]
async fn the_first_deployment_has_nothing_to_go_back_to() {
    let mut world = World::new(1, LaunchType::Fargate).await;
    let breaker = DeploymentCircuitBreaker { enable: Some(true), rollback: Some(true), ..Default::default() };
    let configuration = DeploymentConfiguration {
        deployment_circuit_breaker: Some(Box::new(breaker)),
        ..strategy(DeploymentStrategy::BlueGreen)
    };
    let request =
        CreateServiceRequest { deployment_configuration: Some(Box::new(configuration)), ..world.request("bad", 1) };
    world.create(request).await;
    world.settle().await;
    let failed = world.newest();
    assert_eq!(failed.status, ServiceDeploymentStatus::RollbackFailed);
    assert_eq!(failed.status_reason.as_deref(), Some("No rollback candidate was found to run the rollback."));
    world.deploy("good").await;
    world.settle().await;
    assert!(world.is_as_wanted());
}

#[tokio::test]
async fn a_deployment_that_overtakes_another_reconciles_first() {
    let mut world = deployed(strategy(DeploymentStrategy::BlueGreen)).await;
    world.deploy("checked").await;
    world.agent().await;
    assert_eq!(world.stage(), Stage::BakeTime);
    let overtaken = world.newest();
    let blue = overtaken.course.as_ref().and_then(|course| course.blue.clone());
    world.deploy("good").await;
    assert_eq!(world.stage(), Stage::ReconcileService);
    assert_eq!(world.newest().course.and_then(|course| course.blue), blue, "what was completed last");
    assert_eq!(world.counts(), (0, 2), "the overtaken one goes, blue stays");
    world.settle().await;
    assert!(world.is_as_wanted());
    let state = world.context.snapshot();
    let statuses: Vec<_> = ordered_by_age(&state, &world.key).iter().map(|it| it.status.clone()).collect();
    assert_eq!(statuses[..2], [ServiceDeploymentStatus::Successful, ServiceDeploymentStatus::Stopped]);
}

#[tokio::test]
async fn a_rolling_deployment_may_succeed_before_all_of_its_tasks_are_healthy() {
    for cleanup in [ServiceRevisionCleanup::Deferred, ServiceRevisionCleanup::Blocking] {
        let criteria = DeploymentEarlySuccessCriteria {
            enable: Some(true),
            healthy_percent: Some(50),
            source_service_revision_cleanup: Some(cleanup.clone()),
        };
        let mut world = deployed(DeploymentConfiguration {
            minimum_healthy_percent: Some(50),
            early_success_criteria: Some(Box::new(criteria)),
            ..DeploymentConfiguration::default()
        })
        .await;
        world.deploy("good").await;
        assert_eq!(world.counts(), (2, 2));
        let starting = world.tasks().into_iter().find(|task| task.last_status != TaskStatus::Running).expect("new");
        world.advance(&starting.key).await;
        world.pass(2).await;
        // One of two is healthy. Blocking, what was there goes first; deferred, one of it after.
        let left = if cleanup == ServiceRevisionCleanup::Blocking { 0 } else { 1 };
        assert_eq!(world.counts(), (2, left));
        let gone: Vec<_> = world.tasks().into_iter().filter(|task| !is_kept(task)).collect();
        let before = world.newest().status;
        for task in gone {
            world.advance(&task.key).await;
        }
        let statuses = (before, world.newest().status);
        let early = match cleanup {
            ServiceRevisionCleanup::Blocking => ServiceDeploymentStatus::InProgress,
            _ => ServiceDeploymentStatus::Successful,
        };
        assert_eq!(statuses, (early, ServiceDeploymentStatus::Successful));
        assert_eq!(world.running(), 1 + left, "the other one has not even started");
        world.settle().await;
        assert!(world.is_as_wanted());
    }
}
