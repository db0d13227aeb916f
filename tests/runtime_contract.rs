//! What every container runtime promises, tested on each: the simulated one, and Docker where an engine answers.

// The harness is shared; not every file of tests uses all of it.
#[allow(dead_code, unreachable_pub)]
mod support;
#[path = "contract/volumes.rs"]
mod volumes;

#[path = "runtime_contract/exec.rs"]
mod exec;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use exec::{
    a_command_ends_with_its_container, a_command_runs_in_a_container, a_command_that_does_not_exist_is_told_in_words,
};
use futures_util::{StreamExt, TryStreamExt};
use localecs::runtime::{
    ContainerId, ContainerNetwork, ImageSource, LogDriver, LogOptions, LogRecord, LogSource, LogsRequest,
    ObservedHealth, ObservedState, RuntimeError, RuntimeEvent, STORE_LABEL,
};
use support::{Does, Harness, address_in, attached, publication};
use volumes::{
    a_volume_can_be_a_directory_of_another, a_volume_has_the_permissions_it_was_made_with,
    a_volume_that_nobody_can_make_is_an_error, volumes_are_made_once_and_stay_while_they_are_used,
};

const GRACE: Duration = Duration::from_secs(30);

/// Makes a test of each function, on each runtime.
macro_rules! contract {
    ($($name:ident,)*) => {
        mod simulated {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Harness::simulated()).await;
            })*
        }

        mod docker {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(harness) = super::Harness::docker().await {
                    super::$name(harness).await;
                }
            })*
        }
    };
}

contract! {
    the_engine_describes_itself,
    an_exit_code_is_reported,
    a_stop_is_graceful_when_it_can_be,
    a_stop_kills_what_does_not_listen,
    memory_that_runs_out_is_told_from_a_kill,
    a_command_that_does_not_exist_fails_the_start,
    an_image_that_is_missing_is_none,
    creating_and_starting_again_changes_nothing,
    removing_is_final_and_may_be_repeated,
    what_was_never_there_is_not_found,
    stores_do_not_see_each_other,
    labels_come_back_as_they_were_given,
    events_tell_a_life_in_order,
    what_is_printed_is_read_back_from_any_moment,
    what_is_printed_is_heard_as_it_comes_until_the_end,
    a_log_that_nobody_keeps_cannot_be_read,
    networks_are_made_once_and_do_not_overlap,
    an_address_is_the_container_s_own,
    containers_share_the_namespace_of_a_pause_container,
    a_port_is_published_where_it_is_free,
    a_port_that_is_taken_fails_the_start,
    volumes_are_made_once_and_stay_while_they_are_used,
    a_volume_can_be_a_directory_of_another,
    a_volume_has_the_permissions_it_was_made_with,
    a_volume_that_nobody_can_make_is_an_error,
    a_command_runs_in_a_container,
    a_command_that_does_not_exist_is_told_in_words,
    a_command_ends_with_its_container,
}

async fn the_engine_describes_itself(harness: Harness) {
    let info = harness.runtime.info().await.expect("the engine answers");
    assert!(!info.engine.is_empty() && !info.version.is_empty() && !info.architecture.is_empty(), "{info:?}");
    assert!(info.cpus > 0 && info.memory_bytes > 64 << 20, "{info:?}");
}

async fn an_exit_code_is_reported(harness: Harness) {
    let mut watch = harness.watch().await;
    let id = harness.start(&harness.spec("a", &Does::Exit(7))).await.id;
    let exit = watch.exit(&id).await;
    assert_eq!((exit.exit_code, exit.oom_killed, &exit.error), (7, false, &None));
    assert!(exit.finished_at.is_some());
    let seen = harness.inspect(&id).await.expect("it is there until it is removed");
    assert_eq!(seen.state, ObservedState::Exited(exit.clone()));
    assert_eq!((seen.address, seen.ports, seen.health), (None, Vec::new(), ObservedHealth::None));
    let stopped = harness.runtime.stop_container(&id, GRACE).await.expect("nothing is left to do");
    assert_eq!(stopped, Some(exit));
}

