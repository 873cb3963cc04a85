//! What the console's lists cost, each filter, on the days of the `days` example.
//!
//! `cargo run --release -p store --example lists -- FOLDER`
//! Prints the first time, the median of five more, and the least CPU time, in milliseconds.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use store::query::{
    FacetRequest, Filter, Limits, PageRequest, QueryError, Reader, Scope, Sort, State,
};

const ROUNDS: usize = 5;
const MINUTE_US: i64 = 60_000_000;
const HOUR_US: i64 = 60 * MINUTE_US;
const DAY_US: i64 = 24 * HOUR_US;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: lists FOLDER")?;
    let mut reader = Reader::open(Path::new(&folder), Scope::all());
    let mut confined = Reader::open(Path::new(&folder), Scope::servers(vec!["srv1*".into()]));
    let now = newest(&mut reader)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "first ms  median ms  CPU ms  items  list")?;
    for (name, filter) in filters(&mut reader, now)? {
        let time = measure(
            |limits| {
                let page = PageRequest { limit: 50, cursor: None };
                reader.sessions(&filter, page, limits).map(|list| list.items.len())
            },
            now,
        )?;
        writeln!(out, "{time}  sessions {name}")?;
    }
    let all = Filter::default();
    let week = Filter { from: Some(now - 7 * DAY_US), to: Some(now), ..all.clone() };
    let page = PageRequest { limit: 50, cursor: None };
    let time = measure(|l| confined.sessions(&all, page, l).map(|list| list.items.len()), now)?;
    writeln!(out, "{time}  sessions, confined")?;
    for (name, filter) in filters(&mut reader, now)? {
        let time = measure(
            |limits| {
                reader
                    .calls(&filter, Sort::Newest, page, false, limits)
                    .map(|list| list.items.len())
            },
            now,
        )?;
        writeln!(out, "{time}  calls {name}")?;
    }
    for (name, filter) in filters(&mut reader, now)? {
        let time = measure(
            |limits| reader.attacks(&filter, page, limits).map(|list| list.items.len()),
            now,
        )?;
        writeln!(out, "{time}  attacks {name}")?;
    }
    let time = measure(|l| reader.controls(&week, l).map(|list| list.items.len()), now)?;
    writeln!(out, "{time}  controls")?;
    for sort in [Sort::Duration, Sort::Bytes] {
        let time = measure(
            |l| reader.calls(&all, sort, page, false, l).map(|list| list.items.len()),
            now,
        )?;
        writeln!(out, "{time}  calls by {sort:?}")?;
    }
    for (name, filter) in filters(&mut reader, now)? {
        let request = FacetRequest::default();
        let time = measure(
            |limits| reader.facets(&filter, &request, limits).map(|found| found.value.facets.len()),
            now,
        )?;
        writeln!(out, "{time}  facets {name}")?;
        let filter = Filter { from: filter.from.or(week.from), to: week.to, ..filter };
        let time = measure(
            |l| reader.timeline(&filter, 120, l).map(|found| found.value.steps.len()),
            now,
        )?;
        writeln!(out, "{time}  timeline {name}")?;
    }
    let time = measure(|l| reader.servers(&week, l).map(|list| list.items.len()), now)?;
    writeln!(out, "{time}  servers")?;
    let time = measure(|l| reader.agents(&week, l).map(|list| list.items.len()), now)?;
    writeln!(out, "{time}  agents")?;
    let time = measure(|l| reader.days(l).map(|list| list.items.len()), now)?;
    writeln!(out, "{time}  days")?;
    let stop = Arc::new(AtomicBool::new(false));
    let limits = limits(&stop, now);
    let mark = reader.changes(&Default::default(), &all, 100, &limits)?.mark;
    let time = measure(|l| reader.changes(&mark, &all, 100, l).map(|c| c.sessions.len()), now)?;
    writeln!(out, "{time}  changes, none")?;
    Ok(())
}

fn limits<'a>(stop: &'a Arc<AtomicBool>, now: i64) -> Limits<'a> {
    Limits { now, deadline: Instant::now() + Duration::from_secs(60), cancelled: stop }
}

/// Just after the newest activity.
fn newest(reader: &mut Reader) -> Result<i64, Box<dyn Error>> {
    let stop = Arc::new(AtomicBool::new(false));
    let page = PageRequest { limit: 1, cursor: None };
    let list = reader.sessions(&Filter::default(), page, &limits(&stop, 0))?;
    Ok(list.items.first().ok_or("there are no days")?.last_at.0 + 1)
}

