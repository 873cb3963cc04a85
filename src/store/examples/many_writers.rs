//! Sixteen writers on one day file, two cores full of traffic, a long reader, and kills.
//!
//! `cargo run --release -p store --example many_writers` (as root: the writers become www-data).
//! Needs `taskset`, `chrt` and `nice`. docs/experiments/store.md tells what came out.

use protocol::{PrimitiveKind, RpcId};
use record::{
    Answer, Call, Claim, Client, Coverage, Direction, Exchange, IdSource, Identity, Outcome,
    Patience, Payload, Place, Primitive, Server, Sink,
};
use std::error::Error;
use std::io::{Read, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};
use store::{BeginError, Settings, Sync, Writer};

const WRITERS: u64 = 16;
const RUN: Duration = Duration::from_millis(3_000);
/// Of rounds over all settings, the quietest counts: other work on the machine only adds.
const ROUNDS: usize = 3;
const FLUSH: Duration = Duration::from_millis(200);
/// What reading a message costs before it is a record; burnt while the day's lock is held.
const READING: Duration = Duration::from_micros(4);
/// A probe's request: this much CPU, at this pace, on its own core: 60 % of it.
const REQUEST: Duration = Duration::from_micros(120);
const PACE: Duration = Duration::from_micros(200);
const WWW_DATA: u32 = 33;

type Done<T> = Result<T, Box<dyn Error>>;

fn main() -> Done<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["writer", path, name, rate, slice] => {
            writer(Path::new(path), name, rate.parse()?, slice.parse()?)
        }
        ["probe"] => probe(),
        _ => all(),
    }
}

/// One row of the table.
struct Setting {
    name: &'static str,
    /// What starts a writer.
    wrap: &'static [&'static str],
    /// Calls a second of each writer.
    rate: u64,
    /// The most calls of a transaction.
    slice: u64,
    /// A directory for each writer instead of one for all.
    apart: bool,
}

fn all() -> Done<()> {
    let base = Setting { name: "", wrap: &[], rate: 1_000, slice: 5_000, apart: false };
    let idle: &[&str] = &["chrt", "--idle", "0"];
    let batch: &[&str] = &["chrt", "--batch", "0"];
    let nice: &[&str] = &["nice", "-n", "19"];
    let settings = [
        Setting { name: "no writers", rate: 0, ..base },
        Setting { name: "other, nice 0", ..base },
        Setting { name: "batch", wrap: batch, ..base },
        Setting { name: "other, nice 19", wrap: nice, ..base },
        Setting { name: "idle", wrap: idle, ..base },
        Setting { name: "batch, file each", wrap: batch, apart: true, ..base },
        Setting { name: "flood, slice 1000", wrap: batch, rate: 20_000, slice: 1_000, ..base },
        Setting { name: "flood, slice 5000", wrap: batch, rate: 20_000, slice: 5_000, ..base },
        Setting { name: "flood, slice 20000", wrap: batch, rate: 20_000, slice: 20_000, ..base },
        Setting { name: "flood, file each", wrap: batch, rate: 20_000, apart: true, ..base },
    ];
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:20} {:>9} {:>9} {:>9} {:>9} {:>10} {:>10} {:>10} {:>7} {:>6}",
        "writers", "probe p50", "p99", "max", "calls/s", "commit p50", "p99", "max", "busy", "lost"
    )?;
    let mut best: Vec<Option<(f64, String)>> = settings.iter().map(|_| None).collect();
    for _ in 0..ROUNDS {
        for (setting, best) in settings.iter().zip(&mut best) {
            let (p99, row) = run(setting)?;
            if best.as_ref().is_none_or(|(other, _)| p99 < *other) {
                *best = Some((p99, row));
            }
        }
    }
    for (_, row) in best.into_iter().flatten() {
        writeln!(out, "{row}")?;
    }
    Ok(())
}

