//! Pages of a list: `maxResults` in, `nextToken` out, in ECS's words. The pages are cut by [`crate::services::paging`].

use api_models::ecs::{CommonError, InvalidParameterException};

pub use crate::services::paging::Order;
use crate::services::paging::{InvalidToken, Pages};

/// What a list operation was asked for.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest<'a> {
    /// The operation's name: tokens of others are refused.
    pub operation: &'static str,
    pub max_results: Option<i32>,
    pub next_token: Option<&'a str>,
    /// The page's size when none is asked for.
    pub default: usize,
    /// The largest size that may be asked for.
    pub limit: usize,
}

impl<'a> PageRequest<'a> {
    /// The bounds most ECS operations have: up to 100, and 100 when nothing is asked.
    #[must_use]
    pub fn new(operation: &'static str, max_results: Option<i32>, next_token: Option<&'a str>) -> Self {
        Self { operation, max_results, next_token, default: 100, limit: 100 }
    }

    /// Cuts the page out of `items`, which are sorted by `cursor` in the given order.
    ///
    /// # Errors
    /// InvalidParameterException when the size is out of bounds or the token is none that this operation gave.
    pub fn cut<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        order: Order,
        cursor: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), CommonError> {
        let size = match self.max_results {
            None => self.default,
            Some(asked) => {
                usize::try_from(asked).ok().filter(|size| (1..=self.limit).contains(size)).ok_or_else(|| {
                    InvalidParameterException::new(format!("maxResults must be between 1 and {}.", self.limit))
                })?
            }
        };
        let pages = Pages { operation: self.operation, size, next_token: self.next_token };
        pages.cut(items, order, cursor).map_err(invalid)
    }

    /// The cursor of the last item already given: what a list begins behind, if it can.
    ///
    /// # Errors
    /// InvalidParameterException when the token is none that this operation gave.
    pub fn after(&self) -> Result<Option<String>, CommonError> {
        Pages { operation: self.operation, size: self.default, next_token: self.next_token }.after().map_err(invalid)
    }
}

fn invalid(_: InvalidToken) -> CommonError {
    InvalidParameterException::new("Invalid token.").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strange_sizes_and_tokens_are_refused() {
        let cut = |max_results, next_token| {
            PageRequest::new("ListThings", Some(max_results), next_token).cut(
                ["a"],
                Order::Ascending,
                ToString::to_string,
            )
        };
        assert!(cut(100, None).is_ok());
        for bad in [0, -1, 101] {
            assert!(cut(bad, None).is_err(), "{bad}");
        }
        assert!(cut(1, Some("x")).is_err());
    }
}
