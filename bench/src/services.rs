//! Services on the simulated runtime, from a few tasks to 20,000: how cost grows, what a task takes of the memory, and
//! what thousands of services cost that nothing happens to.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::client::Client;
use crate::process::Server;
use crate::report::{Bound, Report, quantile};

/// Tasks in all; each service has ten.
const SIZES: [usize; 4] = [100, 1_000, 10_000, 20_000];
const TASKS_EACH: usize = 10;
/// One service this large, which each of its tasks wakes.
const LARGE: usize = 2_000;
const CONNECTIONS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(300);
/// A service is looked at again when its newest tasks have run for two seconds.
const SETTLING: Duration = Duration::from_secs(3);
const SAMPLES: usize = 50;

pub(crate) async fn measure(binary: &Path, report: &mut Report) -> anyhow::Result<()> {
    let mut cost = Vec::new();
    for tasks in SIZES {
        cost.push(many(binary, tasks, report).await?);
    }
    if let (Some(small), Some(large)) = (cost.get(1), cost.last()) {
        report.add("CPU for each task, at 20,000 of at 1,000", large / small, "ratio", Bound::AtMost(1.5));
    }
    one(binary, report).await
}

struct Bed {
    // Goes last: the server writes into it.
    server: Server,
    client: Client,
    _folder: tempfile::TempDir,
}

impl Bed {
    async fn new(binary: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data").display().to_string();
        let server = Server::start(binary, &["--runtime", "simulated", "--data-dir", &data]).await?;
        let mut client = Client::connect(&server.authority).await?;
        client.call("CreateCluster", &json!({})).await?;
        let definition = json!({
            "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
            "cpu": "256", "memory": "512",
            "containerDefinitions": [{
                "name": "web", "image": "localecs/sample-app", "essential": true,
                "portMappings": [{ "containerPort": 8080, "protocol": "tcp" }],
                "environment": [{ "name": "STAGE", "value": "bench" }, { "name": "REGION", "value": "us-east-1" }],
            }],
        });
        client.call("RegisterTaskDefinition", &definition).await?;
        Ok(Self { server, client, _folder: folder })
    }

    async fn create(&mut self, name: &str, tasks: usize) -> anyhow::Result<()> {
        create(&mut self.client, name, tasks).await
    }

    /// Waits until so many tasks run.
    async fn running(&mut self, tasks: usize) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            let answer = self.client.call("DescribeClusters", &json!({})).await?;
            if answer["clusters"][0]["runningTasksCount"].as_u64() == Some(tasks as u64) {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                bail!("the tasks do not run: {answer}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until no reconciler has anything to do.
    async fn quiet(&mut self) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            tokio::time::sleep(SETTLING).await;
            let answer = self.client.get("/_localecs/reconcilers").await?;
            let reconcilers = answer["reconcilers"].as_array().context("no reconcilers")?;
            if reconcilers.iter().all(|it| it["running"] == 0) {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                bail!("the reconcilers do not rest: {answer}");
            }
        }
    }

    /// How often services were looked at since the start.
    async fn looks(&mut self) -> anyhow::Result<u64> {
        let answer = self.client.get("/_localecs/reconcilers").await?;
        let mut reconcilers = answer["reconcilers"].as_array().context("no reconcilers")?.iter();
        let scheduler = reconcilers.find(|it| it["name"] == "ecs-service-scheduler").context("no service scheduler")?;
        scheduler["runs"].as_u64().context("no number of runs")
    }

