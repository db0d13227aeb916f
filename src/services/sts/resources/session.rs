//! Temporary credentials: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp.html>

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use api_models::sts::Credentials;
use serde::{Deserialize, Serialize};

use super::keys;
use super::role_arn::RoleArn;
use crate::identity::AccountId;
use crate::services::Shared;
use crate::services::iam::authorize;
use crate::store::{Record, State, Transaction};
use crate::time::Timestamp;

/// Who sent a request.
#[derive(Clone, Debug)]
pub enum Caller {
    /// A plain access key, or no key at all: the root user of the account.
    Root,
    /// Temporary credentials that LocalECS gave.
    Session(Arc<Session>),
}

/// Temporary credentials, and who they speak for. It is gone from the store once it is expired.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// `ASIA` and 16 letters.
    pub access_key_id: Arc<str>,
    pub secret_access_key: String,
    pub token: String,
    pub account: AccountId,
    /// What GetCallerIdentity answers: `arn:aws:sts::123456789012:assumed-role/<role>/<session>`, for one.
    pub arn: String,
    /// The unique id of who it speaks for: `AROA…:<session>`, for one.
    pub user_id: String,
    /// The ARN of the role whose permissions it has; `None` for the root user's.
    #[serde(default)]
    pub role: Option<String>,
    pub expires_at: Timestamp,
}

/// Without what nobody may see.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("access_key_id", &self.access_key_id)
            .field("arn", &self.arn)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Record for Session {
    type Key = Arc<str>;

    fn key(&self) -> Arc<str> {
        self.access_key_id.clone()
    }
}

impl Session {
    /// As the API shows it.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        Credentials {
            access_key_id: Some(self.access_key_id.to_string()),
            secret_access_key: Some(self.secret_access_key.clone()),
            session_token: Some(self.token.clone()),
            expiration: Some(self.expires_at),
        }
    }
}

/// Who new credentials speak for, and how long.
#[derive(Clone, Debug)]
pub struct Grant {
    pub account: AccountId,
    pub arn: String,
    pub user_id: String,
    pub role: Option<String>,
    pub lifetime: Duration,
}

/// Makes credentials inside a transaction; they are valid once it is committed.
pub fn issue(tx: &mut Transaction, shared: &Shared, grant: Grant) -> Arc<Session> {
    let now = shared.clock.now().as_millis();
    let session = Arc::new(Session {
        access_key_id: keys::temporary(&shared.ids, shared.store.id()).into(),
        secret_access_key: keys::secret(&shared.ids),
        token: keys::token(&shared.ids),
        account: grant.account,
        arn: grant.arn,
        user_id: grant.user_id,
        role: grant.role,
        // Whole seconds, as the API shows them.
        expires_at: Timestamp::from_millis(now - now.rem_euclid(1000)).saturating_add(grant.lifetime),
    });
    tx.put_arc(session.clone());
    session
}

/// Credentials of the role with this ARN for a session of that name (for a task: its id). Roles that do not exist are
/// made up; whether that is wanted is the caller's to know. `None` when it is no role's ARN.
pub fn issue_for_role(
    tx: &mut Transaction,
    shared: &Shared,
    role_arn: &str,
    session_name: &str,
    lifetime: Duration,
) -> Option<Arc<Session>> {
    let role = RoleArn::parse(role_arn)?;
    let grant = Grant {
        account: role.account,
        arn: role.session(session_name),
        user_id: format!("{}:{session_name}", role_id(tx, role_arn)),
        role: Some(role_arn.to_owned()),
        lifetime,
    };
    Some(issue(tx, shared, grant))
}

/// The unique id of a role; made up for one that does not exist.
fn role_id(state: &State, role_arn: &str) -> String {
    authorize::role(state, role_arn).map_or_else(|| keys::made_up_id("AROA", role_arn), |role| role.id.clone())
}

/// Takes credentials back before they expire; who uses them is told that they are expired.
pub fn revoke(tx: &mut Transaction, access_key_id: &str) {
    tx.delete::<Session>(&Arc::from(access_key_id));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ACCOUNT, START, context};

    const ROLE: &str = "arn:aws:iam::123456789012:role/path/web";

    #[tokio::test]
    async fn a_role_has_sessions_with_keys_of_their_own() {
        let context = context();
        let issue = |name: &'static str| {
            let context = &context;
            async move {
                let shared = &context.shared;
                let issue = |tx: &mut Transaction| {
                    let session = issue_for_role(tx, shared, ROLE, name, Duration::from_secs(900));
                    session.ok_or_else(|| api_models::Unexpected::new("no role"))
                };
                context.store().transact(issue).await.expect("a role's ARN")
            }
        };
        let (one, two) = (issue("one").await, issue("two").await);
        assert_eq!(one.arn, format!("arn:aws:sts::{ACCOUNT}:assumed-role/web/one"));
        assert_eq!(one.account.to_string(), ACCOUNT);
        assert_eq!(one.expires_at, START.saturating_add(Duration::from_secs(900)));
        assert_ne!(one.access_key_id, two.access_key_id);
        let id = |session: &Session| session.user_id.split_once(':').map(|(id, name)| (id.to_owned(), name.to_owned()));
        let (one_id, two_id) = (id(&one).expect("a name"), id(&two).expect("a name"));
        assert_eq!((one_id.0.as_str(), one_id.1.as_str()), (two_id.0.as_str(), "one"));
        assert!(one_id.0.starts_with("AROA"));
        assert_eq!(context.snapshot().sessions.len(), 2);
        let shown = format!("{one:?}");
        assert!(!shown.contains(&one.secret_access_key) && !shown.contains(&one.token), "{shown}");
    }

    #[tokio::test]
    async fn what_is_no_role_has_no_sessions() {
        let context = context();
        let given = context
            .store()
            .transact(|tx| {
                let user = "arn:aws:iam::123456789012:user/a";
                Ok::<_, api_models::Unexpected>(issue_for_role(tx, &context.shared, user, "s", Duration::ZERO))
            })
            .await;
        assert!(matches!(given, Ok(None)));
    }
}
