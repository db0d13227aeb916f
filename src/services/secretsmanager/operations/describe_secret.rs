//! DescribeSecret: all about a secret but its values.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html>

use api_models::secretsmanager::{DescribeSecretError, DescribeSecretRequest, DescribeSecretResponse};

use crate::services::Context;
use crate::services::secretsmanager::resources::find;

pub(crate) async fn handle(
    context: Context,
    input: DescribeSecretRequest,
) -> Result<DescribeSecretResponse, DescribeSecretError> {
    Ok(find(&context.snapshot(), &context.scope, input.secret_id.as_deref())?.to_api())
}
