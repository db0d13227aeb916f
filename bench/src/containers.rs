//! What LocalECS adds to the engine: RunTask to RUNNING against the same container made straight through bollard.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig, PortBinding};
use bollard::query_parameters::{CreateContainerOptions, RemoveContainerOptionsBuilder, StartContainerOptions};
use serde_json::{Value, json};

use crate::client::Client;
use crate::process::Server;
use crate::report::{Bound, Report, quantile};

pub(crate) const IMAGE: &str = "localecs/sample-app";
const FAMILY: &str = "bench";
const ROUNDS: usize = 15;
const BURSTS: usize = 5;
const BURST: usize = 20;

pub(crate) async fn measure(binary: &Path, report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().display().to_string();
    let server = Server::start(binary, &["--runtime", "docker", "--data-dir", &data, "--stop-tasks-on-exit"]).await?;
    let mut client = Client::connect(&server.authority).await?;
    large_instance(&mut client).await?;
    let definition = json!({
        "family": FAMILY, "networkMode": "bridge",
        "containerDefinitions": [{
            "name": "web", "image": IMAGE, "command": ["serve"], "memory": 64,
            "portMappings": [{ "containerPort": 8080, "hostPort": 0 }],
        }],
    });
    client.call("RegisterTaskDefinition", &definition).await?;
    let docker = Docker::connect_with_defaults()?.negotiate_version().await?;

    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    // In turns, so that what else the machine does meets both alike. The first round warms up and is not counted.
    for round in 0..=ROUNDS {
        let (ours_ms, raw_ms) = (through_ecs(&mut client, 1).await?, through_bollard(&docker, 1).await?);
        if round > 0 {
            ours.push(ours_ms);
            raw.push(raw_ms);
        }
    }
    compare("RunTask to RUNNING, one task", &mut ours, &mut raw, 1.15, report);

    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for _ in 0..BURSTS {
        raw.push(through_bollard(&docker, BURST).await?);
        ours.push(through_ecs(&mut client, BURST).await?);
    }
    compare("RunTask to RUNNING, burst of 20", &mut ours, &mut raw, 1.2, report);

    run(&mut client, FAMILY, BURST).await?;
    let cpu = server.cpu_percent(Duration::from_secs(10)).await?;
    report.add("CPU, idle with 20 running tasks", cpu, "% of core", Bound::AtMost(0.5));
    stop_all(&mut client).await?;
    server.stop().await
}

/// The default cluster, with an instance where everything fits.
pub(crate) async fn large_instance(client: &mut Client) -> anyhow::Result<()> {
    client.call("CreateCluster", &json!({})).await?;
    let resources = json!([
        { "name": "CPU", "type": "INTEGER", "integerValue": 100_000 },
        { "name": "MEMORY", "type": "INTEGER", "integerValue": 100_000 },
    ]);
    client.call("RegisterContainerInstance", &json!({ "cluster": "default", "totalResources": resources })).await?;
    Ok(())
}

fn compare(name: &str, ours: &mut [f64], raw: &mut [f64], most: f64, report: &mut Report) {
    let (ours, raw) = (quantile(ours, 0.5), quantile(raw, 0.5));
    report.add(format!("{name}, median"), ours, "ms", Bound::Free);
    report.add(format!("{name}: create and start through bollard, median"), raw, "ms", Bound::Free);
    report.add(format!("{name}, of bollard"), ours / raw, "ratio", Bound::AtMost(most));
}

/// Runs tasks, waits until DescribeTasks shows all of them RUNNING, and returns them.
pub(crate) async fn run(client: &mut Client, family: &str, count: usize) -> anyhow::Result<Vec<Value>> {
    let mut arns = Vec::new();
    while arns.len() < count {
        let input = json!({ "taskDefinition": family, "launchType": "EC2", "count": (count - arns.len()).min(10) });
        let answer = client.call("RunTask", &input).await?;
        let tasks = answer["tasks"].as_array().context("no tasks")?;
        if tasks.is_empty() {
            bail!("no task was placed: {answer}");
        }
        arns.extend(tasks.iter().map(|task| task["taskArn"].clone()));
    }
    let start = Instant::now();
    loop {
        let answer = client.call("DescribeTasks", &json!({ "tasks": arns })).await?;
        let tasks = answer["tasks"].as_array().context("no tasks")?;
        if tasks.iter().all(|task| task["lastStatus"] == "RUNNING") {
            return Ok(arns);
        }
        if let Some(stopped) = tasks.iter().find(|task| task["lastStatus"] == "STOPPED") {
            bail!("a task stopped: {stopped}");
        }
        if start.elapsed() > Duration::from_secs(120) {
            bail!("the tasks do not run");
        }
        // Seldom enough not to take the processor from what is measured: describing many tasks is no small answer.
        tokio::time::sleep(Duration::from_millis(count as u64)).await;
    }
}

async fn through_ecs(client: &mut Client, count: usize) -> anyhow::Result<f64> {
    let start = Instant::now();
    run(client, FAMILY, count).await?;
    let taken = start.elapsed().as_secs_f64() * 1000.0;
    stop_all(client).await?;
    Ok(taken)
}

pub(crate) async fn stop_all(client: &mut Client) -> anyhow::Result<()> {
    let answer = client.call("ListTasks", &json!({})).await?;
    let arns = answer["taskArns"].as_array().cloned().unwrap_or_default();
    for arn in &arns {
        client.call("StopTask", &json!({ "task": arn })).await?;
    }
    while !arns.is_empty() {
        let answer = client.call("DescribeTasks", &json!({ "tasks": arns })).await?;
        if answer["tasks"].as_array().is_some_and(|tasks| tasks.iter().all(|task| task["lastStatus"] == "STOPPED")) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// The same containers without LocalECS.
async fn through_bollard(docker: &Docker, count: usize) -> anyhow::Result<f64> {
    let start = Instant::now();
    let ids = futures_util::future::try_join_all((0..count).map(|_| one(docker))).await?;
    let taken = start.elapsed().as_secs_f64() * 1000.0;
    for id in ids {
        docker.remove_container(&id, Some(RemoveContainerOptionsBuilder::new().force(true).build())).await?;
    }
    Ok(taken)
}

async fn one(docker: &Docker) -> anyhow::Result<String> {
    let port = vec![PortBinding { host_ip: Some("127.0.0.1".to_owned()), host_port: Some(String::new()) }];
    let body = ContainerCreateBody {
        image: Some(IMAGE.to_owned()),
        cmd: Some(vec!["serve".to_owned()]),
        exposed_ports: Some(vec!["8080/tcp".to_owned()]),
        host_config: Some(HostConfig {
            memory: Some(64 * 1024 * 1024),
            port_bindings: Some([("8080/tcp".to_owned(), Some(port))].into()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let id = docker.create_container(None::<CreateContainerOptions>, body).await?.id;
    docker.start_container(&id, None::<StartContainerOptions>).await?;
    Ok(id)
}
