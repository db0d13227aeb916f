//! ECS's events: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_cwe_events.html>

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use aws_sdk_ecs::types::{
    CapacityProviderStrategyItem, Compatibility, DaemonContainerDefinition, DeploymentCircuitBreaker,
    DeploymentConfiguration, LaunchType, NetworkMode, PlacementConstraint, PlacementConstraintType, SchedulingStrategy,
};
use compat_tests::{Ecs, Registers, Runs, app, awsvpc, http, random_name};
use serde_json::{Value, json};

on_both!(states_of_a_task, a_service_and_its_deployments);

on_simulated!(a_service_without_room, a_service_of_a_crash_loop, a_daemon_whose_constraints_change, a_managed_daemon,);

/// A stream of server-sent events.
struct Events {
    lines: BufReader<TcpStream>,
}

impl Events {
    /// Follows the events of one cluster. When this returns, none will be missed.
    fn of_cluster(endpoint: &str, cluster: &str) -> Self {
        let host = endpoint.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).expect("connected");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        write!(stream, "GET /_localecs/events?cluster={cluster} HTTP/1.1\r\nHost: {host}\r\n\r\n").expect("asked");
        let mut events = Self { lines: BufReader::new(stream) };
        let status = events.line();
        assert!(status.contains(" 200 "), "{status}");
        while !events.line().is_empty() {}
        events
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a line in time");
        line.trim_end().to_owned()
    }

    fn next(&mut self) -> Value {
        loop {
            if let Some(data) = self.line().strip_prefix("data: ") {
                return serde_json::from_str(data).expect("JSON");
            }
        }
    }
}

async fn states_of_a_task(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let mut events = Events::of_cluster(&ecs.endpoint, &cluster);
    let instance = ecs.instance(&cluster, 1024, 1024).await;
    let definition = ecs
        .on_ec2(NetworkMode::None)
        .container_definitions(app("c", &["sleep", "0.3"]).docker_labels("sim.run-for", "10ms").build())
        .registered()
        .await;
    let task = ecs.run_on_ec2(&cluster, &definition).one().await;
    let described = ecs.stopped(&task).await;
    let (mut statuses, mut versions) = (Vec::new(), Vec::new());
    let mut remaining = Vec::new();
    let started = Instant::now();
    let last = loop {
        assert!(started.elapsed() < Duration::from_secs(30), "no STOPPED among {statuses:?}");
        let event = events.next();
        assert_eq!((&event["version"], &event["source"]), (&"0".into(), &"aws.ecs".into()));
        let detail = &event["detail"];
        assert_eq!(detail["clusterArn"], *ecs.arn(&format!("cluster/{cluster}")));
        match event["detail-type"].as_str().expect("a type") {
            "ECS Task State Change" => {
                assert_eq!(event["resources"][0].as_str(), task.task_arn());
                statuses.push(detail["lastStatus"].as_str().expect("a status").to_owned());
                versions.push(detail["version"].as_i64().expect("a version"));
                assert!(detail["createdAt"].as_str().expect("text").ends_with('Z'), "{detail}");
                assert!(detail.get("tags").is_none(), "{detail}");
                if detail["lastStatus"] == "STOPPED" {
                    break detail.clone();
                }
            }
            "ECS Container Instance State Change" => {
                assert_eq!(detail["containerInstanceArn"], *instance);
                let resources = detail["remainingResources"].as_array().expect("resources");
                let cpu = resources.iter().find(|resource| resource["name"] == "CPU").expect("CPU");
                remaining.push(cpu["integerValue"].as_i64().expect("a number"));
            }
            other => panic!("{other}"),
        }
    };
    statuses.dedup();
    assert_eq!(statuses.first().map(String::as_str), Some("PENDING"));
    assert!(statuses.contains(&"RUNNING".to_owned()), "{statuses:?}");
    assert!(versions.is_sorted_by(|left, right| left < right), "{versions:?}");
    assert_eq!(last["containers"][0]["exitCode"], 0);
    assert_eq!(last["stopCode"], "EssentialContainerExited");
    assert_eq!(last["version"], described.version());
    assert_eq!(remaining.first(), Some(&1024));
}

