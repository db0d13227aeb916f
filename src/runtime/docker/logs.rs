//! A container's output: which driver keeps it, and reading it back.
//!
//! It is kept by Docker's `local` driver: that keeps bytes as they are (json-file replaces what is not UTF-8, also
//! where it cut a character at the end of a part) and takes half the time to write. Podman has no such driver.

use std::collections::VecDeque;

use bollard::container::LogOutput;
use bollard::models::HostConfigLogConfig;
use bollard::query_parameters::{LogsOptions, LogsOptionsBuilder};
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::errors::CallError;
use super::{Engine, limits};
use crate::runtime::{ContainerId, LogDriver, LogRecord, LogRecords, LogSource, LogsRequest, Result, RuntimeError};

/// Docker cuts lines into parts of this many bytes; the last one is shorter.
const PART: usize = 16 * 1024;
/// `2026-11-21T16:56:24.460423657Z`
const TIME_LENGTH: usize = 30;
/// Of each container's log file: with [`FILES`] of them, the most that its output takes on disk. Few and large, because
/// an engine before 23.0 that turns to a new file twice while a reader is behind leaves out what lies between.
const FILE_SIZE: &str = "256m";
const FILES: &str = "4";

/// What the engine is told about a container's log.
pub(super) fn config(driver: &LogDriver, podman: bool) -> Option<HostConfigLogConfig> {
    let (name, options) = match driver {
        LogDriver::Default => return None,
        LogDriver::Readable(options) => {
            let name = if podman { "json-file" } else { "local" };
            let mut options = options.0.clone();
            for (option, value) in [("max-size", FILE_SIZE), ("max-file", FILES)] {
                options.insert(option.to_owned(), value.to_owned());
            }
            if !podman {
                options.insert("compress".to_owned(), "false".to_owned());
            }
            (name.to_owned(), options)
        }
        LogDriver::Named { driver, options } => (driver.clone(), options.0.clone()),
    };
    Some(HostConfigLogConfig { typ: Some(name), config: Some(options.into_iter().collect()) })
}

impl Engine {
    pub(super) async fn logs(&self, id: &ContainerId, request: &LogsRequest) -> Result<LogRecords> {
        self.require_ours(id).await?;
        let podman = self.is_podman();
        let records = self.docker.logs(id.as_str(), Some(options(request)));
        let mut frames = Box::pin(records);
        // The first item says whether there is anything to read; an error there is the call's.
        let first = tokio::select! {
            first = frames.next() => first,
            // Nothing has been printed yet.
            () = crate::time::real_sleep(limits::FIRST_LOG), if request.follow => {
                return Ok(frames.flat_map(move |frame| stream::iter(parse(frame, podman))).boxed());
            }
        };
        match first {
            None => Ok(stream::empty().boxed()),
            Some(Err(error)) => match CallError::from(error) {
                error if error.is_not_found() => Err(RuntimeError::NoSuchContainer(id.to_string())),
                error => Err(error.other()),
            },
            Some(first) => {
                let rest = frames.flat_map(move |frame| stream::iter(parse(frame, podman)));
                Ok(stream::iter(parse(first, podman)).chain(rest).boxed())
            }
        }
    }
}

fn options(request: &LogsRequest) -> LogsOptions {
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).timestamps(true).follow(request.follow);
    let options = match request.since {
        // bollard counts in 32 bits: from 2038 on all is read, and the caller leaves out what it has.
        Some(since) => options.since(i32::try_from(since).unwrap_or(0)),
        None => options,
    };
    match request.tail {
        Some(tail) => options.tail(&tail.to_string()),
        None => options.tail("all"),
    }
    .build()
}

/// The records of a frame: one, or on a terminal the parts of a line, which nothing separates there.
fn parse(frame: Result<LogOutput, bollard::errors::Error>, podman: bool) -> VecDeque<Result<LogRecord>> {
    let (source, bytes) = match frame {
        Ok(LogOutput::StdOut { message }) => (LogSource::Stdout, message),
        Ok(LogOutput::StdErr { message }) => (LogSource::Stderr, message),
        Ok(LogOutput::Console { message } | LogOutput::StdIn { message }) => {
            return console(message, podman);
        }
        Err(error) => return VecDeque::from([Err(CallError::from(error).other())]),
    };
    record(source, &bytes, podman).map(Ok).into_iter().collect()
}

fn console(mut bytes: Bytes, podman: bool) -> VecDeque<Result<LogRecord>> {
    let mut records = VecDeque::new();
    let whole = TIME_LENGTH + 1 + PART;
    while !podman && bytes.len() > whole && time(&bytes[whole..]).is_some() {
        let part = bytes.split_to(whole);
        records.extend(record(LogSource::Stdout, &part, podman).map(Ok));
    }
    records.extend(record(LogSource::Stdout, &bytes, podman).map(Ok));
    records
}

/// `<time> <text>`, and a newline unless more of the line follows. Docker's `local` driver before 23.0 leaves it out
/// after the last part too, which shows by its length; so does a line that the end of the process cut off.
fn record(source: LogSource, bytes: &Bytes, podman: bool) -> Option<LogRecord> {
    let at = time(bytes)?;
    let space = bytes.iter().position(|byte| *byte == b' ')?;
    let text = bytes.slice(space + 1..);
    Some(match text.strip_suffix(b"\n") {
        Some(line) => LogRecord { source, at, bytes: text.slice(..line.len()), complete: true },
        None => LogRecord { source, at, complete: !podman && text.len() < PART, bytes: text },
    })
}

