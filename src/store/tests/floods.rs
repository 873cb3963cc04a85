//! Floods of blocked calls, and what is left of attacks when room is short.

use crate::attacks::{ACL, EVIDENCE, attack};
use crate::fixture::{NOON, SECOND, Store, call, exchange, place};
use crate::queries::limits;
use protocol::RpcId;
use record::{Attack, Evidence, Judged, Micros, Outcome, Sink};
use std::sync::Arc;
use store::Writer;
use store::query::{Filter, PageRequest, Reader, Scope};

/// Blocked calls of one session, in batches; `detail` makes the attacks.
pub(crate) fn flood(
    writer: &mut Writer,
    from: Micros,
    calls: i64,
    spread_us: i64,
    point: &dyn Fn(i64) -> String,
) {
    let (mut done, id) = (0, RpcId::Integer(1));
    while done < calls {
        let mut batch = writer.begin(from + done * spread_us).unwrap();
        let mut request = exchange(from + done * spread_us);
        let mut part = place(&mut batch, &request);
        for n in done..(done + 10_000).min(calls) {
            let at = from + n * spread_us;
            if n % 100 == 0 {
                request = exchange(at);
                part = place(&mut batch, &request);
            }
            batch.judged(part, &ACL, Judged::Blocked);
            let point = point(n);
            let attacks = [Attack { point: &point, ..attack(at, ACL) }];
            let blocked = call(at, &id, Outcome::Blocked);
            batch.call(part, &request, &record::Call { attacks: &attacks, ..blocked });
            batch.count_exchange();
        }
        done = (done + 10_000).min(calls);
        batch.commit().unwrap();
    }
}

fn bytes(store: &Store) -> u64 {
    let files = std::fs::read_dir(store.path()).unwrap();
    files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn a_flood_of_blocked_calls_does_not_fill_the_disk() {
    const CALLS: i64 = 100_000;
    let store = Store::new();
    let mut writer = store.writer("w1");
    // 2,000 a second: 50 seconds.
    flood(&mut writer, NOON, CALLS, 500, &|_| "/params/name".to_owned());
    drop(writer);
    assert_eq!(store.one("SELECT count(*) FROM call_rows"), "100");
    assert_eq!(store.one("SELECT count(*) || ' ' || sum(count) FROM attack_rows"), "1 100000");
    assert_eq!(store.one("SELECT last_at - at FROM attack_rows"), "49999500");
    let sums = "SELECT calls || ' ' || attacks || ' ' || blocked FROM sessions";
    assert_eq!(store.one(sums), "100000 100000 100000");
    assert_eq!(store.one("SELECT sum(calls) FROM tallies"), "100000");
    assert_eq!(store.one("SELECT sum(attacks) FROM attack_minutes"), "100000");
    assert_eq!(store.one("SELECT denied || ' ' || blocked FROM control_tallies"), "100000 100000");
    let bytes = bytes(&store);
    assert!(bytes < 2 << 20, "{bytes} bytes");
}

#[test]
fn a_chart_of_attacks_has_those_of_calls_that_were_counted_only() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    // 90 in the first minute, 2,000 in the third.
    flood(&mut writer, NOON, 90, 500, &|_| "/params/name".to_owned());
    flood(&mut writer, NOON + 120 * SECOND, 2_000, 500, &|_| "/params/name".to_owned());
    let stop = Arc::default();
    let mut reader = Reader::open(&store.path(), Scope::all());
    let range = Filter { from: Some(NOON), to: Some(NOON + 300 * SECOND), ..Filter::default() };
    let text = str::to_owned;
    for (filter, wanted) in [
        (range.clone(), [90, 0, 2_000, 0, 0]),
        (Filter { attack: vec![text("any")], ..range.clone() }, [90, 0, 2_000, 0, 0]),
        (Filter { control: vec![text(ACL.title)], ..range.clone() }, [90, 0, 2_000, 0, 0]),
        (Filter { action: vec![text("blocked")], ..range.clone() }, [90, 0, 2_000, 0, 0]),
        (Filter { primitive: vec![text("search")], ..range.clone() }, [90, 0, 2_000, 0, 0]),
        (Filter { attack: vec![text("External")], ..range.clone() }, [0; 5]),
        (Filter { action: vec![text("passed")], ..range.clone() }, [0; 5]),
        (Filter { user: vec![text("nobody")], ..range.clone() }, [0; 5]),
    ] {
        let found = reader.timeline(&filter, 5, &limits(&stop)).unwrap().value;
        assert_eq!(found.step_seconds, 60);
        let attacks: Vec<u64> = found.steps.iter().map(|step| step.attacks).collect();
        assert_eq!(attacks, wanted, "{filter:?}");
    }
}

