//! ECS's events: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_cwe_events.html>

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use aws_sdk_ecs::types::NetworkMode;
use compat_tests::{Ecs, Registers, Runs, app};
use serde_json::Value;

on_both!(states_of_a_task);

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
