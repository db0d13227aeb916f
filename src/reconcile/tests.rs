//! Tests of the driver, with a reconciler that does what each test tells it and a clock that stands still.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};

use super::*;
use crate::identity::{AccountId, Region, Scope};
use crate::ids::IdSource;
use crate::services::ecs::resources::{AccountSetting, AccountSettingKey};
use crate::store::Store;
use crate::time::Clock;

/// What a run does.
#[derive(Clone)]
enum Act {
    Return(Next),
    Fail,
    Panic,
    /// Waits until it is let go, then needs nothing more.
    Block(Arc<Notify>),
    /// Writes its own record, then fails.
    WriteAndFail,
}

/// Its keys are the names of account settings: the smallest records there are.
struct Toy {
    store: Arc<Store>,
    /// What each key does; what is not named needs nothing more.
    acts: Mutex<HashMap<String, Act>>,
    /// Every run, as it begins.
    runs: mpsc::UnboundedSender<String>,
}

#[async_trait]
impl Reconciler for Toy {
    type Key = String;

    fn name(&self) -> &'static str {
        "toy"
    }

    fn initial(&self, state: &State) -> Vec<String> {
        state.account_settings.keys().map(|key| key.name.clone()).collect()
    }

    fn touched(&self, change: &Change, _state: &State) -> Vec<String> {
        match change {
            Change::AccountSetting(key) => vec![key.name.clone()],
            _ => Vec::new(),
        }
    }

    async fn reconcile(&self, key: &String) -> Result<Next, Unexpected> {
        let _ = self.runs.send(key.clone());
        let act = self.acts.lock().get(key).cloned();
        match act {
            None => Ok(Next::Idle),
            Some(Act::Return(next)) => Ok(next),
            Some(Act::Fail) => Err(Unexpected::new("out of order")),
            Some(Act::Panic) => panic!("a bug in a reconciler"),
            Some(Act::Block(gate)) => {
                gate.notified().await;
                Ok(Next::Idle)
            }
            Some(Act::WriteAndFail) => {
                touch(&self.store, key).await;
                Err(Unexpected::new("out of order"))
            }
        }
    }
}

async fn touch(store: &Store, name: &str) {
    let scope = Scope::new(AccountId::DEFAULT, Region::new("us-east-1"));
    let key = AccountSettingKey { scope, principal: None, name: name.to_owned() };
    let write = store.transact(|tx| {
        tx.put(AccountSetting { key, value: "on".to_owned() });
        Ok::<_, Unexpected>(())
    });
    write.await.expect("memory does not fail");
}

/// A driver that runs the toy. Everything is on one thread, so that "nothing happens" can be seen.
struct Bench {
    store: Arc<Store>,
    clock: Clock,
    toy: Arc<Toy>,
    wakes: Waker<String>,
    runs: mpsc::UnboundedReceiver<String>,
    driver: Driver,
}

impl Bench {
    /// Starts the driver over a store with these records.
    async fn start(names: &[&str]) -> Self {
        let store = Arc::new(Store::in_memory(&IdSource::seeded(1)));
        for name in names {
            touch(&store, name).await;
        }
        let clock = Clock::manual(Timestamp::from_millis(0));
        let (sender, runs) = mpsc::unbounded_channel();
        let toy = Arc::new(Toy { store: store.clone(), acts: Mutex::default(), runs: sender });
        let mut driver = Driver::new(store.clone(), clock.clone());
        let (wakes, receiver) = Driver::waker();
        driver.run(toy.clone(), receiver);
        Self { store, clock, toy, wakes, runs, driver }
    }

    fn act(&self, key: &str, act: Act) {
        self.toy.acts.lock().insert(key.to_owned(), act);
    }

    /// What ran since the last look, sorted.
    async fn ran(&mut self) -> Vec<String> {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        let mut ran: Vec<_> = std::iter::from_fn(|| self.runs.try_recv().ok()).collect();
        ran.sort();
        ran
    }

    fn status(&self) -> ReconcilerStatus {
        self.driver.statuses()[0].borrow().clone()
    }
}

#[tokio::test]
async fn it_looks_at_what_is_there_and_then_at_what_changes() {
    let mut bench = Bench::start(&["a", "b"]).await;
    assert_eq!(bench.ran().await, ["a", "b"]);
    assert!(bench.ran().await.is_empty());
    touch(&bench.store, "b").await;
    touch(&bench.store, "c").await;
    assert_eq!(bench.ran().await, ["b", "c"]);
    bench.wakes.wake("d".to_owned());
    assert_eq!(bench.ran().await, ["d"]);
    let status = bench.status();
    assert_eq!((status.name, status.running, status.waiting, status.failing, status.runs), ("toy", 0, 0, 0, 5));
}

#[tokio::test]
async fn a_key_touched_while_it_runs_runs_once_more() {
    let mut bench = Bench::start(&[]).await;
    let gate = Arc::new(Notify::new());
    bench.act("a", Act::Block(gate.clone()));
    touch(&bench.store, "a").await;
    assert_eq!(bench.ran().await, ["a"]);
    for _ in 0..3 {
        touch(&bench.store, "a").await;
    }
    assert!(bench.ran().await.is_empty(), "never twice at once");
    assert_eq!(bench.status().running, 1);
    gate.notify_one();
    assert_eq!(bench.ran().await, ["a"]);
    gate.notify_one();
    assert!(bench.ran().await.is_empty());
    assert_eq!(bench.status().running, 0);
}

