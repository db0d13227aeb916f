//! Time, injected: everything that asks for the time or waits does it through a [`Clock`].
//!
//! One clock serves all three uses: the system's time, a scaled time (a day of deployments in a minute) and
//! a manual time that moves only when a test moves it. This is the only place that may read the machine's clock.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub use api_models::Timestamp;
use parking_lot::RwLock;
use tokio::sync::watch;

/// A source of time, cheap to clone; all clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    mode: RwLock<Mode>,
    /// Counts the changes of `mode`, so that sleepers look again.
    changes: watch::Sender<u64>,
}

/// How the shown time follows from the machine's.
#[derive(Clone, Copy, Debug)]
enum Mode {
    /// The machine's wall clock, moved by `offset_ms`.
    System { offset_ms: i64 },
    /// `origin` plus `speed` times what has passed since `since`; speed 0 is a manual clock.
    Scaled { origin: Timestamp, since: Instant, speed: f64 },
}

impl Mode {
    fn now(self) -> Timestamp {
        match self {
            Self::System { offset_ms } => Timestamp::from_millis(wall_millis() + offset_ms),
            Self::Scaled { origin, since, speed } => {
                let passed = since.elapsed().as_secs_f64() * speed;
                Timestamp::from_millis(origin.as_millis() + (passed * 1000.0) as i64)
            }
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn wall_millis() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(_) => 0,
    }
}

#[allow(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
fn monotonic() -> Instant {
    Instant::now()
}

/// A point on the monotonic clock, for measuring how long something took.
pub fn stopwatch() -> impl Fn() -> Duration {
    let start = monotonic();
    move || start.elapsed()
}

impl Clock {
    /// The machine's own time.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Mode::System { offset_ms: 0 })
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self::new(Mode::Scaled { origin: start, since: monotonic(), speed: 0.0 })
    }

    fn new(mode: Mode) -> Self {
        Self { inner: Arc::new(Inner { mode: RwLock::new(mode), changes: watch::Sender::new(0) }) }
    }

    /// The time now, in milliseconds since the epoch.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.mode.read().now()
    }

    /// How many of its seconds pass in one of the machine's.
    #[must_use]
    pub fn speed(&self) -> f64 {
        match *self.inner.mode.read() {
            Mode::System { .. } => 1.0,
            Mode::Scaled { speed, .. } => speed,
        }
    }

    /// Moves the time forward by `by`; what sleeps until a moment in between wakes.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.change(|mode| match mode {
            Mode::System { offset_ms } => Mode::System { offset_ms: offset_ms.saturating_add(by) },
            Mode::Scaled { speed, .. } => {
                let origin = Timestamp::from_millis(mode.now().as_millis().saturating_add(by));
                Mode::Scaled { origin, since: monotonic(), speed }
            }
        });
    }

    /// Lets time pass `speed` times as fast as the machine's from now on; 0 stops it.
    pub fn set_speed(&self, speed: f64) {
        self.change(|mode| Mode::Scaled { origin: mode.now(), since: monotonic(), speed: speed.max(0.0) });
    }

    /// Returns to the machine's own time.
    pub fn reset(&self) {
        self.change(|_| Mode::System { offset_ms: 0 });
    }

    fn change(&self, change: impl FnOnce(Mode) -> Mode) {
        let mut mode = self.inner.mode.write();
        *mode = change(*mode);
        drop(mode);
        self.inner.changes.send_modify(|count| *count += 1);
    }

    /// Returns when the time is `deadline` or later, however the clock is moved meanwhile.
    pub async fn sleep_until(&self, deadline: Timestamp) {
        let mut changes = self.inner.changes.subscribe();
        loop {
            changes.borrow_and_update();
            let missing = deadline.as_millis() - self.now().as_millis();
            if missing <= 0 {
                return;
            }
            let speed = self.speed();
            if speed <= 0.0 {
                if changes.changed().await.is_err() {
                    return;
                }
                continue;
            }
            // A millisecond more than computed: the clock shows whole milliseconds, so waking early would spin.
            let real =
                Duration::from_secs_f64((missing as f64 / 1000.0 / speed).min(86_400.0)) + Duration::from_millis(1);
            tokio::select! {
                () = real_sleep(real) => {}
                _ = changes.changed() => {}
            }
        }
    }

    /// Returns after `duration` of this clock's time.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.now().saturating_add(duration)).await;
    }
}

/// Waits real time, whatever the injected clock shows: for retries against the machine itself (a socket that is
/// gone), never for anything that AWS would time.
#[allow(clippy::disallowed_methods, reason = "the one place that sleeps")]
pub async fn real_sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_its_sleepers_only_when_moved() {
        let clock = Clock::manual(Timestamp::from_millis(1_000));
        let deadline = clock.now().saturating_add(Duration::from_secs(60));
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.sleep_until(deadline).await;
                clock.now()
            }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(30));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(30));
        assert_eq!(sleeper.await.expect("the sleeper ends"), Timestamp::from_millis(61_000));
    }

    #[test]
    fn a_scaled_clock_goes_on_from_where_it_stood() {
        let clock = Clock::manual(Timestamp::from_millis(5_000));
        clock.set_speed(1_000.0);
        let start = clock.now();
        while clock.now().as_millis() < start.as_millis() + 500 {
            std::hint::spin_loop();
        }
        assert!(clock.now() > start);
    }
}
