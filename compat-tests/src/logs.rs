//! CloudWatch Logs, as far as tests of what containers print need it: events of a stream.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{Ecs, http, wait_until_some};

const PATIENCE: Duration = Duration::from_secs(30);

impl Ecs {
    /// Calls CloudWatch Logs in a region and answers its status and body.
    ///
    /// # Panics
    /// When nobody answers.
    #[must_use]
    pub fn logs_in(&self, region: &str, operation: &str, input: &Value) -> (u16, Value) {
        let target = format!("Logs_20140328.{operation}");
        let authorization = http::authorization(&self.account).replace("us-east-1/ecs", &format!("{region}/logs"));
        let headers = http::ecs_headers(&target, &authorization);
        let body = input.to_string();
        let answer = http::request("POST", &self.endpoint, &headers, body.as_bytes(), PATIENCE);
        let answer = answer.expect("an answer of CloudWatch Logs");
        let value = if answer.body.is_empty() { Value::Null } else { answer.json() };
        (answer.status, value)
    }

    /// Creates a log group in us-east-1.
    ///
    /// # Panics
    /// When that is refused.
    pub fn log_group(&self, name: &str) {
        let (status, answer) = self.logs_in("us-east-1", "CreateLogGroup", &json!({ "logGroupName": name }));
        assert_eq!(status, 200, "{answer}");
    }

    /// All messages of a stream with their times, or nothing when there is none.
    ///
    /// # Panics
    /// When an answer makes no sense.
    #[must_use]
    pub fn log_events(&self, region: &str, group: &str, stream: &str) -> Option<Vec<(i64, String)>> {
        let mut events = Vec::new();
        let mut token = None::<String>;
        loop {
            let mut input = json!({ "logGroupName": group, "logStreamName": stream, "startFromHead": true });
            if let Some(token) = &token {
                input["nextToken"] = json!(token);
            }
            let (status, answer) = self.logs_in(region, "GetLogEvents", &input);
            if status != 200 {
                return None;
            }
            let page = answer["events"].as_array().expect("events");
            events.extend(page.iter().map(|event| {
                let message = event["message"].as_str().expect("a message").to_owned();
                (event["timestamp"].as_i64().expect("a time"), message)
            }));
            let next = answer["nextForwardToken"].as_str().expect("a token").to_owned();
            if token.as_ref() == Some(&next) {
                return Some(events);
            }
            token = Some(next);
        }
    }

    /// The messages of a stream in us-east-1, once there are so many.
    pub async fn messages(&self, group: &str, stream: &str, count: usize) -> Vec<String> {
        wait_until_some(&format!("{count} events in {group} {stream}"), PATIENCE, || async {
            let events = self.log_events("us-east-1", group, stream)?;
            (events.len() >= count).then(|| events.into_iter().map(|(_, message)| message).collect())
        })
        .await
    }
}
