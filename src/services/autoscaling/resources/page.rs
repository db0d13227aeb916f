//! Pages of Auto Scaling's lists.

use api_models::autoscaling::{CommonError, InvalidNextToken};

use super::errors::invalid;
use crate::services::paging::{Order, Pages};

/// What a list was asked for.
#[derive(Clone, Debug)]
pub struct PageRequest {
    operation: &'static str,
    size: usize,
    token: Option<String>,
}

impl PageRequest {
    /// `most` is the size a page may have at most; 50 when nothing is asked.
    ///
    /// # Errors
    /// The size is not within `1..=most`.
    pub fn new(
        operation: &'static str,
        size: Option<i32>,
        most: i32,
        token: Option<String>,
    ) -> Result<Self, CommonError> {
        let size = size.unwrap_or(most.min(50));
        if !(1..=most).contains(&size) {
            return Err(invalid(format!("MaxRecords must be between 1 and {most}, but is {size}.")));
        }
        Ok(Self { operation, size: usize::try_from(size).unwrap_or(1), token })
    }

    /// Cuts the page out of `items`, which are sorted by `cursor`, and says where the next one begins.
    ///
    /// # Errors
    /// The token is none of this operation.
    pub fn cut<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        order: Order,
        cursor: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), CommonError> {
        let pages = Pages { operation: self.operation, size: self.size, next_token: self.token.as_deref() };
        pages.cut(items, order, cursor).map_err(|_| InvalidNextToken::new("The NextToken value is not valid.").into())
    }
}