async fn a_stop_is_graceful_when_it_can_be(harness: Harness) {
    for (name, does, code) in [("sleeps", Does::Sleep, 143), ("serves", Does::Serve, 0)] {
        let seen = harness.start(&harness.spec(name, &does)).await;
        let ObservedState::Running { started_at } = seen.state else { panic!("it runs, not {:?}", seen.state) };
        assert!(started_at.is_some());
        let exit = harness.runtime.stop_container(&seen.id, GRACE).await.expect("it is stopped").expect("it ran");
        assert_eq!((exit.exit_code, exit.oom_killed, &exit.error), (code, false, &None), "{name}");
        assert!(exit.finished_at >= started_at);
        let again = harness.runtime.stop_container(&seen.id, GRACE).await.expect("nothing is left to do");
        assert_eq!(again, Some(exit));
    }
}

async fn a_stop_kills_what_does_not_listen(harness: Harness) {
    let id = harness.start(&harness.spec("a", &Does::IgnoreTerm)).await.id;
    let exit = harness.runtime.stop_container(&id, Duration::from_secs(1)).await.expect("it is stopped");
    let exit = exit.expect("it ran");
    assert_eq!((exit.exit_code, exit.oom_killed), (137, false));
}

async fn memory_that_runs_out_is_told_from_a_kill(harness: Harness) {
    let mut watch = harness.watch().await;
    let id = harness.start(&harness.spec("a", &Does::RunOutOfMemory)).await.id;
    let exit = watch.exit(&id).await;
    let exit = if exit.oom_killed {
        exit
    } else {
        // The engine may hear of the memory later than of the end.
        let seen = watch.until(&id, |seen| matches!(&seen.state, ObservedState::Exited(exit) if exit.oom_killed)).await;
        let ObservedState::Exited(exit) = seen.state else { panic!("it has ended") };
        exit
    };
    assert_eq!(exit.exit_code, 137);
}

async fn a_command_that_does_not_exist_fails_the_start(harness: Harness) {
    let id = harness.create(&harness.spec("a", &Does::CannotStart)).await;
    let error = harness.runtime.start_container(&id).await.expect_err("there is no such file");
    let RuntimeError::Start { message } = error else { panic!("{error:?}") };
    assert!(message.contains("/does/not/exist") && message.contains("no such file"), "{message}");
    // It never ran, so it has no exit code.
    let seen = harness.inspect(&id).await.expect("it is there until it is removed");
    assert_eq!(seen.state, ObservedState::Created);
    let exit = harness.runtime.stop_container(&id, GRACE).await.expect("nothing is left to do");
    assert_eq!(exit, None);
}

async fn an_image_that_is_missing_is_none(harness: Harness) {
    let labels = BTreeMap::new();
    let missing = harness.missing_image();
    let found = harness.runtime.inspect_image(missing, &labels).await.expect("the engine answers");
    assert_eq!(found, None);
    let error = harness.runtime.pull_image(missing, &labels, None, None).await.expect_err("nobody has it");
    assert!(matches!(error, RuntimeError::Pull { .. }), "{error:?}");
    let mut spec = harness.spec("a", &Does::Sleep);
    let ImageSource::Reference(present) = spec.image.clone() else { panic!("a name") };
    spec.image = ImageSource::Reference(missing.to_owned());
    let error = harness.runtime.create_container(&spec).await.expect_err("there is no image");
    assert_eq!(error, RuntimeError::Create { message: format!("No such image: {missing}") });

    let image = harness.runtime.inspect_image(&present, &labels).await.expect("the engine answers");
    let image = image.expect("the sample application is there");
    assert!(image.id.starts_with("sha256:"), "{image:?}");
    let seen = harness.start(&harness.spec("b", &Does::Sleep)).await;
    assert_eq!(seen.image_id, image.id);
}

