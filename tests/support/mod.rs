//! One harness for both runtimes: a store of its own on an engine, and how to say there what a container is to do.

mod engine;
mod watch;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use localecs::ids::IdSource;
use localecs::runtime::simulated::SimulatedEngine;
use localecs::runtime::{
    ContainerId, ContainerNetwork, ContainerObservation, ContainerRuntime, ContainerSpec, ImageSource, NetworkSpec,
    PortPublication, Protocol, RuntimeError,
};
use localecs::time::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use self::engine::RealEngine;
pub use self::watch::Watch;

/// The simulation's seconds pass this much faster.
const SPEED: f64 = 50.0;
const SAMPLE_APP: &str = "localecs/sample-app:latest";
/// Small enough to be used up at once, and more than Docker asks for.
const LITTLE_MEMORY: i64 = 32 << 20;

/// What a container does.
pub enum Does {
    /// Waits; SIGTERM ends it with 143.
    Sleep,
    /// Serves HTTP on 8080; SIGTERM ends it with 0.
    Serve,
    /// Ends at once.
    Exit(u8),
    /// Fetches a URL; ends with 0 if that works. The simulation takes it that it does.
    Get(String),
    /// Writes a file; ends with 0 if that works. The simulation, which has no files, takes it that it does.
    Write(String),
    /// Reads a file; ends with 0 if it is there, or in the simulation.
    Read(String),
    /// Is deaf to SIGTERM.
    IgnoreTerm,
    /// Uses more memory than it may.
    RunOutOfMemory,
    /// Prints `line 1 ` to `line 3 `, and ends.
    Print,
    /// Prints a line to stderr, and ends.
    Complain,
    /// Prints `line 1 ` and more, twenty lines a second; SIGTERM ends it.
    PrintOn,
    /// Has a command that does not exist.
    CannotStart,
}

pub struct Harness {
    pub runtime: Arc<dyn ContainerRuntime>,
    /// Another store on the same engine.
    pub other: Arc<dyn ContainerRuntime>,
    pub store: String,
    /// Clears away what the test leaves; `None` for the simulation.
    real: Option<RealEngine>,
}

impl Harness {
    pub fn simulated() -> Self {
        let clock = Clock::system();
        clock.set_speed(SPEED);
        let engine = SimulatedEngine::new(clock, IdSource::seeded(1));
        let (runtime, other) = (Arc::new(engine.runtime("store")), Arc::new(engine.runtime("other")));
        Self { runtime, other, store: "store".to_owned(), real: None }
    }

    /// `None`, with a message, where there is no engine on purpose.
    pub async fn docker() -> Option<Self> {
        let ids = IdSource::random();
        let (store, other) = (format!("contract-{}", ids.hex(12)), format!("contract-{}", ids.hex(12)));
        let real = RealEngine::prepare(vec![store.clone(), other.clone()], SAMPLE_APP).await?;
        let (runtime, other) = (Arc::new(real.connect(&store).await), Arc::new(real.connect(&other).await));
        Some(Self { runtime, other, store, real: Some(real) })
    }

    /// A name that no other test has.
    pub fn name(&self, name: &str) -> String {
        format!("{}-{name}", self.store)
    }

    /// A command that prints a line.
    pub fn prints(&self, text: &str) -> Vec<String> {
        self.command(&["print", text], &["echo", text])
    }

    /// One that ends with this code.
    pub fn exits(&self, code: u8) -> Vec<String> {
        let code = code.to_string();
        self.command(&["exit", &code], &["exit", &code])
    }

    /// One that waits.
    pub fn waits(&self) -> Vec<String> {
        self.command(&["sleep", "3600"], &["sleep", "360000"])
    }

    /// A verb of the sample app, or a command of the simulation's shell.
    fn command(&self, real: &[&str], simulated: &[&str]) -> Vec<String> {
        let words = if self.real.is_some() { [&["/sample-app"], real].concat() } else { simulated.to_vec() };
        words.into_iter().map(str::to_owned).collect()
    }

