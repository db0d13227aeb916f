//! DescribeLogStreams: the streams of a group, by name or by the time of their newest event.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogStreams.html>

use api_models::logs::{
    CommonError, DescribeLogStreamsError, DescribeLogStreamsRequest, DescribeLogStreamsResponse,
    InvalidParameterException, OrderBy,
};

use crate::logstore::{Stream, StreamFilter, StreamOrder};
use crate::services::Context;
use crate::services::logs::resources::{names, paging, render};

const OPERATION: &str = "DescribeLogStreams";

pub(crate) async fn handle(
    context: Context,
    input: DescribeLogStreamsRequest,
) -> Result<DescribeLogStreamsResponse, DescribeLogStreamsError> {
    let (name, identifier) = (input.log_group_name.as_deref(), input.log_group_identifier.as_deref());
    let group = names::named_or_identified(&context.scope, name, identifier)?;
    let order = match input.order_by {
        Some(OrderBy::LastEventTime) => StreamOrder::LastEvent,
        _ => StreamOrder::Name,
    };
    let prefix = input.log_stream_name_prefix.unwrap_or_default();
    names::check_stream_characters("logStreamNamePrefix", &prefix)?;
    if order == StreamOrder::LastEvent && !prefix.is_empty() {
        return Err(InvalidParameterException::new("Cannot order by LastEventTime with a logStreamNamePrefix.").into());
    }
    let after = input.next_token.as_deref().map(after).transpose()?;
    let size = paging::size(input.limit);
    let filter = StreamFilter { prefix, order, descending: input.descending.unwrap_or(false), after };
    // One more than asked for says whether there is another page.
    let mut streams = context.logs().streams(&group, filter, size + 1).await.map_err(CommonError::from)?;
    let more = streams.len() > size;
    streams.truncate(size);
    Ok(DescribeLogStreamsResponse {
        next_token: streams.last().filter(|_| more).map(token),
        log_streams: Some(streams.iter().map(|stream| render::stream(&group, stream)).collect()),
    })
}

/// A token that goes on behind this stream, in whichever order.
fn token(last: &Stream) -> String {
    let time = last.last_event.map_or(0, |time| time.as_millis());
    paging::encode(OPERATION, &format!("{time} {}", last.name))
}

fn after(token: &str) -> Result<(i64, String), CommonError> {
    let cursor = paging::decode(OPERATION, token)?;
    let (time, name) = cursor.split_once(' ').ok_or_else(paging::invalid_token)?;
    Ok((time.parse().map_err(|_| paging::invalid_token())?, name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logstore::{GroupKey, GroupSettings, LogEvent, StreamKey};
    use crate::testing::context;

    async fn streams() -> Context {
        let context = context();
        let group = GroupKey::new(&context.scope, "g");
        context.logs().create_group(&group, GroupSettings::new(context.now())).await.expect("a group");
        for (name, time) in [("a", 5), ("b", 9), ("ba", 0), ("c", 7)] {
            let key = StreamKey::new(&context.scope, "g", name);
            context.logs().create_stream(&key).await.expect("a stream");
            let events = (time > 0).then(|| LogEvent { timestamp: time, message: "x".into() });
            context.logs().append(&key, events.into_iter().collect(), None).await.expect("written");
        }
        context
    }

    fn of_group() -> DescribeLogStreamsRequest {
        DescribeLogStreamsRequest { log_group_name: Some("g".into()), ..DescribeLogStreamsRequest::default() }
    }

    async fn all(context: &Context, mut request: DescribeLogStreamsRequest) -> String {
        let mut names = Vec::new();
        loop {
            let answer = handle(context.clone(), request.clone()).await.expect("a page");
            let page = answer.log_streams.expect("a list");
            names.extend(page.into_iter().map(|stream| stream.log_stream_name.expect("a name")));
            request.next_token = answer.next_token;
            if request.next_token.is_none() {
                return names.join(" ");
            }
        }
    }

    #[tokio::test]
    async fn pages_are_in_the_order_that_was_asked_for() {
        let context = streams().await;
        for limit in [None, Some(1), Some(2)] {
            let request = DescribeLogStreamsRequest { limit, ..of_group() };
            assert_eq!(all(&context, request.clone()).await, "a b ba c");
            let descending = DescribeLogStreamsRequest { descending: Some(true), ..request.clone() };
            assert_eq!(all(&context, descending.clone()).await, "c ba b a");
            let newest = DescribeLogStreamsRequest { order_by: Some(OrderBy::LastEventTime), ..descending };
            assert_eq!(all(&context, newest).await, "b c a ba");
            let prefixed = DescribeLogStreamsRequest { log_stream_name_prefix: Some("b".into()), ..request };
            assert_eq!(all(&context, prefixed).await, "b ba");
        }
    }

    #[tokio::test]
    async fn a_stream_shows_its_times() {
        let context = streams().await;
        let answer = handle(context.clone(), of_group()).await.expect("a page");
        let stream = answer.log_streams.expect("a list").remove(0);
        assert_eq!((stream.first_event_timestamp, stream.last_event_timestamp), (Some(5), Some(5)));
        assert_eq!(stream.last_ingestion_time, Some(context.now().as_millis()));
        assert_eq!(stream.arn.as_deref(), Some("arn:aws:logs:us-east-1:123456789012:log-group:g:log-stream:a"));
    }

    #[tokio::test]
    async fn what_does_not_go_together_is_refused() {
        let context = streams().await;
        let both = DescribeLogStreamsRequest {
            order_by: Some(OrderBy::LastEventTime),
            log_stream_name_prefix: Some("a".into()),
            ..of_group()
        };
        let error = handle(context.clone(), both).await.expect_err("both");
        assert_eq!(error.to_string(), "Cannot order by LastEventTime with a logStreamNamePrefix.");
        let none = handle(context.clone(), DescribeLogStreamsRequest::default()).await;
        assert!(matches!(none, Err(DescribeLogStreamsError::InvalidParameterException(_))));
        let other = DescribeLogStreamsRequest { log_group_name: Some("other".into()), ..of_group() };
        let error = handle(context, other).await.expect_err("no group");
        assert_eq!(error.to_string(), "The specified log group does not exist.");
    }
}