impl Events {
    /// Everything said of services until `eventName` is that.
    fn of_services_until(&mut self, name: &str) -> Vec<Value> {
        self.until(&["ECS Service Action", "ECS Deployment State Change"], name)
    }

    /// Everything said in these types of events until `eventName` is that.
    fn until(&mut self, types: &[&str], name: &str) -> Vec<Value> {
        let (mut events, started) = (Vec::new(), Instant::now());
        loop {
            assert!(started.elapsed() < Duration::from_secs(90), "no {name} among {events:#?}");
            let event = self.next();
            if !event["detail-type"].as_str().is_some_and(|it| types.contains(&it)) {
                continue;
            }
            events.push(event);
            if events.last().is_some_and(|event| event["detail"]["eventName"] == *name) {
                return events;
            }
        }
    }
}

/// `INFO SERVICE_STEADY_STATE`, with `deployment` in front when it is a deployment's.
fn names(events: &[Value]) -> Vec<String> {
    let name = |event: &Value| {
        let of = if event["detail-type"] == "ECS Service Action" { "" } else { "deployment " };
        let word = |name: &str| event["detail"][name].as_str().unwrap_or_default().to_owned();
        format!("{of}{} {}", word("eventType"), word("eventName"))
    };
    events.iter().map(name).collect()
}

async fn a_service_and_its_deployments(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let providers = ecs.put_cluster_capacity_providers().cluster(&cluster).capacity_providers("FARGATE");
    providers.set_default_capacity_provider_strategy(Some(Vec::new())).send().await.expect("providers");
    let mut events = Events::of_cluster(&ecs.endpoint, &cluster);
    let good = ecs.on_fargate().container_definitions(app("web", &[]).build()).registered().await;
    let breaker = DeploymentCircuitBreaker::builder().enable(true).rollback(true).build();
    let strategy = CapacityProviderStrategyItem::builder().capacity_provider("FARGATE").weight(1).build();
    let create = ecs.create_service().cluster(&cluster).service_name("web").task_definition(&good).desired_count(1);
    let create = create.capacity_provider_strategy(strategy.expect("a strategy"));
    let create = create.network_configuration(awsvpc(&["subnet-0a"]));
    let configuration = DeploymentConfiguration::builder().deployment_circuit_breaker(breaker).build();
    let created = create.deployment_configuration(configuration).send().await.expect("CreateService");
    let first = created.service().expect("a service").deployments()[0].id().expect("an id").to_owned();

    let told = events.of_services_until("SERVICE_STEADY_STATE");
    let life = [
        "deployment INFO SERVICE_DEPLOYMENT_IN_PROGRESS",
        "INFO SERVICE_DEPLOYMENT_IN_PROGRESS",
        "deployment INFO SERVICE_DEPLOYMENT_COMPLETED",
        "INFO SERVICE_DEPLOYMENT_COMPLETED",
        "INFO CAPACITY_PROVIDER_STEADY_STATE",
        "INFO SERVICE_STEADY_STATE",
    ];
    assert_eq!(names(&told), life);
    let members = |event: &Value| {
        let mut names: Vec<_> = event["detail"].as_object().expect("members").keys().cloned().collect();
        names.sort();
        names
    };
    assert_eq!(members(&told[2]), ["deploymentId", "eventName", "eventType", "reason", "updatedAt"]);
    assert_eq!(told[2]["detail"]["deploymentId"], *first);
    assert_eq!(told[2]["detail"]["reason"], format!("ECS deployment {first} completed."));
    assert_eq!(members(&told[4]), ["capacityProviderArns", "clusterArn", "createdAt", "eventName", "eventType"]);
    assert_eq!(told[4]["detail"]["capacityProviderArns"][0], *ecs.arn("capacity-provider/FARGATE"));
    assert_eq!(members(&told[5]), ["clusterArn", "createdAt", "eventName", "eventType"]);
    assert_eq!(told[5]["detail"]["clusterArn"], *ecs.arn(&format!("cluster/{cluster}")));
    assert_eq!(told[5]["resources"], serde_json::json!([ecs.arn(&format!("service/{cluster}/web"))]));

    // One that can't start, and the way back.
    let image = format!("missing/{}:1", random_name("image"));
    let bad = ecs.on_fargate().container_definitions(app("web", &[]).image(image).build()).registered().await;
    let update = ecs.update_service().cluster(&cluster).service("web").task_definition(&bad);
    update.send().await.expect("UpdateService");
    let mut told = events.of_services_until("SERVICE_STEADY_STATE");
    told.retain(|event| event["detail-type"] == "ECS Deployment State Change");
    let back = [
        "deployment INFO SERVICE_DEPLOYMENT_IN_PROGRESS",
        "deployment ERROR SERVICE_DEPLOYMENT_FAILED",
        "deployment INFO SERVICE_DEPLOYMENT_IN_PROGRESS",
        "deployment INFO SERVICE_DEPLOYMENT_COMPLETED",
    ];
    assert_eq!(names(&told), back);
    assert_ne!(told[1]["detail"]["deploymentId"], *first);
    assert_eq!(told[1]["detail"]["reason"], "ECS deployment circuit breaker: tasks failed to start.");
    assert_eq!(told[2]["detail"]["deploymentId"], *first);
    let reason = format!("ECS deployment circuit breaker: rolling back to deploymentId {first}.");
    assert_eq!(told[2]["detail"]["reason"], *reason);

    let task = ecs.list_tasks().cluster(&cluster).service_name("web").send().await.expect("ListTasks").task_arns;
    ecs.delete_service().cluster(&cluster).service("web").force(true).send().await.expect("DeleteService");
    let told = events.of_services_until("TASKS_STOPPED");
    let stopped = &told.last().expect("an event")["detail"];
    assert_eq!(stopped["taskArns"], serde_json::json!(task.expect("its tasks")));
}