async fn creating_and_starting_again_changes_nothing(harness: Harness) {
    let spec = harness.spec("a", &Does::Sleep);
    let id = harness.create(&spec).await;
    assert_eq!(harness.create(&spec).await, id, "the answer to the first call may have been lost");
    let seen = harness.inspect(&id).await.expect("it exists");
    assert_eq!((&seen.name, &seen.state), (&spec.name, &ObservedState::Created));
    // Not started, so there is nothing to stop.
    assert_eq!(harness.runtime.stop_container(&id, GRACE).await, Ok(None));
    let first = harness.runtime.start_container(&id).await.expect("it starts");
    let second = harness.runtime.start_container(&id).await.expect("it runs already");
    assert_eq!(first, second);
    assert_eq!(harness.inspect(&id).await, Some(second));
    assert_eq!(harness.create(&spec).await, id);
    assert_eq!(harness.runtime.list_containers().await.expect("the engine answers").len(), 1);
}

async fn removing_is_final_and_may_be_repeated(harness: Harness) {
    let spec = harness.spec("a", &Does::Sleep);
    let id = harness.start(&spec).await.id;
    harness.runtime.remove_container(&id).await.expect("running or not");
    harness.runtime.remove_container(&id).await.expect("it is gone");
    assert_eq!(harness.inspect(&id).await, None);
    assert_eq!(harness.runtime.stop_container(&id, GRACE).await, Ok(None));
    let error = harness.runtime.start_container(&id).await.expect_err("it is gone");
    assert!(matches!(error, RuntimeError::NoSuchContainer(_)), "{error:?}");
    assert_ne!(harness.create(&spec).await, id, "the name is free again");
}

async fn what_was_never_there_is_not_found(harness: Harness) {
    let nobody = ContainerId("f".repeat(64).into());
    assert_eq!(harness.inspect(&nobody).await, None);
    harness.runtime.remove_container(&nobody).await.expect("nothing is left to do");
    assert_eq!(harness.runtime.stop_container(&nobody, GRACE).await, Ok(None));
    let error = harness.runtime.start_container(&nobody).await.expect_err("it is not there");
    assert!(matches!(error, RuntimeError::NoSuchContainer(_)), "{error:?}");
    harness.runtime.remove_network(&harness.name("nothing")).await.expect("nothing is left to do");
}

async fn stores_do_not_see_each_other(harness: Harness) {
    let ours = harness.start(&harness.spec("ours", &Does::Sleep)).await.id;
    let spec = harness.spec("theirs", &Does::Sleep);
    let theirs = harness.other.create_container(&spec).await.expect("it is created");
    for (runtime, id) in [(&harness.runtime, &ours), (&harness.other, &theirs)] {
        let found = runtime.list_containers().await.expect("the engine answers");
        assert_eq!(found.iter().map(|seen| &seen.id).collect::<Vec<_>>(), [id]);
    }

    assert_eq!(harness.inspect(&theirs).await, None);
    assert!(harness.runtime.start_container(&theirs).await.is_err());
    assert_eq!(harness.other.stop_container(&ours, GRACE).await, Ok(None));
    harness.other.remove_container(&ours).await.expect("it is not theirs, so there is nothing to remove");
    let seen = harness.inspect(&ours).await.expect("it is untouched");
    assert!(matches!(seen.state, ObservedState::Running { .. }));
    let error = harness.runtime.create_container(&spec).await.expect_err("the name is theirs");
    assert!(matches!(&error, RuntimeError::Create { message } if message.contains("is already in use")), "{error:?}");
}

async fn labels_come_back_as_they_were_given(harness: Harness) {
    let mut spec = harness.spec("a", &Does::Sleep);
    for (name, value) in [
        ("com.amazonaws.ecs.task-arn", "arn:aws:ecs:us-east-1:000000000000:task/default/0123"),
        ("empty", ""),
        ("Strange.Name/1", "a=b, \"c\"\n\u{e9}\u{1f433}"),
    ] {
        spec.labels.insert(name.to_owned(), value.to_owned());
    }
    let id = harness.create(&spec).await;
    let seen = harness.inspect(&id).await.expect("it exists");
    let mut expected = spec.labels.clone();
    expected.insert(STORE_LABEL.to_owned(), harness.store.clone());
    for (name, value) in &expected {
        assert_eq!(seen.labels.get(name), Some(value), "{name}");
    }
    assert_eq!(harness.runtime.list_containers().await.expect("the engine answers"), [seen]);
}

