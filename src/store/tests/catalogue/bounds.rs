//! What has no room in the catalogue.

use super::*;

#[test]
fn what_a_locked_catalogue_makes_wait_is_bounded() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    list_tools(&mut writer, NOON, &[]);
    let locker = store.read("catalog.db");
    locker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let schema = "x".repeat(200_000);
    let names: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let items: Vec<Listed<'_>> = names.iter().map(|name| tool(name, &schema)).collect();
    for n in 0..3 {
        list_tools(&mut writer, NOON + n, &items);
    }
    locker.execute_batch("ROLLBACK").unwrap();
    for n in 0..20 {
        writer.upkeep(NOON + n * SECOND);
    }
    let first = tools(&store, NOON).len();
    assert!((PENDING_BYTES_MAX / 200_300..=PENDING_BYTES_MAX / 200_000 + 1).contains(&first));
    assert!(left_out(&store, "pending") >= 100);
    // The rest is learned when it is listed again.
    for n in 0..3 {
        list_tools(&mut writer, NOON + 60 * SECOND + n, &items);
        writer.upkeep(NOON + 61 * SECOND);
    }
    assert_eq!(tools(&store, NOON).len(), 100);
    check(&store);
}

#[test]
fn ten_thousand_tools_are_learned_within_a_second() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    let schema = "x".repeat(500);
    let names: Vec<String> = (0..10_050).map(|n| format!("tool-{n:05}")).collect();
    let items: Vec<Listed<'_>> = names.iter().map(|name| tool(name, &schema)).collect();
    list_tools(&mut writer, NOON, &items);
    let mut rounds = 0;
    while catalog(&store, "SELECT count(*) FROM primitives") != ["10000"] && rounds < 200 {
        rounds += 1;
        writer.upkeep(NOON + rounds * SECOND);
    }
    writer.upkeep(NOON + 300 * SECOND);
    assert_eq!(catalog(&store, "SELECT count(*) FROM primitives"), [PRIMITIVES_MAX.to_string()]);
    assert_eq!(left_out(&store, "primitives"), 50);
    // Prompts have room of their own, other servers too.
    let item = [tool("p", "1")];
    let prompts = Listing { kind: PrimitiveKind::Prompt, ..listing(NOON + HOUR, &item) };
    assert!(list(&mut writer, &exchange(NOON + HOUR), &prompts).catalog_changed);
    // What is known is still seen while there is no room.
    let at = NOON + 2 * HOUR;
    list_tools(&mut writer, at, &items[..3]);
    let seen = format!("SELECT count(*) FROM primitives WHERE last_seen_at = {at}");
    assert_eq!(catalog(&store, &seen), ["3"]);
    check(&store);
}

#[test]
fn a_list_that_changes_with_every_answer_is_no_storm_of_writes() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    for n in 0..500 {
        let text = n.to_string();
        let item = Listed { description: &text, ..tool("a", "1") };
        list_tools(&mut writer, NOON + n * SECOND, &[item]);
    }
    writer.upkeep(NOON + 500 * SECOND);
    let rows: i64 = catalog(&store, "SELECT count(*) FROM versions")[0].parse().unwrap();
    assert_eq!(rows, CHANGES_AN_HOUR_MAX + 1);
    assert_eq!(left_out(&store, "changes"), 499 - CHANGES_AN_HOUR_MAX as u64);
    for hour in 1..30 {
        for n in 0..10 {
            let text = format!("{hour} {n}");
            let item = Listed { description: &text, ..tool("a", "1") };
            list_tools(&mut writer, NOON + hour * HOUR + n * SECOND, &[item]);
        }
    }
    assert_eq!(catalog(&store, "SELECT count(*) FROM versions"), [VERSIONS_MAX.to_string()]);
    let newest = "SELECT description FROM versions ORDER BY version DESC LIMIT 1";
    assert_eq!(catalog(&store, newest), [format!("29 {}", CHANGES_AN_HOUR_MAX - 1)]);
    check(&store);
}

#[test]
fn of_duplicates_the_last_counts() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    let items = [tool("a", "1"), tool("b", "1"), tool("a", "2"), tool("a", "3")];
    for n in 0..5 {
        list_tools(&mut writer, NOON + n * SECOND, &items);
    }
    writer.upkeep(NOON + 9 * SECOND);
    assert_eq!(catalog(&store, "SELECT input_schema FROM versions ORDER BY version"), ["1", "3"]);
    assert_eq!(left_out(&store, "duplicates"), 2);
}

#[test]
fn a_server_has_a_share_of_the_room_and_the_history_gives_way() {
    const { assert!(CATALOG_BYTES_MAX >= 2 * SERVER_BYTES_MAX) };
    let store = Store::new();
    let mut writer = store.writer("w1");
    let big = "x".repeat(250_000);
    let other = "y".repeat(250_000);
    let room = (SERVER_BYTES_MAX / 250_200) as usize;
    let names: Vec<String> = (0..room + 20).map(|n| format!("{n:03}")).collect();
    let mut now = NOON;
    let mut list_all = |schema: &str, range: std::ops::Range<usize>| {
        for name in &names[range] {
            now += SECOND;
            list_tools(&mut writer, now, &[tool(name, schema)]);
        }
        writer.upkeep(now);
        check(&store);
        tools(&store, now)
    };
    // Half of the room holds what is in force, half what was.
    let found = list_all(&big, 0..room / 2);
    assert_eq!(found.len(), room / 2);
    let found = list_all(&other, 0..room / 2);
    assert!(found.iter().all(|tool| tool.replaced.len() == 1));
    let found = list_all(&big, 0..room / 2);
    assert!(found.iter().all(|tool| tool.input_schema == big));
    assert_eq!(left_out(&store, "bytes"), 0);
    let found = list_all(&big, room / 2..room + 20);
    assert!(found.len() < room);
    assert!(left_out(&store, "bytes") > 0);
    let bytes: i64 = catalog(&store, "SELECT bytes FROM servers")[0].parse().unwrap();
    assert!(bytes <= SERVER_BYTES_MAX);
    // Another server is not concerned.
    let name = Server { name: "other.example.com/mcp", ..exchange(now).server };
    let elsewhere = Exchange { server: name, ..exchange(now + DAY) };
    let items = [tool("a", &big)];
    let mut writer = store.writer("w2");
    assert!(list(&mut writer, &elsewhere, &listing(now + DAY, &items)).catalog_changed);
}

#[test]
fn what_is_known_of_users_lists_is_bounded() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    for user in 1..=LISTS_MAX as u64 + 150 {
        list_for(&mut writer, user, NOON + user as i64, &[tool("a", "1")]);
    }
    let rows: i64 = catalog(&store, "SELECT count(*) FROM lists")[0].parse().unwrap();
    assert!((LISTS_MAX / 2..=LISTS_MAX).contains(&rows), "{rows}");
}

#[test]
fn a_cut_list_and_left_out_items_are_counted() {
    let store = Store::new();
    let mut writer = store.writer("w1");
    let with = Exchange { identity: alice(), ..exchange(NOON) };
    list(&mut writer, &with, &Listing { is_truncated: true, ..listing(NOON, &[]) });
    let items = [tool("a", "1")];
    list(&mut writer, &with, &Listing { left_out: 7, ..listing(NOON, &items) });
    assert_eq!((left_out(&store, "truncated"), left_out(&store, "items")), (1, 7));
}
