//! Requests a second against a bare axum handler, and the latency of RunTask. The load comes from wrk.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::client::{Client, TARGET};
use crate::process::Server;
use crate::report::{Bound, Report, quantile};
use crate::startup::task_definition;

const SECONDS: u32 = 5;
const RUNS: usize = 500;

pub(crate) async fn measure(binary: &Path, report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data").display().to_string();
    let server = Server::start(binary, &["--runtime", "simulated", "--data-dir", &data]).await?;
    let mut client = Client::connect(&server.authority).await?;
    client.call("CreateCluster", &json!({})).await?;
    let resources = json!([
        { "name": "CPU", "type": "INTEGER", "integerValue": 1_000_000 },
        { "name": "MEMORY", "type": "INTEGER", "integerValue": 100_000_000 },
    ]);
    client.call("RegisterContainerInstance", &json!({ "cluster": "default", "totalResources": resources })).await?;
    let mut lasting = task_definition("bench");
    lasting["containerDefinitions"][0]["dockerLabels"] = json!({});
    client.call("RegisterTaskDefinition", &lasting).await?;
    for _ in 0..2 {
        client.call("RunTask", &json!({ "taskDefinition": "bench", "launchType": "EC2", "count": 10 })).await?;
    }

    for (operation, input) in
        [("DescribeTaskDefinition", json!({ "taskDefinition": "bench" })), ("ListTasks", json!({}))]
    {
        compare(&server, &mut client, operation, &input, folder.path(), report).await?;
    }
    let registered =
        load(&server.authority, "RegisterTaskDefinition", &task_definition("load"), folder.path(), 64).await?;
    report.add("RegisterTaskDefinition, durable, 64 connections", registered, "1/s", Bound::AtLeast(5000.0));

    let mut samples = Vec::new();
    let run = json!({ "taskDefinition": "load:1", "launchType": "EC2", "count": 10 });
    for _ in 0..RUNS {
        let start = Instant::now();
        client.call("RunTask", &run).await?;
        samples.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    report.add("RunTask, count 10, p50", quantile(&mut samples, 0.5), "ms", Bound::Free);
    report.add("RunTask, count 10, p99", quantile(&mut samples, 0.99), "ms", Bound::AtMost(10.0));
    server.stop().await
}

/// The operation and a bare handler with the same answer, one after the other, twice; the better round of each counts.
async fn compare(
    server: &Server,
    client: &mut Client,
    operation: &str,
    input: &Value,
    folder: &Path,
    report: &mut Report,
) -> anyhow::Result<()> {
    let body = folder.join("body.json");
    std::fs::write(&body, client.call_raw(operation, input).await?)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("bare").arg(&body);
    let bare = Server::spawn(command).await?;
    let (mut ours, mut theirs) = (0.0_f64, 0.0_f64);
    for _ in 0..2 {
        theirs = theirs.max(load(&bare.authority, operation, input, folder, 8).await?);
        ours = ours.max(load(&server.authority, operation, input, folder, 8).await?);
    }
    report.add(format!("{operation}, 8 connections"), ours, "1/s", Bound::Free);
    report.add(format!("{operation}, of a bare axum handler"), ours / theirs, "ratio", Bound::AtLeast(0.6));
    bare.stop().await
}

/// Requests a second that wrk gets answered.
async fn load(authority: &str, operation: &str, input: &Value, folder: &Path, connections: u32) -> anyhow::Result<f64> {
    let script = folder.join("wrk.lua");
    let lua = format!(
        "wrk.method = 'POST'\nwrk.body = [==[{input}]==]\nwrk.headers['content-type'] = 'application/x-amz-json-1.1'\n\
         wrk.headers['x-amz-target'] = '{TARGET}.{operation}'\n"
    );
    std::fs::write(&script, lua)?;
    let output = Command::new("wrk")
        .args(["--threads", "1", "--connections", &connections.to_string(), "--duration", &format!("{SECONDS}s")])
        .arg("--script")
        .arg(&script)
        .arg(format!("http://{authority}/"))
        .output()
        .await
        .context("wrk can't be run (Debian: apt-get install wrk)")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if text.contains("Non-2xx") {
        bail!("{operation}: some answers were errors:\n{text}");
    }
    let line =
        text.lines().find(|line| line.starts_with("Requests/sec:")).with_context(|| format!("wrk said: {text}"))?;
    Ok(line.split_whitespace().nth(1).context("no number")?.parse()?)
}
