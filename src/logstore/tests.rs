//! The store as its users see it.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::testing::{START, context};

fn clock() -> Clock {
    Clock::manual(START)
}

fn store() -> LogStore {
    LogStore::in_memory(clock(), DEFAULT_MAX_BYTES_IN_MEMORY).expect("a store")
}

fn scope() -> Scope {
    context().scope
}

fn group() -> GroupKey {
    GroupKey::new(&scope(), "/ecs/web")
}

fn stream(name: &str) -> StreamKey {
    StreamKey::new(&scope(), "/ecs/web", name)
}

async fn with_streams(store: &LogStore, names: &[&str]) {
    store.create_group(&group(), GroupSettings::new(START)).await.expect("a group");
    for name in names {
        store.create_stream(&stream(name)).await.expect("a stream");
    }
}

fn event(timestamp: i64, message: &str) -> LogEvent {
    LogEvent { timestamp, message: message.to_owned() }
}

const ALL: Limits = Limits { events: usize::MAX, bytes: usize::MAX, examined: usize::MAX };

fn everything(streams: Selection, direction: Direction) -> Scan {
    Scan { group: group(), streams, from: Position::START, to: Position::END, direction, limits: ALL }
}

async fn messages(store: &LogStore, scan: Scan) -> Vec<String> {
    let page = store.scan(scan, |_| true).await.expect("a page");
    page.events.into_iter().map(|event| event.message).collect()
}

#[tokio::test]
async fn events_are_read_in_order_of_time_then_arrival() {
    let store = store();
    with_streams(&store, &["a", "b"]).await;
    store.append(&stream("a"), vec![event(30, "3"), event(10, "1"), event(30, "4")], None).await.expect("written");
    store.append(&stream("b"), vec![event(20, "2"), event(30, "5")], None).await.expect("written");
    let all = messages(&store, everything(Selection::All, Direction::Forward)).await;
    assert_eq!(all, ["1", "2", "3", "4", "5"]);
    let back = messages(&store, everything(Selection::All, Direction::Backward)).await;
    assert_eq!(back, ["5", "4", "3", "2", "1"]);
    let one = messages(&store, everything(Selection::Names(vec!["a".into(), "a".into()]), Direction::Forward)).await;
    assert_eq!(one, ["1", "3", "4"]);
    let stream = store.stream(&stream("a")).await.expect("read").expect("there");
    assert_eq!(stream.first_event, Some(Timestamp::from_millis(10)));
    assert_eq!(stream.last_event, Some(Timestamp::from_millis(30)));
    assert_eq!(stream.stored_bytes, 3 * 27);
}

#[tokio::test]
async fn what_is_not_there_has_its_error() {
    let store = store();
    let append = async |message| store.append(&stream("a"), vec![event(1, message)], None).await;
    assert!(matches!(append("x").await, Err(LogStoreError::NoSuchGroup)));
    with_streams(&store, &[]).await;
    assert!(matches!(append("x").await, Err(LogStoreError::NoSuchStream)));
    let again = store.create_group(&group(), GroupSettings::new(START)).await;
    assert!(matches!(again, Err(LogStoreError::GroupExists)));
    store.create_stream(&stream("a")).await.expect("a stream");
    assert!(matches!(store.create_stream(&stream("a")).await, Err(LogStoreError::StreamExists)));
    append("x").await.expect("written");
    let named = everything(Selection::Names(vec!["other".into()]), Direction::Forward);
    assert!(matches!(store.scan(named, |_| true).await, Err(LogStoreError::NoSuchStream)));
}

#[tokio::test]
async fn a_deleted_stream_or_group_comes_back_empty() {
    let store = store();
    with_streams(&store, &["a"]).await;
    store.append(&stream("a"), vec![event(1, "old")], None).await.expect("written");
    store.delete_stream(&stream("a")).await.expect("deleted");
    assert!(matches!(store.append(&stream("a"), vec![event(1, "x")], None).await, Err(LogStoreError::NoSuchStream)));
    store.create_stream(&stream("a")).await.expect("a stream");
    assert!(messages(&store, everything(Selection::All, Direction::Forward)).await.is_empty());
    store.append(&stream("a"), vec![event(1, "old")], None).await.expect("written");
    store.delete_group(&group()).await.expect("deleted");
    with_streams(&store, &["a"]).await;
    assert!(messages(&store, everything(Selection::All, Direction::Forward)).await.is_empty());
}

#[tokio::test]
async fn a_cursor_moves_with_the_events_and_only_then() {
    let store = store();
    with_streams(&store, &["a"]).await;
    let cursor = |position: &str| Some(SourceCursor { source: "c1/stdout".into(), position: position.into() });
    store.append(&stream("a"), vec![event(1, "x")], cursor("1")).await.expect("written");
    assert_eq!(store.cursor("c1/stdout").await.expect("read").as_deref(), Some("1"));
    assert!(store.append(&stream("none"), vec![event(1, "x")], cursor("2")).await.is_err());
    assert_eq!(store.cursor("c1/stdout").await.expect("read").as_deref(), Some("1"));
    store.append(&stream("a"), vec![], cursor("3")).await.expect("written");
    assert_eq!(store.cursor("c1/stdout").await.expect("read").as_deref(), Some("3"));
    store.forget_cursors("c1/").await.expect("forgotten");
    assert_eq!(store.cursor("c1/stdout").await.expect("read"), None);
}

