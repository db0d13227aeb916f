//! GetParameterHistory: the versions of a parameter.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameterHistory.html>

use api_models::ssm::{
    GetParameterHistoryError, GetParameterHistoryRequest, GetParameterHistoryResult, ParameterNotFound,
};

use super::get_parameters_by_path::invalid_token;
use crate::services::Context;
use crate::services::paging::{Order, Pages};
use crate::services::ssm::resources::select;

const PAGE: usize = 50;

pub(crate) async fn handle(
    context: Context,
    input: GetParameterHistoryRequest,
) -> Result<GetParameterHistoryResult, GetParameterHistoryError> {
    let state = context.snapshot();
    let name = input.name.unwrap_or_default();
    let found = select(&state, &context.scope, &name).ok().filter(|selected| selected.selector.is_none());
    let parameter = found.ok_or_else(ParameterNotFound::default)?.parameter;
    let decrypted = input.with_decryption == Some(true);
    let size = input.max_results.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(PAGE);
    let pages = Pages { operation: "GetParameterHistory", size, next_token: input.next_token.as_deref() };
    let (page, next_token) = pages
        .cut(&parameter.versions, Order::Ascending, |version| format!("{:020}", version.number))
        .map_err(invalid_token)?;
    let parameters = page.into_iter().map(|version| parameter.to_history(version, decrypted)).collect();
    Ok(GetParameterHistoryResult { parameters: Some(parameters), next_token })
}
