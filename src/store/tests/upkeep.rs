//! Retention, bounds, and the state past days are left in.

use crate::fixture::{DAY, HOUR, LATE, NOON, SECOND, Store, exchange, write};
use record::{Outcome, Reason};
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};
use store::query::{Filter, PageRequest, Reader, Scope};
use store::{BeginError, Settings, Upkeep, Writer};

/// Makes a past day of some calls, last written on that day.
fn make_day(store: &Store, at: i64, calls: i64) {
    let mut writer = Writer::open(store.settings("past"), at).unwrap();
    for n in 0..calls {
        write(&mut writer, &exchange(at + n), Outcome::Ok);
    }
    drop(writer);
    for path in day_files(store) {
        age(&path, at);
    }
}

fn day_files(store: &Store) -> Vec<PathBuf> {
    let paths = fs::read_dir(store.path()).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("2026")).collect()
}

/// By its path: opening and closing a file would drop the locks that SQLite has on it in this
/// process.
fn age(path: &Path, at: i64) {
    let time = Timespec { tv_sec: at / SECOND, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    let _ = utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW);
}

/// Rounds a second apart for so many seconds; all they did. What they write is as old as the test's
/// clock says, whatever the machine's does.
fn rounds(store: &Store, writer: &mut Writer, from: i64, seconds: i64) -> Upkeep {
    let mut sum = Upkeep::default();
    for second in 0..=seconds {
        let now = from + second * SECOND;
        for path in day_files(store) {
            let modified = fs::metadata(&path).and_then(|found| found.modified());
            let latest = UNIX_EPOCH + Duration::from_micros(now.try_into().unwrap());
            if modified.is_ok_and(|modified| modified > latest) {
                age(&path, now);
            }
        }
        let round = writer.upkeep(now);
        sum = Upkeep {
            days_expired: sum.days_expired + round.days_expired,
            days_shed: sum.days_shed + round.days_shed,
            days_reduced: sum.days_reduced + round.days_reduced,
            payloads_shed: sum.payloads_shed + round.payloads_shed,
            ..round
        };
    }
    sum
}

#[test]
fn days_beyond_the_retention_are_removed_within_a_minute() {
    let store = Store::new();
    for back in [9, 8, 7, 1] {
        make_day(&store, NOON - back * DAY, 1);
    }
    for day in ["2026-11-17", "2026-11-18"] {
        fs::write(store.file(&format!("{day}.db.damaged-1")), "").unwrap();
    }
    let mut writer = store.writer("w1");
    let done = rounds(&store, &mut writer, NOON, 59);
    assert_eq!((done.days_expired, done.days), (2, 2));
    assert!(!store.file("2026-11-17.db").exists());
    assert!(!store.file("2026-11-17.db.damaged-1").exists());
    assert!(store.file("2026-11-18.db.damaged-1").exists());
    assert!(store.file("2026-11-18.db").exists());
}

#[test]
fn a_clock_that_is_wrong_for_a_moment_removes_nothing() {
    let store = Store::new();
    make_day(&store, NOON - DAY, 1);
    let mut writer = store.writer("w1");
    for round in 0..40 {
        let jump = if round % 10 == 0 { 300 * DAY } else { 0 };
        writer.upkeep(NOON + round * 3 * SECOND + jump);
    }
    assert!(store.file("2026-11-24.db").exists());
}

