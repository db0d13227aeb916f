//! StartLiveTail: events as they come, for as long as the client listens.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartLiveTail.html>

use api_models::logs::{
    CommonError, InvalidOperationException, InvalidParameterException, LiveTailSessionStart, StartLiveTailError,
    StartLiveTailRequest, StartLiveTailResponseStream,
};
use futures_util::stream::BoxStream;

use crate::logstore::LogStoreError;
use crate::services::Context;
use crate::services::logs::live_tail::{self, Streams, Wanted};
use crate::services::logs::patterns::Pattern;
use crate::services::logs::resources::names;

pub(crate) async fn handle(
    context: Context,
    input: StartLiveTailRequest,
) -> Result<BoxStream<'static, StartLiveTailResponseStream>, StartLiveTailError> {
    let identifiers = input.log_group_identifiers.unwrap_or_default();
    let pattern = input.log_event_filter_pattern;
    let start = LiveTailSessionStart {
        request_id: Some(context.request_id.to_string()),
        session_id: Some(context.ids().uuid()),
        log_group_identifiers: Some(identifiers.clone()),
        log_stream_names: input.log_stream_names.clone(),
        log_stream_name_prefixes: input.log_stream_name_prefixes.clone(),
        log_event_filter_pattern: pattern.clone(),
    };
    let pattern = Pattern::parse(pattern.as_deref().unwrap_or_default()).map_err(CommonError::from)?;
    let streams = match (input.log_stream_names, input.log_stream_name_prefixes) {
        (None, None) => Streams::All,
        (Some(names), None) if identifiers.len() == 1 => Streams::Named(names),
        (None, Some(prefixes)) if identifiers.len() == 1 => Streams::Prefixed(prefixes),
        (Some(_), Some(_)) => {
            return Err(InvalidParameterException::new(
                "logStreamNames and logStreamNamePrefixes can not be specified at the same time.",
            )
            .into());
        }
        _ => {
            return Err(InvalidParameterException::new(
                "logStreamNames and logStreamNamePrefixes can be specified only with one log group.",
            )
            .into());
        }
    };
    let mut wanted = Wanted { groups: Default::default(), streams, pattern };
    for identifier in &identifiers {
        // Names are not taken here, nor ARNs that end in `:*`.
        let key = names::tagged(&context.scope, identifier)?;
        let group = context.logs().group(&key).await.map_err(CommonError::from)?;
        let group = group.ok_or(LogStoreError::NoSuchGroup).map_err(CommonError::from)?;
        if group.settings.class != "STANDARD" {
            return Err(InvalidOperationException::new(
                "Live Tail is supported only for log groups of the Standard log class.",
            )
            .into());
        }
        wanted.groups.insert(key);
    }
    Ok(live_tail::session(&context, wanted, start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logstore::{GroupKey, GroupSettings};
    use crate::testing::context;

    #[tokio::test]
    async fn a_session_needs_arns_of_groups_that_are_there() {
        let context = context();
        let group = GroupKey::new(&context.scope, "g");
        context.logs().create_group(&group, GroupSettings::new(context.now())).await.expect("a group");
        let arn = names::group_arn(&group);
        let start = async |identifiers: &[&str], names: Option<&str>, pattern: &str| {
            let request = StartLiveTailRequest {
                log_group_identifiers: Some(identifiers.iter().map(|arn| (*arn).to_owned()).collect()),
                log_stream_names: names.map(|name| vec![name.to_owned()]),
                log_event_filter_pattern: Some(pattern.to_owned()),
                ..StartLiveTailRequest::default()
            };
            handle(context.clone(), request).await.map(|_| ())
        };
        start(&[&arn], None, "").await.expect("started");
        start(&[&arn], Some("s"), "ERROR").await.expect("started");
        let none = arn.replace(":g", ":none");
        for (identifiers, names, pattern) in [
            (&["g"][..], None, ""),
            (&[&format!("{arn}:*")], None, ""),
            (&[&arn], None, "{"),
            (&[&arn, &none], Some("s"), ""),
        ] {
            let refused = start(identifiers, names, pattern).await;
            assert!(matches!(refused, Err(StartLiveTailError::InvalidParameterException(_))), "{identifiers:?}");
        }
        let refused = start(&[&arn, &none], None, "").await;
        assert!(matches!(refused, Err(StartLiveTailError::ResourceNotFoundException(_))));
    }
}
