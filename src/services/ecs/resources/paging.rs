//! Pages of a list: `maxResults` in, `nextToken` out.
//!
//! A token is opaque to the client. It names the operation and the last item given, so the next page starts behind
//! that item even when it is gone by then, and a token of another operation is refused.

use api_models::ecs::{CommonError, InvalidParameterException};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// How a list is sorted by the text that stands for its items in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Ascending,
    Descending,
}

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
        let after = self.after()?;
        let mut items = items.into_iter().skip_while(|item| match (&after, order) {
            (None, _) => false,
            (Some(last), Order::Ascending) => cursor(item) <= *last,
            (Some(last), Order::Descending) => cursor(item) >= *last,
        });
        let page: Vec<T> = items.by_ref().take(size).collect();
        let token = match (items.next(), page.last()) {
            (Some(_), Some(last)) => Some(self.encode(&cursor(last))),
            _ => None,
        };
        Ok((page, token))
    }

    /// The cursor of the last item already given: what a list begins behind, if it can.
    ///
    /// # Errors
    /// InvalidParameterException when the token is none that this operation gave.
    pub fn after(&self) -> Result<Option<String>, CommonError> {
        self.next_token.filter(|token| !token.is_empty()).map(|token| self.decode(token)).transpose()
    }

    fn encode(&self, cursor: &str) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}\n{cursor}", self.operation))
    }

    fn decode(&self, token: &str) -> Result<String, CommonError> {
        URL_SAFE_NO_PAD
            .decode(token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .and_then(|text| text.strip_prefix(self.operation)?.strip_prefix('\n').map(str::to_owned))
            .ok_or_else(|| InvalidParameterException::new("Invalid token.").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(max_results: i32, next_token: Option<&str>) -> PageRequest<'_> {
        PageRequest::new("ListThings", Some(max_results), next_token)
    }

    #[test]
    fn pages_join_to_the_whole_even_when_the_last_item_is_gone() {
        let (first, token) =
            request(2, None).cut(["a", "b", "c", "d"], Order::Ascending, ToString::to_string).expect("a page");
        assert_eq!(first, ["a", "b"]);
        let (rest, end) =
            request(2, token.as_deref()).cut(["a", "c", "d"], Order::Ascending, ToString::to_string).expect("a page");
        assert_eq!((rest, end), (vec!["c", "d"], None));
    }

    #[test]
    fn descending_lists_page_too() {
        let (_, token) = request(1, None).cut([3, 2, 1], Order::Descending, ToString::to_string).expect("a page");
        let (rest, _) =
            request(9, token.as_deref()).cut([3, 2, 1], Order::Descending, ToString::to_string).expect("a page");
        assert_eq!(rest, [2, 1]);
    }

    #[test]
    fn strange_tokens_and_sizes_are_refused() {
        for bad in ["x", "!!!", &URL_SAFE_NO_PAD.encode("ListOthers\na")] {
            assert!(request(1, Some(bad)).cut(["a"], Order::Ascending, ToString::to_string).is_err(), "{bad}");
        }
        for bad in [0, -1, 101] {
            assert!(request(bad, None).cut(["a"], Order::Ascending, ToString::to_string).is_err(), "{bad}");
        }
    }
}
