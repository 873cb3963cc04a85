//! Several writers on one day.

use crate::fixture::{NOON, SECOND, Store, alice, call, claim, exchange, place, write};
use protocol::RpcId;
use record::{Client, Exchange, Identity, Outcome, Sink};
use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;
use store::{BeginError, Writer, committed_exchanges};

const WRITERS: i64 = 4;
const BATCHES: i64 = 60;
const CALLS: i64 = 25;

fn run(mut writer: Writer, number: i64) -> u64 {
    let mut calls = 0;
    for round in 0..BATCHES {
        let now = NOON + round * SECOND / 10;
        let mut batch = loop {
            match writer.begin(now) {
                Ok(batch) => break batch,
                Err(BeginError::Busy) => {}
                Err(error) => panic!("{error}"),
            }
            thread::sleep(Duration::from_millis(1));
            // The borrow of a begun batch ends here, so the next turn may begin again.
        };
        for n in 0..CALLS {
            let id = format!("s{}", (round * CALLS + n + number) % 40);
            let exchange = Exchange { session: claim(&id), identity: alice(), ..exchange(now + n) };
            let part = place(&mut batch, &exchange);
            let id = RpcId::Integer(number * 1_000_000 + round * 1_000 + n);
            batch.call(part, &exchange, &call(now + n, &id, Outcome::Ok));
            batch.count_exchange();
        }
        if round % 10 == 3 {
            drop(batch);
        } else {
            calls += batch.commit().unwrap().calls;
        }
        writer.upkeep(now);
    }
    calls
}

#[test]
fn four_writers_lose_and_double_nothing() {
    let store = Store::new();
    let threads: Vec<_> = (0..WRITERS)
        .map(|number| {
            let writer = store.writer(&format!("w{number}"));
            thread::spawn(move || run(writer, number))
        })
        .collect();
    let committed: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    let expected = u64::try_from(WRITERS * (BATCHES - 6) * CALLS).unwrap();
    assert_eq!(committed, expected);
    let expected = expected.to_string();
    for sum in [
        "SELECT count(*) FROM calls",
        "SELECT count(DISTINCT rpc_id) FROM calls",
        "SELECT sum(calls) FROM sessions",
        "SELECT sum(calls) FROM tallies",
        "SELECT sum(last_call - first_call + 1) FROM runs",
        "SELECT sum(exchanges) FROM writers",
    ] {
        assert_eq!(store.one(sum), expected, "{sum}");
    }
    assert_eq!(store.one("SELECT count(*) FROM sessions"), "40");
    assert_eq!(store.one("SELECT count(*) FROM kinds"), "1");
    assert_eq!(store.one("PRAGMA integrity_check"), "ok");
    let each: BTreeMap<i64, Option<u64>> = (0..=WRITERS)
        .map(|n| (n, committed_exchanges(&store.path(), &format!("w{n}"), NOON)))
        .collect();
    assert_eq!(each[&0], Some(u64::try_from((BATCHES - 6) * CALLS).unwrap()));
    assert_eq!(each[&WRITERS], None);
}

#[test]
fn all_writers_have_the_same_key_and_another_store_another() {
    let (store, other) = (Store::new(), Store::new());
    let print = |store: &Store| store.writer("w").fingerprint_key().fingerprint(&[b"x".as_slice()]);
    assert_eq!(print(&store), print(&store));
    assert_ne!(print(&store), print(&other));
}

#[test]
fn what_one_worker_learned_of_a_session_stays_when_another_learns_more() {
    let store = Store::new();
    let (mut first, mut second) = (store.writer("w0"), store.writer("w1"));
    let bare = Exchange {
        session: claim("s"),
        client: Client::default(),
        user_agent: "",
        identity: Identity::default(),
        ..exchange(NOON)
    };
    // Both know the session before its client says its name to one of them.
    write(&mut first, &bare, Outcome::Ok);
    write(&mut second, &bare, Outcome::Ok);
    let client = Client { name: "old-client", version: "1" };
    write(&mut first, &Exchange { client, ..bare }, Outcome::Ok);
    write(&mut second, &Exchange { user_agent: "agent/2", ..bare }, Outcome::Ok);
    write(&mut second, &Exchange { identity: alice(), ..bare }, Outcome::Ok);
    assert_eq!(
        store.one("SELECT client || client_version || user FROM sessions"),
        "old-client1alice@example.com"
    );
}
