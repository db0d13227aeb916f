//! A server under measurement, and what the kernel says of it.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Ticks of `/proc/<pid>/stat` in a second; 100 on every Linux that matters.
const TICKS: f64 = 100.0;

pub(crate) struct Server {
    child: Child,
    pub(crate) authority: String,
}

impl Server {
    /// Starts `binary serve` on a free port and waits for the line that says where it listens.
    pub(crate) async fn start(binary: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(binary);
        command.args(["serve", "--port", "0", "--log", "error"]).args(arguments);
        Self::spawn(command).await
    }

    pub(crate) async fn spawn(mut command: Command) -> anyhow::Result<Self> {
        let mut child =
            command.stdout(Stdio::piped()).kill_on_drop(true).spawn().context("the server can't be started")?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = lines.next_line().await?.context("the server ended at once")?;
        let authority = line
            .split_once("http://")
            .and_then(|(_, rest)| rest.split_whitespace().next())
            .with_context(|| format!("no address in {line:?}"))?
            .to_owned();
        Ok(Self { child, authority })
    }

    fn pid(&self) -> anyhow::Result<u32> {
        self.child.id().context("the server has ended")
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()?))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kib * 1024.0)
    }

    /// The processor's time that it has used.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid()?))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let (user, system): (f64, f64) = (fields[11].parse()?, fields[12].parse()?);
        Ok((user + system) / TICKS)
    }

    /// The share of one core, in percent, that it uses over `span`.
    pub(crate) async fn cpu_percent(&self, span: Duration) -> anyhow::Result<f64> {
        let (before, start) = (self.cpu_seconds()?, Instant::now());
        tokio::time::sleep(span).await;
        Ok((self.cpu_seconds()? - before) / start.elapsed().as_secs_f64() * 100.0)
    }

    /// Stops it with SIGTERM and waits.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let status = Command::new("kill").arg(self.pid()?.to_string()).status().await?;
        if !status.success() {
            bail!("kill failed");
        }
        tokio::time::timeout(Duration::from_secs(60), self.child.wait())
            .await
            .context("the server does not stop")??;
        Ok(())
    }
}
