//! Pages of a list: `MaxItems` in, `IsTruncated` and `Marker` out.

use api_models::iam::{CommonError, ValidationErrorException};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Items on a page when nothing is asked.
const DEFAULT: usize = 100;

/// What a list operation was asked for.
#[derive(Clone, Debug, Default)]
pub struct PageRequest {
    pub marker: Option<String>,
    pub max_items: Option<i32>,
}

/// A page, and where the next one begins.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub is_truncated: Option<bool>,
    pub marker: Option<String>,
}

impl PageRequest {
    #[must_use]
    pub fn new(marker: Option<String>, max_items: Option<i32>) -> Self {
        Self { marker, max_items }
    }

    /// Cuts the page out of `items`, which are sorted by `cursor`. The marker names the last item given, so the next
    /// page begins behind it even when it is gone by then.
    ///
    /// # Errors
    /// When the marker is none.
    pub fn cut<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        cursor: impl Fn(&T) -> String,
    ) -> Result<Page<T>, CommonError> {
        let invalid = || ValidationErrorException::new("Invalid Marker.");
        let after = match &self.marker {
            None => None,
            Some(marker) => {
                let bytes = URL_SAFE_NO_PAD.decode(marker).map_err(|_| invalid())?;
                Some(String::from_utf8(bytes).map_err(|_| invalid())?)
            }
        };
        let size = self.max_items.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(DEFAULT);
        let mut items = items.into_iter().skip_while(|item| after.as_ref().is_some_and(|after| cursor(item) <= *after));
        let page: Vec<T> = items.by_ref().take(size).collect();
        let is_truncated = items.next().is_some();
        let last = page.last().filter(|_| is_truncated);
        let marker = last.map(|last| URL_SAFE_NO_PAD.encode(cursor(last)));
        Ok(Page { items: page, is_truncated: Some(is_truncated), marker })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_join_to_the_whole() {
        let all: Vec<String> = (0..7).map(|number| number.to_string()).collect();
        let (mut joined, mut marker) = (Vec::new(), None);
        loop {
            let page = PageRequest::new(marker, Some(3)).cut(all.iter(), |item| (*item).clone()).expect("a page");
            joined.extend(page.items.into_iter().cloned());
            assert_eq!(page.is_truncated, Some(page.marker.is_some()));
            marker = page.marker;
            if marker.is_none() {
                break;
            }
        }
        assert_eq!(joined, all);
        assert!(PageRequest::new(Some("!".into()), None).cut(all.iter(), |item| (*item).clone()).is_err());
    }
}
