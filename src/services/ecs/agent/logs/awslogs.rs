//! Pure: the options of the log driver `awslogs`, understood.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html>; the words of refusals are
//! those of Docker's driver of that name, which the ECS agent hands on.

use std::collections::BTreeMap;

use regex::bytes::Regex;

use super::datetime;
use crate::runtime::LogOptions;

/// Where a container's lines go, and how they become events.
#[derive(Clone, Debug)]
pub(crate) struct Awslogs {
    pub(crate) region: String,
    pub(crate) group: String,
    /// Of the name `prefix/container/task`; `None` for the container's id on the engine.
    pub(crate) stream: Option<String>,
    pub(crate) create_group: bool,
    /// A line that matches begins an event; other lines belong to the one before. `None`: each line is an event.
    pub(crate) multiline: Option<Regex>,
    /// What the engine's own driver is told: how lines get to it.
    pub(crate) engine: LogOptions,
}

/// Those that are not the engine's.
const NAMES: [&str; 7] = [
    "awslogs-region",
    "awslogs-group",
    "awslogs-stream-prefix",
    "awslogs-create-group",
    "awslogs-datetime-format",
    "awslogs-multiline-pattern",
    // All go to this server's CloudWatch Logs.
    "awslogs-endpoint",
];

impl Awslogs {
    /// # Errors
    /// What is wrong with the options, in the words of Docker's driver.
    pub(crate) fn parse(options: &BTreeMap<String, String>, container: &str, task_id: &str) -> Result<Self, String> {
        let text = |name: &str| options.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let required = |name: &str| {
            text(name).map(str::to_owned).ok_or_else(|| format!("must specify a value for log opt '{name}'"))
        };
        let mut engine = LogOptions::default();
        for (name, value) in options.iter().filter(|(name, _)| !NAMES.contains(&name.as_str())) {
            match name.as_str() {
                "mode" | "max-buffer-size" => engine.0.insert(name.clone(), value.clone()),
                _ => return Err(format!("unknown log opt '{name}' for awslogs log driver")),
            };
        }
        // A buffer has a size only where there is one; without `mode` ECS gives one.
        if engine.0.contains_key("max-buffer-size") {
            engine.0.entry("mode".to_owned()).or_insert_with(|| "non-blocking".to_owned());
        }
        let create_group = match text("awslogs-create-group") {
            None => false,
            Some("1" | "t" | "T" | "true" | "TRUE" | "True") => true,
            Some("0" | "f" | "F" | "false" | "FALSE" | "False") => false,
            Some(other) => {
                return Err(format!(
                    "must specify valid value for log opt 'awslogs-create-group': strconv.ParseBool: parsing \
                     \"{other}\": invalid syntax"
                ));
            }
        };
        let pattern = match (text("awslogs-datetime-format"), text("awslogs-multiline-pattern")) {
            (Some(_), Some(_)) => {
                return Err(
                    "you cannot configure log opt 'awslogs-datetime-format' and 'awslogs-multiline-pattern' at \
                            the same time"
                        .to_owned(),
                );
            }
            (Some(format), None) => Some(datetime::pattern(format)),
            (None, pattern) => pattern.map(str::to_owned),
        };
        let multiline = pattern
            .map(|pattern| {
                Regex::new(&pattern).map_err(|error| {
                    // The last line says what is wrong, those before it show where.
                    let reason = error.to_string();
                    let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
                    format!("awslogs could not parse multiline pattern key {pattern:?}: {reason}")
                })
            })
            .transpose()?;
        Ok(Self {
            region: required("awslogs-region")?,
            group: required("awslogs-group")?,
            stream: text("awslogs-stream-prefix").map(|prefix| format!("{prefix}/{container}/{task_id}")),
            create_group,
            multiline,
            engine,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(more: &[(&str, &str)]) -> Result<Awslogs, String> {
        let mut options: BTreeMap<String, String> =
            [("awslogs-region", "eu-west-1"), ("awslogs-group", "/ecs/web")].map(|(a, b)| (a.into(), b.into())).into();
        options.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Awslogs::parse(&options, "web", "0123")
    }

    #[test]
    fn options_say_where_lines_go() {
        let plain = parse(&[]).expect("valid");
        assert_eq!((&*plain.region, &*plain.group, plain.stream), ("eu-west-1", "/ecs/web", None));
        assert!(!plain.create_group && plain.multiline.is_none());
        let full = parse(&[
            ("awslogs-stream-prefix", "app"),
            ("awslogs-create-group", "true"),
            ("awslogs-datetime-format", "%Y-%m-%d"),
            ("mode", "blocking"),
        ])
        .expect("valid");
        assert_eq!(full.stream.as_deref(), Some("app/web/0123"));
        assert!(full.create_group && full.multiline.expect("a pattern").is_match(b"x 2026-11-21 y"));
        assert_eq!(full.engine.0, [("mode".to_owned(), "blocking".to_owned())].into());
    }

    #[test]
    fn a_buffer_of_a_size_is_a_buffer() {
        let options = parse(&[("max-buffer-size", "4m")]).expect("valid").engine.0;
        assert_eq!(options["mode"], "non-blocking");
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_docker_s_words() {
        for (name, value, words) in [
            ("awslogs-foo", "x", "unknown log opt 'awslogs-foo' for awslogs log driver"),
            ("tag", "x", "unknown log opt 'tag' for awslogs log driver"),
            ("awslogs-group", "", "must specify a value for log opt 'awslogs-group'"),
            ("awslogs-create-group", "yes", "must specify valid value for log opt 'awslogs-create-group'"),
            ("awslogs-multiline-pattern", "(", "awslogs could not parse multiline pattern key \"(\": unclosed group"),
        ] {
            let error = parse(&[(name, value)]).expect_err(name);
            assert!(error.starts_with(words), "{error}");
        }
        let both = [("awslogs-multiline-pattern", "^x"), ("awslogs-datetime-format", "%Y")];
        assert!(parse(&both).expect_err("both").ends_with("at the same time"));
    }
}