#[tokio::test]
async fn a_key_that_blocks_does_not_hold_up_others() {
    let mut bench = Bench::start(&[]).await;
    let gate = Arc::new(Notify::new());
    for name in ["a", "b"] {
        bench.act(name, Act::Block(gate.clone()));
    }
    for name in ["a", "b", "c"] {
        touch(&bench.store, name).await;
    }
    assert_eq!(bench.ran().await, ["a", "b", "c"]);
    assert_eq!(bench.status().running, 2);
    gate.notify_waiters();
    assert!(bench.ran().await.is_empty());
    assert_eq!(bench.status().running, 0);
}

#[tokio::test]
async fn a_timer_runs_a_key_when_it_is_due_and_a_touch_replaces_it() {
    let mut bench = Bench::start(&[]).await;
    bench.act("a", Act::Return(Next::At(Timestamp::from_millis(10_000))));
    bench.act("b", Act::Return(Next::At(Timestamp::from_millis(20_000))));
    touch(&bench.store, "a").await;
    touch(&bench.store, "b").await;
    assert_eq!(bench.ran().await, ["a", "b"]);
    assert_eq!(bench.status().waiting, 2);
    bench.clock.advance(Duration::from_millis(9_999));
    assert!(bench.ran().await.is_empty());
    bench.act("a", Act::Return(Next::Idle));
    bench.clock.advance(Duration::from_millis(1));
    assert_eq!(bench.ran().await, ["a"]);
    assert_eq!(bench.status().waiting, 1);
    bench.act("b", Act::Return(Next::Idle));
    touch(&bench.store, "b").await;
    assert_eq!(bench.ran().await, ["b"]);
    bench.clock.advance(Duration::from_secs(60));
    assert!(bench.ran().await.is_empty(), "the timer is gone");
}

#[tokio::test]
async fn a_failure_is_tried_again_later_each_time_up_to_a_minute() {
    let mut bench = Bench::start(&[]).await;
    bench.act("a", Act::Fail);
    touch(&bench.store, "a").await;
    assert_eq!(bench.ran().await, ["a"]);
    for delay in [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 60_000, 60_000] {
        bench.clock.advance(Duration::from_millis(delay - 1));
        assert!(bench.ran().await.is_empty(), "{delay} ms");
        bench.clock.advance(Duration::from_millis(1));
        assert_eq!(bench.ran().await, ["a"], "{delay} ms");
    }
    let status = bench.status();
    assert_eq!((status.failing, status.waiting, status.last_error.as_deref()), (1, 1, Some("out of order")));
    bench.act("a", Act::Return(Next::Idle));
    bench.clock.advance(Duration::from_secs(60));
    assert_eq!(bench.ran().await, ["a"]);
    assert_eq!(bench.status().failing, 0);
}

#[tokio::test]
async fn a_touch_brings_a_retry_forward() {
    let mut bench = Bench::start(&[]).await;
    bench.act("a", Act::Fail);
    touch(&bench.store, "a").await;
    for _ in 0..10 {
        bench.ran().await;
        bench.clock.advance(Duration::from_secs(60));
    }
    assert_eq!(bench.ran().await, ["a"]);
    bench.clock.advance(Duration::from_millis(100));
    assert!(bench.ran().await.is_empty(), "by itself it waits a minute");
    touch(&bench.store, "a").await;
    assert_eq!(bench.ran().await, ["a"]);
}

#[tokio::test]
async fn a_run_that_touches_its_own_key_and_fails_does_not_spin() {
    let mut bench = Bench::start(&[]).await;
    bench.act("a", Act::WriteAndFail);
    touch(&bench.store, "a").await;
    assert_eq!(bench.ran().await, ["a"]);
    assert!(bench.ran().await.is_empty());
    bench.clock.advance(Duration::from_millis(100));
    assert_eq!(bench.ran().await, ["a"]);
}

#[tokio::test]
async fn a_panic_is_one_key_s_failure() {
    let mut bench = Bench::start(&["a", "b"]).await;
    assert_eq!(bench.ran().await, ["a", "b"]);
    bench.act("a", Act::Panic);
    touch(&bench.store, "a").await;
    touch(&bench.store, "b").await;
    assert_eq!(bench.ran().await, ["a", "b"]);
    assert_eq!(bench.status().failing, 1);
    touch(&bench.store, "b").await;
    assert_eq!(bench.ran().await, ["b"]);
    bench.act("a", Act::Return(Next::Idle));
    bench.clock.advance(Duration::from_millis(100));
    assert_eq!(bench.ran().await, ["a"]);
    assert_eq!(bench.status().failing, 0);
}

#[tokio::test]
async fn a_dropped_driver_runs_nothing_and_ends_what_runs() {
    let mut bench = Bench::start(&[]).await;
    let gate = Arc::new(Notify::new());
    bench.act("a", Act::Block(gate.clone()));
    touch(&bench.store, "a").await;
    assert_eq!(bench.ran().await, ["a"]);
    bench.driver = Driver::new(bench.store.clone(), bench.clock.clone());
    assert!(bench.ran().await.is_empty());
    touch(&bench.store, "a").await;
    bench.wakes.wake("a".to_owned());
    assert!(bench.ran().await.is_empty());
    // The bench and its toy are all that is left: the run and the loop let go of theirs.
    assert_eq!(Arc::strong_count(&bench.toy), 1);
}
