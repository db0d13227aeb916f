//! `localecs logs`: what a task's containers print.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use serde::Deserialize;

use super::{EndpointArgs, client};

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// The task's id, the beginning of it, or its ARN
    task: String,
    /// Only this container's output
    #[arg(long, value_name = "NAME")]
    container: Option<String>,
    /// Go on with what is printed later, until the task ends
    #[arg(short, long)]
    follow: bool,
    /// Only what was printed since then: 30s, 10m, 2h, 1d ago, or a time such as 2026-11-21T16:30:00Z
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    since: Option<When>,
    /// Only so many of each container's last lines
    #[arg(long, value_name = "LINES")]
    tail: Option<usize>,
    /// Begin each line with its time
    #[arg(short, long)]
    timestamps: bool,
    #[command(flatten)]
    endpoint: EndpointArgs,
}

/// A moment, as a user says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// So many milliseconds before now.
    Ago(i64),
    /// Milliseconds since the epoch.
    At(i64),
}

impl When {
    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(time) = text.parse::<jiff::Timestamp>() {
            return Ok(Self::At(time.as_millisecond()));
        }
        let seconds = match text.char_indices().next_back() {
            Some((_, 's')) => 1,
            Some((_, 'm')) => 60,
            Some((_, 'h')) => 3600,
            Some((_, 'd')) => 86_400,
            _ => 0,
        };
        let number =
            text.len().checked_sub(1).and_then(|end| text.get(..end)).and_then(|text| text.parse::<i64>().ok());
        match number.and_then(|number| number.checked_mul(seconds * 1000)) {
            Some(ago) if ago > 0 => Ok(Self::Ago(ago)),
            _ => Err("it is neither 30s, 10m, 2h or 1d nor a time such as 2026-11-21T16:30:00Z".to_owned()),
        }
    }
}

#[derive(Deserialize)]
struct Line {
    container: String,
    timestamp: i64,
    message: String,
}

pub(super) async fn run(args: LogsArgs) -> anyhow::Result<ExitCode> {
    let mut query = vec![("task", args.task.clone()), ("follow", args.follow.to_string())];
    query.extend(args.container.clone().map(|name| ("container", name)));
    query.extend(args.tail.map(|tail| ("tail", tail.to_string())));
    query.extend(args.since.map(|since| {
        let millis = match since {
            When::Ago(ago) => crate::time::Clock::system().now().as_millis() - ago,
            When::At(at) => at,
        };
        ("since", millis.to_string())
    }));
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    let path = format!("/_localecs/logs?{}", query.join("&"));
    let mut out = std::io::stdout().lock();
    client::stream_lines(&args.endpoint.authority(), &path, |text| {
        let line: Line = serde_json::from_slice(text).context("the server's answer makes no sense")?;
        let time = match args.timestamps {
            true => format!("{} ", jiff::Timestamp::from_millisecond(line.timestamp).unwrap_or_default()),
            false => String::new(),
        };
        let name = if args.container.is_some() { String::new() } else { format!("{} | ", line.container) };
        match writeln!(out, "{time}{name}{}", line.message.trim_end_matches(['\n', '\r'])).and_then(|()| out.flush()) {
            Ok(()) => Ok(true),
            // Nobody reads it any more (`| head`).
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => bail!(error),
        }
    })
    .await?;
    Ok(ExitCode::SUCCESS)
}

/// What is no letter or digit, as `%XX`.
pub(super) fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        use std::fmt::Write;
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_understood() {
        assert_eq!(When::parse("10m"), Ok(When::Ago(600_000)));
        assert_eq!(When::parse("1970-01-01T00:00:01Z"), Ok(When::At(1_000)));
        for wrong in ["", "m", "10", "-5m", "é", "99999999999999999h"] {
            assert!(When::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn queries_are_escaped() {
        assert_eq!(escaped("arn:aws:ecs/a b"), "arn%3Aaws%3Aecs%2Fa%20b");
    }
}
