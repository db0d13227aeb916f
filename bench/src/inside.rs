//! The metadata endpoint as containers see it: 50 tasks that ask once a second.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bollard::Docker;
use bollard::query_parameters::{ListContainersOptionsBuilder, LogsOptionsBuilder};
use futures_util::StreamExt;
use serde_json::json;

use crate::client::Client;
use crate::containers::{IMAGE, run, stop_all};
use crate::process::Server;
use crate::report::{Bound, Report, quantile};

const FAMILY: &str = "bench-inside";
const TASKS: usize = 50;
const SPAN: Duration = Duration::from_secs(30);

pub(crate) async fn measure(binary: &Path, report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().display().to_string();
    let server = Server::start(binary, &["--runtime", "docker", "--data-dir", &data, "--stop-tasks-on-exit"]).await?;
    let mut client = Client::connect(&server.authority).await?;
    client.call("CreateCluster", &json!({})).await?;
    let resources = json!([
        { "name": "CPU", "type": "INTEGER", "integerValue": 100_000 },
        { "name": "MEMORY", "type": "INTEGER", "integerValue": 100_000 },
    ]);
    client.call("RegisterContainerInstance", &json!({ "cluster": "default", "totalResources": resources })).await?;
    let definition = json!({
        "family": FAMILY, "networkMode": "bridge",
        "containerDefinitions": [{
            "name": "app", "image": IMAGE, "memory": 64,
            "command": ["poll", "$ECS_CONTAINER_METADATA_URI_V4/task", SPAN.as_secs().to_string()],
        }],
    });
    client.call("RegisterTaskDefinition", &definition).await?;
    run(&mut client, FAMILY, TASKS).await?;
    let mut taken = taken(&Docker::connect_with_defaults()?.negotiate_version().await?).await?;
    let name = format!("task metadata, {TASKS} tasks polling each second");
    report.add(format!("{name}, median"), quantile(&mut taken, 0.5), "ms", Bound::Free);
    report.add(format!("{name}, p99"), quantile(&mut taken, 0.99), "ms", Bound::AtMost(5.0));
    stop_all(&mut client).await?;
    server.stop().await
}

/// Requests of each container that are not counted: they fall into the time in which the others are started.
const WARM_UP: usize = 12;

/// What each request took, in milliseconds, once all tasks run.
async fn taken(docker: &Docker) -> anyhow::Result<Vec<f64>> {
    let label = format!("com.amazonaws.ecs.task-definition-family={FAMILY}");
    let filters = std::collections::HashMap::from([("label".to_owned(), vec![label])]);
    let options = ListContainersOptionsBuilder::new().filters(&filters).build();
    let containers = docker.list_containers(Some(options)).await?;
    let start = Instant::now();
    let mut taken = Vec::new();
    for container in containers {
        let id = container.id.context("a container without an id")?;
        loop {
            let text = log(docker, &id).await?;
            if text.lines().any(|line| line == "done") {
                taken.extend(
                    text.lines().skip(WARM_UP).filter_map(|line| line.parse::<f64>().ok()).map(|us| us / 1000.0),
                );
                break;
            }
            if start.elapsed() > SPAN * 3 {
                bail!("a container does not finish: {text}");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    if taken.is_empty() {
        bail!("nothing was measured");
    }
    Ok(taken)
}

async fn log(docker: &Docker, id: &str) -> anyhow::Result<String> {
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
    let mut lines = docker.logs(id, Some(options));
    let mut text = String::new();
    while let Some(line) = lines.next().await {
        text += &line?.to_string();
    }
    Ok(text)
}
