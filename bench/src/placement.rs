//! How many tasks find a place each second: the pure part by itself, and RunTask with all around it.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail};
use api_models::ecs::Attribute;
use localecs::identity::{AccountId, Region, Scope};
use localecs::services::ecs::resources::container_instance::attributes::capabilities;
use localecs::services::ecs::resources::reservation::Needs;
use localecs::services::ecs::resources::{ContainerInstance, ContainerInstanceKey, Resources};
use localecs::services::ecs::scheduler::placement::{Candidate, Requirements, Strategy, ZONE_ATTRIBUTE, place};
use localecs::services::ecs::scheduler::query::Expression;
use localecs::time::Timestamp;
use serde_json::{Value, json};

use crate::client::Client;
use crate::process::Server;
use crate::report::{Bound, Report, quantile};

const TASKS: usize = 10_000;
const INSTANCES: [usize; 3] = [100, 1_000, 5_000];
/// Of one instance; room for 128 tasks, so that all of them fit on 100 instances too.
const CPU: i32 = 32_768;
const MEMORY: i32 = 65_536;
const TASK_CPU: i32 = 256;
const TASK_MEMORY: i32 = 512;
const ROUNDS: usize = 5;

pub(crate) async fn measure(binary: &Path, report: &mut Report) -> anyhow::Result<()> {
    pure(report)?;
    run_task(binary, report).await
}

fn pure(report: &mut Report) -> anyhow::Result<()> {
    let zone = || Strategy::SpreadAttribute(ZONE_ATTRIBUTE.to_owned());
    let stable = "attribute:stack == prod and attribute:ecs.instance-type =~ m5.*";
    let changing = "attribute:stack == prod and not(task:group == service:other)";
    let cases: [(&str, Vec<Strategy>, Option<&str>); 5] = [
        ("binpack", vec![Strategy::BinpackMemory], None),
        ("spread over zones", vec![zone()], None),
        ("spread over zones, then instances", vec![zone(), Strategy::SpreadInstances], None),
        ("memberOf attributes, binpack", vec![Strategy::BinpackCpu], Some(stable)),
        ("memberOf task:group, spread over zones", vec![zone()], Some(changing)),
    ];
    for (name, strategies, expression) in cases {
        let member_of: Vec<Expression> = expression.map(Expression::parse).transpose()?.into_iter().collect();
        let mut taken = Vec::new();
        for count in INSTANCES {
            let seconds = one(count, &strategies, &member_of)?;
            let bound = if count == 1_000 { Bound::AtLeast(50_000.0) } else { Bound::Free };
            let what = format!("{name}: {TASKS} tasks on {count} instances");
            report.add(what, TASKS as f64 / seconds, "1/s", bound);
            taken.push(seconds);
        }
        // Fifty times the instances.
        if let (Some(few), Some(many)) = (taken.first(), taken.last()) {
            report.add(format!("{name}: time with 5,000 instances, of 100"), many / few, "ratio", Bound::AtMost(10.0));
        }
    }
    Ok(())
}

/// The median time to place all tasks, in seconds, from the records of the instances.
fn one(count: usize, strategies: &[Strategy], member_of: &[Expression]) -> anyhow::Result<f64> {
    let instances: Vec<ContainerInstance> = (0..count).map(instance).collect::<Result<_, _>>()?;
    let requirements = Requirements {
        needs: Needs { cpu: TASK_CPU, memory: TASK_MEMORY, ..Needs::default() },
        member_of,
        group: "service:web",
        ..Requirements::default()
    };
    let mut samples = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let candidates: Vec<Candidate<'_>> = instances.iter().map(Candidate::alone).collect();
        let plan = place(&candidates, &requirements, strategies, TASKS, &mut |_| 0);
        samples.push(start.elapsed().as_secs_f64());
        if plan.placements.len() != TASKS {
            bail!("only {} tasks were placed", plan.placements.len());
        }
    }
    Ok(quantile(&mut samples, 0.5))
}

fn zone(index: usize) -> &'static str {
    ["us-east-1a", "us-east-1b", "us-east-1c"][index % 3]
}

fn instance(index: usize) -> anyhow::Result<ContainerInstance> {
    let named = |name: &str, value: &str| Attribute {
        name: Some(name.to_owned()),
        value: Some(value.to_owned()),
        ..Attribute::default()
    };
    let resources = Resources { cpu: CPU, memory: MEMORY, tcp_ports: [22, 2375, 2376].into(), ..Resources::default() };
    let key = ContainerInstanceKey {
        scope: Scope::new(AccountId::DEFAULT, Region::new("us-east-1")),
        cluster: "default".into(),
        id: format!("{index:032x}").into(),
    };
    let own = [named(ZONE_ATTRIBUTE, zone(index)), named("ecs.instance-type", "m5.8xlarge"), named("stack", "prod")];
    let attributes: Vec<Attribute> = capabilities().chain(own).collect();
    // As the journal has it: what the record gets new has a default there.
    let record = json!({
        "key": key, "ec2_instance_id": format!("i-{index:017x}"), "status": "ACTIVE", "agent_connected": true,
        "version_info": {}, "registered": resources, "remaining": resources, "attributes": attributes, "tags": [],
        "registered_at": Timestamp::EPOCH, "version": 1,
    });
    Ok(serde_json::from_value(record)?)
}

/// RunTask on 1,000 instances, empty and with thousands of tasks there.
async fn run_task(binary: &Path, report: &mut Report) -> anyhow::Result<()> {
    const INSTANCES: usize = 1_000;
    const CALLS: usize = 500;
    const WINDOW: usize = 50;
    let server = Server::start(binary, &["--runtime", "simulated", "--ephemeral"]).await?;
    let mut client = Client::connect(&server.authority).await?;
    client.call("CreateCluster", &json!({})).await?;
    for index in 0..INSTANCES {
        let resources = json!([
            { "name": "CPU", "type": "INTEGER", "integerValue": CPU },
            { "name": "MEMORY", "type": "INTEGER", "integerValue": MEMORY },
        ]);
        let attributes = json!([{ "name": ZONE_ATTRIBUTE, "value": zone(index) }]);
        let input = json!({ "totalResources": resources, "attributes": attributes });
        client.call("RegisterContainerInstance", &input).await?;
    }
    let container = json!({ "name": "web", "image": "web", "cpu": TASK_CPU, "memory": TASK_MEMORY });
    client.call("RegisterTaskDefinition", &json!({ "family": "web", "containerDefinitions": [container] })).await?;
    let strategy = json!([
        { "type": "spread", "field": "attribute:ecs.availability-zone" }, { "type": "binpack", "field": "memory" },
    ]);
    let run = json!({ "taskDefinition": "web", "launchType": "EC2", "count": 10, "placementStrategy": strategy });
    let mut samples = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let start = Instant::now();
        let answer: Value = client.call("RunTask", &run).await?;
        samples.push(start.elapsed().as_secs_f64() * 1000.0);
        if answer["tasks"].as_array().context("no tasks")?.len() != 10 {
            bail!("not all tasks were placed: {answer}");
        }
    }
    let first = quantile(&mut samples[..WINDOW], 0.5);
    let last = quantile(&mut samples[CALLS - WINDOW..], 0.5);
    report.add("RunTask, count 10, 1,000 instances: median of the first 50", first, "ms", Bound::Free);
    report.add("RunTask, count 10, 1,000 instances with 5,000 tasks: median", last, "ms", Bound::AtMost(10.0));
    server.stop().await
}
