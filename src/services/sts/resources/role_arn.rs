//! ARNs of roles: `arn:aws:iam::123456789012:role/path/name`.

use crate::identity::{AccountId, Arn};

/// A role's ARN, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleArn<'a> {
    pub partition: &'a str,
    pub account: AccountId,
    /// The role's name, without its path.
    pub name: &'a str,
}

impl<'a> RoleArn<'a> {
    /// `None` when it is not the ARN of a role.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let arn = Arn::parse(text).ok()?;
        let path = arn.resource.strip_prefix("role/")?;
        let name = path.rsplit('/').next().filter(|name| !name.is_empty())?;
        let account = arn.account.parse().ok()?;
        (arn.service == "iam" && arn.region.is_empty()).then_some(Self { partition: arn.partition, account, name })
    }

    /// The ARN of a session of the role, which has no path.
    #[must_use]
    pub fn session(&self, session: &str) -> String {
        format!("arn:{}:sts::{}:assumed-role/{}/{session}", self.partition, self.account, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_has_a_path_and_its_session_has_none() {
        let role = RoleArn::parse("arn:aws:iam::123456789012:role/service-role/web").expect("a role");
        assert_eq!((role.name, role.account.to_string().as_str()), ("web", "123456789012"));
        assert_eq!(role.session("s"), "arn:aws:sts::123456789012:assumed-role/web/s");
        for bad in [
            "web",
            "arn:aws:iam::123456789012:user/web",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::12:role/web",
            "arn:aws:sts::123456789012:role/web",
        ] {
            assert_eq!(RoleArn::parse(bad), None, "{bad}");
        }
    }
}
