//! How the catalogue forgets, heals and grows up.

use super::*;

#[test]
fn what_is_neither_listed_nor_called_for_thirty_days_is_forgotten() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    list_tools(&mut writer, NOON, &[tool("search", "1"), tool("unused", "1")]);
    let other = Server { name: "gone.example.com/mcp", ..exchange(NOON).server };
    write(&mut writer, &Exchange { server: other, ..exchange(NOON) }, Outcome::Ok);
    let names = |store: &Store| catalog(store, "SELECT name FROM primitives ORDER BY name");
    // `search` is called every fifth day.
    let mut now = NOON;
    for day in 0..29 {
        now = NOON + day * DAY;
        if day % 5 == 0 {
            write(&mut writer, &exchange(now), Outcome::Ok);
        }
        for hour in 0..3 {
            writer.upkeep(now + (2 * hour + 1) * HOUR);
        }
    }
    assert_eq!(names(&store), ["search", "unused"]);
    let mut has_changed = false;
    for hour in 0..60 {
        has_changed |= writer.upkeep(now + 10 * HOUR + hour * HOUR).catalog_changed;
    }
    assert!(has_changed);
    assert_eq!(names(&store), ["search"]);
    assert_eq!(catalog(&store, "SELECT name FROM servers"), [CRM]);
    check(&store);
}

#[test]
fn a_clock_that_jumps_forgets_nothing() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    list_tools(&mut writer, NOON, &[tool("a", "1")]);
    writer.upkeep(NOON + HOUR);
    writer.upkeep(NOON + 400 * DAY);
    writer.upkeep(NOON + 2 * HOUR);
    assert_eq!(tools(&store, NOON).len(), 1);
}

#[test]
fn a_catalogue_damaged_while_open_is_moved_aside_and_learned_anew() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    let names: Vec<String> = (0..400).map(|n| format!("tool-{n}")).collect();
    let items: Vec<Listed<'_>> = names.iter().map(|name| tool(name, "{\"a\":1}")).collect();
    list_tools(&mut writer, NOON, &items);
    store.read("catalog.db").execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let path = store.file("catalog.db");
    let bytes = std::fs::metadata(&path).unwrap().len();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &vec![0x5a; bytes as usize - 4096], 4096)
        .unwrap();
    let changed: Vec<Listed<'_>> = names.iter().map(|name| tool(name, "{\"a\":2}")).collect();
    let mut now = NOON;
    for _ in 0..200 {
        now += SECOND;
        // Another writer's commit makes this one read the file again.
        let committed = list_tools(&mut writer, now, &changed);
        assert_eq!(committed.exchanges, 1);
        list_tools(&mut writer, now, &items);
        if store.file("catalog.db.damaged-1").exists() {
            break;
        }
    }
    assert!(store.file("catalog.db.damaged-1").exists());
    let notices = writer.upkeep(now).notices;
    assert!(notices.iter().any(|notice| notice.text.contains("moved to")), "{notices:?}");
    list_tools(&mut writer, now + 2 * SECOND, &items);
    writer.upkeep(now + 3 * SECOND);
    assert_eq!(tools(&store, now).len(), 400);
    check(&store);
}

#[test]
fn a_catalogue_of_the_first_version_is_brought_forward() {
    let store = Store::new();
    std::fs::create_dir(store.path()).unwrap();
    let old = Connection::open(store.file("catalog.db")).unwrap();
    old.execute_batch(include_str!("../../schema/catalog.sql")).unwrap();
    old.execute_batch(
        "PRAGMA journal_mode = WAL; INSERT INTO meta VALUES ('key', randomblob(32)); \
         INSERT INTO servers VALUES (1, 'old.example.com/mcp', 1, 2); \
         PRAGMA application_id = 0x4d435063; PRAGMA user_version = 1",
    )
    .unwrap();
    drop(old);
    assert_eq!(stored_tools(&store.path(), None, NOON).unwrap(), None);
    let mut writer = store.writer("w1");
    assert!(list_tools(&mut writer, NOON, &[tool("a", "1")]).catalog_changed);
    let names = "SELECT name FROM servers ORDER BY name";
    assert_eq!(catalog(&store, names), [CRM, "old.example.com/mcp"]);
    assert_eq!(catalog(&store, "PRAGMA user_version"), ["2"]);
    assert_eq!(
        catalog(&store, "SELECT first_seen_at FROM servers ORDER BY name DESC"),
        ["1".to_owned(), NOON.to_string()]
    );
}