async fn a_service_without_room(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let instance = ecs.instance(&cluster, 128, 1024).await;
    let mut events = Events::of_cluster(&ecs.endpoint, &cluster);
    let container = app("web", &[]).cpu(256).build();
    let definition = ecs.on_ec2(NetworkMode::None).container_definitions(container).registered().await;
    let create = ecs.create_service().cluster(&cluster).service_name("web").task_definition(&definition);
    create.launch_type(LaunchType::Ec2).desired_count(1).send().await.expect("CreateService");
    let told = events.of_services_until("SERVICE_TASK_PLACEMENT_FAILURE");
    let detail = &told.last().expect("an event")["detail"];
    assert_eq!((&detail["eventType"], &detail["reason"]), (&"ERROR".into(), &"RESOURCE:CPU".into()));
    assert_eq!(detail["containerInstanceArns"], serde_json::json!([instance]));
}

async fn a_service_of_a_crash_loop(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let mut events = Events::of_cluster(&ecs.endpoint, &cluster);
    let container = app("web", &[]).docker_labels("sim.run-for", "10ms").docker_labels("sim.exit-code", "1").build();
    let definition = ecs.on_fargate().container_definitions(container).registered().await;
    let create = ecs.create_service().cluster(&cluster).service_name("web").task_definition(&definition);
    let create = create.launch_type(LaunchType::Fargate).network_configuration(awsvpc(&["subnet-0a"]));
    create.desired_count(1).send().await.expect("CreateService");
    let told = events.of_services_until("SERVICE_TASK_START_IMPAIRED");
    let detail = &told.last().expect("an event")["detail"];
    assert_eq!(detail["eventType"], "WARN");
    ecs.delete_service().cluster(&cluster).service("web").force(true).send().await.expect("DeleteService");
}

