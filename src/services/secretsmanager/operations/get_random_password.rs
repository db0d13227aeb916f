//! GetRandomPassword: a password nobody has thought of.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html>

use api_models::secretsmanager::{GetRandomPasswordError, GetRandomPasswordRequest, GetRandomPasswordResponse};

use crate::services::Context;
use crate::services::secretsmanager::resources::password;

pub(crate) async fn handle(
    context: Context,
    input: GetRandomPasswordRequest,
) -> Result<GetRandomPasswordResponse, GetRandomPasswordError> {
    let password = password::random(context.ids(), &input)?;
    Ok(GetRandomPasswordResponse { random_password: Some(password) })
}
