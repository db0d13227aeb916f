//! What a simulated container does, as its Docker labels say.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use super::logs;
use crate::runtime::LogSource;

/// What all labels of a script begin with.
const PREFIX: &str = "sim.";

/// The exit code of a process that SIGTERM ended, as a shell counts it.
const TERMINATED: i32 = 143;

/// A container's labels, understood. The default is a container that runs until it is stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) run_for: Option<Duration>,
    pub(super) exit_code: i32,
    pub(super) pull_time: Duration,
    pub(super) pull_error: Option<String>,
    pub(super) create_error: Option<String>,
    pub(super) start_delay: Duration,
    pub(super) start_error: Option<String>,
    pub(super) oom_after: Option<Duration>,
    pub(super) ignore_term: bool,
    pub(super) stop_delay: Duration,
    pub(super) stop_exit_code: i32,
    pub(super) healthy_after: Option<Duration>,
    pub(super) unhealthy_after: Option<Duration>,
    pub(super) lines: Vec<(LogSource, String)>,
    pub(super) print_every: Option<Duration>,
}

impl Default for Script {
    fn default() -> Self {
        Self::PLAIN
    }
}

impl Script {
    /// Of a container without labels.
    pub(super) const PLAIN: Self = Self {
        run_for: None,
        exit_code: 0,
        pull_time: Duration::ZERO,
        pull_error: None,
        create_error: None,
        start_delay: Duration::ZERO,
        start_error: None,
        oom_after: None,
        ignore_term: false,
        stop_delay: Duration::ZERO,
        stop_exit_code: TERMINATED,
        healthy_after: None,
        unhealthy_after: None,
        lines: Vec::new(),
        print_every: None,
    };

    /// # Errors
    /// A sentence that names the label which makes no sense: a script that is misread tests something else than its
    /// author meant.
    pub(super) fn parse(labels: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut script = Self::default();
        let scripted = labels
            .range::<str, _>((Bound::Included(PREFIX), Bound::Unbounded))
            .take_while(|(name, _)| name.starts_with(PREFIX));
        for (name, value) in scripted {
            script.set(name, value)?;
        }
        Ok(script)
    }

    /// Whether the image has to be fetched each time: a script about the pull says so by itself.
    pub(super) fn pulls(&self) -> bool {
        self.pull_error.is_some() || !self.pull_time.is_zero()
    }

    /// Whether it says how the container's health check fares.
    pub(super) fn has_health(&self) -> bool {
        self.healthy_after.is_some() || self.unhealthy_after.is_some()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let wait =
            || duration(value).ok_or_else(|| format!("{name}: {value:?} is no duration such as 500ms, 10s or 2m"));
        let code = || match value.parse() {
            Ok(code @ 0..=255) => Ok(code),
            _ => Err(format!("{name}: {value:?} is no exit code from 0 to 255")),
        };
        match &name[PREFIX.len()..] {
            "run-for" => self.run_for = Some(wait()?),
            "exit-code" => self.exit_code = code()?,
            "pull-time" => self.pull_time = wait()?,
            "pull-error" => self.pull_error = Some(value.to_owned()),
            "create-error" => self.create_error = Some(value.to_owned()),
            "start-delay" => self.start_delay = wait()?,
            "start-error" => self.start_error = Some(value.to_owned()),
            "oom-after" => self.oom_after = Some(wait()?),
            "ignore-term" => {
                self.ignore_term = match value {
                    "" | "true" => true,
                    "false" => false,
                    _ => return Err(format!("{name}: {value:?} is neither true nor false")),
                }
            }
            "stop-delay" => self.stop_delay = wait()?,
            "stop-exit-code" => self.stop_exit_code = code()?,
            "healthy-after" => self.healthy_after = Some(wait()?),
            "stdout" => self.lines.extend(logs::lines(LogSource::Stdout, value)),
            "stderr" => self.lines.extend(logs::lines(LogSource::Stderr, value)),
            "print-every" => self.print_every = Some(wait()?),
            "unhealthy-after" => self.unhealthy_after = Some(wait()?),
            _ => return Err(format!("{name}: the simulated runtime knows no such label")),
        }
        Ok(())
    }
}

/// `500ms`, `10s`, `1.5s`, `2m`, `1h`.
fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let number: f64 = text[..unit].parse().ok()?;
    let seconds = match &text[unit..] {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return None,
    };
    // Whole milliseconds, which is what the clock counts in.
    Duration::try_from_secs_f64(seconds)
        .ok()
        .map(|exact| Duration::from_millis((exact.as_secs_f64() * 1000.0).round() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(labels: &[(&str, &str)]) -> Result<Script, String> {
        Script::parse(&labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn labels_of_others_say_nothing() {
        assert_eq!(parse(&[("app", "web"), ("simulation", "no"), ("zone", "a")]), Ok(Script::default()));
    }

    #[test]
    fn each_label_is_understood() {
        let script = parse(&[
            ("sim.run-for", "10s"),
            ("sim.exit-code", "3"),
            ("sim.pull-time", "2m"),
            ("sim.pull-error", "no"),
            ("sim.start-delay", "500ms"),
            ("sim.ignore-term", "true"),
            ("sim.stop-exit-code", "0"),
            ("sim.healthy-after", "1.5s"),
        ])
        .expect("all labels are known");
        let expected = Script {
            run_for: Some(Duration::from_secs(10)),
            exit_code: 3,
            pull_time: Duration::from_secs(120),
            pull_error: Some("no".to_owned()),
            start_delay: Duration::from_millis(500),
            ignore_term: true,
            stop_exit_code: 0,
            healthy_after: Some(Duration::from_millis(1500)),
            ..Script::default()
        };
        assert_eq!(script, expected);
        assert!(script.pulls() && script.has_health());
    }

    #[test]
    fn a_label_that_makes_no_sense_is_named() {
        for (name, value) in [
            ("sim.run-for", "10"),
            ("sim.run-for", "soon"),
            ("sim.run-for", "-1s"),
            ("sim.exit-code", "256"),
            ("sim.ignore-term", "maybe"),
            ("sim.runfor", "10s"),
        ] {
            let error = parse(&[(name, value)]).expect_err(value);
            assert!(error.starts_with(name), "{error}");
        }
    }
}
