//! Golden plans: what the scheduler sees of a service, and what it plans, written so that a person can read it.
//! `INSTA_UPDATE=always cargo test -p localecs --lib golden` takes over what has changed on purpose.

use std::fmt::Write;

use api_models::ecs::{
    CanaryConfiguration, DeploymentLifecycleHook, DeploymentLifecycleHookTargetType, DeploymentStrategy,
    LinearConfiguration,
};

use super::*;

/// What was seen and planned, with short names for what has long ones.
#[derive(Default)]
pub(super) struct Transcript {
    text: String,
    deployments: Vec<String>,
    tasks: Vec<String>,
}

impl Transcript {
    fn deployment(&mut self, id: &str) -> String {
        let place = self.deployments.iter().position(|it| it == id).unwrap_or_else(|| {
            self.deployments.push(id.to_owned());
            self.deployments.len() - 1
        });
        char::from(b'A' + u8::try_from(place).expect("a few")).to_string()
    }

    fn task(&mut self, id: &str) -> String {
        let place = self.tasks.iter().position(|it| it == id).unwrap_or_else(|| {
            self.tasks.push(id.to_owned());
            self.tasks.len() - 1
        });
        format!("t{}", place + 1)
    }

    fn readable(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (place, id) in self.deployments.iter().enumerate() {
            let name = char::from(b'A' + u8::try_from(place).expect("a few"));
            text = text.replace(&format!("ecs-svc/{id}"), &name.to_string());
        }
        for (place, id) in self.tasks.iter().enumerate() {
            text = text.replace(id.as_str(), &format!("t{}", place + 1));
        }
        text.replace("(service web) ", "")
    }
}

/// What a task is worth, in a word.
fn word(world: &World, task: &Task) -> &'static str {
    if !is_kept(task) {
        return "stopping";
    }
    match worth(task, &*world.surroundings, Timing::default(), Duration::ZERO, world.context.now()) {
        Worth::Healthy => "healthy",
        Worth::Unhealthy(_) => "unhealthy",
        Worth::Fresh(_) if task.last_status == TaskStatus::Running => "settling",
        Worth::Fresh(_) => "starting",
    }
}

impl World {
    /// Writes down what the next look would see and plan.
    pub(super) fn note(&mut self) {
        let Some(mut transcript) = self.transcript.take() else { return };
        let state = self.context.snapshot();
        let service = self.service();
        let now = self.context.now();
        let gathered = Gathered::new(&state, &service);
        let plan = self.scheduler.plan(&service, &gathered, now);
        // In the order they came.
        for deployment in service.deployments.iter().rev() {
            transcript.deployment(&deployment.id);
        }
        let mut seen = Vec::new();
        let mut ids: Vec<_> =
            gathered.live.iter().filter_map(|task| task.service.clone()).map(|it| it.deployment).collect();
        ids.extend(service.deployments.iter().map(|deployment| deployment.id.clone()));
        ids.sort_by_key(|id| transcript.deployment(id));
        ids.dedup();
        for id in ids {
            let mut words: BTreeMap<&str, usize> = BTreeMap::new();
            for task in gathered.live.iter().filter(|task| task.service.as_ref().is_some_and(|it| it.deployment == id))
            {
                *words.entry(word(self, task)).or_default() += 1;
            }
            let words: Vec<String> = words.iter().map(|(word, count)| format!("{count} {word}")).collect();
            let words = if words.is_empty() { "nothing".to_owned() } else { words.join(", ") };
            seen.push(format!("{}: {words}", transcript.deployment(&id)));
        }
        if !plan.is_empty() {
            let _ = writeln!(transcript.text, "  {}", seen.join("; "));
            plan_text(&mut transcript, &service, &gathered, &plan);
        }
        self.transcript = Some(transcript);
    }

    /// Begins a step of the script.
    fn step(&mut self, what: &str) {
        if let Some(transcript) = &mut self.transcript {
            let _ = writeln!(transcript.text, "{what}");
        }
    }

