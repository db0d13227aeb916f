//! Tests of the store: what a transaction promises, in memory and on disk.

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::future::join_all;
use proptest::prelude::*;
use rusqlite::Connection;

use super::*;
use crate::identity::{AccountId, Region, Scope};
use crate::services::ecs::resources::{AccountSetting, AccountSettingKey};

/// The smallest record there is stands for all: a name and a number.
type Toy = AccountSetting;

fn key(name: &str) -> AccountSettingKey {
    let scope = Scope::new(AccountId::DEFAULT, Region::new("us-east-1"));
    AccountSettingKey { scope, principal: None, name: name.to_owned() }
}

fn toy(name: &str, number: i32) -> Toy {
    Toy { key: key(name), value: number.to_string() }
}

fn number_of(toy: &Toy) -> i32 {
    toy.value.parse().expect("a number was written")
}

fn change(name: &str) -> Change {
    Toy::change(key(name))
}

/// All there is, by name.
fn content(state: &State) -> BTreeMap<String, i32> {
    state.account_settings.values().map(|toy| (toy.key.name.clone(), number_of(toy))).collect()
}

fn open(folder: &Path) -> Store {
    Store::open(folder, &IdSource::seeded(1)).expect("the store opens")
}

async fn put(store: &Store, name: &str, number: i32) -> Result<(), Unexpected> {
    store
        .transact(|tx| {
            tx.put(toy(name, number));
            Ok(())
        })
        .await
}

/// A store in memory and one on disk, for what both promise.
fn both() -> (tempfile::TempDir, [Store; 2]) {
    let folder = tempfile::tempdir().expect("a folder");
    let stores = [Store::in_memory(&IdSource::seeded(1)), open(folder.path())];
    (folder, stores)
}

#[tokio::test]
async fn an_error_drops_everything_the_transaction_did() {
    let (_folder, stores) = both();
    for store in stores {
        put(&store, "kept", 1).await.expect("it is written");
        let mut commits = store.subscribe();
        let refused = store
            .transact(|tx| {
                tx.put(toy("new", 1));
                tx.delete::<Toy>(&key("kept"));
                assert_eq!(content(tx), BTreeMap::from([("new".to_owned(), 1)]), "a transaction sees its own writes");
                Err::<(), _>(Unexpected::new("no"))
            })
            .await;
        assert_eq!(refused.expect_err("it failed").to_string(), "no");
        assert_eq!(content(&store.snapshot()), BTreeMap::from([("kept".to_owned(), 1)]));
        put(&store, "next", 2).await.expect("it is written");
        let commit = commits.recv().await.expect("the store lives");
        assert_eq!(*commit.changes, [change("next")], "no commit tells of what was dropped");
    }
}

#[tokio::test]
async fn a_snapshot_never_changes() {
    let (_folder, stores) = both();
    for store in stores {
        put(&store, "a", 1).await.expect("it is written");
        let before = store.snapshot();
        put(&store, "a", 2).await.expect("it is written");
        put(&store, "b", 3).await.expect("it is written");
        assert_eq!(content(&before), BTreeMap::from([("a".to_owned(), 1)]));
        assert_eq!(content(&store.snapshot()), BTreeMap::from([("a".to_owned(), 2), ("b".to_owned(), 3)]));
    }
}

#[tokio::test]
async fn an_update_that_changes_nothing_writes_nothing() {
    let (_folder, stores) = both();
    for store in stores {
        put(&store, "a", 1).await.expect("it is written");
        let mut commits = store.subscribe();
        let found = store
            .transact(|tx| {
                let unchanged = tx.update::<Toy>(&key("a"), |_| false);
                let missing = tx.update::<Toy>(&key("b"), |_| true);
                Ok::<_, Unexpected>((unchanged, missing, tx.delete::<Toy>(&key("b")).is_some()))
            })
            .await
            .expect("nothing fails");
        assert_eq!(found, (true, false, false));
        assert!(commits.try_recv().is_err());
        let update = |tx: &mut Transaction| {
            tx.update::<Toy>(&key("a"), |toy| {
                toy.value = (number_of(toy) + 1).to_string();
                true
            })
        };
        assert!(store.transact(|tx| Ok::<_, Unexpected>(update(tx))).await.expect("nothing fails"));
        assert_eq!(*commits.recv().await.expect("the store lives").changes, [change("a")]);
        assert_eq!(content(&store.snapshot())["a"], 2);
    }
}

#[tokio::test]
async fn subscribers_see_every_commit_in_order_and_the_snapshot_is_never_behind() {
    let (_folder, stores) = both();
    for store in stores {
        let (mut one, mut two) = (store.subscribe(), store.subscribe());
        for number in 0..50 {
            put(&store, "a", number).await.expect("it is written");
            assert_eq!(content(&store.snapshot())["a"], number);
        }
        for number in 0..50 {
            for commits in [&mut one, &mut two] {
                let commit = commits.try_recv().expect("it came before the transaction returned");
                assert_eq!(content(&commit.state)["a"], number);
                assert_eq!(*commit.changes, [change("a")]);
            }
        }
        assert!(one.try_recv().is_err());
    }
}