fn run(setting: &Setting) -> Done<(f64, String)> {
    let folder = tempfile::tempdir()?;
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777))?;
    let path_of = |n: u64| {
        folder.path().join(if setting.apart { format!("store{n}") } else { "store0".to_owned() })
    };
    let probes = [
        start(&["taskset", "-c", "0"], &["probe"], false)?,
        start(&["taskset", "-c", "1"], &["probe"], false)?,
    ];
    let begin = |n: u64, name: String| {
        let path = path_of(n).display().to_string();
        let (rate, slice) = (setting.rate.to_string(), setting.slice.to_string());
        start(setting.wrap, &["writer", &path, &name, &rate, &slice], true)
    };
    let started = Instant::now();
    let writing = if setting.rate == 0 { 0 } else { WRITERS };
    let mut writers = Vec::new();
    for n in 0..writing {
        writers.push(begin(n, format!("w{n}"))?);
    }
    // A reader that keeps its snapshot, and two workers that are killed and come back.
    std::thread::sleep(RUN / 4);
    let reader = read(&path_of(0)).ok();
    for n in [3_usize, 9] {
        std::thread::sleep(RUN / 6);
        if let Some(writer) = writers.get_mut(n) {
            writer.kill()?;
            writer.wait()?;
            *writer = begin(n as u64, format!("again{n}"))?;
        }
    }
    std::thread::sleep(RUN.saturating_sub(started.elapsed()));
    drop(reader);
    writers.iter_mut().for_each(|writer| drop(writer.stdin.take()));
    let mut commits = Vec::new();
    let (mut busy, mut lost) = (0, 0_i64);
    let mut reported = 0;
    for writer in &mut writers {
        let text = finish(writer)?;
        let mut numbers = text.split_whitespace().map_while(|word| word.parse::<u64>().ok());
        reported += numbers.next().unwrap_or(0);
        busy += numbers.next().unwrap_or(0);
        commits.extend(numbers);
    }
    let seconds = started.elapsed().as_secs_f64();
    let mut waits = Vec::new();
    for mut probe in probes {
        waits.extend(finish(&mut probe)?.split_whitespace().filter_map(|w| w.parse::<u64>().ok()));
    }
    let mut stored = 0;
    for n in 0..if setting.apart { writing } else { writing.min(1) } {
        let (calls, difference) = check(&path_of(n))?;
        stored += calls;
        lost += difference;
    }
    // Killed writers reported nothing, so what is stored may only be more than what was reported.
    lost += i64::try_from(reported.saturating_sub(stored))?;
    let ms = |values: &mut Vec<u64>, share: f64| {
        values.sort_unstable();
        let index = (values.len().saturating_sub(1)) as f64 * share;
        values.get(index as usize).map_or(0.0, |us| *us as f64 / 1_000.0)
    };
    let p99 = ms(&mut waits, 0.99);
    let row = format!(
        "{:20} {:9.2} {:9.2} {:9.1} {:9.0} {:10.1} {:10.1} {:10.1} {:7} {:6}",
        setting.name,
        ms(&mut waits, 0.5),
        p99,
        ms(&mut waits, 1.0),
        stored as f64 / seconds,
        ms(&mut commits, 0.5),
        ms(&mut commits, 0.99),
        ms(&mut commits, 1.0),
        busy,
        lost
    );
    Ok((p99, row))
}

fn start(wrap: &[&str], arguments: &[&str], as_www_data: bool) -> Done<Child> {
    let this = std::env::current_exe()?;
    let this = this.to_str().ok_or("the program's path is no text")?;
    let words: Vec<&str> =
        wrap.iter().copied().chain([this]).chain(arguments.iter().copied()).collect();
    let (program, arguments) = words.split_first().ok_or("nothing to start")?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    if as_www_data && rustix::process::geteuid().is_root() {
        command.uid(WWW_DATA).gid(WWW_DATA);
    }
    Ok(command.spawn()?)
}

/// Tells a child to end, by closing its input, and reads what it has to say.
fn finish(child: &mut Child) -> Done<String> {
    drop(child.stdin.take());
    let mut text = String::new();
    if let Some(mut out) = child.stdout.take() {
        out.read_to_string(&mut text)?;
    }
    child.wait()?;
    Ok(text)
}

fn read(path: &Path) -> Done<rusqlite::Connection> {
    let connection = rusqlite::Connection::open(path.join(today_name()))?;
    connection.execute_batch("BEGIN")?;
    connection.query_row("SELECT count(*) FROM call_rows", (), |_| Ok(()))?;
    Ok(connection)
}

/// Calls stored, and by how much any sum differs from them. A damaged file is an error.
fn check(path: &Path) -> Done<(u64, i64)> {
    let connection = rusqlite::Connection::open(path.join(today_name()))?;
    let number = |sql: &str| connection.query_row(sql, (), |row| row.get::<_, i64>(0));
    let calls = number("SELECT count(*) FROM calls")?;
    let mut difference = 0;
    for sql in [
        "SELECT sum(calls) FROM parts",
        "SELECT sum(calls) FROM tallies",
        "SELECT sum(calls) FROM writers",
        "SELECT sum(exchanges) FROM writers",
    ] {
        difference += (number(sql)? - calls).abs();
    }
    let sound: String = connection.query_row("PRAGMA quick_check", (), |row| row.get(0))?;
    if sound == "ok" { Ok((u64::try_from(calls)?, difference)) } else { Err(sound.into()) }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn today_name() -> String {
    let output = Command::new("date").args(["-u", "+%Y-%m-%d.db"]).output();
    output.map_or(String::new(), |o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
}

fn spin(time: Duration) {
    let started = Instant::now();
    while started.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// Ends a child's work when the parent closes its input.
fn ended() -> std::sync::mpsc::Receiver<()> {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        drop(sender);
    });
    receiver
}

fn is_over(end: &std::sync::mpsc::Receiver<()>) -> bool {
    matches!(end.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected))
}