async fn events_tell_a_life_in_order(harness: Harness) {
    let mut watch = harness.watch().await;
    let id = harness.start(&harness.spec("a", &Does::Sleep)).await.id;
    let seen = watch.until(&id, |seen| matches!(seen.state, ObservedState::Running { .. })).await;
    assert_eq!(Some(&seen), harness.inspect(&id).await.as_ref());
    let exit = harness.runtime.stop_container(&id, GRACE).await.expect("it is stopped").expect("it ran");
    assert_eq!(watch.exit(&id).await, exit);
    harness.runtime.remove_container(&id).await.expect("it is removed");
    // The other store's container is none of ours.
    let other = harness.spec("other", &Does::Sleep);
    let other = harness.other.create_container(&other).await.expect("it is created");
    harness.other.start_container(&other).await.expect("it starts");
    let labels = loop {
        match watch.next().await {
            RuntimeEvent::Changed(seen) => {
                assert_eq!(seen.id, id);
                assert_eq!(seen.state, ObservedState::Exited(exit.clone()), "nothing older comes after the end");
            }
            RuntimeEvent::Removed { id: removed, labels } => {
                assert_eq!(removed, id);
                break labels;
            }
            RuntimeEvent::Resync => {}
        }
    };
    assert_eq!(labels.get("test.name").map(String::as_str), Some("a"));
    assert_eq!(labels.get(STORE_LABEL), Some(&harness.store));
    let next = harness.start(&harness.spec("next", &Does::Sleep)).await.id;
    let RuntimeEvent::Changed(seen) = watch.next().await else { panic!("the next container starts") };
    assert_eq!(seen.id, next);
}

async fn read(harness: &Harness, id: &ContainerId, request: LogsRequest) -> Vec<LogRecord> {
    let records = harness.runtime.logs(id, &request).await.expect("a log");
    records.try_collect().await.expect("it is read to its end")
}

async fn what_is_printed_is_read_back_from_any_moment(harness: Harness) {
    let mut watch = harness.watch().await;
    let mut spec = harness.spec("a", &Does::Print);
    spec.log = LogDriver::Readable(LogOptions::default());
    let id = harness.create(&spec).await;
    assert_eq!(read(&harness, &id, LogsRequest { follow: true, ..LogsRequest::default() }).await, [], "not started");
    harness.runtime.start_container(&id).await.expect("it starts");
    let exit = watch.exit(&id).await;
    let all = read(&harness, &id, LogsRequest::default()).await;
    let texts: Vec<_> = all.iter().map(|record| (record.source, &*record.bytes, record.complete)).collect();
    let expected = ["line 1 ", "line 2 ", "line 3 "].map(|text| (LogSource::Stdout, text.as_bytes(), true));
    assert_eq!(texts, expected);
    assert!(all.is_sorted_by_key(|record| record.at));
    assert_eq!(read(&harness, &id, LogsRequest { tail: Some(1), ..LogsRequest::default() }).await, all[2..]);
    let second = all[2].at / 1_000_000_000;
    let since = |since| read(&harness, &id, LogsRequest { since: Some(since), ..LogsRequest::default() });
    let expected: Vec<_> = all.iter().filter(|record| record.at >= second * 1_000_000_000).cloned().collect();
    assert_eq!(since(second).await, expected);
    assert_eq!(since(second + 1).await, []);

    // What it prints when it is started again comes behind.
    harness.runtime.start_container(&id).await.expect("it starts again");
    watch
        .until(&id, |seen| matches!(&seen.state, ObservedState::Exited(again) if again.started_at > exit.started_at))
        .await;
    let both = read(&harness, &id, LogsRequest::default()).await;
    assert_eq!((both.len(), &both[..3]), (6, &all[..]));

    let mut spec = harness.spec("b", &Does::Complain);
    spec.log = LogDriver::Readable(LogOptions::default());
    let id = harness.start(&spec).await.id;
    watch.exit(&id).await;
    let [complaint] = &*read(&harness, &id, LogsRequest::default()).await else { panic!("one line") };
    assert_eq!((complaint.source, &*complaint.bytes), (LogSource::Stderr, &b"oh no"[..]));

    harness.runtime.remove_container(&id).await.expect("it is removed");
    let gone = harness.runtime.logs(&id, &LogsRequest::default()).await.err();
    assert!(matches!(gone, Some(RuntimeError::NoSuchContainer(_))), "{gone:?}");
}

