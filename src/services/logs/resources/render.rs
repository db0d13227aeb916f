//! Groups and streams as the API shows them.

use api_models::logs::{LogGroup, LogGroupClass, LogStream};

use super::names::{group_arn, stream_arn};
use crate::logstore::{Group, GroupKey, Stream};

/// A log group. It has two ARNs: `arn` ends in `:*`, as policies want it, `logGroupArn` does not.
#[must_use]
pub fn group(group: &Group) -> LogGroup {
    let arn = group_arn(&group.key);
    let settings = &group.settings;
    LogGroup {
        log_group_name: Some(group.key.name.to_string()),
        creation_time: Some(settings.created_at.as_millis()),
        retention_in_days: settings.retention_days,
        metric_filter_count: Some(0),
        arn: Some(format!("{arn}:*")),
        stored_bytes: i64::try_from(group.stored_bytes).ok(),
        kms_key_id: settings.kms_key.clone(),
        log_group_class: Some(LogGroupClass::from(settings.class.as_str())),
        log_group_arn: Some(arn),
        deletion_protection_enabled: settings.deletion_protection.then_some(true),
        ..LogGroup::default()
    }
}

/// A log group as it is shown to who asks with a pattern: by name, age and ARN alone.
#[must_use]
pub fn group_found_by_pattern(found: &Group) -> LogGroup {
    let LogGroup { log_group_name, creation_time, arn, .. } = group(found);
    LogGroup { log_group_name, creation_time, arn, ..LogGroup::default() }
}

/// A log stream. Its `storedBytes` is always 0, as on AWS since 2019.
#[must_use]
pub fn stream(group: &GroupKey, stream: &Stream) -> LogStream {
    LogStream {
        log_stream_name: Some(stream.name.clone()),
        creation_time: Some(stream.created_at.as_millis()),
        first_event_timestamp: stream.first_event.map(|time| time.as_millis()),
        last_event_timestamp: stream.last_event.map(|time| time.as_millis()),
        last_ingestion_time: stream.last_ingestion.map(|time| time.as_millis()),
        // Of no use any more, but there once the stream has events.
        upload_sequence_token: stream.last_ingestion.map(|_| super::SEQUENCE_TOKEN.to_owned()),
        arn: Some(stream_arn(group, &stream.name)),
        stored_bytes: Some(0),
    }
}