    pub fn spec(&self, name: &str, does: &Does) -> ContainerSpec {
        let mut spec = ContainerSpec {
            name: self.name(name),
            image: ImageSource::Reference(SAMPLE_APP.to_owned()),
            labels: BTreeMap::from([("test.name".to_owned(), name.to_owned())]),
            ..ContainerSpec::default()
        };
        if matches!(does, Does::RunOutOfMemory) {
            spec.memory_bytes = Some(LITTLE_MEMORY);
        }
        if self.real.is_some() {
            let code;
            let words: &[&str] = match does {
                Does::Sleep => &["sleep", "3600"],
                Does::Serve => &["serve"],
                Does::Exit(exit_code) => {
                    code = exit_code.to_string();
                    &["exit", &code]
                }
                Does::Get(url) => &["get", url],
                Does::Print => &["lines", "3"],
                Does::Complain => &["eprint", "oh no"],
                Does::PrintOn => &["lines", "100000", "20"],
                Does::Write(path) => &["write", path, "text"],
                Does::Read(path) => &["read", path],
                Does::IgnoreTerm => &["ignore-term", "3600"],
                Does::RunOutOfMemory => &["oom"],
                Does::CannotStart => {
                    spec.entry_point = Some(vec!["/does/not/exist".to_owned()]);
                    &[]
                }
            };
            spec.command = Some(words.iter().map(ToString::to_string).collect());
        } else {
            let code;
            let labels: &[(&str, &str)] = match does {
                Does::Sleep => &[],
                Does::Serve => &[("sim.stop-exit-code", "0")],
                Does::Exit(exit_code) => {
                    code = exit_code.to_string();
                    &[("sim.run-for", "10ms"), ("sim.exit-code", &code)]
                }
                Does::Print => &[("sim.stdout", "line 1 \nline 2 \nline 3 "), ("sim.run-for", "10ms")],
                Does::Complain => &[("sim.stderr", "oh no"), ("sim.run-for", "10ms")],
                Does::PrintOn => &[("sim.stdout", "line 1 "), ("sim.print-every", "50ms")],
                Does::Get(_) | Does::Write(_) | Does::Read(_) => &[("sim.run-for", "10ms")],
                Does::IgnoreTerm => &[("sim.ignore-term", "true")],
                Does::RunOutOfMemory => &[("sim.oom-after", "10ms")],
                Does::CannotStart => &[("sim.start-error", "exec: \"/does/not/exist\": no such file or directory")],
            };
            spec.labels.extend(labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        }
        spec
    }

    pub async fn create(&self, spec: &ContainerSpec) -> ContainerId {
        self.runtime.create_container(spec).await.expect("the container is created")
    }

    pub async fn start(&self, spec: &ContainerSpec) -> ContainerObservation {
        let id = self.create(spec).await;
        self.runtime.start_container(&id).await.expect("the container starts")
    }

    pub async fn inspect(&self, id: &ContainerId) -> Option<ContainerObservation> {
        self.runtime.inspect_container(id).await.expect("the engine answers")
    }

    /// The events of the store, once they are sure to come.
    pub async fn watch(&self) -> Watch {
        Watch::new(self.runtime.clone(), self.real.is_some()).await
    }

    /// An image that neither the engine nor any registry has.
    pub fn missing_image(&self) -> &'static str {
        // Nothing listens on port 1, so it is known at once that there is no registry.
        if self.real.is_some() { "localhost:1/missing/nothing:1" } else { "missing/nothing:1" }
    }

    /// Makes a network of 256 addresses that overlaps with none on this engine.
    pub async fn network(&self, name: &str) -> NetworkSpec {
        let ids = IdSource::random();
        for _ in 0..100 {
            let (high, low) = (200 + ids.below(50) as u8, ids.below(256) as u8);
            let spec = NetworkSpec {
                name: self.name(name),
                cidr: format!("10.{high}.{low}.0/24"),
                gateway: Ipv4Addr::new(10, high, low, 1),
                labels: BTreeMap::new(),
            };
            match self.runtime.ensure_network(&spec).await {
                Ok(()) => return spec,
                Err(RuntimeError::Network { overlap: true, .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        panic!("no free addresses for a network");
    }

    /// The page a container serves at `address`, where there is one.
    pub async fn assert_serves(&self, address: SocketAddr) {
        if self.real.is_none() {
            return;
        }
        let fetch = async {
            loop {
                if let Ok(page) = get(address).await
                    && page.starts_with("HTTP/1.1 200")
                {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), fetch).await.expect("the page comes");
    }
}

async fn get(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").await?;
    let mut page = String::new();
    stream.read_to_string(&mut page).await?;
    Ok(page)
}

/// The address `host` of a network.
pub fn address_in(network: &NetworkSpec, host: u8) -> Ipv4Addr {
    let [a, b, c, _] = network.gateway.octets();
    Ipv4Addr::new(a, b, c, host)
}

pub fn attached(network: &NetworkSpec, host: u8) -> ContainerNetwork {
    ContainerNetwork::Attached { network: network.name.clone(), address: address_in(network, host) }
}

/// Port 8080 on the loopback address.
pub fn publication(host_port: Option<u16>) -> PortPublication {
    PortPublication {
        container_port: 8080,
        protocol: Protocol::Tcp,
        host_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        host_port,
    }
}