#[tokio::test]
async fn concurrent_transactions_build_on_each_other_and_share_a_commit() {
    const WRITERS: i32 = 500;
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    let mut commits = store.subscribe();
    let add = |number: i32| {
        let store = &store;
        async move {
            store
                .transact(|tx| {
                    let sum = tx.account_settings.get(&key("sum")).map_or(0, |toy| number_of(toy));
                    tx.put(toy("sum", sum + number));
                    tx.put(toy(&format!("writer-{number}"), number));
                    Ok::<_, Unexpected>(sum)
                })
                .await
        }
    };
    for sum in join_all((0..WRITERS).map(add)).await {
        sum.expect("nothing fails");
    }
    drop(store);
    let expected = WRITERS * (WRITERS - 1) / 2;
    let (mut seen, mut count) = (BTreeSet::new(), 0);
    while let Some(commit) = commits.recv().await {
        count += 1;
        let unique: BTreeSet<_> = commit.changes.iter().cloned().collect();
        assert_eq!(unique.len(), commit.changes.len(), "each key once");
        seen.extend(unique);
    }
    // Each waits for the disk; while it does, hundreds queue up and are written as one.
    assert!(count < WRITERS / 2, "{count} commits");
    assert_eq!(seen.len(), 1 + WRITERS as usize);
    let again = content(&open(folder.path()).snapshot());
    assert_eq!((again["sum"], again.len()), (expected, 1 + WRITERS as usize));
}

#[tokio::test]
async fn what_was_written_is_found_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    for (name, number) in [("a", 1), ("b", 2), ("a", 3)] {
        put(&store, name, number).await.expect("it is written");
    }
    let delete = store.transact(|tx| Ok::<_, Unexpected>(tx.delete::<Toy>(&key("b")).is_some()));
    assert!(delete.await.expect("it is written"));
    let id = store.id().to_owned();
    assert!(store.is_durable() && id.len() == 16);
    drop(store);

    let again = Store::open(folder.path(), &IdSource::seeded(2)).expect("the store opens");
    assert_eq!(content(&again.snapshot()), BTreeMap::from([("a".to_owned(), 3)]));
    assert_eq!(again.id(), id, "the store keeps its id");
}

#[tokio::test]
async fn clear_empties_every_table_for_good() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = open(folder.path());
    for name in ["a", "b"] {
        put(&store, name, 1).await.expect("it is written");
    }
    let mut commits = store.subscribe();
    let clear = |tx: &mut Transaction| {
        tx.clear();
        tx.put(toy("c", 1));
        Ok::<_, Unexpected>(())
    };
    store.transact(clear).await.expect("it is written");
    let commit = commits.recv().await.expect("the store lives");
    assert_eq!(*commit.changes, [change("a"), change("b"), change("c")]);
    drop(store);
    assert_eq!(content(&open(folder.path()).snapshot()), BTreeMap::from([("c".to_owned(), 1)]));
}

#[tokio::test]
async fn a_folder_belongs_to_one_store_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = open(folder.path());
    let refused = Store::open(folder.path(), &IdSource::seeded(2)).err().expect("it is taken");
    assert!(matches!(refused, JournalError::InUse(_)), "{refused}");
    put(&first, "a", 1).await.expect("the first goes on");
    drop(first);
    assert_eq!(content(&open(folder.path()).snapshot()).len(), 1);
}

#[test]
fn a_folder_written_by_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(open(folder.path()));
    let database = Connection::open(folder.path().join("localecs.sqlite3")).expect("nobody holds it");
    database.pragma_update(None, "user_version", 1_000).expect("it is written");
    drop(database);
    let refused = Store::open(folder.path(), &IdSource::seeded(1)).err().expect("it is newer");
    assert!(matches!(refused, JournalError::NewerSchema { found: 1_000, .. }), "{refused}");
}

#[test]
fn a_record_that_cannot_be_read_is_named() {
    let refused = |table: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        drop(open(folder.path()));
        let database = Connection::open(folder.path().join("localecs.sqlite3")).expect("nobody holds it");
        let insert = "INSERT INTO records (tbl, key, value) VALUES (?1, 'x', X'7B7D')";
        database.execute(insert, [table]).expect("it is written");
        drop(database);
        Store::open(folder.path(), &IdSource::seeded(1)).err().expect("it can't be read")
    };
    let error = refused("clusters");
    assert!(matches!(&error, JournalError::Unreadable { table, .. } if table == "clusters"), "{error}");
    let error = refused("a_table_of_tomorrow");
    assert!(matches!(&error, JournalError::UnknownTable(table) if table == "a_table_of_tomorrow"), "{error}");
}