fn measure(
    mut ask: impl FnMut(&Limits<'_>) -> Result<usize, QueryError>,
    now: i64,
) -> Result<String, Box<dyn Error>> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut times = Vec::new();
    let (mut items, mut cpu) = (0, f64::MAX);
    for _ in 0..=ROUNDS {
        let (started, cpu_started) = (Instant::now(), cpu_ms());
        items = ask(&limits(&stop, now))?;
        times.push(started.elapsed().as_secs_f64() * 1_000.0);
        cpu = cpu.min(cpu_ms() - cpu_started);
    }
    let first = times.remove(0);
    times.sort_by(f64::total_cmp);
    let median = times.get(ROUNDS / 2).copied().unwrap_or(0.0);
    Ok(format!("{first:8.1}  {median:9.1}  {cpu:6.1}  {items:5}"))
}

/// Every filter, by values that are frequent, rare and not there.
fn filters(reader: &mut Reader, now: i64) -> Result<Vec<(String, Filter)>, Box<dyn Error>> {
    let stop = Arc::new(AtomicBool::new(false));
    let all = Filter::default();
    let page = PageRequest { limit: 1, cursor: None };
    let rare = Filter { primitive: vec!["delete_account".into()], ..all.clone() };
    let call = reader.calls(&rare, Sort::Newest, page, false, &limits(&stop, now))?.items.pop();
    let call = call.ok_or("nobody called delete_account")?;
    let words = |word: &str| vec![word.to_owned()];
    let request_id = call.request_id.unwrap_or_default();
    let mut filters = vec![
        ("all", all.clone()),
        ("15 minutes", Filter { from: Some(now - 15 * MINUTE_US), ..all.clone() }),
        (
            "yesterday",
            Filter { from: Some(now - 2 * DAY_US), to: Some(now - DAY_US), ..all.clone() },
        ),
        ("server, frequent", Filter { server: words("srv0.example.com/mcp"), ..all.clone() }),
        ("server, rare", Filter { server: words("srv19.example.com/mcp"), ..all.clone() }),
        ("server, unknown", Filter { server: words("nowhere"), ..all.clone() }),
        ("user, frequent", Filter { user: words("user0@example.com"), ..all.clone() }),
        ("user, rare", Filter { user: words("user4801@example.com"), ..all.clone() }),
        ("user, unknown", Filter { user: words("nobody"), ..all.clone() }),
        ("user, any", Filter { user: words("*"), ..all.clone() }),
        ("role", Filter { role: words("admin"), ..all.clone() }),
        ("session_id", Filter { session_id: vec![call.session_id], ..all.clone() }),
        ("id_source", Filter { id_source: words("derived"), ..all.clone() }),
        ("client", Filter { client: words("nightly-report"), ..all.clone() }),
        ("address", Filter { address: call.address.into_iter().collect(), ..all.clone() }),
        ("param", Filter { param: vec![("tenant".into(), words("tenant7"))], ..all.clone() }),
        ("request_id", Filter { request_id: vec![request_id], ..all.clone() }),
        ("method, frequent", Filter { method: words("tools/call"), ..all.clone() }),
        ("method, rare", Filter { method: words("prompts/get"), ..all.clone() }),
        ("primitive, rare", rare.clone()),
        ("primitive, unknown", Filter { primitive: words("no_such_tool"), ..all.clone() }),
        ("outcome, frequent", Filter { outcome: words("ok"), ..all.clone() }),
        ("outcome, rare", Filter { outcome: words("aborted"), ..all.clone() }),
        ("outcome, never", Filter { outcome: words("blocked"), ..all.clone() }),
        ("status", Filter { status: vec![502], ..all.clone() }),
        ("attack", Filter { attack: words("any"), ..all.clone() }),
        ("state", Filter { state: vec![State::Open], ..all.clone() }),
        ("user and primitive", Filter { user: words("user0@example.com"), ..rare.clone() }),
        (
            "role and outcome",
            Filter { role: words("admin"), outcome: words("rpc_error"), ..all.clone() },
        ),
        (
            "client and method, never",
            Filter {
                client: words("inspector"),
                method: words("tools/list"),
                outcome: words("aborted"),
                status: vec![401],
                ..all.clone()
            },
        ),
        ("q, frequent", Filter { q: Some("tool_1".into()), ..all.clone() }),
        ("q, rare", Filter { q: Some("DELETE_acc".into()), ..all.clone() }),
        ("q, never", Filter { q: Some("xyzzy".into()), ..all }),
    ];
    for from in [15 * MINUTE_US, 30 * HOUR_US] {
        let name = if from < HOUR_US { "method, 15 minutes" } else { "method, 30 hours" };
        filters.push((
            name,
            Filter { from: Some(now - from), method: words("ping"), ..Filter::default() },
        ));
    }
    Ok(filters.into_iter().map(|(name, filter)| (name.to_owned(), filter)).collect())
}

/// CPU time of this thread so far, in milliseconds.
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = stat.split_whitespace().next().and_then(|first| first.parse::<f64>().ok());
    nanoseconds.unwrap_or(0.0) / 1e6
}
