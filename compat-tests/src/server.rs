//! A `localecs serve` process under test.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::{Ecs, Store, http, process, random_account};

const START_PATIENCE: Duration = Duration::from_secs(20);
/// An ephemeral server stops all its tasks before it ends.
const STOP_PATIENCE: Duration = Duration::from_secs(45);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    Docker,
    Simulated,
}

impl Runtime {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Simulated => "simulated",
        }
    }
}

/// Stopped when dropped; then its log is printed if the test failed.
#[derive(Debug)]
pub struct Server {
    runtime: Runtime,
    endpoint: String,
    /// `None` for a server that is not ours, or that has ended.
    child: Mutex<Option<Child>>,
    log: Option<File>,
    store: Arc<Store>,
}

impl Server {
    /// One that forgets everything when it ends.
    #[must_use]
    pub fn start(runtime: Runtime, arguments: &[&str]) -> Self {
        Self::start_on(Arc::new(Store::default()), runtime, arguments)
    }

    /// One on a store that may have been used before.
    ///
    /// # Panics
    /// When it does not listen within some seconds; with its log.
    #[must_use]
    pub fn start_on(store: Arc<Store>, runtime: Runtime, arguments: &[&str]) -> Self {
        Self::launch(store, runtime, None, arguments)
    }

    /// The same on another engine: `host` is as in `DOCKER_HOST`.
    #[must_use]
    pub fn start_on_engine(store: Arc<Store>, host: &str, arguments: &[&str]) -> Self {
        Self::launch(store, Runtime::Docker, Some(host), arguments)
    }

    fn launch(store: Arc<Store>, runtime: Runtime, engine: Option<&str>, arguments: &[&str]) -> Self {
        let mut command = Command::new(program());
        command.args(["serve", "--port", "0", "--runtime", runtime.as_str()]);
        match store.folder() {
            Some(folder) => command.arg("--data-dir").arg(folder),
            None => command.arg("--ephemeral"),
        };
        command.args(arguments);
        // What the environment says is for the user's own server.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LOCALECS_")) {
            command.env_remove(name);
        }
        if let Some(host) = engine {
            command.env("DOCKER_HOST", host);
        }
        if let Ok(filter) = std::env::var("LOCALECS_TEST_LOG") {
            command.env("LOCALECS_LOG", filter);
        }
        let log = tempfile::tempfile().expect("a temporary file");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log.try_clone().expect("a second handle"));
        let child = process::spawn(command).unwrap_or_else(|error| panic!("{}: {error}", program().display()));
        let child = Mutex::new(Some(child));
        let mut server = Self { runtime, endpoint: String::new(), child, log: Some(log), store };
        server.endpoint = server.announced();
        let health = http::get(&format!("{}/_localecs/health", server.endpoint)).expect("health").json();
        server.store.identify(health["store"]["id"].as_str().expect("the store's id in the health answer"));
        server
    }

    /// One that somebody else started and will stop.
    pub(crate) fn of_others(endpoint: &str, runtime: Runtime) -> Self {
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        Self { runtime, endpoint, child: Mutex::default(), log: None, store: Arc::default() }
    }

    /// The URL in the first line on standard output: `LocalECS <version> listens on <URL> (<runtime> runtime)`.
    fn announced(&self) -> String {
        let stdout = self.child().as_mut().and_then(|child| child.stdout.take()).expect("standard output is a pipe");
        let (line, first) = channel();
        std::thread::spawn(move || {
            for text in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = line.send(text);
            }
        });
        let Ok(text) = first.recv_timeout(START_PATIENCE) else {
            panic!("the server did not say where it listens:\n{}", self.log_from(0));
        };
        let mut words = text.split(' ').skip_while(|word| *word != "on").skip(1);
        let url = words.next().filter(|url| url.starts_with("http://"));
        assert!(text.ends_with(&format!("({} runtime)", self.runtime.as_str())), "another runtime: {text}");
        url.unwrap_or_else(|| panic!("no URL in the first line: {text}")).to_owned()
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `http://127.0.0.1:<port>`
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    #[must_use]
    pub fn runtime(&self) -> Runtime {
        self.runtime
    }

    #[must_use]
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// A client with an account of its own in us-east-1.
    #[must_use]
    pub fn ecs(&self) -> Ecs {
        Ecs::new(self.runtime, &self.endpoint, &random_account(), "us-east-1", self.log.as_ref())
    }

    /// A client of that account and region.
    #[must_use]
    pub fn ecs_in(&self, account: &str, region: &str) -> Ecs {
        Ecs::new(self.runtime, &self.endpoint, account, region, self.log.as_ref())
    }

    /// SIGKILL: nothing is written, nothing is stopped. The containers stay until the [`Store`] is dropped.
    pub fn kill(self) {
        if let Some(mut child) = self.child().take() {
            process::signal(&child, libc::SIGKILL);
            child.wait().expect("it was started here");
        }
    }

    /// SIGTERM, and waits for its end.
    ///
    /// # Panics
    /// When it does not end in time or not with exit code 0, or when an ephemeral server leaves anything behind.
    pub fn stop(self) {
        self.stop_in_place();
    }

    pub(crate) fn stop_in_place(&self) {
        let Some(child) = self.child().take() else { return };
        let ended = end(child);
        let problem = match ended {
            Some(status) if status.success() => None,
            Some(status) => Some(format!("the server ended with {status}")),
            None => Some(format!("the server was killed: it did not end within {STOP_PATIENCE:?} of SIGTERM")),
        };
        let left = if self.store.folder().is_none() { self.store.sweep() } else { vec![] };
        assert!(problem.is_none(), "{}\n{}", problem.unwrap_or_default(), self.log_from(0));
        assert!(left.is_empty(), "the server left behind: {left:?}\n{}", self.log_from(0));
    }

    /// What it has logged, from that byte on.
    #[must_use]
    pub fn log_from(&self, start: u64) -> String {
        self.log.as_ref().map(|log| read_from(log, start)).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stop_in_place();
            return;
        }
        if let Some(child) = self.child().take() {
            end(child);
        }
        eprintln!("--- log of the server\n{}", self.log_from(0));
    }
}

/// SIGTERM, then SIGKILL (`None`).
fn end(mut child: Child) -> Option<ExitStatus> {
    process::signal(&child, libc::SIGTERM);
    let start = Instant::now();
    while start.elapsed() < STOP_PATIENCE {
        if let Some(status) = child.try_wait().expect("it was started here") {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    process::signal(&child, libc::SIGKILL);
    child.wait().expect("it was started here");
    None
}

/// Reads a file that another process writes; through its own path, because clones of a handle share their position.
pub(crate) fn read_from(file: &File, start: u64) -> String {
    use std::os::fd::AsRawFd;
    let mut bytes = Vec::new();
    let read = File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
        .and_then(|mut file| file.seek(SeekFrom::Start(start)).and_then(|_| file.read_to_end(&mut bytes)));
    match read {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => format!("(the log can't be read: {error})"),
    }
}

/// The program under test.
#[must_use]
pub fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("LOCALECS_BIN") {
        return PathBuf::from(path);
    }
    // target/<profile>/deps/<test> -> target/<profile>/localecs
    let test = std::env::current_exe().expect("a test has a path");
    let path = test.ancestors().nth(2).expect("a test lies in target/<profile>/deps").join("localecs");
    assert!(
        path.exists(),
        "there is no {}: run `cargo build --bin localecs`, or name a binary in LOCALECS_BIN",
        path.display()
    );
    path
}