async fn a_daemon_whose_constraints_change(ecs: Ecs) {
    let cluster = ecs.cluster().await;
    let instance = ecs.instance(&cluster, 1024, 1024).await;
    let mut events = Events::of_cluster(&ecs.endpoint, &cluster);
    let definition = ecs.on_ec2(NetworkMode::None).container_definitions(app("web", &[]).build()).registered().await;
    let create = ecs.create_service().cluster(&cluster).service_name("web").task_definition(&definition);
    let create = create.launch_type(LaunchType::Ec2).scheduling_strategy(SchedulingStrategy::Daemon);
    create.send().await.expect("CreateService");
    let told = events.of_services_until("SERVICE_DESIRED_COUNT_UPDATED");
    assert_eq!(told.last().expect("an event")["detail"]["desiredCount"], 1);
    events.of_services_until("SERVICE_STEADY_STATE");
    let task = ecs.list_tasks().cluster(&cluster).service_name("web").send().await.expect("ListTasks").task_arns;
    let nowhere = PlacementConstraint::builder()
        .r#type(PlacementConstraintType::MemberOf)
        .expression("attribute:stack == production")
        .build();
    let update = ecs.update_service().cluster(&cluster).service("web").placement_constraints(nowhere);
    update.send().await.expect("UpdateService");
    let told = events.of_services_until("SERVICE_DAEMON_PLACEMENT_CONSTRAINT_VIOLATED");
    let detail = &told.last().expect("an event")["detail"];
    assert_eq!(detail["eventType"], "ERROR");
    assert_eq!(detail["containerInstanceArns"], serde_json::json!([instance]));
    assert_eq!(detail["taskArns"], serde_json::json!(task.expect("its tasks")));
}

async fn a_managed_daemon(ecs: Ecs) {
    let (cluster, provider, _) = crate::daemons::surroundings(&ecs).await;
    // Its first task does not start.
    let image = random_name("agent");
    let fault = json!({ "fault": "createFails", "image": image, "times": 1 }).to_string();
    let url = format!("{}/_localecs/faults", ecs.endpoint);
    let answer = http::request("POST", &url, &[], fault.as_bytes(), Duration::from_secs(10)).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let container = DaemonContainerDefinition::builder().name("agent").image(&image).memory(64).build();
    let register = ecs.register_daemon_task_definition().family(random_name("daemon"));
    let registered = register.container_definitions(container.expect("complete")).send().await.expect("registered");
    let definition = registered.daemon_task_definition_arn().expect("an ARN");
    let mut events = Events::of_cluster(&ecs.endpoint, &cluster);
    let create = ecs.create_daemon().daemon_name("agent").cluster_arn(ecs.arn(&format!("cluster/{cluster}")));
    let create = create.daemon_task_definition_arn(definition).capacity_provider_arns(&provider);
    let made = create.send().await.expect("created");
    let deployments = &["ECS Daemon Deployment State Change"];
    let told = events.until(deployments, "DAEMON_DEPLOYMENT_SUCCESSFUL");
    let expected = ["DAEMON_DEPLOYMENT_PENDING", "DAEMON_DEPLOYMENT_IN_PROGRESS", "DAEMON_DEPLOYMENT_SUCCESSFUL"];
    let names: Vec<_> = told.iter().filter_map(|event| event["detail"]["eventName"].as_str()).collect();
    assert_eq!(names, expected);
    let first = &told[0];
    assert_eq!(first["resources"][0].as_str(), made.daemon_arn());
    assert_eq!(first["detail"]["daemonDeploymentArn"].as_str(), made.deployment_arn());
    assert_eq!(first["detail"]["eventType"], "INFO");

    let task = ecs
        .on_fargate()
        .set_requires_compatibilities(Some(vec![Compatibility::ManagedInstances]))
        .container_definitions(app("web", &[]).build())
        .registered()
        .await;
    let name = provider.rsplit('/').next().expect("a name");
    let strategy = CapacityProviderStrategyItem::builder().capacity_provider(name).weight(1).build();
    let run = ecs.run_task().cluster(&cluster).task_definition(&task).network_configuration(awsvpc(&["subnet-a"]));
    let run = run.capacity_provider_strategy(strategy.expect("a strategy")).send().await.expect("RunTask");
    let told = events.until(&["ECS Daemon Service Action"], "DAEMON_TASK_START_IMPAIRED");
    let detail = &told[0]["detail"];
    assert_eq!((&detail["eventType"], &detail["failureType"]), (&"WARNING".into(), &"TASK_FAILED_TO_RUN".into()));
    assert_eq!((&detail["capacityProviderName"], &told[0]["resources"][0]), (&name.into(), &detail["taskArn"]));
    let reason = detail["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("Task failed to reach RUNNING status: CannotCreateContainerError"), "{reason}");
    // The next one does, and the instance takes other tasks.
    let task = ecs.running(&run.tasks()[0]).await;
    assert_eq!(detail["containerInstanceArn"].as_str(), task.container_instance_arn());
    ecs.stop(&task).await;
}
