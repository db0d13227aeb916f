//! Lifecycle hooks: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks.html>

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// A wait lasts at most 48 hours, or 100 times the heartbeat timeout, whichever is less.
const LONGEST_SECONDS: u64 = 172_800;

/// When instances wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transition {
    Launching,
    Terminating,
}

impl Transition {
    /// `autoscaling:EC2_INSTANCE_LAUNCHING`
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Launching => "autoscaling:EC2_INSTANCE_LAUNCHING",
            Self::Terminating => "autoscaling:EC2_INSTANCE_TERMINATING",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Launching, Self::Terminating].into_iter().find(|it| it.as_str() == text)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    pub transition: Transition,
    /// Seconds until the default result counts.
    pub heartbeat_timeout: i32,
    /// What counts when nobody answers: CONTINUE, or else ABANDON.
    pub continues: bool,
    pub metadata: Option<String>,
    pub target_arn: Option<String>,
    pub role_arn: Option<String>,
}

impl Hook {
    /// Seconds after which no heartbeat helps any more.
    #[must_use]
    pub fn global_timeout(&self) -> u64 {
        (u64::try_from(self.heartbeat_timeout).unwrap_or(0) * 100).min(LONGEST_SECONDS)
    }
}

/// What an instance waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    pub transition: Transition,
    /// A UUID that the hook's notification carries.
    pub token: String,
    /// The names of hooks that nobody has answered.
    pub open: BTreeSet<String>,
    /// One answer was ABANDON: that ends the wait for all.
    pub abandoned: bool,
    pub since: Timestamp,
    /// When the default result counts, moved by heartbeats.
    pub until: Timestamp,
}

impl Wait {
    /// A wait for these hooks that begins now. `None` when there are none.
    #[must_use]
    pub fn begin<'h>(
        hooks: impl Iterator<Item = (&'h String, &'h Hook)>,
        transition: Transition,
        token: String,
        now: Timestamp,
    ) -> Option<Self> {
        let hooks: Vec<_> = hooks.filter(|(_, hook)| hook.transition == transition).collect();
        let longest = hooks.iter().map(|(_, hook)| hook.heartbeat_timeout).max()?;
        let open = hooks.into_iter().map(|(name, _)| name.clone()).collect();
        Some(Self { transition, token, open, abandoned: false, since: now, until: seconds_after(now, longest) })
    }

    /// Moves the end of the wait, as RecordLifecycleActionHeartbeat does.
    pub fn beat(&mut self, hook: &Hook, now: Timestamp) {
        let last = self.since.saturating_add(Duration::from_secs(hook.global_timeout()));
        self.until = seconds_after(now, hook.heartbeat_timeout).min(last);
    }

    /// An answer for one hook.
    pub fn answer(&mut self, hook: &str, continues: bool) {
        self.open.remove(hook);
        self.abandoned |= !continues;
    }

    /// Whether it is over: everybody answered, or somebody said ABANDON.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.open.is_empty() || self.abandoned
    }
}

/// `seconds` later.
#[must_use]
pub fn seconds_after(time: Timestamp, seconds: i32) -> Timestamp {
    time.saturating_add(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}