#[tokio::test]
async fn followers_hear_of_what_is_committed() {
    let store = store();
    with_streams(&store, &["a"]).await;
    let mut follower = store.subscribe();
    store.append(&stream("a"), vec![event(7, "x"), event(8, "y")], None).await.expect("written");
    let arrival = follower.recv().await.expect("an arrival");
    assert_eq!(arrival.stream, stream("a"));
    assert_eq!(arrival.events.len(), 2);
    let page = store.scan(everything(Selection::All, Direction::Forward), |_| true).await.expect("a page");
    let last = Position { timestamp: 8, sequence: arrival.first_sequence + 1 };
    assert_eq!(page.events.last().map(|event| event.position), Some(last));
}

#[tokio::test]
async fn a_store_on_disk_is_there_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = || LogStore::open(folder.path(), clock(), DEFAULT_MAX_BYTES).expect("a store");
    {
        let store = open();
        with_streams(&store, &["a"]).await;
        let cursor = SourceCursor { source: "c".into(), position: "1".into() };
        store.append(&stream("a"), vec![event(1, "one")], Some(cursor)).await.expect("written");
    }
    let store = open();
    store.append(&stream("a"), vec![event(1, "two")], None).await.expect("written");
    assert_eq!(messages(&store, everything(Selection::All, Direction::Forward)).await, ["one", "two"]);
    assert_eq!(store.cursor("c").await.expect("read").as_deref(), Some("1"));
}

#[tokio::test]
async fn retention_deletes_by_the_clock() {
    let clock = clock();
    let store = LogStore::in_memory(clock.clone(), DEFAULT_MAX_BYTES_IN_MEMORY).expect("a store");
    with_streams(&store, &["a"]).await;
    let now = clock.now().as_millis();
    let old = now - 3 * 86_400_000;
    store.append(&stream("a"), vec![event(old, "old"), event(now, "new")], None).await.expect("written");
    store.expire().await.expect("expired");
    assert_eq!(messages(&store, everything(Selection::All, Direction::Forward)).await, ["old", "new"]);
    store.update_group(&group(), |settings| settings.retention_days = Some(1)).await.expect("updated");
    store.expire().await.expect("expired");
    assert_eq!(messages(&store, everything(Selection::All, Direction::Forward)).await, ["new"]);
    assert_eq!(store.group(&group()).await.expect("read").expect("there").stored_bytes, 29);
    clock.advance(Duration::from_secs(2 * 86_400));
    store.expire().await.expect("expired");
    assert!(messages(&store, everything(Selection::All, Direction::Forward)).await.is_empty());
}

#[tokio::test]
async fn the_oldest_events_go_when_the_store_is_full() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = LogStore::open(folder.path(), clock(), LEAST_MAX_BYTES).expect("a store");
    with_streams(&store, &["a"]).await;
    // What does not compress.
    let ids = crate::ids::IdSource::seeded(3);
    for at in 0..100 {
        let events = (0..20).map(|_| event(at, &ids.hex(2000))).collect();
        store.append(&stream("a"), events, None).await.expect("written");
    }
    let first = everything(Selection::All, Direction::Forward);
    let first = Scan { limits: Limits { events: 1, ..ALL }, ..first };
    let mut oldest = 0;
    // The thread that writes cleans as well: after each commit, before the next.
    for _ in 0..50 {
        store.append(&stream("a"), vec![event(100, "x")], None).await.expect("written");
        let page = store.scan(first.clone(), |_| true).await.expect("a page");
        oldest = page.events[0].position.timestamp;
    }
    assert!((1..100).contains(&oldest), "{oldest}");
    let stored = store.stream(&stream("a")).await.expect("read").expect("there");
    assert_eq!(stored.first_event.map(Timestamp::as_millis), Some(oldest));
    assert!(stored.stored_bytes < 2_500_000, "{}", stored.stored_bytes);
}

#[tokio::test]
async fn streams_are_listed_by_name_or_last_event() {
    let store = store();
    with_streams(&store, &["a", "b", "ba", "c"]).await;
    store.append(&stream("c"), vec![event(5, "x")], None).await.expect("written");
    store.append(&stream("b"), vec![event(9, "x")], None).await.expect("written");
    let list = async |prefix: &str, order, descending, after: Option<(i64, &str)>| {
        let after = after.map(|(time, name)| (time, name.to_owned()));
        let filter = StreamFilter { prefix: prefix.to_owned(), order, descending, after };
        let streams = store.streams(&group(), filter, 10).await.expect("a list");
        streams.into_iter().map(|stream| stream.name).collect::<Vec<_>>().join(" ")
    };
    use StreamOrder::{LastEvent, Name};
    assert_eq!(list("", Name, false, None).await, "a b ba c");
    assert_eq!(list("", Name, true, None).await, "c ba b a");
    assert_eq!(list("b", Name, false, None).await, "b ba");
    assert_eq!(list("", Name, false, Some((0, "b"))).await, "ba c");
    assert_eq!(list("", LastEvent, true, None).await, "b c ba a");
    assert_eq!(list("", LastEvent, true, Some((5, "c"))).await, "ba a");
}