async fn what_is_printed_is_heard_as_it_comes_until_the_end(harness: Harness) {
    let mut spec = harness.spec("a", &Does::PrintOn);
    spec.log = LogDriver::Readable(LogOptions::default());
    let id = harness.start(&spec).await.id;
    let request = LogsRequest { follow: true, ..LogsRequest::default() };
    let mut records = harness.runtime.logs(&id, &request).await.expect("a log");
    let mut heard = 0;
    let listen = async {
        while heard < 5 {
            let record = records.next().await.expect("it goes on").expect("the engine answers");
            assert!(record.bytes.starts_with(b"line ") && record.complete, "{record:?}");
            heard += 1;
        }
    };
    tokio::time::timeout(GRACE, listen).await.expect("lines come while it runs");
    harness.runtime.stop_container(&id, GRACE).await.expect("it is stopped");
    let rest = async {
        while let Some(record) = records.next().await {
            record.expect("the engine answers");
            heard += 1;
        }
    };
    tokio::time::timeout(GRACE, rest).await.expect("it ends with the container");
    assert_eq!(read(&harness, &id, LogsRequest::default()).await.len(), heard);
}

async fn a_log_that_nobody_keeps_cannot_be_read(harness: Harness) {
    let mut spec = harness.spec("a", &Does::Sleep);
    spec.log = LogDriver::Named { driver: "none".to_owned(), options: LogOptions::default() };
    let id = harness.start(&spec).await.id;
    let error = harness.runtime.logs(&id, &LogsRequest::default()).await.err().expect("nothing is kept");
    assert_eq!(error.to_string(), "configured logging driver does not support reading");
}

async fn networks_are_made_once_and_do_not_overlap(harness: Harness) {
    let network = harness.network("one").await;
    harness.runtime.ensure_network(&network).await.expect("it exists");
    let mut second = network.clone();
    second.name = harness.name("two");
    let error = harness.runtime.ensure_network(&second).await.expect_err("the addresses are taken");
    assert!(matches!(error, RuntimeError::Network { overlap: true, .. }), "{error:?}");
    let ours = [(network.name.clone(), network.cidr.clone())];
    assert_eq!(harness.runtime.list_networks().await.expect("the engine answers"), ours);
    assert_eq!(harness.other.list_networks().await.expect("the engine answers"), []);

    let mut spec = harness.spec("a", &Does::Sleep);
    spec.network = attached(&network, 10);
    let id = harness.start(&spec).await.id;
    let error = harness.runtime.remove_network(&network.name).await.expect_err("somebody is there");
    assert!(matches!(error, RuntimeError::Network { .. }), "{error:?}");
    harness.runtime.remove_container(&id).await.expect("it is removed");
    harness.runtime.remove_network(&network.name).await.expect("nobody is there");
    harness.runtime.remove_network(&network.name).await.expect("it is gone");
    assert_eq!(harness.runtime.list_networks().await.expect("the engine answers"), []);

    // Created is soon said; to start it would need the network.
    spec.name = harness.name("b");
    let lost = match harness.runtime.create_container(&spec).await {
        Ok(id) => harness.runtime.start_container(&id).await.map(|_| ()),
        Err(error) => Err(error),
    };
    let error = lost.expect_err("there is no network");
    assert!(matches!(error, RuntimeError::Network { overlap: false, .. }), "{error:?}");
}

