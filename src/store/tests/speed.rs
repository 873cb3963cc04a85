//! No list reads calls one by one: each filter on two days of 100,000 calls.

use crate::fixture::{DAY, NOON, Store};
use crate::generate::write_days;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::query::{Filter, Limits, PageRequest, Reader, Scope, State};

/// The CPU time that a list may take, unoptimised, on any machine. Optimised it takes some 10 ms.
/// Time that others take on a loaded machine does not count.
const CPU_MS_MAX: f64 = 400.0;

/// CPU time of this thread so far, in milliseconds.
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e6
}

#[test]
fn session_lists_are_quick() {
    let store = Store::new();
    let today = i32::try_from(NOON / DAY).unwrap();
    let written = write_days(&store.path(), 2, 100_000, today).unwrap();
    assert_eq!(written.calls, 200_000);
    assert!(written.sessions > 1_000);
    let stop = Arc::default();
    let now = NOON + 14 * DAY / 24;
    let limits =
        Limits { now, deadline: Instant::now() + Duration::from_secs(300), cancelled: &stop };
    let page = PageRequest { limit: 50, cursor: None };
    let mut reader = Reader::open(&store.path(), Scope::all());
    let of = |set: &dyn Fn(&mut Filter)| {
        let mut filter = Filter::default();
        set(&mut filter);
        filter
    };
    let one = |value: &str| vec![value.to_owned()];
    let lists = [
        (of(&|_| {}), true),
        (of(&|f| f.from = Some(now - DAY / 3)), true),
        (of(&|f| f.server = one("srv19.example.com/mcp")), true),
        (of(&|f| f.user = one("user0@example.com")), true),
        (of(&|f| f.user = one("nobody")), false),
        (of(&|f| f.role = one("admin")), true),
        (of(&|f| f.session_id = one("none such")), false),
        (of(&|f| f.id_source = one("derived")), true),
        (of(&|f| f.client = one("cursor")), true),
        (of(&|f| f.address = one("10.0.0.0")), true),
        (of(&|f| f.param = vec![("tenant".to_owned(), one("tenant7"))]), true),
        (of(&|f| f.request_id = one("00000000000000000000000000000000")), false),
        (of(&|f| f.method = one("tools/call")), true),
        (of(&|f| f.primitive = one("delete_account")), true),
        (of(&|f| f.outcome = one("aborted")), true),
        (of(&|f| f.status = vec![502]), true),
        (of(&|f| f.attack = one("any")), true),
        (of(&|f| f.control = one("no such")), false),
        (of(&|f| f.state = vec![State::Idle]), true),
        (of(&|f| f.q = Some("DELETE_ACC".to_owned())), true),
    ];
    for (filter, is_there) in lists {
        let before = cpu_ms();
        let list = reader.sessions(&filter, page, &limits).unwrap();
        let took = cpu_ms() - before;
        assert!(took < CPU_MS_MAX, "{took} ms: {filter:?}");
        assert_eq!(!list.items.is_empty(), is_there, "{filter:?}");
        let before = cpu_ms();
        let list = reader.attacks(&filter, page, &limits).unwrap();
        let took = cpu_ms() - before;
        assert!(took < CPU_MS_MAX, "{took} ms: {filter:?}");
        assert!(is_there || list.items.is_empty(), "{filter:?}");
    }
}
