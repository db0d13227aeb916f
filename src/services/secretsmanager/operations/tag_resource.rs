//! TagResource: more tags for a secret, or new values for those it has.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_TagResource.html>

use api_models::secretsmanager::{TagResourceError, TagResourceRequest, TagResourceResponse};

use crate::services::Context;
use crate::services::secretsmanager::resources::{Secret, checked_tags, usable};

pub(crate) async fn handle(
    context: Context,
    input: TagResourceRequest,
) -> Result<TagResourceResponse, TagResourceError> {
    let given = input.tags.unwrap_or_default();
    context
        .store()
        .transact(|tx| {
            let mut secret = Secret::clone(usable(tx, &context.scope, input.secret_id.as_deref())?);
            secret.tags = checked_tags(&secret.tags, given)?;
            tx.put(secret);
            Ok(TagResourceResponse::default())
        })
        .await
}
