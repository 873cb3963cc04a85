//! What goes wrong with files, and that writing goes on.

use crate::fixture::{NOON, SECOND, Store, exchange, write};
use record::{Outcome, Reason};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use store::{BeginError, Writer};

fn calls(store: &Store) -> String {
    store.one("SELECT count(*) FROM calls")
}

#[test]
fn files_are_the_owners_alone() {
    let store = Store::new();
    write(&mut store.writer("w1"), &exchange(NOON), Outcome::Ok);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&store.path()), 0o700);
    let mut files = 0;
    for entry in fs::read_dir(store.path()).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
        files += 1;
    }
    assert!(files >= 2);
}

#[test]
fn a_link_in_the_place_of_a_file_or_the_store_is_refused() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    let elsewhere = store.folder.path().join("elsewhere");
    fs::write(&elsewhere, "").unwrap();
    symlink(&elsewhere, store.file("2026-11-25.db")).unwrap();
    assert!(matches!(writer.begin(NOON), Err(BeginError::Failed { .. })));
    assert_eq!(fs::read(&elsewhere).unwrap(), b"");
    drop(writer);
    fs::rename(store.path(), store.folder.path().join("moved")).unwrap();
    symlink(store.folder.path().join("moved"), store.path()).unwrap();
    assert!(Writer::open(store.settings("w2"), NOON).is_err());
}

#[test]
fn a_locked_day_is_busy_and_loses_nothing() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    write(&mut writer, &exchange(NOON), Outcome::Ok);
    let other = store.read("2026-11-25.db");
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert!(matches!(writer.begin(NOON), Err(BeginError::Busy)));
    other.execute_batch("COMMIT").unwrap();
    write(&mut writer, &exchange(NOON), Outcome::Ok);
    assert_eq!(calls(&store), "2");
}

#[test]
fn a_deleted_day_is_noticed_and_made_anew() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    write(&mut writer, &exchange(NOON), Outcome::Ok);
    fs::remove_file(store.file("2026-11-25.db")).unwrap();
    write(&mut writer, &exchange(NOON + 2 * SECOND), Outcome::Ok);
    assert_eq!((calls(&store).as_str(), writer.resets()), ("1", 1));
    assert!(writer.upkeep(NOON + 2 * SECOND).notices[0].text.contains("removed or replaced"));
}

#[test]
fn a_deleted_or_replaced_directory_is_noticed_and_made_anew() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    write(&mut writer, &exchange(NOON), Outcome::Ok);
    fs::remove_dir_all(store.path()).unwrap();
    write(&mut writer, &exchange(NOON + 2 * SECOND), Outcome::Ok);
    assert_eq!(calls(&store), "1");
    fs::rename(store.path(), store.folder.path().join("moved")).unwrap();
    fs::create_dir(store.path()).unwrap();
    write(&mut writer, &exchange(NOON + 4 * SECOND), Outcome::Ok);
    assert_eq!(calls(&store), "1");
}

#[test]
fn a_directory_that_cannot_be_made_fails_until_it_can() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    write(&mut writer, &exchange(NOON), Outcome::Ok);
    fs::remove_dir_all(store.path()).unwrap();
    fs::write(store.path(), "in the way").unwrap();
    for after in 2..5 {
        let begun = writer.begin(NOON + after * SECOND);
        let Err(BeginError::Failed { reason, .. }) = begun else { panic!("{begun:?}") };
        assert_eq!(reason, Reason::StoreFailed);
    }
    fs::remove_file(store.path()).unwrap();
    write(&mut writer, &exchange(NOON + 9 * SECOND), Outcome::Ok);
    assert_eq!(calls(&store), "1");
}

#[test]
fn a_file_that_is_no_database_is_moved_aside() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    for letter in ["x", "y"] {
        let garbage = letter.repeat(5_000);
        fs::write(store.file("2026-11-25.db"), garbage).unwrap();
        write(&mut writer, &exchange(NOON), Outcome::Ok);
        assert_eq!(calls(&store), "1");
        drop(writer);
        let _ = fs::remove_file(store.file("2026-11-25.db-wal"));
        writer = store.writer("w1");
    }
    assert!(store.file("2026-11-25.db.damaged-1").exists());
    assert!(store.file("2026-11-25.db.damaged-2").exists());
}

#[test]
fn a_day_damaged_while_open_is_moved_aside() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    for n in 0..50 {
        write(&mut writer, &exchange(NOON + n), Outcome::Ok);
    }
    drop(writer);
    let path = store.file("2026-11-25.db");
    let mut bytes = fs::read(&path).unwrap();
    for byte in bytes.iter_mut().skip(8192) {
        *byte = 0x5a;
    }
    fs::write(&path, bytes).unwrap();
    let mut writer = store.writer("w1");
    let mut attempts = 0;
    while calls_after(&mut writer) == 0 {
        attempts += 1;
        assert!(attempts < 5, "it does not heal");
    }
    assert_eq!(calls(&store), "1");
    assert!(writer.upkeep(NOON).notices.iter().any(|notice| notice.text.contains("damaged-1")));
}

