//! FilterLogEvents: the events of a group that match a pattern, of all its streams or of some.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>

use api_models::logs::{
    CommonError, FilterLogEventsError, FilterLogEventsRequest, FilterLogEventsResponse, FilteredLogEvent,
    InvalidParameterException,
};

use crate::logstore::{Direction, LogStoreError, Position, Scan, Selection, StoredEvent};
use crate::services::Context;
use crate::services::logs::patterns::Pattern;
use crate::services::logs::resources::events::{self, Token};
use crate::services::logs::resources::{names, paging};

const OPERATION: &str = "FilterLogEvents";
/// Newest events first are given since then only: 2024-01-01.
const BACKWARDS_SINCE: i64 = 1_704_067_200_000;

pub(crate) async fn handle(
    context: Context,
    input: FilterLogEventsRequest,
) -> Result<FilterLogEventsResponse, FilterLogEventsError> {
    let (name, identifier) = (input.log_group_name.as_deref(), input.log_group_identifier.as_deref());
    let group = names::named_or_identified(&context.scope, name, identifier)?;
    let streams = match (input.log_stream_names, input.log_stream_name_prefix) {
        (None, None) => Selection::All,
        (Some(names), None) => Selection::Names(names),
        (None, Some(prefix)) => {
            names::check_stream_characters("logStreamNamePrefix", &prefix)?;
            Selection::Prefix(prefix)
        }
        (Some(_), Some(_)) => {
            return Err(InvalidParameterException::new(
                "LogStream names and LogStream name prefix are mutually exclusive parameters.",
            )
            .into());
        }
    };
    let pattern = Pattern::parse(input.filter_pattern.as_deref().unwrap_or_default()).map_err(CommonError::from)?;
    let token = match &input.next_token {
        Some(token) => Some(Token::parse(&paging::decode(OPERATION, token)?)?),
        None => None,
    };
    let direction = match token {
        Some(token) => token.direction,
        None if input.start_from_head == Some(false) => Direction::Backward,
        None => Direction::Forward,
    };
    if direction == Direction::Backward && input.start_time.is_some_and(|start| start < BACKWARDS_SINCE) {
        return Err(InvalidParameterException::new(
            "startFromHead can be false only when startTime is on or after Jan 1, 2024 00:00:00 UTC.",
        )
        .into());
    }
    let record = context.logs().group(&group).await.map_err(CommonError::from)?;
    let record = record.ok_or(LogStoreError::NoSuchGroup).map_err(CommonError::from)?;

    let kept_from = record.settings.kept_from(context.now());
    let mut from = Position::at(input.start_time.unwrap_or(0).max(kept_from));
    // Here, unlike in GetLogEvents, the end belongs to the range.
    let mut to = input.end_time.map_or(Position::END, |end| Position::at(end.saturating_add(1)));
    match token {
        Some(Token { direction: Direction::Forward, at }) => from = from.max(at),
        Some(Token { direction: Direction::Backward, at }) => to = to.min(at),
        None => {}
    }
    let scan = Scan { group, streams, from, to, direction, limits: events::limits(input.limit) };
    let page = context.logs().scan(scan, move |message| pattern.matches(message)).await.map_err(CommonError::from)?;
    Ok(FilterLogEventsResponse {
        events: Some(page.events.into_iter().map(shown).collect()),
        // Empty since 2020, but there.
        searched_log_streams: Some(Vec::new()),
        next_token: page.resume.map(|at| paging::encode(OPERATION, &Token { direction, at }.to_string())),
    })
}

