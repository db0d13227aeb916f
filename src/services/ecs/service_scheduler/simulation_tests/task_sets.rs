//! Services whose deployments somebody else controls: task sets come, grow, shrink and go.

use super::*;
use api_models::ecs::{
    CreateTaskSetError, CreateTaskSetRequest, DeleteTaskSetError, DeleteTaskSetRequest, DeploymentController,
    DeploymentControllerType, DescribeServicesRequest, DescribeTaskSetsRequest, DescribeTaskSetsResponse, Scale,
    ScaleUnit, StabilityStatus, TaskSet as Shown, TaskSetField, UpdateServicePrimaryTaskSetRequest,
    UpdateTaskSetRequest,
};

use crate::services::ecs::operations::{
    create_task_set, delete_task_set, describe_services, describe_task_sets, update_service_primary_task_set,
    update_task_set,
};
use crate::services::ecs::resources::TaskSet;
use crate::services::ecs::resources::service::{TaskSetKey, TaskSetStatus, task_sets_of};

fn scale(value: f64) -> Option<Box<Scale>> {
    Some(Box::new(Scale { value: Some(value), unit: Some(ScaleUnit::Percent) }))
}

impl World {
    /// A service with a controller of somebody else, without task sets.
    async fn controlled_outside(&mut self, controller: DeploymentControllerType, desired: i32) {
        let request = match controller {
            DeploymentControllerType::External => CreateServiceRequest {
                service_name: Some("web".into()),
                desired_count: Some(desired),
                ..CreateServiceRequest::default()
            },
            _ => self.request("good", desired),
        };
        let controller = DeploymentController { r#type: Some(controller) };
        self.create(CreateServiceRequest { deployment_controller: Some(Box::new(controller)), ..request }).await;
    }

    fn set_request(&self, family: &str, percent: f64) -> CreateTaskSetRequest {
        let request = self.request(family, 0);
        CreateTaskSetRequest {
            cluster: Some("default".into()),
            service: Some("web".into()),
            task_definition: request.task_definition,
            launch_type: request.launch_type,
            network_configuration: request.network_configuration,
            scale: scale(percent),
            ..CreateTaskSetRequest::default()
        }
    }

    async fn try_create_set(&mut self, request: CreateTaskSetRequest) -> Result<Shown, CreateTaskSetError> {
        let answer = create_task_set::handle(self.context.clone(), request).await?;
        self.reconcile().await;
        Ok(*answer.task_set.expect("a task set"))
    }

    async fn create_set(&mut self, family: &str, percent: f64) -> String {
        let request = self.set_request(family, percent);
        self.try_create_set(request).await.expect("a task set").id.expect("an id")
    }

    async fn scale_set(&mut self, id: &str, percent: f64) {
        let request = UpdateTaskSetRequest {
            cluster: Some("default".into()),
            service: Some("web".into()),
            task_set: Some(id.into()),
            scale: scale(percent),
        };
        update_task_set::handle(self.context.clone(), request).await.expect("it is scaled");
        self.reconcile().await;
    }

    async fn make_primary(&mut self, id: &str) {
        let request = UpdateServicePrimaryTaskSetRequest {
            cluster: Some("default".into()),
            service: Some("web".into()),
            primary_task_set: Some(id.into()),
        };
        update_service_primary_task_set::handle(self.context.clone(), request).await.expect("it is PRIMARY");
        self.reconcile().await;
    }

    async fn delete_set(&mut self, id: &str, force: bool) -> Result<Shown, DeleteTaskSetError> {
        let request = DeleteTaskSetRequest {
            cluster: Some("default".into()),
            service: Some("web".into()),
            task_set: Some(id.into()),
            force: Some(force),
        };
        let answer = delete_task_set::handle(self.context.clone(), request).await?;
        self.reconcile().await;
        Ok(*answer.task_set.expect("a task set"))
    }

    async fn described(&self, sets: &[&str]) -> DescribeTaskSetsResponse {
        let request = DescribeTaskSetsRequest {
            cluster: Some("default".into()),
            service: Some("web".into()),
            task_sets: Some(sets.iter().map(|id| (*id).to_owned()).collect()),
            include: Some(vec![TaskSetField::Tags]),
        };
        describe_task_sets::handle(self.context.clone(), request).await.expect("an answer")
    }

    async fn set(&self, id: &str) -> Shown {
        let mut answer = self.described(&[id]).await;
        answer.task_sets.as_mut().and_then(Vec::pop).expect("the task set")
    }

    async fn shown(&self) -> api_models::ecs::Service {
        let request = DescribeServicesRequest {
            services: Some(vec!["web".into()]),
            include: Some(vec![api_models::ecs::ServiceField::Tags]),
            ..DescribeServicesRequest::default()
        };
        let answer = describe_services::handle(self.context.clone(), request).await.expect("an answer");
        answer.services.and_then(|mut services| services.pop()).expect("the service")
    }

    fn sets(&self) -> Vec<Arc<TaskSet>> {
        task_sets_of(&self.context.snapshot(), &self.key).cloned().collect()
    }

    async fn settle_sets(&mut self) {
        for _ in 0..60 {
            for task in self.tasks() {
                self.advance(&task.key).await;
            }
            self.pass(3).await;
            let sets = self.sets();
            if sets.iter().all(|set| set.steady) && self.tasks().iter().all(|task| is_kept(task)) {
                return;
            }
        }
    }
}

fn of(tasks: &[Arc<Task>], set: &TaskSetKey) -> Vec<Arc<Task>> {
    let belongs = |task: &&Arc<Task>| task.service.as_ref().is_some_and(|link| link.deployment == set.id);
    tasks.iter().filter(belongs).cloned().collect()
}

/// What one look of the scheduler must never do, for each task set.
pub(super) fn check(world: &World, before: &State, after: &State) {
    let all = |state: &State| -> Vec<Arc<Task>> {
        let keys: Vec<_> = state.service_tasks.of(&world.key, Phase::Live).collect();
        keys.iter().map(|key| state.tasks[key].clone()).collect()
    };
    let service = &after.services[&world.key];
    let (old, new) = (all(before), all(after));
    let now = world.context.now();
    let healthy = |task: &&Arc<Task>| {
        is_kept(task) && worth(task, &NoTargets, Timing::default(), Duration::ZERO, now) == Worth::Healthy
    };
    let kept = |tasks: &[Arc<Task>]| tasks.iter().filter(|task| is_kept(task)).count();
    let context = || format!("{:#?}\n{service:#?}", world.history);
    let keys = before.task_sets.keys().chain(after.task_sets.keys());
    for key in keys.collect::<std::collections::BTreeSet<_>>() {
        let (old, new) = (of(&old, key), of(&new, key));
        let Some(set) = after.task_sets.get(key) else {
            assert_eq!(new.len(), 0, "a task set that had tasks was removed: {}", context());
            continue;
        };
        let desired = usize::try_from(set.share_of(service.desired_count)).expect("not negative");
        let limits = Limits::of(&service.deployment_configuration, desired);
        if new.iter().any(|task| !old.iter().any(|it| it.key == task.key)) {
            assert_eq!(service.status, ServiceStatus::Active, "tasks of a deleted service: {}", context());
            assert_ne!(set.status, TaskSetStatus::Draining, "tasks of a deleted task set: {}", context());
            assert!(kept(&new) <= limits.maximum.max(desired), "{} of {limits:?}: {}", kept(&new), context());
        }
        let stopped = old.iter().any(|task| healthy(&task) && !new.iter().any(|it| it.key == task.key && is_kept(it)));
        if stopped && service.status == ServiceStatus::Active {
            let healthy = new.iter().filter(healthy).count();
            assert!(healthy >= limits.minimum, "{healthy} healthy of {limits:?}: {}", context());
        }
    }
    let primaries = after.task_sets.values().filter(|set| set.status == TaskSetStatus::Primary).count();
    assert!(primaries <= 1, "{primaries} are PRIMARY: {}", context());
}

#[tokio::test]
async fn a_deployment_goes_from_one_task_set_to_another() {
    let mut world = World::new(1, LaunchType::Fargate).await;
    world.controlled_outside(DeploymentControllerType::External, 3).await;
    let service = world.shown().await;
    assert_eq!((service.task_definition, service.launch_type, service.deployments), (None, None, Some(Vec::new())));
    assert_eq!(service.task_sets, Some(Vec::new()));
    assert_eq!(service.current_service_revisions, None);

    let request =
        CreateTaskSetRequest { scale: None, external_id: Some("blue".into()), ..world.set_request("good", 0.0) };
    let created = world.try_create_set(request).await.expect("a task set");
    assert_eq!((created.status.as_deref(), created.computed_desired_count), (Some("ACTIVE"), Some(0)));
    assert_eq!(created.stability_status, Some(StabilityStatus::Stabilizing));
    assert_eq!(created.scale, scale(0.0));
    let blue = created.id.expect("an id");
    let events = world.events();
    assert_eq!(
        events,
        [
            format!("(service web, taskSet {blue}) updated state to STEADY_STATE."),
            "(service web) has reached a steady state.".into(),
        ]
    );
    world.scale_set(&blue, 100.0).await;
    assert_eq!(world.set(&blue).await.stability_status, Some(StabilityStatus::Stabilizing));
    world.settle_sets().await;
    let set = world.set(&blue).await;
    assert_eq!((set.computed_desired_count, set.running_count, set.pending_count), (Some(3), Some(3), Some(0)));
    assert_eq!(set.stability_status, Some(StabilityStatus::SteadyState));
    assert_eq!(set.external_id.as_deref(), Some("blue"));
    let events = &world.events()[2..];
    assert_eq!(events[0], format!("(service web) updated computedDesiredCount for taskSet {blue} to 3."));
    assert!(events[1].starts_with(&format!("(service web, taskSet {blue}) has started 3 tasks: (task ")), "{events:?}");
    assert_eq!(events[2], format!("(service web, taskSet {blue}) updated state to STEADY_STATE."));
    assert_eq!(events[3], "(service web) has reached a steady state.");
    let task = &world.tasks()[0];
    assert_eq!((task.started_by.as_deref(), &*task.group), (Some(blue.as_str()), "service:web"));
    assert_eq!(world.shown().await.task_definition, None, "none is PRIMARY");
    world.make_primary(&blue).await;
    let service = world.shown().await;
    assert!(service.task_definition.is_some_and(|arn| arn.ends_with("task-definition/good:1")));
    assert_eq!(service.launch_type, Some(LaunchType::Fargate));

    let green = world.create_set("checked", 50.0).await;
    world.settle_sets().await;
    assert_eq!(world.set(&green).await.running_count, Some(2), "half of three, rounded up");
    assert_eq!(world.shown().await.running_count, Some(5));
    world.make_primary(&green).await;
    assert_eq!(world.set(&blue).await.status.as_deref(), Some("ACTIVE"));
    assert!(world.shown().await.task_definition.is_some_and(|arn| arn.ends_with("task-definition/checked:1")));
    world.scale_set(&green, 100.0).await;
    let refused = world.delete_set(&blue, false).await.expect_err("it has tasks").to_string();
    assert!(refused.contains("while it is scaled above 0"), "{refused}");
    let draining = world.delete_set(&blue, true).await.expect("it drains");
    assert_eq!(draining.status.as_deref(), Some("DRAINING"));
    world.settle_sets().await;
    let answer = world.described(&[&blue, &green]).await;
    let [failure] = &answer.failures.expect("failures")[..] else { panic!("one failure") };
    assert_eq!(failure.reason.as_deref(), Some("MISSING"));
    assert_eq!(answer.task_sets.map(|sets| sets.len()), Some(1));
    assert_eq!(world.running(), 3);

    world.scale(1).await;
    world.settle_sets().await;
    assert_eq!(world.running(), 1);
    world.delete().await;
    assert_eq!(world.set(&green).await.status.as_deref(), Some("DRAINING"));
    world.settle().await;
    assert_eq!(world.service().status, ServiceStatus::Inactive);
    assert_eq!(world.sets(), []);
}

#[tokio::test]
async fn a_task_set_replaces_what_dies_and_waits_when_it_keeps_dying() {
    let mut world = World::new(2, LaunchType::Fargate).await;
    world.controlled_outside(DeploymentControllerType::External, 2).await;
    let good = world.create_set("good", 100.0).await;
    world.settle_sets().await;
    let victim = world.tasks()[0].key.clone();
    world.die(&victim).await;
    assert_eq!(world.set(&good).await.stability_status, Some(StabilityStatus::Stabilizing));
    world.settle_sets().await;
    assert_eq!(world.running(), 2);
    let bad = world.create_set("bad", 50.0).await;
    for _ in 0..10 {
        for task in world.tasks() {
            world.advance(&task.key).await;
        }
    }
    let events = world.events();
    let impaired = format!("(service web, taskSet {bad}) is unable to consistently start tasks successfully.");
    let failing = || events.iter().filter(|event| event.contains(&bad) && event.contains("has started")).count();
    assert!(failing() <= 3, "{events:#?}");
    world.pass(6).await;
    for _ in 0..3 {
        for task in world.tasks() {
            world.advance(&task.key).await;
        }
    }
    world.pass(30).await;
    assert!(world.events().contains(&impaired), "{:#?}", world.events());
    assert_eq!(world.running(), 2, "the other task set is left alone");
}

#[tokio::test]
async fn what_a_controller_does_not_allow_is_refused() {
    let mut world = World::new(3, LaunchType::Fargate).await;
    world.controlled_outside(DeploymentControllerType::External, 2).await;
    let update = |request: UpdateServiceRequest| {
        let request = UpdateServiceRequest { service: Some("web".into()), ..request };
        update_service::handle(world.context.clone(), request)
    };
    let task_definition = || UpdateServiceRequest { task_definition: Some("good".into()), ..Default::default() };
    let force = || UpdateServiceRequest { force_new_deployment: Some(true), ..Default::default() };
    let error = update(task_definition()).await.expect_err("a refusal").to_string();
    assert!(error.contains("Unable to update task definition on services with an EXTERNAL deployment controller."));
    let token =
        |percent| CreateTaskSetRequest { client_token: Some("once".into()), ..world.set_request("good", percent) };
    let (same, other) = (token(10.0), token(20.0));
    let first = world.try_create_set(same.clone()).await.expect("a task set");
    let again = world.try_create_set(same).await.expect("the same");
    assert_eq!(first.task_set_arn, again.task_set_arn);
    let error = world.try_create_set(other).await.expect_err("another input").to_string();
    assert!(error.contains("not idempotent"), "{error}");
    for _ in 0..4 {
        world.create_set("good", 0.0).await;
    }
    let request = world.set_request("good", 0.0);
    let error = world.try_create_set(request).await.expect_err("five are the limit").to_string();
    assert!(error.contains("5 deployments exist on the service. Unable to create new TaskSet"), "{error}");
    let primary = first.id.expect("an id");
    world.make_primary(&primary).await;
    let error = world.delete_set(&primary, false).await.expect_err("it is PRIMARY").to_string();
    assert!(error.contains("primary TaskSet"), "{error}");

    let mut world = World::new(4, LaunchType::Fargate).await;
    world.controlled_outside(DeploymentControllerType::CodeDeploy, 2).await;
    world.settle_sets().await;
    let service = world.shown().await;
    let [set] = &service.task_sets.expect("task sets")[..] else { panic!("one task set") };
    assert_eq!((set.status.as_deref(), set.running_count), (Some("PRIMARY"), Some(2)));
    assert_eq!(service.deployments, Some(Vec::new()));
    for (request, words) in [
        (task_definition(), "Unable to update task definition on services with a CODE_DEPLOY deployment controller."),
        (force(), "Cannot force a new deployment on services with a CODE_DEPLOY deployment controller."),
    ] {
        let request = UpdateServiceRequest { service: Some("web".into()), ..request };
        let error = update_service::handle(world.context.clone(), request).await.expect_err(words).to_string();
        assert!(error.contains(&format!("{words} Use AWS CodeDeploy to trigger a new deployment.")), "{error}");
    }
    world.scale(1).await;
    world.settle_sets().await;
    assert_eq!(world.running(), 1);
    let request = world.set_request("good", 0.0);
    let error = world.try_create_set(request).await.expect_err("CodeDeploy's").to_string();
    assert!(error.contains("only supports task set management on services configured to use external"), "{error}");
}

impl World {
    async fn something_happens_to_sets(&mut self) {
        let choice = self.below(20);
        self.history.push(format!("{choice} at {:?}", self.context.now()));
        let sets = self.sets();
        let index = self.below(sets.len() as u64) as usize;
        let any = sets.get(index).filter(|set| set.status != TaskSetStatus::Draining).map(|set| set.key.name());
        let tasks = self.tasks();
        let task = tasks.get(self.below(tasks.len() as u64) as usize).map(|task| task.key.clone());
        match (choice, any, task) {
            (0, ..) => {
                let desired = self.below(7) as i32;
                self.scale(desired).await;
            }
            (1 | 2, ..) => {
                let family = FAMILIES[[0, 0, 0, 1, 1, 2, 3][self.below(7) as usize]];
                let percent = self.below(1001) as f64 / 10.0;
                let request = self.set_request(family, percent);
                // Refused when there are five.
                let _ = self.try_create_set(request).await;
            }
            (3 | 4, Some(id), _) => {
                let percent = self.below(1001) as f64 / 10.0;
                self.scale_set(&id, percent).await;
            }
            (5, Some(id), _) => self.make_primary(&id).await,
            (6, Some(id), _) => {
                let force = self.below(2) == 0;
                let _ = self.delete_set(&id, force).await;
            }
            (7, _, Some(key)) => self.die(&key).await,
            (8, _, Some(key)) => {
                let health = [ObservedHealth::Unhealthy, ObservedHealth::Healthy][self.below(2) as usize];
                self.turn(&key, health).await;
            }
            (9, ..) => {
                self.scheduler = ServiceScheduler::new(self.context.shared.clone());
                self.reconcile().await;
            }
            (10, ..) if self.launch_type == LaunchType::Ec2 => self.instances_change().await,
            (11..=13, ..) => {
                let seconds = self.below(20);
                self.pass(seconds).await;
            }
            (_, _, Some(key)) => self.advance(&key).await,
            _ => {}
        }
    }
}

#[tokio::test]
async fn random_lives_of_task_sets_end_well() {
    for seed in crate::testing::seeds(1000) {
        let launch_type = if seed.is_multiple_of(3) { LaunchType::Fargate } else { LaunchType::Ec2 };
        let mut world = World::new(seed, launch_type).await;
        world.add_instance("us-east-1a").await;
        let desired = world.below(6) as i32;
        world.controlled_outside(DeploymentControllerType::External, desired).await;
        for _ in 0..20 + world.below(60) {
            world.something_happens_to_sets().await;
        }
        if seed % 4 == 3 {
            world.delete().await;
            world.settle().await;
            assert_eq!(world.service().status, ServiceStatus::Inactive, "seed {seed}: {:#?}", world.history);
            continue;
        }
        // All is well again: room, and task sets that work.
        for _ in 0..8 {
            world.add_instance("us-east-1a").await;
        }
        for set in world.sets() {
            if matches!(&*set.spec.task_definition.family, "bad" | "crash") && set.status != TaskSetStatus::Draining {
                world.delete_set(&set.key.name(), true).await.expect("it is deleted");
            }
        }
        world.pass(2000).await;
        world.settle_sets().await;
        let (service, tasks) = (world.service(), world.tasks());
        for set in world.sets() {
            let context = || format!("seed {seed}: {:#?}\n{set:#?}\n{:#?}", world.history, world.events());
            assert!(set.steady, "{}", context());
            assert_eq!(set.computed_desired, set.share_of(service.desired_count), "{}", context());
            assert_eq!(of(&tasks, &set.key).len() as i32, set.computed_desired, "{}", context());
        }
        let before = world.context.snapshot();
        world.pass(10_000).await;
        assert!(Arc::ptr_eq(&before, &world.context.snapshot()), "seed {seed}: something is done without need");
    }
}
