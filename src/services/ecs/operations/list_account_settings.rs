//! ListAccountSettings: the settings of a principal.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListAccountSettings.html>

use api_models::ecs::{
    InvalidParameterException, ListAccountSettingsError, ListAccountSettingsRequest, ListAccountSettingsResponse,
};

use crate::services::Context;
use crate::services::ecs::resources::paging::{Order, PageRequest};
use crate::services::ecs::resources::settings;

/// Pages hold up to 10 settings, by name.
pub(crate) async fn handle(
    context: Context,
    input: ListAccountSettingsRequest,
) -> Result<ListAccountSettingsResponse, ListAccountSettingsError> {
    if input.value.is_some() && input.name.is_none() {
        return Err(
            InvalidParameterException::new("You must specify an account setting name to filter by value.").into()
        );
    }
    let scope = &context.scope;
    let principal = settings::principal(scope, input.principal_arn.as_deref())?;
    let effective = input.effective_settings.unwrap_or(false);
    let mut found = settings::list(&context.snapshot(), scope, principal.as_deref(), input.name.as_ref(), effective)?;
    if let Some(value) = &input.value {
        found.retain(|setting| setting.value.as_ref() == Some(value));
    }
    let page = PageRequest {
        default: 10,
        limit: 10,
        ..PageRequest::new("ListAccountSettings", input.max_results, input.next_token.as_deref())
    };
    let (settings, next_token) = page
        .cut(found, Order::Ascending, |setting| setting.name.as_ref().map(ToString::to_string).unwrap_or_default())?;
    Ok(ListAccountSettingsResponse { settings: Some(settings), next_token })
}