/// How the events of a random life are laid out, so that chunks overlap in all ways.
fn batches() -> impl Strategy<Value = Vec<(usize, Vec<i64>)>> {
    let times = prop_oneof![proptest::collection::vec(0_i64..60, 0..8), proptest::collection::vec(0_i64..60_000, 0..8)];
    proptest::collection::vec((0_usize..20, times), 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Whatever was appended, in whichever order: pages in both directions put together are the sorted whole.
    #[test]
    fn pages_put_together_are_everything(
        batches in batches(), page in 1_usize..10, few in any::<bool>(), from in 0_i64..60_000, length in 0_i64..60_000
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let store = store();
            let names: Vec<String> = (0..20).map(|at| format!("s{at:02}")).collect();
            with_streams(&store, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
            // With few streams their own indexes are read, else the group's.
            let chosen: Vec<String> = if few { names[..5].to_vec() } else { names.clone() };
            let to = from + length;
            let mut expected = Vec::new();
            for (number, (at, times)) in batches.iter().enumerate() {
                let events: Vec<_> = times.iter().enumerate().map(|(place, time)| event(*time, &format!("{number}/{place}"))).collect();
                let mut sorted = events.clone();
                sorted.sort_by_key(|event| event.timestamp);
                if chosen.contains(&names[*at]) {
                    expected.extend(sorted.into_iter().filter(|event| (from..to).contains(&event.timestamp)));
                }
                store.append(&stream(&names[*at]), events, None).await.expect("written");
            }
            expected.sort_by_key(|event| event.timestamp);
            let expected: Vec<String> = expected.into_iter().map(|event| event.message).collect();
            for direction in [Direction::Forward, Direction::Backward] {
                let mut scan = Scan {
                    from: Position::at(from),
                    to: Position::at(to),
                    limits: Limits { events: page, ..ALL },
                    ..everything(Selection::Names(chosen.clone()), direction)
                };
                let mut read = Vec::new();
                loop {
                    let page = store.scan(scan.clone(), |_| true).await.expect("a page");
                    read.extend(page.events.into_iter().map(|event| event.message));
                    match (page.resume, direction) {
                        (None, _) => break,
                        (Some(resume), Direction::Forward) => scan.from = resume,
                        (Some(resume), Direction::Backward) => scan.to = resume,
                    }
                }
                if direction == Direction::Backward {
                    read.reverse();
                }
                assert_eq!(read, expected, "{direction:?}");
            }
        });
    }
}

/// `cargo test --release --lib logstore -- --ignored --nocapture`: what sources can write, and how soon a reader has
/// the newest line.
#[tokio::test]
#[ignore = "a measurement"]
async fn measure_appends() {
    const LINES: usize = 500_000;
    for (batch, sources) in [(100, 1), (1000, 1), (1000, 4)] {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Arc::new(LogStore::open(folder.path(), Clock::system(), DEFAULT_MAX_BYTES).expect("a store"));
        let names: Vec<String> = (0..sources).map(|at| format!("s{at}")).collect();
        with_streams(&store, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let watch = crate::time::stopwatch();
        let writers = names.into_iter().map(|name| {
            let store = store.clone();
            tokio::spawn(async move {
                for at in 0..LINES / sources / batch {
                    let line = |line: usize| {
                        let text = format!("2026-01-01T00:00:00Z INFO GET /api/items/{line} took {at} ms, status 200");
                        event((at * batch + line) as i64 / 50, &text)
                    };
                    let cursor = SourceCursor { source: format!("{name}/stdout"), position: at.to_string() };
                    let events = (0..batch).map(line).collect();
                    store.append(&stream(&name), events, Some(cursor)).await.expect("written");
                }
            })
        });
        futures_util::future::join_all(writers.collect::<Vec<_>>()).await;
        let took = watch();
        let watch = crate::time::stopwatch();
        let tail = Scan { limits: Limits { events: 1, ..ALL }, ..everything(Selection::All, Direction::Backward) };
        store.scan(tail, |_| true).await.expect("a page");
        let lag = watch();
        drop(store);
        let size = std::fs::metadata(folder.path().join("logs.db")).expect("the file").len();
        println!(
            "{sources} sources, {batch} lines an append: {:.0} lines/s; {} MiB on disk; the newest line is read in {:?}",
            LINES as f64 / took.as_secs_f64(),
            size >> 20,
            lag,
        );
    }
}
