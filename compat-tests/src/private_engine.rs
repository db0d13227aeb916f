//! A Docker engine of a test's own, which can be restarted without harm to anybody else.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{APP_IMAGE, process};

const PATIENCE: Duration = Duration::from_secs(60);

/// Ended when dropped, with all its containers. It lives in namespaces of its own: an engine without a default bridge
/// takes away that of its neighbours, and of processes in a namespace none is left behind.
#[derive(Debug)]
pub struct PrivateEngine {
    directory: TempDir,
    /// Keeps the namespaces; they end with it.
    holder: Child,
    dockerd: Option<Child>,
}

impl PrivateEngine {
    /// One that has the sample app's image. `None`, with a message, where this machine can have none: it takes root.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Option<Self> {
        // SAFETY: a plain system call.
        let root = unsafe { libc::geteuid() } == 0;
        let there = |name: &str| {
            std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|it| it.join(name).exists()))
        };
        if !root || !["dockerd", "unshare", "nsenter"].into_iter().all(there) {
            println!("\n*** SKIPPED: a second engine takes root, dockerd, unshare and nsenter");
            return None;
        }
        let directory = TempDir::with_prefix("localecs-dockerd-").expect("a temporary folder");
        let mut unshare = Command::new("unshare");
        unshare.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "cat"]);
        // Its input ends with this process, however that ends.
        unshare.stdin(Stdio::piped()).stdout(Stdio::null());
        let holder = process::spawn(unshare).expect("unshare");
        let mut engine = Self { directory, holder, dockerd: None };
        engine.up(arguments);
        let archive = engine.path("app.tar");
        let saved = Command::new("docker").args(["save", "--output"]).arg(&archive).arg(APP_IMAGE).status();
        assert!(saved.is_ok_and(|status| status.success()), "docker save {APP_IMAGE}");
        engine.docker(&["load", "--input", &archive.display().to_string()]);
        Some(engine)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// As in `DOCKER_HOST`.
    #[must_use]
    pub fn host(&self) -> String {
        format!("unix://{}", self.path("s").display())
    }

    /// Runs `docker` against it and returns what it prints.
    ///
    /// # Panics
    /// When it fails.
    pub fn docker(&self, arguments: &[&str]) -> String {
        let output = Command::new("docker").env("DOCKER_HOST", self.host()).args(arguments).output().expect("docker");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        assert!(output.status.success(), "docker {}: {}", arguments.join(" "), text(&output.stderr));
        text(&output.stdout)
    }

    /// Starts it, and waits until it answers.
    ///
    /// # Panics
    /// When it does not; with its log.
    pub fn up(&mut self, arguments: &[&str]) {
        let log = File::options().create(true).append(true).open(self.path("log")).expect("a log");
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.inside(), "--net", "--mount", "--pid", "dockerd"]);
        for (name, place) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "pid")] {
            command.arg(name).arg(self.path(place));
        }
        command.args(["--host", &self.host(), "--bridge", "none", "--iptables=false", "--ip6tables=false"]);
        command.args(arguments).stdin(Stdio::null());
        command.stdout(log.try_clone().expect("a second handle")).stderr(log);
        self.dockerd = Some(process::spawn(command).expect("nsenter"));
        let start = Instant::now();
        while !self.answers() {
            assert!(start.elapsed() < PATIENCE, "dockerd does not answer:\n{}", read(&self.path("log")));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The process id of the first in the namespaces.
    fn inside(&self) -> String {
        let pid = self.holder.id();
        let start = Instant::now();
        loop {
            let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
            // It is `unshare` itself until it has become what it runs, with all its namespaces.
            if let Some(child) = children.split_whitespace().next()
                && std::fs::read_to_string(format!("/proc/{child}/comm")).is_ok_and(|name| name.trim() == "cat")
            {
                return child.to_owned();
            }
            assert!(start.elapsed() < PATIENCE, "unshare does not come to its end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn answers(&self) -> bool {
        let mut command = Command::new("docker");
        command.env("DOCKER_HOST", self.host()).args(["version", "--format", "{{.Server.Version}}"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// Ends it, as for a restart.
    ///
    /// # Panics
    /// When it does not end.
    pub fn down(&mut self) {
        let Some(mut child) = self.dockerd.take() else { return };
        self.terminate(&child);
        let start = Instant::now();
        while child.try_wait().expect("it was started here").is_none() {
            assert!(start.elapsed() < PATIENCE, "dockerd does not end:\n{}", read(&self.path("log")));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// nsenter forks to enter the namespace of processes, and waits.
    fn terminate(&self, nsenter: &Child) {
        let pid = nsenter.id();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        for child in children.split_whitespace().filter_map(|child| child.parse().ok()) {
            // SAFETY: a plain system call; the parent waits for the process, so the number is its own.
            unsafe { libc::kill(child, libc::SIGTERM) };
        }
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

impl Drop for PrivateEngine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = read(&self.path("log"));
            let last: Vec<&str> = log.lines().rev().take(20).collect();
            eprintln!("--- the private engine's last words, newest first\n{}", last.join("\n"));
        }
        // The engine would leave its mounts and processes to the namespaces, and those end here.
        process::signal(&self.holder, libc::SIGKILL);
        let _ = self.holder.wait();
        if let Some(mut child) = self.dockerd.take() {
            let _ = child.wait();
        }
    }
}
