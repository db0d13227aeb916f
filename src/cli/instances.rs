//! `localecs instances`: the virtual container instances of a running server.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde::Deserialize;

use super::{EndpointArgs, client, logs};
use crate::services::ecs::virtual_instances::{Summary, Wanted};

#[derive(Debug, Args)]
pub(crate) struct InstancesArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Add container instances of an EC2 instance type to a cluster
    ///
    /// They have the CPU, memory and GPUs of the type, and what an ECS agent on such an instance registers.
    Add(AddArgs),
    /// List the container instances of all clusters
    List {
        /// Only this cluster's
        #[arg(long, value_name = "NAME")]
        cluster: Option<String>,
        #[command(flatten)]
        endpoint: EndpointArgs,
    },
    /// Terminate container instances; their tasks stop
    Remove {
        /// EC2 instance ids, container instance ids or ARNs
        #[arg(required_unless_present = "all")]
        instances: Vec<String>,
        /// All of this cluster's
        #[arg(long = "all-of", value_name = "CLUSTER", conflicts_with = "instances", id = "all")]
        all: Option<String>,
        #[command(flatten)]
        endpoint: EndpointArgs,
    },
}

#[derive(Debug, Args)]
struct AddArgs {
    /// The cluster's name
    #[arg(long, value_name = "NAME", default_value = "default")]
    cluster: String,
    /// An EC2 instance type, such as m5.large
    #[arg(long = "type", value_name = "TYPE")]
    instance_type: String,
    /// Availability Zones, separated by commas; they go round them [default: all of the region]
    #[arg(long = "zone", value_name = "ZONES", value_delimiter = ',')]
    zones: Vec<String>,
    /// How many
    #[arg(long, default_value_t = 1)]
    count: usize,
    /// A custom attribute; may be given more than once
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = pair)]
    attributes: Vec<(String, String)>,
    /// A tag; may be given more than once
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = pair)]
    tags: Vec<(String, String)>,
    #[command(flatten)]
    endpoint: EndpointArgs,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it is not NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[derive(Deserialize)]
struct Answer {
    instances: Vec<Summary>,
}

pub(super) async fn run(args: InstancesArgs) -> anyhow::Result<ExitCode> {
    match args.what {
        What::Add(args) => {
            let wanted = Wanted {
                account: Some(args.endpoint.account),
                region: Some(args.endpoint.region.clone()),
                cluster: Some(args.cluster),
                instance_type: args.instance_type,
                zones: args.zones,
                count: args.count,
                attributes: BTreeMap::from_iter(args.attributes),
                tags: BTreeMap::from_iter(args.tags),
            };
            let body = serde_json::to_vec(&wanted)?;
            let added = ask(&args.endpoint, "POST", "/_localecs/instances", body).await?;
            print(&added);
        }
        What::List { cluster, endpoint } => {
            let query = cluster.map(|name| format!("?cluster={}", logs::escaped(&name))).unwrap_or_default();
            let listed = ask(&endpoint, "GET", &format!("/_localecs/instances{query}"), Vec::new()).await?;
            print(&listed);
        }
        What::Remove { instances, all, endpoint } => {
            let query = match all {
                Some(cluster) => format!("cluster={}", logs::escaped(&cluster)),
                None => format!("instances={}", logs::escaped(&instances.join(","))),
            };
            let removed = ask(&endpoint, "DELETE", &format!("/_localecs/instances?{query}"), Vec::new()).await?;
            for instance in &removed {
                println!("{} is terminated", name(instance));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Deserialize)]
struct Problem {
    error: String,
}

async fn ask(endpoint: &EndpointArgs, method: &str, path: &str, body: Vec<u8>) -> anyhow::Result<Vec<Summary>> {
    let (status, text) = client::exchange(&endpoint.authority(), method, path, body).await?;
    if !status.is_success() {
        match serde_json::from_str::<Problem>(&text) {
            Ok(problem) => bail!("{}", problem.error),
            Err(_) => bail!("{} answered {status}: {text}", endpoint.authority()),
        }
    }
    let answer: Answer = serde_json::from_str(&text).context("the server's answer makes no sense")?;
    Ok(answer.instances)
}

fn name(instance: &Summary) -> &str {
    instance.ec2_instance_id.as_deref().unwrap_or(&instance.container_instance_arn)
}

/// A table, as wide as its longest values.
fn print(instances: &[Summary]) {
    let heads =
        ["INSTANCE", "CLUSTER", "TYPE", "ZONE", "ADDRESS", "STATUS", "CPU", "MEMORY", "TASKS"].map(str::to_owned);
    let mut rows = vec![heads];
    for it in instances {
        let status = if it.agent_connected { it.status.clone() } else { format!("{}, no agent", it.status) };
        rows.push([
            name(it).to_owned(),
            it.cluster.clone(),
            it.instance_type.clone().unwrap_or_else(|| "-".to_owned()),
            it.zone.clone().unwrap_or_else(|| "-".to_owned()),
            it.address.map_or_else(|| "-".to_owned(), |address| address.to_string()),
            status,
            format!("{}/{}", it.cpu - it.remaining_cpu, it.cpu),
            format!("{}/{}", it.memory - it.remaining_memory, it.memory),
            (it.running_tasks + it.pending_tasks).to_string(),
        ]);
    }
    let widths: [usize; 9] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or_default());
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        println!("{}", cells.join("  ").trim_end());
    }
}
