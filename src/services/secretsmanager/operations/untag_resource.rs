//! UntagResource: takes tags from a secret.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UntagResource.html>

use api_models::secretsmanager::{UntagResourceError, UntagResourceRequest, UntagResourceResponse};

use crate::services::Context;
use crate::services::secretsmanager::resources::{Secret, usable};

pub(crate) async fn handle(
    context: Context,
    input: UntagResourceRequest,
) -> Result<UntagResourceResponse, UntagResourceError> {
    let keys = input.tag_keys.unwrap_or_default();
    context
        .store()
        .transact(|tx| {
            let mut secret = Secret::clone(usable(tx, &context.scope, input.secret_id.as_deref())?);
            secret.tags.retain(|key, _| !keys.contains(key));
            tx.put(secret);
            Ok(UntagResourceResponse::default())
        })
        .await
}