fn shown(event: StoredEvent) -> FilteredLogEvent {
    FilteredLogEvent {
        log_stream_name: Some(event.stream.to_string()),
        timestamp: Some(event.position.timestamp),
        message: Some(event.message),
        ingestion_time: Some(event.ingested.as_millis()),
        event_id: Some(event.position.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logstore::{GroupKey, GroupSettings, LogEvent, StreamKey};
    use crate::testing::{START, context};

    const NOW: i64 = START.as_millis();

    async fn group() -> Context {
        let context = context();
        let group = GroupKey::new(&context.scope, "g");
        context.logs().create_group(&group, GroupSettings::new(context.now())).await.expect("a group");
        for (name, events) in [("web/1", [(0, "a ERROR"), (2, "c")]), ("web/2", [(1, "b ERROR"), (3, "d ERROR")])] {
            let key = StreamKey::new(&context.scope, "g", name);
            context.logs().create_stream(&key).await.expect("a stream");
            let events = events.iter().map(|(at, text)| LogEvent { timestamp: NOW + at, message: (*text).into() });
            context.logs().append(&key, events.collect(), None).await.expect("written");
        }
        context
    }

    fn of_group() -> FilterLogEventsRequest {
        FilterLogEventsRequest { log_group_name: Some("g".into()), ..FilterLogEventsRequest::default() }
    }

    /// The first letters of all pages' messages.
    async fn all(context: &Context, mut request: FilterLogEventsRequest) -> String {
        let mut letters = String::new();
        loop {
            let answer = handle(context.clone(), request.clone()).await.expect("a page");
            let events = answer.events.expect("a list");
            letters.extend(events.iter().filter_map(|event| event.message.as_ref()?.chars().next()));
            request.next_token = answer.next_token;
            if request.next_token.is_none() {
                return letters;
            }
        }
    }

    #[tokio::test]
    async fn streams_are_interleaved_page_by_page_in_both_directions() {
        let context = group().await;
        for limit in [None, Some(1), Some(3)] {
            let request = FilterLogEventsRequest { limit, ..of_group() };
            assert_eq!(all(&context, request.clone()).await, "abcd");
            let newest = FilterLogEventsRequest { start_from_head: Some(false), ..request.clone() };
            assert_eq!(all(&context, newest).await, "dcba");
            let errors = FilterLogEventsRequest { filter_pattern: Some("ERROR".into()), ..request };
            assert_eq!(all(&context, errors).await, "abd");
        }
    }

    #[tokio::test]
    async fn a_time_range_has_both_its_ends() {
        let context = group().await;
        let request = FilterLogEventsRequest { start_time: Some(NOW + 1), end_time: Some(NOW + 2), ..of_group() };
        assert_eq!(all(&context, request).await, "bc");
    }

    #[tokio::test]
    async fn streams_are_chosen_by_name_or_prefix() {
        let context = group().await;
        let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
        let one = FilterLogEventsRequest { log_stream_names: names(&["web/2"]), ..of_group() };
        assert_eq!(all(&context, one.clone()).await, "bd");
        let prefix = FilterLogEventsRequest { log_stream_name_prefix: Some("web/".into()), ..of_group() };
        assert_eq!(all(&context, prefix).await, "abcd");
        let none = FilterLogEventsRequest { log_stream_name_prefix: Some("api/".into()), ..of_group() };
        assert_eq!(all(&context, none).await, "");
        let both = FilterLogEventsRequest { log_stream_name_prefix: Some("web/".into()), ..one };
        assert!(handle(context.clone(), both).await.is_err());
        let unknown = FilterLogEventsRequest { log_stream_names: names(&["none"]), ..of_group() };
        let error = handle(context, unknown).await.expect_err("no stream");
        assert_eq!(error.to_string(), "The specified log stream does not exist.");
    }

    #[tokio::test]
    async fn what_is_wrong_is_said() {
        let context = group().await;
        for (request, message) in [
            (FilterLogEventsRequest { filter_pattern: Some("a-b".into()), ..of_group() }, "Invalid filter pattern"),
            (
                FilterLogEventsRequest { next_token: Some("x".into()), ..of_group() },
                "The specified nextToken is invalid.",
            ),
            (
                FilterLogEventsRequest { log_group_name: Some("none".into()), ..of_group() },
                "The specified log group does not exist.",
            ),
        ] {
            let error = handle(context.clone(), request).await.expect_err(message);
            assert_eq!(error.to_string(), message);
        }
    }
}