#[test]
fn a_flood_that_differs_in_what_the_client_says_is_bounded_too() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    flood(&mut writer, NOON, 100_000, 50, &|n| format!("/params/arguments/{n}"));
    assert_eq!(store.one("SELECT count(*) FROM call_rows"), "100");
    // What finds no row of its own counts in another one of its control.
    assert_eq!(store.one("SELECT count(*) || ' ' || sum(count) FROM attack_rows"), "100 100000");
    assert_eq!(store.one("SELECT count(*) FROM attack_calls"), "100");
    // One request was the same in all of them.
    assert_eq!(store.one("SELECT count(*) FROM evidence"), "1");
}

#[test]
fn of_a_flood_of_requests_only_some_are_kept() {
    let store = Store::new();
    let (mut writer, id) = (store.writer("w1"), RpcId::Integer(1));
    let mut batch = writer.begin(NOON).unwrap();
    for n in 0..90 {
        let at = NOON + n;
        let request = exchange(at);
        let part = place(&mut batch, &request);
        let (point, body) = (format!("/{n}"), format!("{n}").repeat(30_000));
        let evidence = Some(Evidence { body: &body, ..EVIDENCE });
        let attacks = [Attack { point: &point, evidence, ..attack(at, ACL) }];
        let blocked = call(at, &id, Outcome::Blocked);
        batch.call(part, &request, &record::Call { attacks: &attacks, ..blocked });
    }
    let committed = batch.commit().unwrap();
    assert_eq!((committed.evidence_left_out, committed.attacks_left_out), (70, 0));
    assert_eq!(store.one("SELECT count(*) || ' ' || count(evidence) FROM attack_rows"), "90 20");
    let noted = "SELECT value = (SELECT sum(length(line) + length(headers) + length(body)) \
         FROM evidence) FROM meta WHERE key = 'evidence_bytes'";
    assert_eq!(store.one(noted), "1");
}

#[test]
fn a_batch_that_failed_and_is_offered_again_stores_what_it_would_have() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    for is_kept in [false, true] {
        let (request, id) = (exchange(NOON), RpcId::Integer(1));
        let mut batch = writer.begin(NOON).unwrap();
        for _ in 0..150 {
            let part = place(&mut batch, &request);
            let attacks = [attack(NOON, ACL)];
            let blocked = call(NOON, &id, Outcome::Blocked);
            batch.call(part, &request, &record::Call { attacks: &attacks, ..blocked });
        }
        if is_kept {
            batch.commit().unwrap();
        }
    }
    assert_eq!(store.one("SELECT count(*) FROM call_rows"), "100");
    assert_eq!(store.one("SELECT count FROM attack_rows"), "150");
    assert_eq!(store.one("SELECT detail FROM attack_rows"), "deny all, line 21");
    assert_eq!(store.one("SELECT text FROM controls"), "1");
}

#[test]
fn two_workers_store_the_same_attack_once_a_minute() {
    let store = Store::new();
    let mut writers = [store.writer("w1"), store.writer("w2")];
    for second in 0..120 {
        let writer = &mut writers[usize::try_from(second % 2).unwrap()];
        flood(writer, NOON + second * SECOND, 3, 10, &|_| "/params/name".to_owned());
    }
    let rows = store.column("2026-11-25.db", "SELECT count FROM attack_rows ORDER BY attack");
    assert_eq!(rows, ["180", "180"]);
    let stop = Arc::default();
    let mut reader = Reader::open(&store.path(), Scope::all());
    let page = PageRequest { limit: 500, cursor: None };
    let filter = Filter { attack: vec!["any".into()], ..Filter::default() };
    let sessions = reader.sessions(&filter, page, &limits(&stop)).unwrap().items;
    assert_eq!((sessions.len(), sessions[0].matched, sessions[0].attacks), (1, 360, 360));
}
