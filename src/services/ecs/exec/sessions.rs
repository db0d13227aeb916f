//! The sessions that ExecuteCommand has opened and whose client has not come yet, and the end of all.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::watch;

use crate::ids::IdSource;
use crate::runtime::ContainerId;
use crate::time::stopwatch;

/// How long a client may take to come with its token.
const TOKEN_LIFE: Duration = Duration::from_secs(60);
/// Hexadecimal digits of a token: 256 bits that nobody can guess.
const TOKEN_DIGITS: usize = 64;
/// How long the sessions' commands may take to end when LocalECS does.
const CLOSING_PATIENCE: Duration = Duration::from_secs(5);

/// What a session is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// `ecs:<cluster>_<task id>_<runtime id>`, which is what clients call the container.
    pub target: String,
    pub container: ContainerId,
    /// The command and its arguments.
    pub command: Vec<String>,
    /// Shown to the user when the session begins.
    pub greeting: String,
}

/// What the client is told.
pub struct Opened {
    /// `ecs-execute-command-` and 17 hexadecimal digits.
    pub session: Arc<str>,
    pub token: String,
}

/// Sessions by their ids. They are not kept over a restart.
pub struct Sessions {
    pending: Mutex<HashMap<Arc<str>, Pending>>,
    time: Box<dyn Fn() -> Duration + Send + Sync>,
    closing: watch::Sender<bool>,
}

struct Pending {
    purpose: Purpose,
    /// SHA-256: the token itself is kept nowhere.
    token: [u8; 32],
    until: Duration,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { pending: Mutex::default(), time: Box::new(stopwatch()), closing: watch::Sender::new(false) }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl Sessions {
    /// Opens a session that waits for its client, for a minute.
    #[must_use]
    pub fn open(&self, purpose: Purpose, ids: &IdSource) -> Opened {
        let now = (self.time)();
        let session: Arc<str> = format!("ecs-execute-command-0{}", ids.hex(16)).into();
        let token = ids.hex(TOKEN_DIGITS);
        let pending = Pending { purpose, token: digest(&token), until: now + TOKEN_LIFE };
        let mut all = self.pending.lock();
        all.retain(|_, pending| now < pending.until);
        all.insert(session.clone(), pending);
        Opened { session, token }
    }

    /// Whether a client is waited for.
    #[must_use]
    pub fn awaits(&self, session: &str) -> bool {
        let now = (self.time)();
        self.pending.lock().get(session).is_some_and(|pending| now < pending.until)
    }

    /// What the session is for, to whoever has its token: once.
    #[must_use]
    pub fn redeem(&self, session: &str, token: &str) -> Option<Purpose> {
        let now = (self.time)();
        let mut all = self.pending.lock();
        let pending = all.get(session)?;
        let valid = now < pending.until && bool::from(pending.token.ct_eq(&digest(token)));
        if valid { all.remove(session).map(|pending| pending.purpose) } else { None }
    }

    /// Becomes true when the sessions are to end. Who has one has a session.
    pub(super) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// Ends all sessions, and waits a moment until their commands have ended.
    pub async fn close_all(&self) {
        self.pending.lock().clear();
        self.closing.send_replace(true);
        if tokio::time::timeout(CLOSING_PATIENCE, self.closing.closed()).await.is_err() {
            tracing::warn!("some commands in containers were not ended in time");
        }
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purpose() -> Purpose {
        Purpose {
            target: "ecs:c_t_r".to_owned(),
            container: ContainerId("r".into()),
            command: vec!["sh".to_owned()],
            greeting: String::new(),
        }
    }

    fn sessions(now: &Arc<Mutex<Duration>>) -> Sessions {
        let now = now.clone();
        Sessions { time: Box::new(move || *now.lock()), ..Sessions::default() }
    }

    #[test]
    fn a_token_opens_its_session_once() {
        let (sessions, ids) = (sessions(&Arc::default()), IdSource::random());
        let (one, two) = (sessions.open(purpose(), &ids), sessions.open(purpose(), &ids));
        assert!(one.session.starts_with("ecs-execute-command-0") && one.session.len() == 37, "{}", one.session);
        assert_eq!(sessions.redeem(&one.session, &two.token), None);
        assert_eq!(sessions.redeem(&one.session, ""), None);
        assert!(sessions.awaits(&one.session));
        assert_eq!(sessions.redeem(&one.session, &one.token), Some(purpose()));
        assert_eq!(sessions.redeem(&one.session, &one.token), None);
        assert!(!sessions.awaits(&one.session) && sessions.awaits(&two.session));
    }

    #[test]
    fn a_token_is_good_for_a_minute() {
        let now = Arc::default();
        let (sessions, ids) = (sessions(&now), IdSource::random());
        let (one, two) = (sessions.open(purpose(), &ids), sessions.open(purpose(), &ids));
        *now.lock() = Duration::from_secs(59);
        assert_eq!(sessions.redeem(&one.session, &one.token), Some(purpose()));
        *now.lock() = Duration::from_secs(60);
        assert!(!sessions.awaits(&two.session));
        assert_eq!(sessions.redeem(&two.session, &two.token), None);
        let _ = sessions.open(purpose(), &ids);
        assert_eq!(sessions.pending.lock().len(), 1, "what is over is forgotten");
    }
}
