//! BatchGetSecretValue: the current values of several secrets, named or found by filters.
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html>

use std::sync::Arc;

use api_models::Exception;
use api_models::secretsmanager::{
    APIErrorType, BatchGetSecretValueError, BatchGetSecretValueRequest, BatchGetSecretValueResponse, CommonError,
    InvalidParameterException, SecretValueEntry,
};

use super::get_secret_value::note_access;
use super::list_secrets::invalid_token;
use crate::services::Context;
use crate::services::paging::{Order, Pages};
use crate::services::secretsmanager::resources::{Filters, Secret, find, not_marked, pick};

const PAGE: usize = 20;

pub(crate) async fn handle(
    context: Context,
    input: BatchGetSecretValueRequest,
) -> Result<BatchGetSecretValueResponse, BatchGetSecretValueError> {
    let named = input.secret_id_list.unwrap_or_default();
    let filtered = input.filters.as_ref().is_some_and(|filters| !filters.is_empty());
    if named.is_empty() != filtered {
        let message = "Either 'SecretIdList' or 'Filters' must be provided, but not both.";
        return Err(InvalidParameterException::new(message).into());
    }
    let (mut values, mut errors) = (Vec::new(), Vec::new());
    let state = context.snapshot();
    let mut next_token = None;
    let asked: Vec<(String, Result<Arc<Secret>, CommonError>)> = if filtered {
        let filters = Filters::new(input.filters.as_deref())?;
        let own = state.secrets.values().filter(|secret| secret.key.scope == context.scope);
        let found = own.filter(|secret| secret.deletion.is_none() && filters.hold(secret));
        let size = input.max_results.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(PAGE);
        let pages = Pages { operation: "BatchGetSecretValue", size, next_token: input.next_token.as_deref() };
        let (page, token) =
            pages.cut(found, Order::Ascending, |secret| secret.key.name.to_string()).map_err(invalid_token)?;
        next_token = token;
        page.into_iter().map(|secret| (secret.key.name.to_string(), Ok(secret.clone()))).collect()
    } else {
        if input.max_results.is_some() || input.next_token.is_some() {
            // (ours)
            let message = "MaxResults and NextToken can only be used with Filters.";
            return Err(InvalidParameterException::new(message).into());
        }
        named.into_iter().map(|id| (id.clone(), found(find(&state, &context.scope, Some(&id))))).collect()
    };
    for (id, secret) in asked {
        match secret.and_then(|secret| current(&secret).map(|(entry, version)| (secret, entry, version))) {
            Ok((secret, entry, version)) => {
                note_access(&context, &secret, &version).await?;
                values.push(entry);
            }
            Err(error) => errors.push(entry_of(id, &error)),
        }
    }
    Ok(BatchGetSecretValueResponse { secret_values: Some(values), next_token, errors: Some(errors) })
}

fn found<E: Into<CommonError>>(secret: Result<&Arc<Secret>, E>) -> Result<Arc<Secret>, CommonError> {
    secret.cloned().map_err(Into::into)
}

/// The current value, and the id of its version.
fn current(secret: &Secret) -> Result<(SecretValueEntry, String), CommonError> {
    not_marked(secret)?;
    let version = pick(secret, None, None)?;
    Ok((secret.value_to_entry(version), version.id.clone()))
}

fn entry_of(id: String, error: &CommonError) -> APIErrorType {
    let (code, message) = match error {
        CommonError::ResourceNotFoundException(error) => (error.code(), error.message()),
        CommonError::InvalidRequestException(error) => (error.code(), error.message()),
        CommonError::InvalidParameterException(error) => (error.code(), error.message()),
        CommonError::InternalServiceError(error) => (error.code(), error.message()),
        CommonError::Unexpected(_) => ("InternalServiceError", "An internal error occurred."),
    };
    APIErrorType { secret_id: Some(id), error_code: Some(code.to_owned()), message: Some(message.to_owned()) }
}
