//! PutLogEvents: adds events to a stream.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>

use api_models::logs::{CommonError, PutLogEventsError, PutLogEventsRequest, PutLogEventsResponse};

use crate::logstore::{LogEvent, LogStoreError};
use crate::services::Context;
use crate::services::logs::resources::batch::{self, Batch};
use crate::services::logs::resources::{SEQUENCE_TOKEN, names};

pub(crate) async fn handle(
    context: Context,
    input: PutLogEventsRequest,
) -> Result<PutLogEventsResponse, PutLogEventsError> {
    let (group, stream) = (input.log_group_name.as_deref(), input.log_stream_name.as_deref());
    let key = names::stream(&context.scope, group, stream)?;
    let group = context.logs().group(&key.group_key()).await.map_err(CommonError::from)?;
    let group = group.ok_or(LogStoreError::NoSuchGroup).map_err(CommonError::from)?;
    let events: Vec<LogEvent> = input
        .log_events
        .unwrap_or_default()
        .into_iter()
        .map(|event| LogEvent {
            timestamp: event.timestamp.unwrap_or_default(),
            message: event.message.unwrap_or_default(),
        })
        .collect();
    let now = context.now();
    let Batch { events, rejected } = batch::check(events, now, group.settings.kept_from(now))?;
    // Also without events: it says whether there is such a stream.
    context.logs().append(&key, events, None).await.map_err(CommonError::from)?;
    Ok(PutLogEventsResponse {
        next_sequence_token: Some(SEQUENCE_TOKEN.to_owned()),
        rejected_log_events_info: rejected.map(Box::new),
        rejected_entity_info: None,
    })
}
