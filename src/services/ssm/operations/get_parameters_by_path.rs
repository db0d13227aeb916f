//! GetParametersByPath: the parameters under a path. Those of AWS are under /aws, where nobody else's are.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html>

use api_models::ssm::{
    self, GetParametersByPathError, GetParametersByPathRequest, GetParametersByPathResult, InvalidNextToken,
};

use crate::services::Context;
use crate::services::paging::{InvalidToken, Order, Pages};
use crate::services::ssm::resources::{
    Filters, Parameter, ParameterVersion, ValidOptions, check_path, is_in_path, public_parameters,
};

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
    let found = found.map(|(parameter, version)| Found::Own(parameter, version));
    let public = if is_public(&path) && filters.pick_public() { public_parameters(&context.scope) } else { Vec::new() };
    let public = public.into_iter().map(|parameter| Found::Public(Box::new(parameter)));
    let found = public.filter(|parameter| is_in_path(&path, parameter.name(), recursive)).chain(found);
    let size = input.max_results.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(PAGE);
    let pages = Pages { operation: "GetParametersByPath", size, next_token: input.next_token.as_deref() };
    let (page, next_token) =
        pages.cut(found, Order::Ascending, |parameter| parameter.name().to_owned()).map_err(invalid_token)?;
    let parameters = page.into_iter().map(|parameter| parameter.render(decrypted)).collect();
    Ok(GetParametersByPathResult { parameters: Some(parameters), next_token })
}

/// A parameter of the account's, or one of AWS's.
enum Found<'a> {
    Own(&'a Parameter, &'a ParameterVersion),
    Public(Box<ssm::Parameter>),
}

impl Found<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Own(parameter, _) => &parameter.key.name,
            Self::Public(parameter) => parameter.name.as_deref().unwrap_or_default(),
        }
    }

    fn render(self, decrypted: bool) -> ssm::Parameter {
        match self {
            Self::Own(parameter, version) => parameter.to_api(version, None, decrypted),
            Self::Public(parameter) => *parameter,
        }
    }
}

/// Whoever asks for everything (`/`) is told of their own parameters.
fn is_public(path: &str) -> bool {
    path.trim_start_matches('/').split('/').next() == Some("aws")
}

pub(super) fn invalid_token(_: InvalidToken) -> InvalidNextToken {
    InvalidNextToken::new("The specified token isn't valid.")
}
