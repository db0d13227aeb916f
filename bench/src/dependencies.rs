//! What LocalECS adds to a task of three containers that wait for one another, in awsvpc mode: RunTask to RUNNING
//! against the same sequence straight through bollard.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig, Ipam, IpamConfig, NetworkCreateRequest};
use bollard::query_parameters::{
    CreateContainerOptions, ListImagesOptions, RemoveContainerOptionsBuilder, StartContainerOptions,
    WaitContainerOptions,
};
use futures_util::StreamExt;
use serde_json::json;

use crate::client::Client;
use crate::process::Server;
use crate::report::{Bound, Report, quantile};

const IMAGE: &str = "localecs/sample-app";
const PAUSE: &str = "localecs/pause";
const ROUNDS: usize = 11;
const NETWORK: &str = "localecs-bench";

pub(crate) async fn measure(binary: &Path, report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().display().to_string();
    let server = Server::start(binary, &["--runtime", "docker", "--data-dir", &data, "--stop-tasks-on-exit"]).await?;
    let mut client = Client::connect(&server.authority).await?;
    client.call("CreateCluster", &json!({})).await?;
    let definition = json!({
        "family": "bench", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [
            { "name": "init", "image": IMAGE, "command": ["exit", "0"], "essential": false },
            {
                "name": "side", "image": IMAGE, "command": ["serve", "--port", "9090"],
                "dependsOn": [{ "containerName": "init", "condition": "SUCCESS" }],
            },
            {
                "name": "web", "image": IMAGE, "command": ["serve"],
                "dependsOn": [{ "containerName": "side", "condition": "START" }],
            },
        ],
    });
    client.call("RegisterTaskDefinition", &definition).await?;
    let docker = Docker::connect_with_defaults()?.negotiate_version().await?;
    // The first task makes LocalECS's network and its pause image; neither is counted.
    through_ecs(&mut client).await?;
    let pause = pause_image(&docker).await?;
    docker.create_network(network()).await?;
    let measured = rounds(&mut client, &docker, &pause).await;
    docker.remove_network(NETWORK).await?;
    server.stop().await?;

    let (mut ours, mut raw) = measured?;
    let (ours, raw) = (quantile(&mut ours, 0.5), quantile(&mut raw, 0.5));
    let name = "RunTask to RUNNING, 3 containers with dependsOn, awsvpc";
    report.add(format!("{name}, median"), ours, "ms", Bound::Free);
    report.add(format!("{name}: through bollard, median"), raw, "ms", Bound::Free);
    report.add(format!("{name}, of bollard"), ours / raw, "ratio", Bound::AtMost(1.25));
    Ok(())
}

/// In turns, so that what else the machine does meets both alike. The first round warms up and is not counted.
async fn rounds(client: &mut Client, docker: &Docker, pause: &str) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (ours_ms, raw_ms) = (through_ecs(client).await?, through_bollard(docker, pause).await?);
        if round > 0 {
            ours.push(ours_ms);
            raw.push(raw_ms);
        }
    }
    Ok((ours, raw))
}

async fn through_ecs(client: &mut Client) -> anyhow::Result<f64> {
    let input = json!({
        "taskDefinition": "bench", "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
    });
    let start = Instant::now();
    let answer = client.call("RunTask", &input).await?;
    let arn = answer["tasks"][0]["taskArn"].clone();
    let describe = json!({ "tasks": [arn] });
    let mut taken = None;
    loop {
        let task = client.call("DescribeTasks", &describe).await?["tasks"][0].clone();
        match (task["lastStatus"].as_str(), taken) {
            (Some("RUNNING"), None) => {
                taken = Some(start.elapsed().as_secs_f64() * 1000.0);
                client.call("StopTask", &json!({ "task": arn })).await?;
            }
            (Some("STOPPED"), Some(taken)) => return Ok(taken),
            (Some("STOPPED"), None) => bail!("the task stopped: {task}"),
            _ if start.elapsed() > Duration::from_secs(60) => bail!("the task does not run: {task}"),
            _ => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

/// The image that LocalECS made for the owners of tasks' networks.
async fn pause_image(docker: &Docker) -> anyhow::Result<String> {
    let images = docker.list_images(None::<ListImagesOptions>).await?;
    let tags = images.into_iter().flat_map(|image| image.repo_tags);
    tags.into_iter().find(|tag| tag.split(':').next() == Some(PAUSE)).context("there is no pause image")
}

fn network() -> NetworkCreateRequest {
    let range = IpamConfig { subnet: Some("10.253.77.0/24".to_owned()), ..IpamConfig::default() };
    let ipam = Ipam { config: Some(vec![range]), ..Ipam::default() };
    NetworkCreateRequest { name: NETWORK.to_owned(), ipam: Some(ipam), ..NetworkCreateRequest::default() }
}

async fn through_bollard(docker: &Docker, pause: &str) -> anyhow::Result<f64> {
    let start = Instant::now();
    let owner = started(docker, pause, &[], NETWORK).await?;
    let mut ids = vec![owner.clone()];
    let shared = format!("container:{owner}");
    let init = started(docker, IMAGE, &["exit", "0"], &shared).await?;
    ids.push(init.clone());
    // An error is an exit code other than 0.
    docker.wait_container(&init, None::<WaitContainerOptions>).next().await.context("no exit code")??;
    ids.push(started(docker, IMAGE, &["serve", "--port", "9090"], &shared).await?);
    ids.push(started(docker, IMAGE, &["serve"], &shared).await?);
    let taken = start.elapsed().as_secs_f64() * 1000.0;
    for id in ids.iter().rev() {
        docker.remove_container(id, Some(RemoveContainerOptionsBuilder::new().force(true).build())).await?;
    }
    Ok(taken)
}

async fn started(docker: &Docker, image: &str, command: &[&str], network: &str) -> anyhow::Result<String> {
    let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        cmd: (!command.is_empty()).then_some(command),
        host_config: Some(HostConfig { network_mode: Some(network.to_owned()), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    };
    let id = docker.create_container(None::<CreateContainerOptions>, body).await?.id;
    docker.start_container(&id, None::<StartContainerOptions>).await?;
    Ok(id)
}