/// Traffic: requests at a fixed pace; how long each took from when it was due, in microseconds.
fn probe() -> Done<()> {
    let end = ended();
    let mut waits = Vec::new();
    let mut due = Instant::now();
    while !is_over(&end) {
        // A late request does not make the next ones late: each tells of its own wait.
        due = (due + PACE).max(Instant::now());
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        spin(REQUEST);
        waits.push(u64::try_from(due.elapsed().as_micros())?.to_string());
    }
    std::io::stdout().write_all(waits.join(" ").as_bytes())?;
    Ok(())
}

fn writer(path: &Path, name: &str, rate: u64, slice: u64) -> Done<()> {
    let end = ended();
    let settings = Settings {
        path: path.to_owned(),
        retention_days: 7,
        size_bytes_max: 0,
        free_bytes_min: 0,
        sync: Sync::Normal,
        writer: name.to_owned(),
    };
    let mut writer = loop {
        match Writer::open(settings.clone(), now()) {
            Ok(writer) => break writer,
            Err(_) if !is_over(&end) => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(error.into()),
        }
    };
    let (started, mut commits) = (Instant::now(), Vec::new());
    let (mut calls, mut busy) = (0, 0_u64);
    while !is_over(&end) {
        let due = u64::try_from(started.elapsed().as_millis())? * rate / 1_000;
        let backlog = due.saturating_sub(calls).min(slice);
        if backlog < slice {
            std::thread::sleep(FLUSH);
        }
        let asked = Instant::now();
        let written = match writer.begin(now()) {
            Ok(mut batch) => {
                for n in 0..backlog {
                    record(&mut batch, calls + n);
                }
                batch.commit()?.calls
            }
            Err(BeginError::Busy) => {
                busy += 1;
                std::thread::sleep(Duration::from_millis(5));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        calls += written;
        commits.push(u64::try_from(asked.elapsed().as_micros())?.to_string());
        writer.upkeep(now());
    }
    let text = format!("{calls} {busy} {}", commits.join(" "));
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn record(batch: &mut store::Batch<'_>, number: u64) {
    spin(READING);
    let at = now();
    let id = format!("{:032x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 300);
    let exchange = Exchange {
        at,
        last_at: at,
        server: Server { name: "a/mcp", unproven: "a", is_named: true, is_proven: true },
        session: Claim {
            source: IdSource::Header,
            id: &id,
            group: 0,
            idle_us: 1_800_000_000,
            opens: true,
            joins_stream: false,
            unannounced: record::Unannounced::Kept,
        },
        identity: Identity { user: "alice", ..Identity::default() },
        client: Client { name: "probe", version: "1" },
        server_info: Client::default(),
        protocol_version: "2025-11-25",
        http_method: "POST",
        status: 200,
        address: "10.0.0.7",
        user_agent: "node",
        request_id: "5b0f00000000000000000000000000aa",
        bytes_in: 200,
        bytes_out: 300,
    };
    let Place::Part(part) = batch.place(&exchange, Patience::Decide) else { return };
    let payload = Some(Payload { json: PAYLOAD, truncated: false });
    let answer = Answer {
        at,
        outcome: Outcome::Ok,
        result: payload,
        error_code: None,
        error_message: None,
        duration_us: Some(1_000),
        first_event_us: None,
        notifications: 0,
        bytes_out: 300,
        coverage: Coverage::Full,
        continued_as: None,
    };
    let call = Call {
        at,
        direction: Direction::Client,
        rpc_id: &RpcId::Integer(1),
        method: "tools/call",
        primitive: Some(Primitive { kind: PrimitiveKind::Tool, name: "search" }),
        arguments: payload,
        bytes_in: 200,
        coverage: Coverage::Full,
        continues: None,
        attacks: &[],
        protocol_version: "2025-11-25",
        answer,
    };
    batch.call(part, &exchange, &call);
    batch.count_exchange();
}

const PAYLOAD: &str = "{\"text\":\"The quick brown fox jumps over the lazy dog. The quick brown fox \
     jumps over the lazy dog. The quick brown fox jumps over the lazy dog. The quick brown fox.\"}";
