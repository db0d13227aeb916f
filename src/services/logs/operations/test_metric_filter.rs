//! TestMetricFilter: which of some messages a filter pattern matches, and what it takes from them.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TestMetricFilter.html>

use api_models::logs::{
    CommonError, MetricFilterMatchRecord, TestMetricFilterError, TestMetricFilterRequest, TestMetricFilterResponse,
};

use crate::services::Context;
use crate::services::logs::patterns::Pattern;

pub(crate) async fn handle(
    _context: Context,
    input: TestMetricFilterRequest,
) -> Result<TestMetricFilterResponse, TestMetricFilterError> {
    let pattern = Pattern::parse(input.filter_pattern.as_deref().unwrap_or_default()).map_err(CommonError::from)?;
    let messages = input.log_event_messages.unwrap_or_default();
    let matches = messages.into_iter().zip(1..).filter(|(message, _)| pattern.matches(message));
    let matches = matches.map(|(message, number)| MetricFilterMatchRecord {
        event_number: Some(number),
        extracted_values: Some(pattern.extract(&message)),
        event_message: Some(message),
    });
    Ok(TestMetricFilterResponse { matches: Some(matches.collect()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::context;

    #[tokio::test]
    async fn matches_have_their_number_and_values() {
        let request = TestMetricFilterRequest {
            filter_pattern: Some("[level = ERROR, code]".into()),
            log_event_messages: Some(vec!["INFO 1".into(), "ERROR 2".into()]),
        };
        let matches = handle(context(), request).await.expect("an answer").matches.expect("a list");
        assert_eq!(matches.len(), 1);
        assert_eq!((matches[0].event_number, matches[0].event_message.as_deref()), (Some(2), Some("ERROR 2")));
        let values = matches[0].extracted_values.clone().expect("values");
        assert_eq!(values, [("$code", "2"), ("$level", "ERROR")].map(|(a, b)| (a.to_owned(), b.to_owned())).into());
    }
}