#[test]
fn a_day_that_another_writer_has_made_anew_is_not_moved_aside() {
    let store = Store::new();
    let mut writers = [store.writer("w1"), store.writer("w2"), store.writer("w3")];
    for n in 0..50 {
        write(&mut writers[n % 3], &exchange(NOON), Outcome::Ok);
    }
    let day = store.read("2026-11-25.db");
    day.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())).unwrap();
    overwrite(&store.file("2026-11-25.db"), 8192);
    let mut written = 0;
    for n in 0..30 {
        written += calls_after(&mut writers[n % 3]);
    }
    assert!(written >= 27, "{written}");
    assert_eq!(calls(&store), written.to_string());
    assert!(store.file("2026-11-25.db.damaged-1").exists());
    assert!(!store.file("2026-11-25.db.damaged-2").exists());
    // The first ones to end leave what the last one writes alone.
    drop(day);
    let [mut last, second, third] = writers;
    drop((second, third));
    assert_eq!(calls_after(&mut last), 1);
    assert_eq!(calls(&store), (written + 1).to_string());
}

#[test]
fn what_a_removed_day_left_behind_is_not_taken_for_the_new_ones() {
    let store = Store::new();
    let (mut first, mut second) = (store.writer("w1"), store.writer("w2"));
    for _ in 0..20 {
        write(&mut first, &exchange(NOON), Outcome::Ok);
        write(&mut second, &exchange(NOON), Outcome::Ok);
    }
    fs::remove_file(store.file("2026-11-25.db")).unwrap();
    for _ in 0..20 {
        write(&mut first, &exchange(NOON), Outcome::Ok);
        write(&mut second, &exchange(NOON), Outcome::Ok);
    }
    assert_eq!(calls(&store), "40");
    drop(first);
    write(&mut second, &exchange(NOON), Outcome::Ok);
    assert_eq!(calls(&store), "41");
    // A WAL alone is missed as well; all calls were in it.
    fs::remove_file(store.file("2026-11-25.db-wal")).unwrap();
    fs::remove_file(store.file("2026-11-25.db-shm")).unwrap();
    write(&mut second, &exchange(NOON), Outcome::Ok);
    assert_eq!((calls(&store).as_str(), second.resets()), ("1", 2));
}

#[test]
fn the_same_trouble_is_told_once_a_round() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    write(&mut writer, &exchange(NOON), Outcome::Ok);
    drop(writer);
    overwrite(&store.file("2026-11-25.db"), 0);
    // All names are taken, so that it cannot be moved away.
    for number in 1..=100 {
        fs::write(store.file(&format!("2026-11-25.db.damaged-{number}")), "").unwrap();
    }
    let mut writer = store.writer("w1");
    for _ in 0..20 {
        assert_eq!(calls_after(&mut writer), 0);
    }
    assert_eq!(writer.upkeep(NOON).notices.len(), 1);
}

/// Garbage from an offset on, by a descriptor that holds no locks of SQLite's.
fn overwrite(path: &std::path::Path, from: u64) {
    use std::os::unix::fs::FileExt;
    let length = fs::metadata(path).unwrap().len() - from;
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&vec![0x5a; usize::try_from(length).unwrap()], from).unwrap();
}

/// Writes a call, if that succeeds; returns how many were committed.
fn calls_after(writer: &mut Writer) -> u64 {
    use record::Sink;
    let Ok(mut batch) = writer.begin(NOON) else { return 0 };
    let exchange = exchange(NOON);
    let record::Place::Part(part) = batch.place(&exchange, record::Patience::Decide) else {
        return 0;
    };
    let id = protocol::RpcId::Integer(1);
    batch.call(part, &exchange, &crate::fixture::call(NOON, &id, Outcome::Ok));
    batch.commit().map_or(0, |committed| committed.calls)
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    write(&mut writer, &exchange(NOON), Outcome::Ok);
    drop(writer);
    store.read("2026-11-25.db").execute_batch("PRAGMA user_version = 99").unwrap();
    let mut writer = store.writer("w1");
    let begun = writer.begin(NOON).map(|_| ());
    let Err(BeginError::Failed { message, .. }) = begun else { panic!("{begun:?}") };
    assert!(message.contains("newer version"), "{message}");
    drop(writer);
    assert_eq!(store.one("PRAGMA user_version"), "99");
}
