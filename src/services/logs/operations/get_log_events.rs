//! GetLogEvents: a page of a stream's events, and the tokens to go on from both of its ends.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html>

use api_models::logs::{CommonError, GetLogEventsError, GetLogEventsRequest, GetLogEventsResponse, OutputLogEvent};

use crate::logstore::{Direction, LogStoreError, Position, Scan, Selection, StoredEvent};
use crate::services::Context;
use crate::services::logs::resources::events::{self, Token};
use crate::services::logs::resources::names;

pub(crate) async fn handle(
    context: Context,
    input: GetLogEventsRequest,
) -> Result<GetLogEventsResponse, GetLogEventsError> {
    let (name, identifier) = (input.log_group_name.as_deref(), input.log_group_identifier.as_deref());
    let group = names::named_or_identified(&context.scope, name, identifier)?;
    let stream = input.log_stream_name.unwrap_or_default();
    names::check_stream_characters("logStreamName", &stream)?;
    let token = input.next_token.as_deref().map(Token::parse).transpose()?;
    let record = context.logs().group(&group).await.map_err(CommonError::from)?;
    let record = record.ok_or(LogStoreError::NoSuchGroup).map_err(CommonError::from)?;

    let kept_from = record.settings.kept_from(context.now());
    let mut from = Position::at(input.start_time.unwrap_or(0).max(kept_from));
    let mut to = input.end_time.map_or(Position::END, Position::at);
    let direction = match token {
        Some(Token { direction, .. }) => direction,
        None if input.start_from_head == Some(true) => Direction::Forward,
        None => Direction::Backward,
    };
    match token {
        Some(Token { direction: Direction::Forward, at }) => from = from.max(at),
        Some(Token { direction: Direction::Backward, at }) => to = to.min(at),
        None => {}
    }
    let scan = Scan {
        group,
        streams: Selection::Names(vec![stream]),
        from,
        to,
        direction,
        limits: events::limits(input.limit),
    };
    let mut page = context.logs().scan(scan, |_| true).await.map_err(CommonError::from)?.events;
    if direction == Direction::Backward {
        page.reverse();
    }

    // An empty page keeps its place: who comes with a token gets it back, and who comes without one finds what is
    // written later.
    let before = page.first().map_or(if token.is_some() { token_place(token, from) } else { to }, |it| it.position);
    let behind = page.last().map_or(token_place(token, from), |it| it.position.next());
    Ok(GetLogEventsResponse {
        events: Some(page.into_iter().map(shown).collect()),
        next_forward_token: Some(Token { direction: Direction::Forward, at: behind }.to_string()),
        next_backward_token: Some(Token { direction: Direction::Backward, at: before }.to_string()),
    })
}

fn token_place(token: Option<Token>, otherwise: Position) -> Position {
    token.map_or(otherwise, |token| token.at)
}

fn shown(event: StoredEvent) -> OutputLogEvent {
    OutputLogEvent {
        timestamp: Some(event.position.timestamp),
        message: Some(event.message),
        ingestion_time: Some(event.ingested.as_millis()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logstore::{GroupKey, GroupSettings, LogEvent, StreamKey};
    use crate::testing::context;

    async fn write(context: &Context, events: &[(i64, &str)]) {
        let key = StreamKey::new(&context.scope, "g", "s");
        let events = events.iter().map(|(timestamp, text)| LogEvent { timestamp: *timestamp, message: (*text).into() });
        context.logs().append(&key, events.collect(), None).await.expect("written");
    }

    async fn stream() -> Context {
        let context = context();
        let group = GroupKey::new(&context.scope, "g");
        context.logs().create_group(&group, GroupSettings::new(context.now())).await.expect("a group");
        context.logs().create_stream(&StreamKey::new(&context.scope, "g", "s")).await.expect("a stream");
        context
    }

    struct Page {
        text: String,
        forward: Option<String>,
        backward: Option<String>,
    }

    async fn get(context: &Context, request: &GetLogEventsRequest) -> Page {
        let answer = handle(context.clone(), request.clone()).await.expect("a page");
        let messages = answer.events.expect("a list").into_iter().map(|event| event.message.expect("a message"));
        let text = messages.collect::<Vec<_>>().join(" ");
        Page { text, forward: answer.next_forward_token, backward: answer.next_backward_token }
    }

    fn of_stream() -> GetLogEventsRequest {
        GetLogEventsRequest {
            log_group_name: Some("g".into()),
            log_stream_name: Some("s".into()),
            limit: Some(2),
            ..GetLogEventsRequest::default()
        }
    }

    #[tokio::test]
    async fn tokens_lead_forwards_and_backwards_and_stand_still_at_the_ends() {
        let context = stream().await;
        write(&context, &[(1, "a"), (2, "b"), (2, "c"), (3, "d"), (4, "e")]).await;
        let with = |token: &Option<String>| GetLogEventsRequest { next_token: token.clone(), ..of_stream() };
        let tail = get(&context, &of_stream()).await;
        assert_eq!(tail.text, "d e");
        let before = get(&context, &with(&tail.backward)).await;
        assert_eq!(before.text, "b c");
        let first = get(&context, &with(&before.backward)).await;
        assert_eq!(first.text, "a");
        let none = get(&context, &with(&first.backward)).await;
        assert_eq!((none.text.as_str(), &none.backward), ("", &first.backward));
        assert_eq!(get(&context, &with(&none.forward)).await.text, "a b");
        let end = get(&context, &with(&tail.forward)).await;
        assert_eq!((end.text.as_str(), &end.forward), ("", &tail.forward));
        write(&context, &[(4, "f"), (5, "g"), (6, "h")]).await;
        let new = get(&context, &with(&end.forward)).await;
        assert_eq!(new.text, "f g");
        assert_eq!(get(&context, &with(&new.forward)).await.text, "h");
        let head = get(&context, &GetLogEventsRequest { start_from_head: Some(true), ..of_stream() }).await;
        assert_eq!(head.text, "a b");
        assert!(head.forward.expect("a token").starts_with("f/"));
    }

    #[tokio::test]
    async fn an_empty_stream_has_tokens_that_find_what_comes() {
        let context = stream().await;
        let empty = get(&context, &of_stream()).await;
        write(&context, &[(1, "a"), (2, "b"), (3, "c")]).await;
        let forward = GetLogEventsRequest { next_token: empty.forward, ..of_stream() };
        assert_eq!(get(&context, &forward).await.text, "a b");
        let backward = GetLogEventsRequest { next_token: empty.backward, ..of_stream() };
        assert_eq!(get(&context, &backward).await.text, "b c");
    }

    #[tokio::test]
    async fn the_end_of_a_time_range_does_not_belong_to_it() {
        let context = stream().await;
        write(&context, &[(1, "a"), (2, "b"), (3, "c")]).await;
        let range = GetLogEventsRequest { start_time: Some(1), end_time: Some(3), ..of_stream() };
        assert_eq!(get(&context, &range).await.text, "a b");
    }

    #[tokio::test]
    async fn what_is_not_there_has_its_words() {
        let context = stream().await;
        for (request, message) in [
            (
                GetLogEventsRequest { log_stream_name: Some("none".into()), ..of_stream() },
                "The specified log stream does not exist.",
            ),
            (
                GetLogEventsRequest { log_group_name: Some("none".into()), ..of_stream() },
                "The specified log group does not exist.",
            ),
            (
                GetLogEventsRequest { next_token: Some("f/x".into()), ..of_stream() },
                "The specified nextToken is invalid.",
            ),
        ] {
            let error = handle(context.clone(), request).await.expect_err(message);
            assert_eq!(error.to_string(), message);
        }
    }
}
