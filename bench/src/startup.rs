//! How fast the server is there, and what it takes when nothing happens.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::client::Client;
use crate::process::Server;
use crate::report::{Bound, Report, quantile};

const STARTS: usize = 15;
const MANY: usize = 10_000;
const REVISIONS: usize = 50_000;
const MIB: f64 = 1024.0 * 1024.0;

pub(crate) async fn measure(binary: &Path, engine: bool, report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let empty = folder.path().join("empty");
    for runtime in if engine { &["simulated", "docker"][..] } else { &["simulated"] } {
        let mut samples = starts(binary, &empty, runtime).await?;
        let name = format!("start, empty store, {runtime}: exec to first ListClusters, median");
        report.add(name, quantile(&mut samples, 0.5), "ms", Bound::AtMost(20.0));
    }

    let full = folder.path().join("full");
    fill(binary, &full).await?;
    let mut samples = starts(binary, &full, "simulated").await?;
    let name = "start, 10,000 task definitions and 10,000 stopped tasks, median";
    report.add(name, quantile(&mut samples, 0.5), "ms", Bound::AtMost(1000.0));

    memory(binary, report).await
}

/// Milliseconds from exec to the first answer, for several starts. The first is a warm-up and not counted.
async fn starts(binary: &Path, data: &Path, runtime: &str) -> anyhow::Result<Vec<f64>> {
    let data = data.display().to_string();
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let authority = format!("127.0.0.1:{port}");
    let mut samples = Vec::new();
    for round in 0..=STARTS {
        let mut command = Command::new(binary);
        command.args(["serve", "--runtime", runtime, "--log", "error", "--data-dir", &data]);
        command.args(["--port", &port.to_string()]).stdout(std::process::Stdio::null()).kill_on_drop(true);
        let start = Instant::now();
        let mut child = command.spawn()?;
        loop {
            if let Ok(mut client) = Client::connect(&authority).await
                && client.call("ListClusters", &json!({})).await.is_ok()
            {
                break;
            }
            if start.elapsed() > Duration::from_secs(30) {
                bail!("the server did not answer");
            }
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        if round > 0 {
            samples.push(start.elapsed().as_secs_f64() * 1000.0);
        }
        child.start_kill()?;
        child.wait().await?;
    }
    Ok(samples)
}

pub(crate) fn task_definition(family: &str) -> Value {
    json!({
        "family": family,
        "networkMode": "bridge",
        "containerDefinitions": [{
            "name": "web", "image": "localecs/sample-app", "memory": 128, "essential": true,
            "portMappings": [{ "containerPort": 8080, "hostPort": 0 }],
            "environment": [{ "name": "STAGE", "value": "bench" }, { "name": "REGION", "value": "us-east-1" }],
            "dockerLabels": { "sim.run-for": "1ms" },
        }],
    })
}

async fn fill(binary: &Path, data: &Path) -> anyhow::Result<()> {
    let data = data.display().to_string();
    let server = Server::start(binary, &["--runtime", "simulated", "--data-dir", &data]).await?;
    let mut client = Client::connect(&server.authority).await?;
    client.call("CreateCluster", &json!({})).await?;
    register(&server.authority, MANY).await?;
    let resources = json!([
        { "name": "CPU", "type": "INTEGER", "integerValue": 1_000_000 },
        { "name": "MEMORY", "type": "INTEGER", "integerValue": 100_000_000 },
    ]);
    client.call("RegisterContainerInstance", &json!({ "cluster": "default", "totalResources": resources })).await?;
    let run = json!({ "taskDefinition": "bench-0", "launchType": "EC2", "count": 10 });
    for _ in 0..MANY / 10 {
        client.call("RunTask", &run).await?;
    }
    let start = Instant::now();
    while !client.call("ListTasks", &json!({ "desiredStatus": "RUNNING" })).await?["taskArns"]
        .as_array()
        .is_some_and(Vec::is_empty)
    {
        if start.elapsed() > Duration::from_secs(120) {
            bail!("the tasks did not end");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.stop().await
}

/// Registers task definitions over several connections.
pub(crate) async fn register(authority: &str, count: usize) -> anyhow::Result<()> {
    const CONNECTIONS: usize = 32;
    let workers = (0..CONNECTIONS).map(|worker| async move {
        let mut client = Client::connect(authority).await?;
        let definition = task_definition(&format!("bench-{worker}"));
        for _ in 0..count / CONNECTIONS {
            client.call("RegisterTaskDefinition", &definition).await?;
        }
        anyhow::Ok(())
    });
    futures_util::future::try_join_all(workers).await?;
    Ok(())
}

async fn memory(binary: &Path, report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().display().to_string();
    let server = Server::start(binary, &["--runtime", "simulated", "--data-dir", &data]).await?;
    Client::connect(&server.authority).await?.call("ListClusters", &json!({})).await?;
    let idle = server.resident()?;
    report.add("resident memory, idle", idle / MIB, "MiB", Bound::AtMost(20.0));
    let cpu = server.cpu_percent(Duration::from_secs(10)).await?;
    report.add("CPU, idle", cpu, "% of core", Bound::AtMost(0.5));
    register(&server.authority, REVISIONS).await?;
    let each = (server.resident()? - idle) / REVISIONS as f64;
    report.add("resident memory for each of 50,000 revisions", each / 1024.0, "KiB", Bound::AtMost(3.0));
    server.stop().await
}