async fn an_address_is_the_container_s_own(harness: Harness) {
    let mut watch = harness.watch().await;
    let network = harness.network("net").await;
    let mut server = harness.spec("server", &Does::Serve);
    server.network = attached(&network, 10);
    let seen = harness.start(&server).await;
    let address = address_in(&network, 10);
    assert_eq!(seen.address, Some(IpAddr::V4(address)));
    let mac = seen.mac_address.expect("it has an interface");
    assert_eq!((mac.len(), mac.split(':').count()), (17, 6), "{mac}");

    let mut second = harness.spec("second", &Does::Sleep);
    second.network = attached(&network, 10);
    let id = harness.create(&second).await;
    let error = harness.runtime.start_container(&id).await.expect_err("the address is taken");
    assert!(matches!(error, RuntimeError::Network { overlap: false, .. }), "{error:?}");

    let mut client = harness.spec("client", &Does::Get(format!("http://{address}:8080/")));
    client.network = attached(&network, 11);
    let client = harness.start(&client).await.id;
    assert_eq!(watch.exit(&client).await.exit_code, 0);

    // The address is free when its owner is gone.
    harness.runtime.remove_container(&seen.id).await.expect("it is removed");
    let again = harness.runtime.start_container(&id).await.expect("the address is free");
    assert_eq!(again.address, Some(IpAddr::V4(address)));
}

async fn containers_share_the_namespace_of_a_pause_container(harness: Harness) {
    let mut watch = harness.watch().await;
    let network = harness.network("net").await;
    let mut pause = harness.spec("pause", &Does::Sleep);
    (pause.image, pause.command) = (ImageSource::Pause, None);
    pause.network = attached(&network, 20);
    pause.publish = vec![publication(None)];
    let pause = harness.start(&pause).await;
    assert_eq!(pause.address, Some(IpAddr::V4(address_in(&network, 20))));
    let joined = |name: &str, does: &Does| {
        let mut spec = harness.spec(name, does);
        spec.network = ContainerNetwork::Container(pause.id.clone());
        spec
    };
    let server = harness.start(&joined("server", &Does::Serve)).await;
    assert_eq!((server.address, &server.ports), (None, &Vec::new()), "these are the pause container's");
    harness.assert_serves(SocketAddr::new(pause.ports[0].host_ip, pause.ports[0].host_port)).await;
    let client = harness.start(&joined("client", &Does::Get("http://localhost:8080/".to_owned()))).await.id;
    assert_eq!(watch.exit(&client).await.exit_code, 0);
    harness.runtime.stop_container(&pause.id, GRACE).await.expect("it is stopped").expect("it ran");
    let late = harness.create(&joined("late", &Does::Sleep)).await;
    assert!(harness.runtime.start_container(&late).await.is_err(), "there is no namespace to join");
}

async fn a_port_is_published_where_it_is_free(harness: Harness) {
    let mut spec = harness.spec("a", &Does::Serve);
    spec.publish = vec![publication(None)];
    let seen = harness.start(&spec).await;
    let [port] = &*seen.ports else { panic!("one port, not {:?}", seen.ports) };
    let wanted = publication(None);
    assert_eq!(
        (port.container_port, port.protocol, port.host_ip),
        (wanted.container_port, wanted.protocol, wanted.host_ip)
    );
    assert!(port.host_port >= 1024);
    assert!(seen.address.is_some(), "it is on the default bridge");
    harness.assert_serves(SocketAddr::new(port.host_ip, port.host_port)).await;
    spec.name = harness.name("b");
    let second = harness.start(&spec).await;
    assert_ne!(second.ports[0].host_port, port.host_port);
}

async fn a_port_that_is_taken_fails_the_start(harness: Harness) {
    let mut spec = harness.spec("a", &Does::Serve);
    spec.publish = vec![publication(None)];
    let first = harness.start(&spec).await;
    let port = first.ports[0].host_port;

    spec.name = harness.name("b");
    spec.publish = vec![publication(Some(port))];
    let second = harness.create(&spec).await;
    let error = harness.runtime.start_container(&second).await.expect_err("the port is taken");
    let RuntimeError::Start { message } = error else { panic!("{error:?}") };
    assert!(message.contains(&format!("Bind for 127.0.0.1:{port} failed: port is already allocated")), "{message}");

    harness.runtime.stop_container(&first.id, GRACE).await.expect("it is stopped");
    let seen = harness.runtime.start_container(&second).await.expect("the port is free");
    assert_eq!(seen.ports[0].host_port, port);
    harness.assert_serves(SocketAddr::new(seen.ports[0].host_ip, port)).await;
}