#[test]
fn a_past_day_opens_without_write_access() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    let mut other = store.writer("w2");
    write(&mut writer, &exchange(LATE), Outcome::Ok);
    write(&mut other, &exchange(LATE), Outcome::Ok);
    let path = store.file("2026-11-25.db");
    for (seconds, mode) in [(30, "wal"), (400, "delete")] {
        for writer in [&mut writer, &mut other] {
            rounds(&store, writer, LATE + 10 * SECOND, 0);
        }
        age(&path, LATE);
        age(&store.file("2026-11-25.db-wal"), LATE);
        for writer in [&mut other, &mut writer] {
            rounds(&store, writer, LATE + seconds * SECOND, 5);
        }
        let read = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let found: String = read.query_row("PRAGMA journal_mode", (), |row| row.get(0)).unwrap();
        assert_eq!(found, mode, "after {seconds} seconds");
        if mode == "wal" {
            continue;
        }
        assert!(!store.file("2026-11-25.db-wal").exists());
        let calls: i64 =
            read.query_row("SELECT count(*) FROM calls", (), |row| row.get(0)).unwrap();
        assert_eq!(calls, 2);
    }
    // A straggler still finds its way in.
    write(&mut writer, &exchange(LATE), Outcome::Ok);
    assert_eq!(store.one("SELECT count(*) FROM calls"), "3");
}

#[test]
fn a_past_day_is_finished_while_new_sessions_look_into_it() {
    let store = Store::new();
    let mut writers = [store.writer("w1"), store.writer("w2")];
    write(&mut writers[0], &exchange(LATE), Outcome::Ok);
    let path = store.file("2026-11-25.db");
    for round in 0..15 {
        let at = LATE + (150 + 3 * round) * SECOND;
        for (which, writer) in writers.iter_mut().enumerate() {
            let id = format!("new{round}{which}");
            let session = crate::fixture::claim(&id);
            write(writer, &record::Exchange { session, ..exchange(at) }, Outcome::Ok);
        }
        age(&path, LATE);
        writers.iter_mut().for_each(|writer| drop(writer.upkeep(at)));
    }
    assert_eq!(store.one("PRAGMA journal_mode"), "delete");
}

#[test]
fn a_past_day_that_was_the_present_one_again_is_finished_again() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    for clock in [NOON, NOON + DAY, NOON, NOON + DAY] {
        let mode = if clock == NOON { "wal" } else { "delete" };
        if clock == NOON {
            write(&mut writer, &exchange(NOON), Outcome::Ok);
        }
        for second in 0..10 {
            day_files(&store).iter().for_each(|path| age(path, NOON));
            writer.upkeep(clock + second * SECOND);
        }
        assert_eq!(store.one("PRAGMA journal_mode"), mode);
    }
    assert_eq!(store.one("SELECT count(*) FROM calls"), "2");
}

#[test]
fn payloads_go_first_then_days_and_today_last() {
    let store = Store::new();
    for back in [2, 1] {
        make_day(&store, NOON - back * DAY, 300);
    }
    let settings = Settings { size_bytes_max: 1, ..store.settings("w1") };
    let mut writer = Writer::open(settings, NOON).unwrap();
    let mut done = Upkeep::default();
    let mut at = NOON;
    while done.payloads_shed < 600 {
        let round = writer.upkeep(at);
        assert_eq!(round.days_shed, 0, "a day was given up before all payloads");
        done.payloads_shed += round.payloads_shed;
        at += 2 * SECOND;
        assert!(at < NOON + HOUR, "payloads are not shed: {round:?}");
    }
    let shed = "SELECT count(*) || ' ' || count(arguments) || ' ' || count(method) FROM calls";
    assert_eq!(store.column("2026-11-23.db", shed), ["300 0 300"]);
    assert_eq!(store.column("2026-11-24.db", "PRAGMA integrity_check"), ["ok"]);
    write_ignoring_full(&mut writer, at);
    let done = rounds(&store, &mut writer, at, 20);
    assert_eq!((done.days_shed, done.is_full), (2, true));
    let begun = writer.begin(at).map(|_| ());
    let Err(BeginError::Failed { reason, .. }) = begun else { panic!("{begun:?}") };
    assert_eq!(reason, Reason::DiskFull);
}

