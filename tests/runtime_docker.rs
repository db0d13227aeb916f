//! The Docker runtime on a real engine: what only a real engine can show. The behaviour both runtimes share is in the
//! contract suite.
//!
//! Needs an engine and the image `localecs/sample-app` (docker/sample-app/build). Where there is none on purpose, set
//! LOCALECS_TEST_NO_ENGINE: the tests then say that they did nothing. Each test works in a store of its own and
//! removes what it made, also when it fails.

#[allow(dead_code, unreachable_pub)]
#[path = "../compat-tests/src/docker.rs"]
mod docker;
mod docker_support;
#[allow(dead_code, unreachable_pub)]
#[path = "../compat-tests/src/registry.rs"]
mod registry;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use docker_support::{EngineProxy, Sandbox, sample, until};
use localecs::runtime::docker::doctor::{Verdict, examine};
use localecs::runtime::docker::{ConnectOptions, DockerRuntime};
use localecs::runtime::{
    ContainerId, ContainerNetwork, ContainerRuntime, ContainerSpec, Exit, ImageSource, LinuxOptions, NetworkSpec,
    ObservedState, PortPublication, Protocol, RegistryAuth, RuntimeError, RuntimeEvent,
};
use localecs::time::stopwatch;
use registry::{Login, PASSWORD, Registry, USER};
use tokio::sync::mpsc::UnboundedReceiver;