/// The time at the beginning, in nanoseconds since the epoch.
fn time(bytes: &[u8]) -> Option<i64> {
    // Podman gives the offset of its time zone and leaves out zeros.
    let end = bytes.iter().take(TIME_LENGTH + 6).position(|byte| *byte == b' ')?;
    let text = str::from_utf8(&bytes[..end]).ok()?;
    if let Some(nanoseconds) = utc(text.as_bytes()) {
        return Some(nanoseconds);
    }
    let parsed: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(parsed.as_nanosecond()).ok()
}

/// Docker's own form, `2026-11-21T16:56:24.460423657Z`, read without a parser: there may be 50,000 of them a second.
fn utc(text: &[u8]) -> Option<i64> {
    if text.len() != TIME_LENGTH || text[TIME_LENGTH - 1] != b'Z' || text[19] != b'.' || text[10] != b'T' {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        text[range]
            .iter()
            .try_fold(0_i64, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second, fraction) = (number(11..13)?, number(14..16)?, number(17..19)?, number(20..29)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days since the epoch of the civil calendar, with years that begin in March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    seconds.checked_mul(1_000_000_000)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::LogOptions;

    const TIME: &str = "2026-11-21T16:56:24.460423657Z";
    const AT: i64 = 1_795_280_184_460_423_657;

    fn one(text: Vec<u8>, podman: bool) -> LogRecord {
        record(LogSource::Stdout, &Bytes::from(text), podman).expect("a record")
    }

    #[test]
    fn times_are_read_to_the_nanosecond() {
        for text in
            [TIME, "2026-11-21T17:56:24.460423657+01:00", "1999-12-31T23:59:59.000000001Z", "2024-02-29T00:00:00.5Z"]
        {
            let parsed: jiff::Timestamp = text.parse().expect("a time");
            assert_eq!(time(format!("{text} x").as_bytes()).map(i128::from), Some(parsed.as_nanosecond()), "{text}");
        }
        assert_eq!(utc(TIME.as_bytes()), Some(AT));
        assert_eq!(time(b"hello world"), None);
        assert_eq!(time(b"2026-11-21"), None);
    }

    #[test]
    fn a_line_ends_with_its_newline_or_with_its_last_part() {
        let line = one(format!("{TIME} hello\n").into_bytes(), false);
        assert_eq!((line.at, &*line.bytes, line.complete), (AT, &b"hello"[..], true));
        let empty = one(format!("{TIME} \n").into_bytes(), false);
        assert_eq!((&*empty.bytes, empty.complete), (&b""[..], true));
        let part = one([format!("{TIME} ").into_bytes(), vec![b'x'; PART]].concat(), false);
        assert_eq!((part.bytes.len(), part.complete), (PART, false));
        // json-file makes three bytes of one that is not UTF-8.
        let replaced = one([format!("{TIME} ").into_bytes(), vec![b'x'; PART + 4]].concat(), false);
        assert!(!replaced.complete);
        let last = one(format!("{TIME} the rest").into_bytes(), false);
        assert_eq!((&*last.bytes, last.complete), (&b"the rest"[..], true));
        assert!(!one(format!("{TIME} the rest").into_bytes(), true).complete, "Podman's parts have no fixed length");
        let carriage = one(format!("{TIME} tty\r\n").into_bytes(), false);
        assert_eq!(&*carriage.bytes, b"tty\r");
    }

    #[test]
    fn parts_on_a_terminal_are_told_apart_by_their_length() {
        let part = |byte| [format!("{TIME} ").into_bytes(), vec![byte; PART]].concat();
        let bytes = [part(b'a'), part(b'b'), format!("{TIME} end\n").into_bytes()].concat();
        let records: Vec<_> =
            console(Bytes::from(bytes), false).into_iter().map(|record| record.expect("fine")).collect();
        let shape: Vec<_> = records.iter().map(|record| (record.bytes.len(), record.complete)).collect();
        assert_eq!(shape, [(PART, false), (PART, false), (3, true)]);
    }

    #[test]
    fn a_readable_log_is_bounded_and_others_are_as_asked_for() {
        assert_eq!(config(&LogDriver::Default, false), None);
        let mode = LogOptions([("mode".to_owned(), "non-blocking".to_owned())].into());
        let readable = config(&LogDriver::Readable(mode), false).expect("a driver");
        assert_eq!(readable.typ.as_deref(), Some("local"));
        let options = readable.config.expect("options");
        assert_eq!(options["max-size"], FILE_SIZE);
        assert_eq!(options["mode"], "non-blocking");
        let podman = config(&LogDriver::Readable(LogOptions::default()), true).expect("a driver");
        assert_eq!(podman.typ.as_deref(), Some("json-file"));
        let named =
            LogDriver::Named { driver: "syslog".to_owned(), options: LogOptions([("tag".into(), "x".into())].into()) };
        assert_eq!(format!("{named:?}"), r#"Named { driver: "syslog", options: {"tag"} }"#);
        assert_eq!(config(&named, false).and_then(|config| config.typ).as_deref(), Some("syslog"));
    }
}