#[test]
fn attacks_go_last() {
    let store = Store::new();
    for back in [3, 2, 1] {
        make_day(&store, NOON - back * DAY, 300);
    }
    // Attacks on the day before yesterday.
    let at = NOON - 2 * DAY;
    let mut writer = Writer::open(store.settings("past"), at).unwrap();
    crate::floods::flood(&mut writer, at, 500, 1_000, &|_| "/params/name".to_owned());
    drop(writer);
    day_files(&store).iter().for_each(|path| age(path, at));
    let settings = Settings { size_bytes_max: 1, ..store.settings("w1") };
    let mut writer = Writer::open(settings, NOON).unwrap();
    let (mut done, mut at) = (Upkeep::default(), NOON);
    while done.days_reduced == 0 {
        let round = writer.upkeep(at);
        done.days_shed += round.days_shed;
        done.days_reduced += round.days_reduced;
        at += 2 * SECOND;
        assert!(at < NOON + HOUR, "the day is not reduced: {round:?}");
    }
    // The oldest one had none, and went before.
    assert_eq!(done.days_shed, 1);
    assert!(!store.file("2026-11-22.db").exists());
    let day = "2026-11-23.db";
    assert_eq!(store.column(day, "PRAGMA integrity_check"), ["ok"]);
    assert_eq!(store.column(day, "SELECT sum(count) FROM attack_rows"), ["500"]);
    assert_eq!(
        store.column(day, "SELECT count(*) || ' ' || count(arguments) FROM calls"),
        ["100 0"]
    );
    assert_eq!(store.column(day, "SELECT calls || ' ' || attacks FROM sessions"), ["500 500"]);
    assert_eq!(store.column(day, "SELECT sum(calls) FROM tallies"), ["500"]);
    assert_eq!(store.column(day, "SELECT count(*) FROM evidence"), ["1"]);
    let stop = std::sync::Arc::default();
    let mut reader = Reader::open(&store.path(), Scope::all());
    let page = PageRequest { limit: 10, cursor: None };
    let limits = crate::queries::limits(&stop);
    let list = reader.attacks(&Filter::default(), page, &limits).unwrap();
    assert_eq!((list.items.len(), list.items[0].count), (1, 500));
    let one = reader.attack(list.items[0].id, &limits).unwrap().value;
    assert!(one.evidence.is_some());
    let call = reader.call(one.attack.call, &limits).unwrap().value;
    assert_eq!((call.call.attacks.len(), call.call.payloads_shed), (1, true));
    let days = reader.days(&limits).unwrap().items;
    let shed: Vec<bool> = days.iter().map(|day| day.calls_shed).collect();
    assert!(shed.contains(&true), "{days:?}");
    // Then yesterday, which has none; and only then the attacks.
    let rest = rounds(&store, &mut writer, at, 20);
    assert_eq!(rest.days_shed, 2);
    assert!(!store.file(day).exists());
}

/// Today's file, unless the store is full already.
fn write_ignoring_full(writer: &mut Writer, at: i64) {
    if writer.begin(at).is_ok() {
        write(writer, &exchange(at), Outcome::Ok);
    }
}

#[test]
fn one_writer_keeps_and_another_takes_over() {
    let store = Store::new();
    let (mut first, mut second) = (store.writer("w1"), store.writer("w2"));
    assert!(first.upkeep(NOON).is_keeper);
    assert!(!second.upkeep(NOON).is_keeper);
    drop(first);
    assert!(second.upkeep(NOON + 5 * SECOND).is_keeper);
}

#[test]
fn a_long_reader_lets_the_log_grow_and_its_end_empties_it() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    write(&mut writer, &exchange(NOON), Outcome::Ok);
    let reader = store.read("2026-11-25.db");
    reader.execute_batch("BEGIN; SELECT count(*) FROM call_rows").unwrap();
    for n in 0..200 {
        write(&mut writer, &exchange(NOON + n), Outcome::Ok);
    }
    assert!(writer.upkeep(NOON + 5 * SECOND).wal_bytes > 1_000_000);
    let seen: i64 =
        reader.query_row("SELECT count(*) FROM call_rows", (), |row| row.get(0)).unwrap();
    assert_eq!(seen, 1);
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(store.one("SELECT count(*) FROM call_rows"), "201");
}
