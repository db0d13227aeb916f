//! Amazon Resource Names: `arn:partition:service:region:account:resource`.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>

/// An ARN taken apart; the parts borrow from the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    pub partition: &'a str,
    pub service: &'a str,
    pub region: &'a str,
    pub account: &'a str,
    /// All after the account, such as `task/cluster/id`; may hold colons.
    pub resource: &'a str,
}

/// A text that is not an ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an ARN: six parts with colons between them, the first of them \"arn\"")]
pub struct ArnParseError;

impl<'a> Arn<'a> {
    /// Takes `text` apart.
    ///
    /// # Errors
    /// When it has fewer than six parts, does not begin with `arn`, or lacks partition, service or resource.
    pub fn parse(text: &'a str) -> Result<Self, ArnParseError> {
        let mut parts = text.splitn(6, ':');
        let mut part = || parts.next().ok_or(ArnParseError);
        let (scheme, partition, service) = (part()?, part()?, part()?);
        let (region, account, resource) = (part()?, part()?, part()?);
        if scheme != "arn" || partition.is_empty() || service.is_empty() || resource.is_empty() {
            return Err(ArnParseError);
        }
        Ok(Self { partition, service, region, account, resource })
    }

    /// The resource's type and the rest, cut at the first slash: `("task", "cluster/id")`.
    #[must_use]
    pub fn typed_resource(&self) -> Option<(&'a str, &'a str)> {
        self.resource.split_once('/')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_an_arn_apart() {
        let arn = Arn::parse("arn:aws:ecs:us-east-1:000000000000:task-definition/web:3").expect("an ARN");
        assert_eq!((arn.service, arn.region, arn.account), ("ecs", "us-east-1", "000000000000"));
        assert_eq!(arn.typed_resource(), Some(("task-definition", "web:3")));
    }

    #[test]
    fn refuses_what_is_none() {
        for bad in ["", "default", "arn:aws:ecs", "arn:aws:ecs:r:a:", "urn:aws:ecs:r:a:x", "arn::ecs:r:a:x"] {
            assert_eq!(Arn::parse(bad), Err(ArnParseError), "{bad}");
        }
    }
}
