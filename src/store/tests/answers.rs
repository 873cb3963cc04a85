//! Answers that come apart from their calls.

use crate::fixture::{LATE, NOON, SECOND, Store, answer, call, exchange, place, write};
use protocol::RpcId;
use record::{Answer, Direction, Outcome, Sink};

const ID: RpcId = RpcId::Integer(7);

fn outcomes(store: &Store) -> String {
    let rollup = "SELECT json_group_array(k.outcome || ' ' || t.calls) \
         FROM tallies t JOIN kinds k USING (kind)";
    let calls = "SELECT json_group_array(outcome || ' ' || 1) FROM calls";
    assert_eq!(store.one(rollup), store.one(calls));
    assert_eq!(
        store.one("SELECT count(*) FROM pending"),
        store.one("SELECT count(*) FROM calls WHERE outcome = 'pending'",)
    );
    store.one("SELECT group_concat(outcome) FROM calls")
}

#[test]
fn a_call_is_completed_in_the_same_batch() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    let mut batch = writer.begin(NOON).unwrap();
    let exchange = exchange(NOON);
    let part = place(&mut batch, &exchange);
    let stored = batch.call(part, &exchange, &call(NOON, &ID, Outcome::Pending)).unwrap();
    batch.complete(stored, &answer(NOON + SECOND, Outcome::Ok));
    let committed = batch.commit().unwrap();
    assert_eq!(committed.by_outcome[Outcome::Ok as usize], 1);
    assert_eq!(outcomes(&store), "ok");
    assert_eq!(store.one("SELECT duration_ms FROM calls"), "1000");
}

#[test]
fn a_call_is_completed_in_a_later_batch() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    let exchange = exchange(NOON);
    let mut batch = writer.begin(NOON).unwrap();
    let part = place(&mut batch, &exchange);
    let stored = batch.call(part, &exchange, &call(NOON, &ID, Outcome::Pending)).unwrap();
    batch.commit().unwrap();
    assert_eq!(outcomes(&store), "pending");
    for expected in [1, 0] {
        let mut batch = writer.begin(NOON).unwrap();
        batch.complete(stored, &answer(NOON + SECOND, Outcome::RpcError));
        let committed = batch.commit().unwrap();
        assert_eq!(committed.completed[Outcome::RpcError as usize], expected);
    }
    assert_eq!(outcomes(&store), "rpc_error");
    assert_eq!(store.one("SELECT errors || error_message FROM sessions, calls"), "1no such thing");
}

#[test]
fn the_notifications_of_a_call_that_is_completed_later_are_in_the_sum() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    let exchange = exchange(NOON);
    let mut batch = writer.begin(NOON).unwrap();
    let part = place(&mut batch, &exchange);
    let mut pending = call(NOON, &ID, Outcome::Pending);
    pending.answer.notifications = 3;
    let stored = batch.call(part, &exchange, &pending).unwrap();
    batch.commit().unwrap();
    let mut batch = writer.begin(NOON).unwrap();
    batch.complete(stored, &Answer { notifications: 10, ..answer(NOON + SECOND, Outcome::Ok) });
    batch.commit().unwrap();
    assert_eq!(store.one("SELECT notifications FROM calls"), "10");
    assert_eq!(store.one("SELECT notifications FROM parts"), "10");
}

#[test]
fn an_answer_by_another_worker_finds_its_call() {
    let store = Store::new();
    let (mut first, mut second) = (store.writer("w1"), store.writer("w2"));
    write(&mut first, &exchange(NOON), Outcome::Pending);
    let mut batch = second.begin(NOON).unwrap();
    let part = place(&mut batch, &exchange(NOON));
    batch.answer(part, Direction::Server, &ID, &answer(NOON + SECOND, Outcome::Ok));
    batch.answer(part, Direction::Client, &RpcId::Text("7".into()), &answer(NOON, Outcome::Ok));
    batch.commit().unwrap();
    assert_eq!(outcomes(&store), "pending");
    let mut batch = second.begin(NOON).unwrap();
    let part = place(&mut batch, &exchange(NOON));
    batch.answer(part, Direction::Client, &ID, &answer(NOON + SECOND, Outcome::Ok));
    batch.commit().unwrap();
    assert_eq!(outcomes(&store), "ok");
}

#[test]
fn an_answer_that_comes_first_waits_for_its_call() {
    let store = Store::new();
    let (mut first, mut second) = (store.writer("w1"), store.writer("w2"));
    let mut batch = first.begin(NOON).unwrap();
    let part = place(&mut batch, &exchange(NOON));
    batch.answer(part, Direction::Client, &ID, &answer(NOON + SECOND, Outcome::ToolError));
    batch.commit().unwrap();
    write(&mut second, &exchange(NOON), Outcome::Pending);
    assert_eq!(outcomes(&store), "tool_error");
    assert_eq!(store.one("SELECT count(*) FROM answers"), "0");
}

#[test]
fn a_cancelled_call_stays_cancelled() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    write(&mut writer, &exchange(NOON), Outcome::Pending);
    let mut batch = writer.begin(NOON).unwrap();
    let part = place(&mut batch, &exchange(NOON));
    batch.cancel(part, &ID, NOON + SECOND);
    batch.cancel(part, &RpcId::Integer(8), NOON + SECOND);
    batch.answer(part, Direction::Client, &ID, &answer(NOON + SECOND, Outcome::Ok));
    batch.commit().unwrap();
    assert_eq!(outcomes(&store), "cancelled");
}

#[test]
fn an_answer_after_midnight_completes_yesterdays_call() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    write(&mut writer, &exchange(LATE), Outcome::Pending);
    let next = exchange(LATE + 10 * SECOND);
    let mut batch = writer.begin(next.last_at).unwrap();
    let part = place(&mut batch, &next);
    batch.answer(part, Direction::Client, &ID, &answer(next.at, Outcome::Ok));
    batch.commit().unwrap();
    assert_eq!(outcomes(&store), "ok");
    assert_eq!(store.one("SELECT duration_ms FROM calls"), "10000");
    assert_eq!(store.column("2026-11-26.db", "SELECT count(*) FROM calls"), ["0"]);
}

#[test]
fn rounds_are_linked_within_and_across_batches() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    let exchange = exchange(NOON);
    let asks = Answer { continued_as: Some(u64::MAX), ..answer(NOON, Outcome::InputRequired) };
    let mut batch = writer.begin(NOON).unwrap();
    let part = place(&mut batch, &exchange);
    let first = call(NOON, &ID, Outcome::InputRequired);
    batch.call(part, &exchange, &record::Call { answer: asks, ..first });
    let asks_again = Answer { continued_as: Some(5), ..asks };
    let again = record::Call { continues: Some(u64::MAX), answer: asks_again, ..first };
    batch.call(part, &exchange, &again);
    batch.commit().unwrap();
    let mut batch = writer.begin(NOON).unwrap();
    let part = place(&mut batch, &exchange);
    let last = record::Call { continues: Some(5), ..call(NOON, &ID, Outcome::Ok) };
    batch.call(part, &exchange, &last);
    batch.commit().unwrap();
    let links = store.column("2026-11-25.db", "SELECT continues FROM call_rows ORDER BY call");
    assert_eq!(links, ["NULL", "1", "2"]);
}
