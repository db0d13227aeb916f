//! Pages of a list, as all services cut them: a size and a token in, a page and the next token out.
//!
//! A token is opaque to the client. It names the operation and the last item given, so the next page starts behind
//! that item even when it is gone by then, and a token of another operation is refused.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// How a list is sorted by the text that stands for its items in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Ascending,
    Descending,
}

/// A token that the operation did not give; each service has its own exception for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token of this operation")]
pub struct InvalidToken;

/// What a list operation was asked for, its size checked.
#[derive(Clone, Copy, Debug)]
pub struct Pages<'a> {
    /// The operation's name: tokens of others are refused.
    pub operation: &'static str,
    /// How many items a page has at most.
    pub size: usize,
    /// None, or an empty one: the first page.
    pub next_token: Option<&'a str>,
}

impl Pages<'_> {
    /// Cuts the page out of `items`, which are sorted by `cursor` in the given order. The second is the token of the
    /// next page, when there is one.
    ///
    /// # Errors
    /// The token is none that this operation gave.
    pub fn cut<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        order: Order,
        cursor: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), InvalidToken> {
        let after = self.after()?;
        let mut items = items.into_iter().skip_while(|item| match (&after, order) {
            (None, _) => false,
            (Some(last), Order::Ascending) => cursor(item) <= *last,
            (Some(last), Order::Descending) => cursor(item) >= *last,
        });
        let page: Vec<T> = items.by_ref().take(self.size).collect();
        let token = match (items.next(), page.last()) {
            (Some(_), Some(last)) => Some(self.token(&cursor(last))),
            _ => None,
        };
        Ok((page, token))
    }

    /// The cursor of the last item already given: what a list begins behind, if it can.
    ///
    /// # Errors
    /// The token is none that this operation gave.
    pub fn after(&self) -> Result<Option<String>, InvalidToken> {
        self.next_token.filter(|token| !token.is_empty()).map(|token| self.decode(token)).transpose()
    }

    /// The token of the page behind the item that `cursor` stands for.
    #[must_use]
    pub fn token(&self, cursor: &str) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}\n{cursor}", self.operation))
    }

    fn decode(&self, token: &str) -> Result<String, InvalidToken> {
        URL_SAFE_NO_PAD
            .decode(token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .and_then(|text| text.strip_prefix(self.operation)?.strip_prefix('\n').map(str::to_owned))
            .ok_or(InvalidToken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(size: usize, next_token: Option<&str>) -> Pages<'_> {
        Pages { operation: "ListThings", size, next_token }
    }

    #[test]
    fn pages_join_to_the_whole_even_when_the_last_item_is_gone() {
        let (first, token) =
            pages(2, None).cut(["a", "b", "c", "d"], Order::Ascending, ToString::to_string).expect("a page");
        assert_eq!(first, ["a", "b"]);
        let (rest, end) =
            pages(2, token.as_deref()).cut(["a", "c", "d"], Order::Ascending, ToString::to_string).expect("a page");
        assert_eq!((rest, end), (vec!["c", "d"], None));
    }

    #[test]
    fn descending_lists_page_too() {
        let (_, token) = pages(1, None).cut([3, 2, 1], Order::Descending, ToString::to_string).expect("a page");
        let (rest, _) =
            pages(9, token.as_deref()).cut([3, 2, 1], Order::Descending, ToString::to_string).expect("a page");
        assert_eq!(rest, [2, 1]);
    }

    #[test]
    fn strange_tokens_are_refused() {
        for bad in ["x", "!!!", &URL_SAFE_NO_PAD.encode("ListOthers\na")] {
            assert_eq!(
                pages(1, Some(bad)).cut(["a"], Order::Ascending, ToString::to_string),
                Err(InvalidToken),
                "{bad}"
            );
        }
    }
}
