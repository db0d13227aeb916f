//! Pure: what a lifecycle hook's Lambda function is given, and what its answer says.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html>

use std::collections::BTreeMap;
use std::time::Duration;

use api_models::Untyped;
use serde::{Deserialize, Serialize};

use crate::services::ecs::resources::service::{Course, HookRun, ServiceDeployment, ServiceRevisionKey, Stage};

/// When a function that answers IN_PROGRESS is asked again, unless it says so, and at most.
const CALL_BACK: Duration = Duration::from_secs(30);
const LONGEST_CALL_BACK: f64 = 86_400.0;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    execution_id: String,
    lifecycle_stage: &'static str,
    resource_arn: String,
    execution_details: Details,
    #[serde(skip_serializing_if = "Option::is_none")]
    hook_details: Option<&'a Untyped>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    service_arn: String,
    target_service_revision_arn: String,
    test_traffic_weights: Weights,
    production_traffic_weights: Weights,
}

/// Percent of the traffic, by the ARN of the revision.
type Weights = BTreeMap<String, Weight>;

/// Whole ones are whole numbers: functions are written for 0 and 100.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(untagged)]
enum Weight {
    Whole(u8),
    Tenths(f64),
}

impl Weight {
    fn new(percent: f64) -> Self {
        // Between 0 and 100.
        if percent.fract() == 0.0 { Self::Whole(percent as u8) } else { Self::Tenths(percent) }
    }
}

/// The JSON that the function of `run` is invoked with.
///
/// # Errors
/// None that could happen: the parts are plain.
pub(super) fn event(
    deployment: &ServiceDeployment,
    course: &Course,
    run: &HookRun,
) -> Result<Vec<u8>, serde_json::Error> {
    let service = &deployment.key.service;
    let arn = |id| ServiceRevisionKey { service: service.clone(), id }.arn();
    let weights = |target: f64| -> Weights {
        let blue = course.blue.iter().map(|id| (arn(id.clone()), Weight::new(100.0 - target)));
        blue.chain([(arn(deployment.target.clone()), Weight::new(target))]).collect()
    };
    let test = matches!(run.stage, Stage::ReconcileService | Stage::TestTrafficShift);
    let production =
        matches!(run.stage, Stage::ReconcileService | Stage::PreProductionTrafficShift | Stage::ProductionTrafficShift);
    serde_json::to_vec(&Event {
        execution_id: execution_id(run),
        lifecycle_stage: run.stage.as_str(),
        resource_arn: deployment.key.arn(),
        execution_details: Details {
            service_arn: service.arn(),
            target_service_revision_arn: arn(deployment.target.clone()),
            test_traffic_weights: if test { weights(course.test) } else { Weights::new() },
            production_traffic_weights: if production { weights(course.production) } else { Weights::new() },
        },
        hook_details: run.details.as_ref(),
    })
}

/// A UUID that stays the same when the function is invoked again.
fn execution_id(run: &HookRun) -> String {
    use sha2::Digest;

    let hash = sha2::Sha256::digest(run.id.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Returned {
    #[serde(default)]
    hook_status: Option<String>,
    #[serde(default)]
    call_back_delay: Option<f64>,
    #[serde(default)]
    hook_details: Option<Untyped>,
}

/// What a function's answer says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    Succeeded,
    /// It is to be invoked again after this time, with these details more.
    InProgress {
        after: Duration,
        details: Option<Untyped>,
    },
    /// It failed, and this is why, a sentence.
    Failed(String),
}

/// Reads the payload that the function `target` returned.
pub(super) fn answer(target: &str, payload: &[u8]) -> Answer {
    let unreadable =
        |why: &str| Answer::Failed(format!("ECS was unable to parse the response from {target} due to: {why}"));
    let Ok(returned) = serde_json::from_slice::<Returned>(payload) else {
        return unreadable("the response is not a JSON object.");
    };
    match returned.hook_status.as_deref() {
        Some("SUCCEEDED") => Answer::Succeeded,
        Some("FAILED") => Answer::Failed(format!("Lifecycle hook target {target} returned FAILED status.")),
        Some("IN_PROGRESS") => {
            let asked = returned.call_back_delay.filter(|seconds| seconds.is_finite());
            let after =
                asked.map_or(CALL_BACK, |seconds| Duration::from_secs_f64(seconds.clamp(1.0, LONGEST_CALL_BACK)));
            Answer::InProgress { after, details: returned.hook_details }
        }
        Some(other) => unreadable(&format!("HookStatus {other} is not one of SUCCEEDED, FAILED, IN_PROGRESS.")),
        None => unreadable("HookStatus must not be null."),
    }
}

/// `before` with what the function returned for the next invocation.
pub(super) fn merged(before: Option<Untyped>, returned: Option<Untyped>) -> Option<Untyped> {
    match (before, returned) {
        (Some(Untyped::Map(mut members)), Some(Untyped::Map(more))) => {
            for (name, value) in more {
                members.retain(|(other, _)| *other != name);
                members.push((name, value));
            }
            Some(Untyped::Map(members))
        }
        (before, None) => before,
        (_, returned) => returned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_aws_reads_them() {
        let read = |text: &str| answer("arn:f", text.as_bytes());
        assert_eq!(read(r#"{"hookStatus": "SUCCEEDED", "reason": "fine"}"#), Answer::Succeeded);
        let failed = "Lifecycle hook target arn:f returned FAILED status.";
        assert_eq!(read(r#"{"hookStatus": "FAILED"}"#), Answer::Failed(failed.into()));
        let null = "ECS was unable to parse the response from arn:f due to: HookStatus must not be null.";
        assert_eq!(read(r#"{"errorMessage": "no", "errorType": "Exception"}"#), Answer::Failed(null.into()));
        assert!(matches!(read("null"), Answer::Failed(_)));
        assert!(matches!(read(r#"{"hookStatus": "MAYBE"}"#), Answer::Failed(_)));
        let again = |seconds| Answer::InProgress { after: Duration::from_secs(seconds), details: None };
        assert_eq!(read(r#"{"hookStatus": "IN_PROGRESS"}"#), again(30));
        assert_eq!(read(r#"{"hookStatus": "IN_PROGRESS", "callBackDelay": 60}"#), again(60));
        assert_eq!(read(r#"{"hookStatus": "IN_PROGRESS", "callBackDelay": -1}"#), again(1));
    }

    #[test]
    fn what_is_returned_is_given_the_next_time() {
        let map = |name: &str, value| Untyped::Map(vec![(name.to_owned(), Untyped::Boolean(value))]);
        assert_eq!(merged(Some(map("a", true)), None), Some(map("a", true)));
        assert_eq!(merged(Some(map("a", true)), Some(map("a", false))), Some(map("a", false)));
        assert_eq!(merged(None, Some(map("b", true))), Some(map("b", true)));
    }
}
