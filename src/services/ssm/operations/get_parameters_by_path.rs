//! GetParametersByPath: the parameters under a path.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html>

use api_models::ssm::{
    GetParametersByPathError, GetParametersByPathRequest, GetParametersByPathResult, InvalidNextToken,
};

use crate::services::Context;
use crate::services::paging::{InvalidToken, Order, Pages};
use crate::services::ssm::resources::{Filters, ValidOptions, check_path, is_in_path};

const PAGE: usize = 10;

pub(crate) async fn handle(
    context: Context,
    input: GetParametersByPathRequest,
) -> Result<GetParametersByPathResult, GetParametersByPathError> {
    let path = input.path.unwrap_or_default();
    check_path(&path)?;
    let filters = Filters::new(input.parameter_filters.as_deref(), ValidOptions::GetParametersByPath)?;
    let (recursive, decrypted) = (input.recursive == Some(true), input.with_decryption == Some(true));
    let state = context.snapshot();
    let own = state.parameters.values().filter(|parameter| parameter.key.scope == context.scope);
    let found = own
        .filter(|parameter| is_in_path(&path, &parameter.key.name, recursive))
        .filter_map(|parameter| Some((parameter, filters.pick(parameter)?)));
    let size = input.max_results.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(PAGE);
    let pages = Pages { operation: "GetParametersByPath", size, next_token: input.next_token.as_deref() };
    let (page, next_token) =
        pages.cut(found, Order::Ascending, |(parameter, _)| parameter.key.name.to_string()).map_err(invalid_token)?;
    let parameters = page.into_iter().map(|(parameter, version)| parameter.to_api(version, None, decrypted)).collect();
    Ok(GetParametersByPathResult { parameters: Some(parameters), next_token })
}

pub(super) fn invalid_token(_: InvalidToken) -> InvalidNextToken {
    InvalidNextToken::new("The specified token isn't valid.")
}
