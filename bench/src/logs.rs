//! What containers print: how much of it gets into CloudWatch Logs without loss, how soon, and what quiet ones cost.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::client::{Client, LOGS};
use crate::containers;
use crate::process::Server;
use crate::report::{Bound, Report, quantile};

const GROUP: &str = "bench";
/// Lines a second, of so many bytes, for so many seconds.
const RATE: u64 = 50_000;
const SIZE: usize = 100;
const SECONDS: u64 = 20;
const QUIET_TASKS: usize = 50;

pub(crate) async fn measure(binary: &Path, report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().display().to_string();
    let arguments = ["--runtime", "docker", "--data-dir", &data, "--stop-tasks-on-exit", "--logs-max-size", "4GiB"];
    let server = Server::start(binary, &arguments).await?;
    let mut client = Client::connect(&server.authority).await?;
    containers::large_instance(&mut client).await?;
    let mut logs = Client::connect_to(&server.authority, LOGS).await?;
    logs.call_raw("CreateLogGroup", &json!({ "logGroupName": GROUP })).await?;
    flood(&mut client, &mut logs, report).await?;

    register(&mut client, "quiet", &["lines", "100000", "10"]).await?;
    containers::run(&mut client, "quiet", QUIET_TASKS).await?;
    let cpu = server.cpu_percent(Duration::from_secs(20)).await?;
    report.add("CPU with 50 tasks that log 10 lines a second each", cpu, "% of core", Bound::AtMost(5.0));
    containers::stop_all(&mut client).await?;
    server.stop().await
}

async fn register(client: &mut Client, family: &str, command: &[&str]) -> anyhow::Result<()> {
    let options = json!({ "awslogs-group": GROUP, "awslogs-region": "us-east-1", "awslogs-stream-prefix": family });
    let definition = json!({
        "family": family, "networkMode": "bridge",
        "containerDefinitions": [{
            "name": "app", "image": containers::IMAGE, "command": command, "memory": 64,
            "logConfiguration": { "logDriver": "awslogs", "options": options },
        }],
    });
    client.call("RegisterTaskDefinition", &definition).await?;
    Ok(())
}

/// One container that prints as much as it may.
async fn flood(client: &mut Client, logs: &mut Client, report: &mut Report) -> anyhow::Result<()> {
    let total = RATE * SECONDS;
    let command = ["lines", &total.to_string(), &RATE.to_string(), &SIZE.to_string()];
    register(client, "flood", &command).await?;
    let tasks = containers::run(client, "flood", 1).await?;
    let arn = tasks[0].as_str().context("an ARN")?;
    let stream = format!("flood/app/{}", arn.rsplit('/').next().unwrap_or_default());
    let mut lags = Vec::new();
    let started = Instant::now();
    // Until it has printed everything: how old is the newest event that can be read?
    while started.elapsed() < Duration::from_secs(SECONDS * 3) {
        let input = json!({ "logGroupName": GROUP, "logStreamName": stream, "limit": 1 });
        let answer = logs.call("GetLogEvents", &input).await?;
        if let Some(newest) = answer["events"][0]["timestamp"].as_i64() {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis();
            if answer["events"][0]["message"].as_str().is_some_and(|line| line.starts_with(&format!("line {total} "))) {
                break;
            }
            lags.push(now as f64 - newest as f64);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (count, first, last) = count(logs, &stream).await?;
    let rate = count as f64 / ((last - first) as f64 / 1000.0);
    report.add(
        "lines lost of a container that prints 50,000 a second",
        total as f64 - count as f64,
        "",
        Bound::AtMost(0.0),
    );
    report.add("lines of one container in CloudWatch Logs", rate, "/s", Bound::AtLeast(RATE as f64 * 0.95));
    if lags.is_empty() {
        bail!("no line came");
    }
    report.add(
        "age of the newest line that can be read meanwhile, median",
        quantile(&mut lags, 0.5),
        "ms",
        Bound::Free,
    );
    report.add("the same, p99", quantile(&mut lags, 0.99), "ms", Bound::Free);
    Ok(())
}

/// All events of a stream, each looked at: how many, and the time of the first and the last.
async fn count(logs: &mut Client, stream: &str) -> anyhow::Result<(u64, i64, i64)> {
    let (mut count, mut first, mut last, mut token) = (0_u64, i64::MAX, 0, None::<Value>);
    loop {
        let mut input = json!({ "logGroupName": GROUP, "logStreamName": stream, "startFromHead": true });
        if let Some(token) = &token {
            input["nextToken"] = token.clone();
        }
        let answer = logs.call("GetLogEvents", &input).await?;
        for event in answer["events"].as_array().context("events")? {
            count += 1;
            let message = event["message"].as_str().unwrap_or_default();
            if !message.starts_with(&format!("line {count} ")) {
                bail!("in place of line {count} there is {message:?}");
            }
            let at = event["timestamp"].as_i64().context("a time")?;
            (first, last) = (first.min(at), last.max(at));
        }
        let next = answer["nextForwardToken"].clone();
        if token.as_ref() == Some(&next) {
            return Ok((count, first, last));
        }
        token = Some(next);
    }
}
