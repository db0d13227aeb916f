//! ListSecrets: the secrets that pass the filters.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html>

use api_models::secretsmanager::{
    InvalidNextTokenException, ListSecretsError, ListSecretsRequest, ListSecretsResponse, SortByType, SortOrderType,
};

use crate::services::Context;
use crate::services::paging::{InvalidToken, Order, Pages};
use crate::services::secretsmanager::resources::{Filters, Secret};

const PAGE: usize = 100;

pub(crate) async fn handle(
    context: Context,
    input: ListSecretsRequest,
) -> Result<ListSecretsResponse, ListSecretsError> {
    let state = context.snapshot();
    let filters = Filters::new(input.filters.as_deref())?;
    let with_deleted = input.include_planned_deletion == Some(true);
    let sort_by = input.sort_by.unwrap_or(SortByType::CreatedDate);
    let order = match input.sort_order {
        Some(SortOrderType::Asc) => Order::Ascending,
        _ => Order::Descending,
    };
    let cursor = |secret: &&Secret| cursor(&sort_by, secret);
    let own = state.secrets.values().map(AsRef::as_ref).filter(|secret: &&Secret| secret.key.scope == context.scope);
    let mut secrets: Vec<&Secret> =
        own.filter(|secret| (with_deleted || secret.deletion.is_none()) && filters.hold(secret)).collect();
    secrets.sort_by_cached_key(&cursor);
    if order == Order::Descending {
        secrets.reverse();
    }
    let size = input.max_results.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(PAGE);
    let pages = Pages { operation: "ListSecrets", size, next_token: input.next_token.as_deref() };
    let (page, next_token) = pages.cut(secrets, order, cursor).map_err(invalid_token)?;
    Ok(ListSecretsResponse { secret_list: Some(page.into_iter().map(Secret::to_entry).collect()), next_token })
}

pub(super) fn invalid_token(_: InvalidToken) -> InvalidNextTokenException {
    InvalidNextTokenException::new("The NextToken value is invalid.") // (ours)
}

/// A text that sorts as is asked. The name makes it unique.
fn cursor(by: &SortByType, secret: &Secret) -> String {
    let time = match by {
        SortByType::Name | SortByType::Unrecognized(_) => return secret.key.name.to_string(),
        SortByType::CreatedDate => secret.created_at,
        SortByType::LastChangedDate => secret.changed_at,
        SortByType::LastAccessedDate => secret.accessed_or_never(),
    };
    format!("{:020} {}", time.as_millis().max(0), secret.key.name)
}
