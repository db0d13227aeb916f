//! DescribeParameters: the parameters that pass the filters, without their values.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeParameters.html>

use api_models::ssm::{
    DescribeParametersError, DescribeParametersRequest, DescribeParametersResult, ParameterStringFilter,
    ParametersFilter, ParametersFilterKey, ValidationException,
};

use super::get_parameters_by_path::invalid_token;
use crate::services::Context;
use crate::services::paging::{Order, Pages};
use crate::services::ssm::resources::{Filters, ValidOptions};

const PAGE: usize = 50;

pub(crate) async fn handle(
    context: Context,
    input: DescribeParametersRequest,
) -> Result<DescribeParametersResult, DescribeParametersError> {
    let older = input.filters.unwrap_or_default();
    let newer = input.parameter_filters.unwrap_or_default();
    if !older.is_empty() && !newer.is_empty() {
        let message = "You can use either Filters or ParameterFilters in a single request.";
        return Err(ValidationException::new(message).into());
    }
    let given = if older.is_empty() { newer } else { older.into_iter().map(of_older).collect() };
    let filters = Filters::new(Some(&given), ValidOptions::DescribeParameters)?;
    let state = context.snapshot();
    // Nobody shares parameters with anybody here.
    let shared = input.shared == Some(true);
    let own = state.parameters.values().filter(|parameter| !shared && parameter.key.scope == context.scope);
    let found = own.filter(|parameter| filters.pick(parameter).is_some());
    let size = input.max_results.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(PAGE);
    let pages = Pages { operation: "DescribeParameters", size, next_token: input.next_token.as_deref() };
    let (page, next_token) =
        pages.cut(found, Order::Ascending, |parameter| parameter.key.name.to_string()).map_err(invalid_token)?;
    Ok(DescribeParametersResult {
        parameters: Some(page.into_iter().map(|parameter| parameter.to_metadata()).collect()),
        next_token,
    })
}

/// The older form of a filter, which looks for the beginnings of names.
fn of_older(filter: ParametersFilter) -> ParameterStringFilter {
    let option = match filter.key {
        Some(ParametersFilterKey::Name) => "BeginsWith",
        _ => "Equals",
    };
    ParameterStringFilter {
        key: filter.key.map(|key| key.as_str().to_owned()),
        option: Some(option.to_owned()),
        values: filter.values,
    }
}
