//! What could be in the way of containers that look for LocalECS: one check of `localecs doctor`.

use std::io::ErrorKind;
use std::net::Ipv4Addr;

use tokio::net::TcpListener;

use super::join::{self, Refusal};
use super::listen::Place;
use crate::runtime::ContainerRuntime;
use crate::runtime::docker::doctor::{Check, Verdict};
use crate::runtime::docker::{ConnectOptions, DockerRuntime, own_container};

const NAME: &str = "169.254.170.2";

/// Looks whether containers will find their metadata and credentials; `None` when there is no engine. Changes nothing.
pub async fn examine(options: &ConnectOptions) -> Option<Check> {
    let runtime = DockerRuntime::connect("doctor", options).await.ok()?;
    let routes = runtime.info().await.is_ok_and(|info| info.routes_to_containers);
    let place = Place::LINK_LOCAL;
    // A secret that is none: a LocalECS refuses it, in words of its own.
    let at_port_80 = match join::join(place, "doctor", 0).await {
        Ok(_) | Err(Refusal::Changing) => Listener::LocalEcs,
        Err(Refusal::Stranger(why)) => Listener::Stranger(why),
        Err(Refusal::Nobody) => match TcpListener::bind((Ipv4Addr::LOCALHOST, place.front_port)).await {
            Ok(_) => Listener::Nobody,
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Listener::NotForUs,
            Err(_) => Listener::Somebody,
        },
    };
    Some(judge(runtime.link_local().is_some(), routes, own_container().is_some(), &at_port_80))
}

/// What is known of port 80.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Listener {
    LocalEcs,
    Stranger(String),
    /// On the loopback address, or on all: the network is not there to tell.
    Somebody,
    Nobody,
    NotForUs,
}

fn judge(engine_is_local: bool, routes: bool, in_container: bool, at_port_80: &Listener) -> Check {
    let ok = |detail: &str| Check { name: NAME, verdict: Verdict::Ok, detail: detail.to_owned(), remedy: None };
    let warn = |detail: String, remedy: &str| Check {
        name: NAME,
        verdict: Verdict::Warn,
        detail,
        remedy: Some(remedy.to_owned()),
    };
    if !engine_is_local {
        let detail = "the engine is on another machine: its containers can't reach LocalECS".to_owned();
        return warn(detail, "run LocalECS in a container on that machine (docker/compose.yaml)");
    }
    if !routes && !in_container {
        let detail = "the engine runs in a virtual machine: its containers can't reach LocalECS".to_owned();
        return warn(detail, "run LocalECS in a container (docker/compose.yaml); tasks run without metadata otherwise");
    }
    match at_port_80 {
        Listener::LocalEcs => ok("a LocalECS serves there; others share it"),
        Listener::Nobody if routes => ok("containers will find their metadata and credentials there"),
        Listener::Nobody | Listener::NotForUs => ok(
            "containers will find their metadata and credentials there; a short-lived container listens for LocalECS",
        ),
        Listener::Stranger(why) => warn(
            format!("what listens on its port 80 is no LocalECS ({why}), so containers are told another port"),
            "let that program listen on the addresses it needs, not on all",
        ),
        Listener::Somebody => warn(
            "something listens on port 80; if it does on all addresses, containers are told another port".to_owned(),
            "let that program listen on the addresses it needs, not on all",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_place_decides_before_the_port_does() {
        let verdict = |local, routes, inside, port: Listener| judge(local, routes, inside, &port).verdict;
        assert_eq!(verdict(false, false, false, Listener::Nobody), Verdict::Warn);
        assert_eq!(verdict(true, false, false, Listener::Nobody), Verdict::Warn);
        assert_eq!(verdict(true, false, true, Listener::Nobody), Verdict::Ok);
        assert_eq!(verdict(true, true, false, Listener::NotForUs), Verdict::Ok);
        assert_eq!(verdict(true, true, false, Listener::LocalEcs), Verdict::Ok);
        assert_eq!(verdict(true, true, false, Listener::Stranger("it answers 200".into())), Verdict::Warn);
    }
}
