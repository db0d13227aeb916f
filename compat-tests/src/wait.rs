//! Waiting on conditions. No test sleeps for a fixed time and hopes.

use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(25);

/// Asks `condition` again and again until it holds.
///
/// # Panics
/// When it does not within `deadline`; `what` says what was waited for.
pub async fn wait_until<F: Future<Output = bool>>(what: &str, deadline: Duration, mut condition: impl FnMut() -> F) {
    wait_until_some(what, deadline, || {
        let holds = condition();
        async move { holds.await.then_some(()) }
    })
    .await;
}

/// Asks again and again until there is an answer, and returns it.
///
/// # Panics
/// When there is none within `deadline`; `what` says what was waited for.
pub async fn wait_until_some<T, F: Future<Output = Option<T>>>(
    what: &str,
    deadline: Duration,
    mut answer: impl FnMut() -> F,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = answer().await {
            return value;
        }
        assert!(start.elapsed() < deadline, "waited {deadline:?} for {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