    /// The median time of a call in milliseconds.
    async fn time(&mut self, operation: &str, input: &Value) -> anyhow::Result<f64> {
        let mut samples = Vec::with_capacity(SAMPLES);
        for _ in 0..SAMPLES {
            let start = Instant::now();
            self.client.call_raw(operation, input).await?;
            samples.push(start.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(quantile(&mut samples, 0.5))
    }
}

async fn create(client: &mut Client, name: &str, tasks: usize) -> anyhow::Result<()> {
    let network = json!({ "awsvpcConfiguration": { "subnets": ["subnet-1", "subnet-2", "subnet-3", "subnet-4"] } });
    let input = json!({
        "serviceName": name, "taskDefinition": "web", "launchType": "FARGATE", "desiredCount": tasks,
        "networkConfiguration": network,
    });
    client.call("CreateService", &input).await?;
    Ok(())
}

/// Creates the services of `tasks` tasks, and returns what a task cost of the processor, in milliseconds.
async fn many(binary: &Path, tasks: usize, report: &mut Report) -> anyhow::Result<f64> {
    let mut bed = Bed::new(binary).await?;
    let services = tasks / TASKS_EACH;
    let (resident, cpu, start) = (bed.server.resident()?, bed.server.cpu_seconds()?, Instant::now());
    let authority = bed.server.authority.clone();
    let authority = &authority;
    let workers = (0..CONNECTIONS).map(|worker| async move {
        let mut client = Client::connect(authority).await?;
        for index in (worker..services).step_by(CONNECTIONS) {
            create(&mut client, &format!("service-{index}"), TASKS_EACH).await?;
        }
        anyhow::Ok(())
    });
    futures_util::future::try_join_all(workers).await?;
    bed.running(tasks).await?;
    let taken = start.elapsed().as_secs_f64();
    bed.quiet().await?;
    let each = (bed.server.cpu_seconds()? - cpu) * 1000.0 / tasks as f64;
    let memory = (bed.server.resident()? - resident) / tasks as f64 / 1024.0;
    let name = |what: &str| format!("{tasks} tasks of {services} services: {what}");
    let bound = if tasks == 10_000 { Bound::AtMost(60.0) } else { Bound::Free };
    report.add(name("first CreateService to all RUNNING"), taken, "s", bound);
    report.add(name("CPU for each task, until all is quiet"), each, "ms", Bound::Free);
    let bound = if tasks < 10_000 { Bound::Free } else { Bound::AtMost(10.0) };
    report.add(name("resident memory for each task"), memory, "KiB", bound);
    let idle = bed.server.cpu_percent(Duration::from_secs(10)).await?;
    report.add(name("CPU, idle"), idle, "% of core", Bound::AtMost(0.5));
    for (operation, input) in [
        ("ListTasks", json!({})),
        ("ListTasks", json!({ "serviceName": "service-0" })),
        ("ListServices", json!({ "maxResults": 100 })),
        ("DescribeServices", json!({ "services": ["service-0"] })),
        ("DescribeClusters", json!({})),
    ] {
        let of = if input.get("serviceName").is_some() { " of one service" } else { "" };
        let median = bed.time(operation, &input).await?;
        report.add(name(&format!("{operation}{of}, median")), median, "ms", Bound::Free);
    }
    touched(&mut bed, report, &name).await?;
    bed.server.stop().await?;
    Ok(each)
}

/// One task stops: how many services are looked at, and what that costs.
async fn touched(bed: &mut Bed, report: &mut Report, name: &impl Fn(&str) -> String) -> anyhow::Result<()> {
    let before = bed.looks().await?;
    let listed = bed.client.call("ListTasks", &json!({ "serviceName": "service-0" })).await?;
    let cpu = bed.server.cpu_seconds()?;
    bed.client.call("StopTask", &json!({ "task": listed["taskArns"][0] })).await?;
    bed.quiet().await?;
    let looks = bed.looks().await? - before;
    report.add(name("looks at services after one task stopped"), looks as f64, "", Bound::AtMost(25.0));
    report.add(name("CPU for it"), (bed.server.cpu_seconds()? - cpu) * 1000.0, "ms", Bound::Free);
    Ok(())
}

/// One service with many tasks.
async fn one(binary: &Path, report: &mut Report) -> anyhow::Result<()> {
    let mut bed = Bed::new(binary).await?;
    let (cpu, start) = (bed.server.cpu_seconds()?, Instant::now());
    bed.create("large", LARGE).await?;
    bed.running(LARGE).await?;
    let taken = start.elapsed().as_secs_f64();
    bed.quiet().await?;
    let each = (bed.server.cpu_seconds()? - cpu) * 1000.0 / LARGE as f64;
    report.add(format!("{LARGE} tasks of one service: CreateService to all RUNNING"), taken, "s", Bound::Free);
    report.add(format!("{LARGE} tasks of one service: CPU for each task"), each, "ms", Bound::Free);
    bed.server.stop().await
}