/// A store whose journal refuses every record whose key has `poison` in it.
fn fragile(folder: &Path) -> Store {
    let opened = journal::open(folder, &IdSource::seeded(1)).expect("the store opens");
    opened
        .connection
        .execute_batch(
            "CREATE TEMP TRIGGER fragile BEFORE INSERT ON records WHEN NEW.key LIKE '%poison%'
             BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
        )
        .expect("a trigger is made");
    let shared = Arc::new(Shared::new(opened.state));
    let journal = Journal::start(opened.connection, shared.clone()).expect("the thread starts");
    Store { shared, journal: Some(journal), id: opened.store_id }
}

#[tokio::test]
async fn a_journal_that_fails_takes_back_what_it_could_not_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = fragile(folder.path());
    put(&store, "a", 1).await.expect("it is written");
    let mut commits = store.subscribe();
    let names = ["poison", "b", "c"];
    // All at once: the later ones were built on what could not be written.
    let results = join_all(names.map(|name| put(&store, name, 2))).await;
    let error = results[0].as_ref().expect_err("the journal failed");
    assert_eq!(error.to_string(), "the journal's database failed: the disk is full");
    for (name, result) in names.iter().zip(&results) {
        let there = content(&store.snapshot()).contains_key(*name);
        assert_eq!(there, result.is_ok(), "{name}: who was refused wrote nothing");
    }
    put(&store, "d", 3).await.expect("the next is written");
    let mut expected = BTreeMap::from([("a".to_owned(), 1), ("d".to_owned(), 3)]);
    expected
        .extend(names.iter().zip(&results).filter(|(_, result)| result.is_ok()).map(|(name, _)| ((*name).into(), 2)));
    assert_eq!(content(&store.snapshot()), expected);
    // A new transaction, too, sees nothing of what was lost.
    let seen = store.transact(|tx| Ok::<_, Unexpected>(content(tx))).await.expect("it only reads");
    assert_eq!(seen, expected);
    drop(store);
    while let Some(commit) = commits.recv().await {
        assert!(!commit.changes.contains(&change("poison")));
    }
    assert_eq!(content(&open(folder.path()).snapshot()), expected);
}

#[tokio::test]
async fn a_panic_in_a_transaction_changes_nothing() {
    let store = Arc::new(Store::in_memory(&IdSource::seeded(1)));
    let panics = tokio::spawn({
        let store = store.clone();
        async move {
            let work = |tx: &mut Transaction| -> Result<(), Unexpected> {
                tx.put(toy("a", 1));
                panic!("a bug in an operation");
            };
            store.transact(work).await
        }
    });
    assert!(panics.await.expect_err("it panics").is_panic());
    assert!(content(&store.snapshot()).is_empty());
    put(&store, "b", 1).await.expect("the others go on");
}

/// One step of a history; the strings are names.
#[derive(Clone, Debug)]
enum Step {
    Transaction { writes: Vec<(u8, Option<i32>)>, fails: bool },
    Clear,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let write = (0_u8..6, prop::option::of(any::<i32>()));
    prop_oneof![
        8 => (prop::collection::vec(write, 0..5), prop::bool::weighted(0.2))
            .prop_map(|(writes, fails)| Step::Transaction { writes, fails }),
        1 => Just(Step::Clear),
        2 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_history_gives_what_a_plain_map_gives(steps in prop::collection::vec(step(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let mut store = open(folder.path());
        let mut model = BTreeMap::new();
        for step in steps {
            match step {
                Step::Transaction { writes, fails } => {
                    let result = runtime.block_on(store.transact(|tx| {
                        for (name, number) in &writes {
                            match number {
                                Some(number) => tx.put(toy(&name.to_string(), *number)),
                                None => drop(tx.delete::<Toy>(&key(&name.to_string()))),
                            }
                        }
                        if fails { Err(Unexpected::new("no")) } else { Ok(()) }
                    }));
                    prop_assert_eq!(result.is_err(), fails);
                    if !fails {
                        for (name, number) in writes {
                            match number {
                                Some(number) => model.insert(name.to_string(), number),
                                None => model.remove(&name.to_string()),
                            };
                        }
                    }
                }
                Step::Clear => {
                    runtime.block_on(store.transact(|tx| { tx.clear(); Ok::<_, Unexpected>(()) })).expect("it is written");
                    model.clear();
                }
                Step::Reopen => {
                    drop(store);
                    store = open(folder.path());
                }
            }
            prop_assert_eq!(&content(&store.snapshot()), &model);
        }
        drop(store);
        prop_assert_eq!(content(&open(folder.path()).snapshot()), model);
    }
}