    /// The agent and the clock do their work until there is nothing to plan; at most `looks` times.
    async fn quiet(&mut self, looks: usize) {
        for _ in 0..looks {
            let mut tasks = self.tasks();
            tasks.sort_by_key(|task| (task.created_at, task.key.id.clone()));
            for task in tasks {
                let runs = is_kept(&task) && task.last_status == TaskStatus::Running;
                if !runs {
                    self.advance(&task.key).await;
                }
            }
            self.pass(2).await;
        }
    }

    async fn minutes(&mut self, minutes: u64) {
        self.step(&format!("{minutes} minutes pass"));
        self.pass(60 * minutes).await;
    }
}

fn plan_text(transcript: &mut Transcript, before: &Service, gathered: &Gathered, plan: &Plan) {
    let mut lines = Vec::new();
    for start in &plan.start {
        let place = if start.on.is_empty() { String::new() } else { format!(", one on each of {}", start.on.len()) };
        lines.push(format!("start {} of {}{place}", start.count, transcript.deployment(&start.deployment)));
    }
    for stop in &plan.stop {
        let task = gathered.live.iter().find(|task| task.key == stop.task).expect("it is there");
        let of = task.service.as_ref().map(|link| transcript.deployment(&link.deployment)).unwrap_or_default();
        let name = transcript.task(&stop.task.id);
        lines.push(format!("stop {name} of {of}: {}", transcript.readable(&stop.reason)));
    }
    for after in &plan.service.deployments {
        let same = before.deployments.iter().find(|it| it.id == after.id).is_some_and(|it| it.rollout == after.rollout);
        if !same {
            let name = transcript.deployment(&after.id);
            lines.push(format!("{name} is {}: {}", after.rollout.to_api(), transcript.readable(&after.rollout_reason)));
        }
    }
    if let Some(after) = &plan.service_deployment {
        let before = gathered.under_way.as_deref();
        if before.is_none_or(|before| before.status != after.status) {
            let reason = after.status_reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            lines.push(format!("the service deployment is {}{}", after.status, transcript.readable(&reason)));
        }
        if let Some(course) = &after.course
            && before.and_then(|before| before.course.as_ref()).is_none_or(|it| it.entry != course.entry)
        {
            lines.push(format!(
                "stage {}: test {}, production {}",
                course.stage.as_str(),
                course.test,
                course.production
            ));
        }
    }
    for event in &plan.events {
        lines.push(format!("event: {}", transcript.readable(&event.message)));
    }
    for line in lines {
        let _ = writeln!(transcript.text, "    {line}");
    }
}

fn percents(minimum: i32, maximum: i32) -> DeploymentConfiguration {
    DeploymentConfiguration {
        minimum_healthy_percent: Some(minimum),
        maximum_percent: Some(maximum),
        ..DeploymentConfiguration::default()
    }
}

/// A service that runs, and whose plans are written down from now on.
async fn watched(configuration: DeploymentConfiguration, desired: i32) -> World {
    let mut world = World::new(7, LaunchType::Fargate).await;
    let request = CreateServiceRequest {
        deployment_configuration: Some(Box::new(configuration)),
        ..world.request("good", desired)
    };
    world.create(request).await;
    world.settle().await;
    assert!(world.is_as_wanted());
    world.transcript = Some(Transcript::default());
    world
}

fn text(world: World) -> String {
    world.transcript.map(|transcript| transcript.text).unwrap_or_default()
}

#[tokio::test]
async fn rolling() {
    for (minimum, maximum, desired) in
        [(100, 200, 1), (0, 100, 1), (50, 100, 1), (50, 100, 2), (100, 150, 1), (100, 150, 2)]
    {
        let mut world = watched(percents(minimum, maximum), desired).await;
        world.step(&format!("{desired} at {minimum}/{maximum}, another revision"));
        world.deploy("good").await;
        world.quiet(6).await;
        insta::assert_snapshot!(format!("rolling_{desired}_at_{minimum}_{maximum}"), text(world));
    }
}