/// GET of the sample application.
fn page(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut connection = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(connection, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The page, once the program in the container listens.
async fn page_soon(address: SocketAddr, path: &str) -> String {
    for _ in 0..200 {
        if let Ok(answer) = page(address, path)
            && answer.starts_with("HTTP/1.")
        {
            return answer;
        }
        localecs::time::real_sleep(Duration::from_millis(25)).await;
    }
    panic!("no answer from {address}");
}

/// Waits for the event that tells how a container ended.
async fn exit_of(events: &mut UnboundedReceiver<RuntimeEvent>, id: &ContainerId) -> Exit {
    until(events, |event| match event {
        RuntimeEvent::Changed(told) if told.id == *id => match told.state {
            ObservedState::Exited(exit) => Some(exit),
            _ => None,
        },
        _ => None,
    })
    .await
}

fn published(container_port: u16) -> Vec<PortPublication> {
    vec![PortPublication {
        container_port,
        protocol: Protocol::Tcp,
        host_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        host_port: None,
    }]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_lives_and_its_life_is_told() {
    let Some(sandbox) = Sandbox::new("life").await else { return };
    let runtime = &sandbox.runtime;
    let mut events = runtime.subscribe();
    let spec = ContainerSpec {
        publish: published(8080),
        environment: vec!["GREETING=hello".into()],
        memory_bytes: Some(64 << 20),
        memory_reservation_bytes: Some(32 << 20),
        nano_cpus: Some(16_000_000_000),
        cpu_shares: Some(256),
        hostname: Some("box".into()),
        stop_timeout: Some(Duration::from_secs(5)),
        ..sample(&sandbox, "web", &["serve"])
    };
    let id = runtime.create_container(&spec).await.expect("created");
    let seen = runtime.inspect_container(&id).await.expect("inspected").expect("there");
    assert_eq!((seen.state, seen.name.as_str()), (ObservedState::Created, spec.name.as_str()));

    let seen = runtime.start_container(&id).await.expect("started");
    assert!(matches!(seen.state, ObservedState::Running { started_at: Some(_) }), "{seen:?}");
    assert_eq!((seen.ports.len(), seen.ports[0].container_port), (1, 8080));
    assert!(seen.address.is_some() && seen.mac_address.is_some());
    assert!(page_soon(SocketAddr::new(seen.ports[0].host_ip, seen.ports[0].host_port), "/").await.contains("200"));
    runtime.start_container(&id).await.expect("starting a running one is fine");

    let told = until(&mut events, |event| match event {
        RuntimeEvent::Changed(told) if told.id == id => Some(told),
        _ => None,
    });
    assert_eq!(*told.await, seen);
    assert_eq!(runtime.list_containers().await.expect("listed"), [seen]);

    let exit = runtime.stop_container(&id, Duration::from_secs(20)).await.expect("stopped").expect("an exit");
    assert_eq!((exit.exit_code, exit.oom_killed, &exit.error), (0, false, &None));
    assert!(exit.finished_at.is_some());
    let again = runtime.stop_container(&id, Duration::from_secs(20)).await.expect("stopped again");
    assert_eq!(again.as_ref(), Some(&exit));
    let told = until(&mut events, |event| match event {
        RuntimeEvent::Changed(told) if matches!(told.state, ObservedState::Exited(_)) => Some(told.state),
        _ => None,
    });
    assert_eq!(told.await, ObservedState::Exited(exit));

    runtime.remove_container(&id).await.expect("removed");
    let labels = until(&mut events, |event| match event {
        RuntimeEvent::Removed { id: removed, labels } if removed == id => Some(labels),
        _ => None,
    });
    assert_eq!(labels.await["test.name"], "web");
    runtime.remove_container(&id).await.expect("removing what is gone is fine");
    assert_eq!(runtime.inspect_container(&id).await, Ok(None));
    assert_eq!(runtime.stop_container(&id, Duration::ZERO).await, Ok(None));
    assert!(matches!(runtime.start_container(&id).await, Err(RuntimeError::NoSuchContainer(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn creating_twice_gives_the_same_container_and_names_are_not_taken_from_others() {
    let Some(sandbox) = Sandbox::new("twice").await else { return };
    let runtime = &sandbox.runtime;
    let spec = sample(&sandbox, "one", &["serve"]);
    let id = runtime.create_container(&spec).await.expect("created");
    assert_eq!(runtime.create_container(&spec).await, Ok(id.clone()));

    let mut other = spec.clone();
    other.labels.insert("test.name".into(), "two".into());
    let refused = runtime.create_container(&other).await;
    assert!(matches!(&refused, Err(RuntimeError::Create { message }) if message.contains("in use")), "{refused:?}");

    // Another store neither gets the container by its name nor sees or touches it by its id.
    let Some(stranger) = Sandbox::new("stranger").await else { return };
    assert!(matches!(stranger.runtime.create_container(&spec).await, Err(RuntimeError::Create { .. })));
    assert_eq!(stranger.runtime.inspect_container(&id).await, Ok(None));
    assert_eq!(stranger.runtime.stop_container(&id, Duration::ZERO).await, Ok(None));
    stranger.runtime.remove_container(&id).await.expect("nothing to remove");
    assert!(matches!(stranger.runtime.start_container(&id).await, Err(RuntimeError::NoSuchContainer(_))));
    assert!(runtime.inspect_container(&id).await.expect("inspected").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_told_in_the_engines_words() {
    let Some(sandbox) = Sandbox::new("failures").await else { return };
    let runtime = &sandbox.runtime;
    let none = BTreeMap::new();

    let missing = ContainerSpec {
        image: ImageSource::Reference("localecs/nowhere:1".into()),
        ..sample(&sandbox, "missing", &[])
    };
    let refused = runtime.create_container(&missing).await;
    assert!(
        matches!(&refused, Err(RuntimeError::Create { message }) if message.to_lowercase().starts_with("no such image")),
        "{refused:?}"
    );
    assert_eq!(runtime.inspect_image("localecs/nowhere:1", &none).await, Ok(None));
    // Nobody listens there: trouble of the network, which may pass.
    let refused = runtime.pull_image("localhost:1/nowhere:1", &none, None, None).await;
    assert!(
        matches!(&refused, Err(RuntimeError::Pull { retryable: true, message, manifest: true }) if message.contains("refused")),
        "{refused:?}"
    );
    let bad = runtime.pull_image("UPPER/case", &none, None, None).await;
    assert!(matches!(&bad, Err(RuntimeError::Pull { retryable: false, .. })), "{bad:?}");

    let spec =
        ContainerSpec { entry_point: Some(vec!["/no/such/program".into()]), ..sample(&sandbox, "unstartable", &[]) };
    let id = runtime.create_container(&spec).await.expect("created");
    let error = runtime.start_container(&id).await.expect_err("it cannot start");
    assert!(matches!(&error, RuntimeError::Start { message } if message.contains("/no/such/program")), "{error:?}");
    let seen = runtime.inspect_container(&id).await.expect("inspected").expect("there");
    assert_eq!(seen.state, ObservedState::Created);
    assert_eq!(runtime.stop_container(&id, Duration::from_secs(1)).await, Ok(None), "it never ran");

    // The second container that wants the same port of the host.
    let first = ContainerSpec { publish: published(8080), ..sample(&sandbox, "first", &["serve"]) };
    let first = runtime.create_container(&first).await.expect("created");
    let port = runtime.start_container(&first).await.expect("started").ports[0].host_port;
    let mut publish = published(8080);
    publish[0].host_port = Some(port);
    let second = ContainerSpec { publish, ..sample(&sandbox, "second", &["serve"]) };
    let second = runtime.create_container(&second).await.expect("created");
    let error = runtime.start_container(&second).await.expect_err("the port is taken");
    assert!(
        matches!(&error, RuntimeError::Start { message } if message.contains("already allocated") || message.contains("in use")),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_end_is_told_from_the_others() {
    let Some(sandbox) = Sandbox::new("ends").await else { return };
    let runtime = &sandbox.runtime;
    let mut events = runtime.subscribe();

    let quick = runtime.create_container(&sample(&sandbox, "quick", &["exit", "7"])).await.expect("created");
    let seen = runtime.start_container(&quick).await.expect("started, however short it ran");
    assert!(!matches!(seen.state, ObservedState::Created), "{seen:?}");
    let exit = exit_of(&mut events, &quick).await;
    assert_eq!((exit.exit_code, exit.oom_killed), (7, false));

    // It runs out of memory when it has run for a moment: engines on cgroup v1 can miss it in the first instant.
    let greedy = ContainerSpec { memory_bytes: Some(16 << 20), ..sample(&sandbox, "greedy", &["serve"]) };
    let greedy = runtime.create_container(&greedy).await.expect("created");
    let seen = runtime.start_container(&greedy).await.expect("started");
    let address = SocketAddr::new(seen.address.expect("an address"), 8080);
    page_soon(address, "/").await;
    let _ = page(address, "/oom");
    let exit = exit_of(&mut events, &greedy).await;
    assert_eq!((exit.exit_code, exit.oom_killed), (137, true));

    let deaf = runtime.create_container(&sample(&sandbox, "deaf", &["ignore-term", "60"])).await.expect("created");
    let seen = runtime.start_container(&deaf).await.expect("started");
    page_soon(SocketAddr::new(seen.address.expect("an address"), 8080), "/").await;
    let waited = stopwatch();
    let exit = runtime.stop_container(&deaf, Duration::from_secs(1)).await.expect("stopped").expect("an exit");
    assert_eq!((exit.exit_code, exit.oom_killed), (137, false));
    assert!(waited() >= Duration::from_secs(1) && waited() < Duration::from_secs(20));
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_share_the_network_of_a_pause_container() {
    let Some(sandbox) = Sandbox::new("vpc").await else { return };
    let runtime = &sandbox.runtime;
    let network = sandbox.network().await;
    let (one, two, three) = tokio::join!(
        runtime.ensure_network(&network),
        runtime.ensure_network(&network),
        runtime.ensure_network(&network)
    );
    assert_eq!((one, two, three), (Ok(()), Ok(()), Ok(())));
    assert_eq!(runtime.list_networks().await, Ok(vec![(network.name.clone(), network.cidr.clone())]));

    let mut rival = network.clone();
    rival.name.push_str("-rival");
    let refused = runtime.ensure_network(&rival).await;
    assert!(matches!(refused, Err(RuntimeError::Network { overlap: true, .. })), "{refused:?}");

    let address = Ipv4Addr::from(u32::from(network.gateway) + 9);
    let pause = |name: &str| ContainerSpec {
        image: ImageSource::Pause,
        network: ContainerNetwork::Attached { network: network.name.clone(), address },
        publish: published(8080),
        hostname: Some("task".into()),
        ..sample(&sandbox, name, &[])
    };
    let (first, again) = (pause("pause"), pause("pause"));
    let (id, same) = tokio::join!(runtime.create_container(&first), runtime.create_container(&again));
    let id = id.expect("created");
    assert_eq!(same, Ok(id.clone()));
    let seen = runtime.start_container(&id).await.expect("started");
    assert_eq!(seen.address, Some(IpAddr::V4(address)));
    let mac = seen.mac_address.expect("a MAC address");
    assert_eq!(mac.len(), "02:42:0a:c0:00:05".len());

    let member = ContainerSpec {
        network: ContainerNetwork::Container(id.clone()),
        hostname: Some("ignored".into()),
        publish: published(8080),
        ..sample(&sandbox, "app", &["serve"])
    };
    let app = runtime.create_container(&member).await.expect("created");
    let joined = runtime.start_container(&app).await.expect("started");
    assert_eq!((joined.address, joined.ports.len()), (None, 0));
    assert!(page_soon(SocketAddr::new(seen.ports[0].host_ip, seen.ports[0].host_port), "/").await.contains("200"));
    if runtime.info().await.expect("info").routes_to_containers {
        assert!(page_soon(SocketAddr::new(IpAddr::V4(address), 8080), "/").await.contains("200"));
    }

    // The address is taken: another container cannot start there.
    let late = runtime.create_container(&pause("late")).await.expect("created");
    let refused = runtime.start_container(&late).await;
    assert!(matches!(refused, Err(RuntimeError::Network { overlap: false, .. })), "{refused:?}");

    assert!(matches!(runtime.remove_network(&network.name).await, Err(RuntimeError::Network { .. })), "it is in use");
    let exit = runtime.stop_container(&id, Duration::from_secs(20)).await.expect("stopped").expect("an exit");
    assert_eq!(exit.exit_code, 0, "the pause program ends on SIGTERM");
    for container in [&app, &late, &id] {
        runtime.remove_container(container).await.expect("removed");
    }
    runtime.remove_network(&network.name).await.expect("removed");
    runtime.remove_network(&network.name).await.expect("removing what is gone is fine");
}

/// The address of a network's container at that place.
fn at(network: &NetworkSpec, place: u32) -> ContainerNetwork {
    let address = Ipv4Addr::from(u32::from(network.gateway) + place);
    ContainerNetwork::Attached { network: network.name.clone(), address }
}

#[tokio::test(flavor = "multi_thread")]
async fn pause_containers_lead_to_the_daemons_of_their_own_instance() {
    const DAEMONS: &str = "169.254.172.2";
    let Some(sandbox) = Sandbox::new("daemons").await else { return };
    let runtime = &sandbox.runtime;
    let network = sandbox.network().await;
    let run = async |spec: ContainerSpec| {
        let id = runtime.create_container(&spec).await.expect("created");
        runtime.start_container(&id).await.expect("started");
        id
    };
    let pause = |name: &str, place: u32, words: &[&str]| {
        let mut spec =
            ContainerSpec { image: ImageSource::Pause, network: at(&network, place), ..sample(&sandbox, name, words) };
        spec.linux.add_capabilities = vec!["NET_ADMIN".into()];
        spec
    };
    // Two instances: what `get` prints shows which one answered.
    let mut apps = Vec::new();
    for (instance, place) in [("blue", 10), ("green", 20)] {
        let daemons = run(pause(&format!("{instance}-daemons"), place, &["address", DAEMONS])).await;
        run(ContainerSpec {
            network: ContainerNetwork::Container(daemons),
            environment: vec![format!("MESSAGE=from {instance}")],
            ..sample(&sandbox, &format!("{instance}-daemon"), &["serve", "--port", "8125"])
        })
        .await;
        let via = Ipv4Addr::from(u32::from(network.gateway) + place).to_string();
        let route = pause(&format!("{instance}-pause"), place + 1, &["route", DAEMONS, "via", &via]);
        let task = run(ContainerSpec { publish: published(8080), ..route }).await;
        run(ContainerSpec {
            network: ContainerNetwork::Container(task.clone()),
            ..sample(&sandbox, &format!("{instance}-app"), &["serve"])
        })
        .await;
        let seen = runtime.inspect_container(&task).await.expect("inspected").expect("there");
        apps.push((instance, SocketAddr::new(seen.ports[0].host_ip, seen.ports[0].host_port)));
    }
    for (instance, address) in apps {
        page_soon(address, "/").await;
        let answer = page_soon(address, &format!("/fetch?url=http://{DAEMONS}:8125/")).await;
        assert!(answer.contains(&format!("message: from {instance}")), "{answer}");
    }

    // What can't be had is no reason to pause.
    let mut events = runtime.subscribe();
    for (name, words, code) in [
        ("far", ["route", DAEMONS, "via", "192.0.2.1"].as_slice(), 101),
        ("no-address", &["address", "169.254.172.256"], 22),
        ("no-word", &["nothing"], 22),
    ] {
        let id = run(pause(name, 30, words)).await;
        assert_eq!(exit_of(&mut events, &id).await.exit_code, code, "{name}");
    }
    let unable = ContainerSpec { linux: LinuxOptions::default(), ..pause("unable", 30, &["address", DAEMONS]) };
    let id = run(unable).await;
    assert_eq!(exit_of(&mut events, &id).await.exit_code, 1, "EPERM");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_may_go_away_and_come_back() {
    let Some(sandbox) = Sandbox::new("away").await else { return };
    let Some(mut proxy) = EngineProxy::start(sandbox.runtime.endpoint()) else { return };
    let runtime = DockerRuntime::connect(&sandbox.store, &proxy.options()).await.expect("connected by the proxy");
    let mut events = runtime.subscribe();
    assert_eq!(events.recv().await, Some(RuntimeEvent::Resync));
    // The second: the stream is being read.
    assert_eq!(events.recv().await, Some(RuntimeEvent::Resync));
    let id = runtime.create_container(&sample(&sandbox, "web", &["on-term-exit", "3"])).await.expect("created");
    runtime.start_container(&id).await.expect("started");
    until(&mut events, |event| matches!(event, RuntimeEvent::Changed(_)).then_some(())).await;

    proxy.stop().await;
    for error in [
        runtime.info().await.expect_err("no engine"),
        runtime.list_containers().await.expect_err("no engine"),
        runtime.start_container(&id).await.expect_err("no engine"),
        runtime.remove_container(&id).await.expect_err("no engine"),
    ] {
        assert!(matches!(error, RuntimeError::Unavailable(_)), "{error:?}");
    }
    sandbox.runtime.stop_container(&id, Duration::from_secs(20)).await.expect("stopped behind its back");

    proxy.restart();
    until(&mut events, |event| (event == RuntimeEvent::Resync).then_some(())).await;
    let listed = runtime.list_containers().await.expect("it is back");
    assert!(matches!(&listed[..], [seen] if matches!(&seen.state, ObservedState::Exited(exit) if exit.exit_code == 3)));
    runtime.start_container(&id).await.expect("started");
    until(&mut events, |event| matches!(event, RuntimeEvent::Changed(_)).then_some(())).await;

    drop(runtime);
    while events.recv().await.is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn finding_the_engine_is_quick_and_the_doctor_agrees() {
    let Some(sandbox) = Sandbox::new("doctor").await else { return };
    let options = ConnectOptions::from_env();
    let mut quickest = Duration::MAX;
    for _ in 0..10 {
        let waited = stopwatch();
        DockerRuntime::connect(&sandbox.store, &options).await.expect("connected");
        quickest = quickest.min(waited());
    }
    eprintln!("connected in {quickest:?}");

    let info = sandbox.runtime.info().await.expect("info");
    // Podman asks its helpers for their versions first.
    assert!(quickest < Duration::from_millis(50) || info.engine != "docker", "{quickest:?}");
    assert!(info.cpus > 0 && info.memory_bytes > 0 && !info.version.is_empty(), "{info:?}");
    let checks = examine(&options).await;
    assert!(checks.iter().all(|check| check.verdict != Verdict::Fail), "{checks:?}");
    assert!(checks.len() > 5);

    let elsewhere = ConnectOptions { host: Some("unix:///nowhere.sock".into()), ..ConnectOptions::default() };
    let checks = examine(&elsewhere).await;
    assert!(matches!(&checks[..], [check] if check.verdict == Verdict::Fail && check.remedy.is_some()));
    assert!(sandbox.runtime.inspect_container(&ContainerId("../version".into())).await == Ok(None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_logs_in_as_the_registry_asks() {
    let Some(sandbox) = Sandbox::new("login").await else { return };
    let (runtime, none) = (&sandbox.runtime, BTreeMap::new());
    let auth = |password: &str| RegistryAuth { username: USER.to_owned(), password: password.to_owned() };
    for login in [Login::Basic, Login::Bearer] {
        let registry = Registry::start(login);
        let digest = registry.push("team/app:1", "localecs/sample-app:latest", "private", None);
        let image = registry.reference("team/app:1");
        for wrong in [None, Some(auth("wrong"))] {
            let refused = runtime.pull_image(&image, &none, None, wrong.as_ref()).await;
            let Err(RuntimeError::Pull { retryable: false, manifest: true, .. }) = refused else {
                panic!("{login:?}: {refused:?}")
            };
        }
        let pulled = runtime.pull_image(&image, &none, None, Some(&auth(PASSWORD))).await.expect("it is pulled");
        assert_eq!(pulled.digest, Some(digest), "{login:?}");
        let name = format!("{image}-again");
        runtime.tag_image(&image, &name).await.expect("it has one more name");
        assert_eq!(runtime.inspect_image(&name, &none).await.expect("looked").expect("there").id, pulled.id);
    }
}
