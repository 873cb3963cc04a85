//! Sums of days that do not change any more, kept in memory: the same answers as without.

use crate::filters::random_filter;
use crate::fixture::{DAY, NOON, SECOND, Store, TO_VERSION_2, alice, exchange, write};
use crate::reference::{Made, NOW, Random, make};
use record::{Exchange, Outcome};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use store::query::{FacetRequest, Filter, Limits, Memory, Reader, Scope};

const YESTERDAY: &str = "2026-11-24.db";

fn limits(stop: &Arc<AtomicBool>, now: i64) -> Limits<'_> {
    Limits { now, deadline: Instant::now() + Duration::from_secs(60), cancelled: stop }
}

/// Gives a file a time at which it was last written, so many seconds after some past one.
fn age(store: &Store, name: &str, seconds: i64) {
    // Long ago, whatever the machine's clock says.
    let time = Timespec { tv_sec: 1_700_000_000 + seconds, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, store.file(name), &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

/// Days on disk, oldest first.
fn days(store: &Store) -> Vec<String> {
    let names = fs::read_dir(store.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut days: Vec<String> =
        names.filter(|name| name.starts_with("2026") && name.ends_with(".db")).collect();
    days.sort_unstable();
    days
}

/// Leaves a day as upkeep leaves a past one.
fn finish(store: &Store, name: &str) {
    let mode: String =
        store.read(name).query_row("PRAGMA journal_mode = DELETE", (), |row| row.get(0)).unwrap();
    assert_eq!(mode, "delete");
    age(store, name, 0);
}

/// All that is summed up, in words.
fn answers(reader: &mut Reader, filter: &Filter, now: i64) -> [String; 3] {
    let stop = Arc::default();
    let limits = limits(&stop, now);
    let request = FacetRequest { limit: 500, ..FacetRequest::default() };
    [
        format!("{:?}", reader.facets(filter, &request, &limits).unwrap()),
        format!("{:?}", reader.agents(filter, &limits).unwrap()),
        format!("{:?}", reader.servers(filter, &limits).unwrap()),
    ]
}

/// Filters by time and server alone, and views.
fn plain(random: &mut Random, made: &Made) -> (Filter, Scope) {
    let Filter { from, to, server, .. } = random_filter(random, made);
    let scope = match random.below(3) {
        0 => Scope::servers(vec!["crm.test/*".into(), "search.example.org/a".into()]),
        _ => Scope::all(),
    };
    (Filter { from, to, server, ..Filter::default() }, scope)
}

#[test]
fn settled_days_add_up_to_what_their_calls_do() {
    let store = Store::new();
    let mut random = Random(88);
    let made = make(&store, &mut random, 2_000);
    let mut questions = vec![(Filter::default(), Scope::all())];
    questions.extend((0..60).map(|_| plain(&mut random, &made)));
    let last_day = days(&store).pop().unwrap();
    // In the evening today is not settled, nor is a day with a session that may still go on.
    for now in [NOW, NOW + 8 * DAY] {
        let counted: Vec<_> = questions
            .iter()
            .map(|(filter, scope)| {
                let mut reader = Reader::open(&store.path(), scope.clone());
                answers(&mut reader, filter, now)
            })
            .collect();
        let memory = Memory::default();
        for name in days(&store) {
            if name != last_day || now > NOW {
                finish(&store, &name);
            }
        }
        for round in 0..2 {
            for ((filter, scope), counted) in questions.iter().zip(&counted) {
                let mut reader = Reader::open_with(&store.path(), scope.clone(), memory.clone());
                assert_eq!(answers(&mut reader, filter, now), *counted, "{round} {filter:?}");
            }
        }
        assert!(memory.sums() > 3 || now == NOW, "nothing was settled");
        // The next round counts days that have a WAL.
        for name in days(&store) {
            store.read(&name).query_row("PRAGMA journal_mode = WAL", (), |_| Ok(())).unwrap();
        }
    }
}

/// Three calls yesterday, one today; yesterday is finished.
fn two_days() -> Store {
    let store = Store::new();
    let mut writer = store.writer("w1");
    for at in [NOON - DAY, NOON - DAY + SECOND, NOON - DAY + 2 * SECOND, NOON] {
        write(&mut writer, &Exchange { identity: alice(), ..exchange(at) }, Outcome::Ok);
    }
    drop(writer);
    finish(&store, YESTERDAY);
    store
}

fn calls(reader: &mut Reader) -> ([u64; 3], usize) {
    let (stop, filter) = (Arc::default(), Filter::default());
    let limits = limits(&stop, NOW);
    let facets = reader.facets(&filter, &FacetRequest::default(), &limits).unwrap();
    let agents = reader.agents(&filter, &limits).unwrap();
    let servers = reader.servers(&filter, &limits).unwrap();
    let sums = [
        facets.value.calls,
        agents.items.iter().map(|agent| agent.calls).sum(),
        servers.items.iter().map(|server| server.calls).sum(),
    ];
    (sums, facets.warnings.len() + agents.warnings.len() + servers.warnings.len())
}

#[test]
fn a_settled_day_that_is_written_after_all_is_counted_anew() {
    let store = two_days();
    let memory = Memory::default();
    let mut reader = Reader::open_with(&store.path(), Scope::all(), memory.clone());
    assert_eq!(calls(&mut reader), ([4; 3], 0));
    assert_eq!(memory.sums(), 3);
    let more = "UPDATE tallies SET calls = calls + 1; UPDATE loads SET calls = calls + 1";
    store.read(YESTERDAY).execute_batch(more).unwrap();
    // Its times are of this moment, then of one that is long past.
    assert_eq!(calls(&mut reader), ([5; 3], 0));
    age(&store, YESTERDAY, 60);
    assert_eq!(calls(&mut reader), ([5; 3], 0));
    assert_eq!(calls(&mut reader), ([5; 3], 0));
}

#[test]
fn a_settled_day_that_is_damaged_is_left_out_and_told() {
    let store = two_days();
    let mut reader = Reader::open(&store.path(), Scope::all());
    assert_eq!(calls(&mut reader), ([4; 3], 0));
    fs::write(store.file(YESTERDAY), "no database ".repeat(10_000)).unwrap();
    age(&store, YESTERDAY, 60);
    assert_eq!(calls(&mut reader), ([1; 3], 3));
    fs::remove_file(store.file(YESTERDAY)).unwrap();
    assert_eq!(calls(&mut reader), ([1; 3], 0));
}

#[test]
fn a_settled_day_of_version_2_adds_up() {
    let store = two_days();
    store.read(YESTERDAY).execute_batch(TO_VERSION_2).unwrap();
    age(&store, YESTERDAY, 60);
    let memory = Memory::default();
    for _ in 0..2 {
        let mut reader = Reader::open_with(&store.path(), Scope::all(), memory.clone());
        assert_eq!(calls(&mut reader), ([4; 3], 0));
    }
    assert_eq!(memory.sums(), 3);
}

#[test]
fn what_nobody_uses_is_forgotten() {
    let store = two_days();
    let memory = Memory::default();
    let mut reader = Reader::open_with(&store.path(), Scope::all(), memory.clone());
    assert_eq!(calls(&mut reader), ([4; 3], 0));
    memory.rest(Duration::from_secs(3_600));
    assert_eq!(memory.sums(), 3);
    memory.rest(Duration::ZERO);
    assert_eq!(memory.sums(), 0);
    assert_eq!(calls(&mut reader), ([4; 3], 0));
}
