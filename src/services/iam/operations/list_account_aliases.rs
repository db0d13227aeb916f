//! ListAccountAliases: names of the account: it has none.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccountAliases.html>

use api_models::iam::{ListAccountAliasesError, ListAccountAliasesRequest, ListAccountAliasesResponse};

use crate::services::Context;

pub(crate) async fn handle(
    _context: Context,
    _input: ListAccountAliasesRequest,
) -> Result<ListAccountAliasesResponse, ListAccountAliasesError> {
    Ok(ListAccountAliasesResponse { account_aliases: Some(Vec::new()), is_truncated: Some(false), marker: None })
}
