//! ListSecretVersionIds: the versions of a secret.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecretVersionIds.html>

use api_models::secretsmanager::{
    ListSecretVersionIdsError, ListSecretVersionIdsRequest, ListSecretVersionIdsResponse,
};

use super::list_secrets::invalid_token;
use crate::services::Context;
use crate::services::paging::{Order, Pages};
use crate::services::secretsmanager::resources::{SecretVersion, find};

const PAGE: usize = 100;

pub(crate) async fn handle(
    context: Context,
    input: ListSecretVersionIdsRequest,
) -> Result<ListSecretVersionIdsResponse, ListSecretVersionIdsError> {
    let state = context.snapshot();
    let secret = find(&state, &context.scope, input.secret_id.as_deref())?;
    let all = input.include_deprecated == Some(true);
    let cursor = |version: &&SecretVersion| format!("{:020} {}", version.created_at.as_millis().max(0), version.id);
    let mut versions: Vec<&SecretVersion> =
        secret.versions.iter().filter(|version| all || !version.stages.is_empty()).collect();
    versions.sort_by_cached_key(&cursor);
    let size = input.max_results.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(PAGE);
    let pages = Pages { operation: "ListSecretVersionIds", size, next_token: input.next_token.as_deref() };
    let (page, next_token) = pages.cut(versions, Order::Ascending, cursor).map_err(invalid_token)?;
    Ok(ListSecretVersionIdsResponse {
        versions: Some(page.into_iter().map(|version| secret.version_to_api(version)).collect()),
        next_token,
        arn: Some(secret.arn()),
        name: Some(secret.key.name.to_string()),
    })
}
