//! Pages of EC2's lists.

use api_models::ec2::ClientError;

use super::errors::invalid_token;
use crate::services::paging::{Order, Pages};

/// Cuts a page out of `items`, which are sorted by `cursor`, and says where the next one begins.
///
/// # Errors
/// InvalidNextToken: the token is none of this operation.
pub fn cut<T>(
    operation: &'static str,
    size: usize,
    token: Option<String>,
    items: impl IntoIterator<Item = T>,
    cursor: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), ClientError> {
    let pages = Pages { operation, size, next_token: token.as_deref() };
    pages.cut(items, Order::Ascending, cursor).map_err(|_| invalid_token())
}