#[tokio::test]
async fn daemon() {
    let mut world = World::new(7, LaunchType::Ec2).await;
    for _ in 0..3 {
        world.add_instance("us-east-1a").await;
    }
    world.transcript = Some(Transcript::default());
    world.step("a daemon on 3 instances, at 60/100");
    let request = CreateServiceRequest {
        scheduling_strategy: Some(SchedulingStrategy::Daemon),
        desired_count: None,
        deployment_configuration: Some(Box::new(percents(60, 100))),
        ..world.request("good", 0)
    };
    world.create(request).await;
    world.quiet(2).await;
    world.step("another instance");
    world.add_instance("us-east-1a").await;
    world.reconcile().await;
    world.quiet(2).await;
    world.step("another revision");
    world.deploy("good").await;
    world.quiet(10).await;
    insta::assert_snapshot!("daemon", text(world));
}

#[tokio::test]
async fn breaker_and_rollback() {
    for rollback in [true, false] {
        let breaker = DeploymentCircuitBreaker {
            enable: Some(true),
            rollback: Some(rollback),
            ..DeploymentCircuitBreaker::default()
        };
        let configuration = DeploymentConfiguration {
            deployment_circuit_breaker: Some(Box::new(breaker)),
            ..DeploymentConfiguration::default()
        };
        let mut world = watched(configuration, 2).await;
        world.step("a revision whose tasks never start");
        world.deploy("bad").await;
        world.quiet(8).await;
        insta::assert_snapshot!(format!("breaker_rollback_{rollback}"), text(world));
    }
}

#[tokio::test]
async fn native_strategies() {
    let linear = LinearConfiguration { step_percent: Some(50.0), step_bake_time_in_minutes: Some(2) };
    let canary = CanaryConfiguration { canary_percent: Some(10.0), canary_bake_time_in_minutes: Some(2) };
    for strategy in [DeploymentStrategy::BlueGreen, DeploymentStrategy::Linear, DeploymentStrategy::Canary] {
        let configuration = DeploymentConfiguration {
            linear_configuration: (strategy == DeploymentStrategy::Linear).then(|| Box::new(linear.clone())),
            canary_configuration: (strategy == DeploymentStrategy::Canary).then(|| Box::new(canary.clone())),
            strategy: Some(strategy.clone()),
            bake_time_in_minutes: Some(5),
            ..DeploymentConfiguration::default()
        };
        let mut world = watched(configuration, 2).await;
        world.step("another revision");
        world.deploy("good").await;
        world.quiet(2).await;
        if strategy != DeploymentStrategy::BlueGreen {
            world.minutes(2).await;
        }
        world.minutes(5).await;
        world.quiet(2).await;
        insta::assert_snapshot!(strategy.as_str().to_lowercase(), text(world));
    }
}

#[tokio::test]
async fn native_rollback() {
    let pause = DeploymentLifecycleHook {
        target_type: Some(DeploymentLifecycleHookTargetType::Pause),
        lifecycle_stages: Some(vec!["POST_PRODUCTION_TRAFFIC_SHIFT".into()]),
        ..DeploymentLifecycleHook::default()
    };
    let mut world = watched(
        DeploymentConfiguration { strategy: Some(DeploymentStrategy::BlueGreen), ..DeploymentConfiguration::default() },
        2,
    )
    .await;
    world.step("another revision, with a pause after the shift of production traffic");
    let configuration =
        DeploymentConfiguration { lifecycle_hooks: Some(vec![pause]), ..DeploymentConfiguration::default() };
    let request = UpdateServiceRequest {
        deployment_configuration: Some(Box::new(configuration)),
        force_new_deployment: Some(true),
        ..UpdateServiceRequest::default()
    };
    world.update(request).await;
    world.quiet(2).await;
    world.minutes(24 * 60).await;
    world.quiet(2).await;
    insta::assert_snapshot!("native_rollback", text(world));
}
