//! Commands inside simulated containers: a shell of four commands at a terminal.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::SimulatedRuntime;
use crate::runtime::exec::{ExecEnds, exec_pair};
use crate::runtime::{ContainerId, Exec, ExecEnd, ExecInput, ExecOutput, ExecSpec};

/// Programs whose name begins so are not there.
const MISSING: &str = "missing";
const PROMPT: &str = "# ";
/// The exit code of what is killed.
const KILLED: i32 = 137;

/// Runs `spec` in the container, until it ends or the container does.
pub(super) fn start(runtime: SimulatedRuntime, container: ContainerId, spec: &ExecSpec) -> Exec {
    let (exec, ends) = exec_pair();
    let command = spec.command.clone();
    tokio::spawn(async move {
        let ExecEnds { input, output } = ends;
        let ended = async {
            // An engine that is gone takes the connection with it.
            let _ = runtime.finish(|world, _| world.ended(&runtime.store, &container)).await;
        };
        let end = tokio::select! {
            end = Shell { runtime: &runtime, input, output: &output, size: (80, 24), typed: VecDeque::new() }.run(&command) => end,
            () = ended => Some(ExecEnd::Exited(KILLED)),
        };
        if let Some(end) = end {
            let _ = output.send(ExecOutput::Ended(end)).await;
        }
    });
    exec
}

struct Shell<'a> {
    runtime: &'a SimulatedRuntime,
    input: mpsc::Receiver<ExecInput>,
    output: &'a mpsc::Sender<ExecOutput>,
    size: (u16, u16),
    /// Typed, and not read yet.
    typed: VecDeque<u8>,
}

/// What a line of input came to.
enum Line {
    Text(String),
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D.
    Ended,
}

impl Shell<'_> {
    /// `None` when the user hung up.
    async fn run(mut self, command: &[String]) -> Option<ExecEnd> {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let program = words.first().copied().unwrap_or_default();
        if program.starts_with(MISSING) {
            let message = format!("exec: \"{program}\": executable file not found in $PATH");
            return Some(ExecEnd::NotStarted(message));
        }
        if words.len() > 1 || matches!(program, "echo" | "exit" | "stty") {
            let code = self.execute(&words).await?;
            return Some(ExecEnd::Exited(code.unwrap_or(0)));
        }
        loop {
            self.print(PROMPT).await?;
            match self.line().await? {
                Line::Interrupted => {}
                Line::Ended => return Some(ExecEnd::Exited(0)),
                Line::Text(line) => {
                    let words: Vec<&str> = line.split_whitespace().collect();
                    if let Some(code) = self.execute(&words).await? {
                        return Some(ExecEnd::Exited(code));
                    }
                }
            }
        }
    }

    /// The exit code of the shell, if the command ends it; `None` outside when the user hung up.
    async fn execute(&mut self, words: &[&str]) -> Option<Option<i32>> {
        match words {
            [] => {}
            ["echo", text @ ..] => self.print(&format!("{}\r\n", text.join(" "))).await?,
            ["exit"] => return Some(Some(0)),
            ["exit", code] => return Some(Some(code.parse().unwrap_or(2))),
            ["stty", "size"] => {
                let (columns, rows) = self.size;
                self.print(&format!("{rows} {columns}\r\n")).await?;
            }
            ["sleep", seconds] => {
                let duration = seconds.parse().ok().and_then(|s| Duration::try_from_secs_f64(s).ok());
                let clock = self.runtime.engine.clock().clone();
                tokio::select! {
                    () = clock.sleep(duration.unwrap_or_default()) => {}
                    // Whatever is typed, Ctrl-C most likely.
                    line = self.line() => drop(line?),
                }
            }
            [program, ..] => self.print(&format!("sh: {program}: not found\r\n")).await?,
        }
        Some(None)
    }

    /// Reads a line as a terminal does: it shows what is typed.
    async fn line(&mut self) -> Option<Line> {
        let mut line = Vec::new();
        loop {
            let Some(byte) = self.typed.pop_front() else {
                match self.input.recv().await? {
                    ExecInput::Data(data) => self.typed.extend(data),
                    ExecInput::Resize { columns, rows } => self.size = (columns, rows),
                }
                continue;
            };
            match byte {
                3 => {
                    self.print("^C\r\n").await?;
                    return Some(Line::Interrupted);
                }
                4 if line.is_empty() => return Some(Line::Ended),
                b'\r' | b'\n' => {
                    self.print("\r\n").await?;
                    return Some(Line::Text(String::from_utf8_lossy(&line).into_owned()));
                }
                byte => {
                    line.push(byte);
                    self.output.send(ExecOutput::Data(Bytes::copy_from_slice(&[byte]))).await.ok()?;
                }
            }
        }
    }

    async fn print(&self, text: &str) -> Option<()> {
        self.output.send(ExecOutput::Data(Bytes::copy_from_slice(text.as_bytes()))).await.ok()
    }
}
