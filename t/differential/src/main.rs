//! What the recognition boundary lets pass, against what real readers execute of the same bytes.
//!
//! `differential corpus|table` holds the hand-made cases (and prints them as a table for the docs),
//! `differential mutations COUNT [SEED]` bodies made at random, `differential dump` writes the cases
//! as lines for other programs: name, verdict, headers, body in hexadecimal digits, with tabs (and
//! U+001F between headers).

mod corpus;
mod mutation;
mod readers;
mod verdict;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use protocol::{RequestHeaders, Scanner};
use readers::{Execution, Reader};
use verdict::Verdict;

/// Bodies that a reader is started for.
const BODIES_AT_ONCE: usize = 50_000;
const FAILURES_SHOWN: usize = 20;
/// Nothing has to hold of what readers make of a refused body; so many are enough to see what the
/// refusal was good for.
const REFUSED_READ_ONE_IN: usize = 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let is_good = match arguments[..] {
        ["corpus"] => corpus(false),
        ["table"] => corpus(true),
        ["dump"] => dump(),
        ["mutations", count] => mutations(number(count), 1),
        ["mutations", count, seed] => mutations(number(count), number(seed) as u64),
        _ => {
            eprintln!("usage: differential corpus|table|dump|mutations COUNT [SEED]");
            false
        }
    };
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn number(text: &str) -> usize {
    text.parse().unwrap_or_else(|_| panic!("no number: {text}"))
}

fn here() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn all_readers() -> Vec<Reader> {
    let build = here().join("../../build");
    let e2e = std::env::var_os("E2E_HOME").map_or_else(|| build.join("e2e"), PathBuf::from);
    Reader::all(&here(), &build.join("differential"), Path::new(&e2e))
}

fn dump() -> bool {
    for case in corpus::cases(&here().join("corpus")) {
        let headers: Vec<_> =
            case.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let digits: String = case.body.iter().map(|byte| format!("{byte:02x}")).collect();
        println!("{}\t{}\t{}\t{digits}", case.name, case.verdict, headers.join("\u{1f}"));
    }
    true
}

fn judged(case: &corpus::Case, scanner: &mut Scanner) -> Verdict {
    let all = |wanted: &str| -> Vec<&[u8]> {
        let named = case.headers.iter().filter(|(name, _)| name == wanted);
        named.map(|(_, value)| value.as_bytes()).collect()
    };
    let (method, name) = (all("mcp-method"), all("mcp-name"));
    let version = all("mcp-protocol-version");
    let mut content_type = all("content-type").join(&b", "[..]);
    if !case.headers.iter().any(|(name, _)| name == "content-type") {
        content_type = b"application/json".to_vec();
    }
    let headers = RequestHeaders {
        content_type: &content_type,
        content_encoding: &all("content-encoding").join(&b", "[..]),
        mcp_method: &method,
        mcp_name: &name,
        protocol_version: &version,
    };
    Verdict::of(scanner, &case.body, &headers)
}

fn corpus(is_table: bool) -> bool {
    let cases = corpus::cases(&here().join("corpus"));
    let bodies: Vec<_> = cases.iter().map(|case| case.body.clone()).collect();
    let executed = readers::executions(&all_readers(), &bodies);
    let mut scanner = Scanner::new();
    let mut failures = 0;
    let mut fail = |text: String| {
        eprintln!("FAILED {text}");
        failures += 1;
    };
    if is_table {
        println!("| body | verdict | executed by |\n|---|---|---|");
    }
    for (case, executions) in cases.iter().zip(&executed) {
        let verdict = judged(case, &mut scanner);
        if verdict.to_string() != case.verdict {
            fail(format!("{}: {verdict}, not {}", case.name, case.verdict));
        }
        for execution in executions.iter().filter(|execution| verdict.overlooks(execution)) {
            fail(format!("{}: {verdict}, but {}", case.name, shown(execution)));
        }
        if is_table {
            let mut by: Vec<_> = executions.iter().map(|call| call.reader.as_str()).collect();
            by.dedup();
            let by = if by.is_empty() { "–".to_owned() } else { by.join(", ") };
            println!("| {} | {verdict} | {by} |", case.name);
        }
    }
    if !is_table {
        println!("{} cases passed, {failures} failed", cases.len() - failures.min(cases.len()));
    }
    failures == 0
}

fn shown(execution: &Execution) -> String {
    let name = execution.name.as_deref().map(|name| format!(" {}", name.escape_ascii()));
    let method = execution.method.escape_ascii();
    format!("{} executes {method}{}", execution.reader, name.unwrap_or_default())
}

/// What became of so many bodies.
#[derive(Default)]
struct Tally {
    calls: usize,
    other: usize,
    refused: BTreeMap<&'static str, usize>,
    /// Refused, and given to the readers all the same.
    refused_read: usize,
    /// Of these, executed by a reader.
    saved: usize,
    executions: usize,
    failures: usize,
}

fn mutations(count: usize, seed: u64) -> bool {
    let readers = all_readers();
    let mut random = mutation::Random::new(seed);
    let mut scanner = Scanner::new();
    let mut tally = Tally::default();
    let headers = RequestHeaders { content_type: b"application/json", ..Default::default() };
    let mut left = count;
    while left > 0 {
        let bodies: Vec<_> =
            (0..left.min(BODIES_AT_ONCE)).map(|_| mutation::body(&mut random)).collect();
        left -= bodies.len();
        let mut read = Vec::new();
        let mut verdicts = Vec::new();
        for (index, body) in bodies.into_iter().enumerate() {
            let verdict = Verdict::of(&mut scanner, &body, &headers);
            tally.count(&verdict);
            let is_refused = matches!(verdict, Verdict::Refused(_));
            if !is_refused || index % REFUSED_READ_ONE_IN == 0 {
                read.push(body);
                verdicts.push(verdict);
            }
        }
        let executions = readers::executions(&readers, &read);
        for ((body, verdict), executions) in read.iter().zip(&verdicts).zip(executions) {
            tally.compare(body, verdict, &executions);
        }
    }
    println!("{count} bodies (seed {seed}): {} calls, {} other", tally.calls, tally.other);
    let refused: usize = tally.refused.values().sum();
    println!(
        "refused: {refused}; of {} of them that were read, readers would have executed {}",
        tally.refused_read, tally.saved
    );
    for (rule, number) in &tally.refused {
        println!("  {rule:<18}{number:>8}");
    }
    println!("executions compared: {}, overlooked: {}", tally.executions, tally.failures);
    println!("{} passed, {} failed", count - tally.failures.min(count), tally.failures);
    tally.failures == 0
}

impl Tally {
    fn count(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Calls(_) => self.calls += 1,
            Verdict::Other => self.other += 1,
            Verdict::Refused(rule) => *self.refused.entry(rule).or_default() += 1,
        }
    }

    fn compare(&mut self, body: &[u8], verdict: &Verdict, executions: &[Execution]) {
        if let Verdict::Refused(_) = verdict {
            self.refused_read += 1;
            self.saved += usize::from(!executions.is_empty());
            return;
        }
        self.executions += executions.len();
        let Some(overlooked) = executions.iter().find(|call| verdict.overlooks(call)) else {
            return;
        };
        self.failures += 1;
        if self.failures <= FAILURES_SHOWN {
            let body = body.escape_ascii();
            eprintln!("FAILED {verdict}, but {}: \"{body}\"", shown(overlooked));
        }
    }
}
