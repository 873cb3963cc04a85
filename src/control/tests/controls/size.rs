//! Controls of ten thousand lines: they start fast, and judge fast.

use crate::support::{STEPS, acl, lines, tool_call};
use control::schema::Budget;
use control::{Control, ControlKind, Subject, ToolsOf};
use std::time::{Duration, Instant};

const LINES: usize = 10_000;

fn block(line: impl Fn(usize) -> String) -> String {
    let lines: String = (0..LINES).map(|n| line(n) + "\n").collect();
    lines + "deny all;"
}

fn steps_of(control: &Control, subject: &Subject<'_>) -> u64 {
    // The fewest steps with which the call is judged.
    let is_enough = |steps: u64| {
        let budget = &mut Budget::new(steps);
        let judgement = control.judge(&tool_call("t"), subject, ToolsOf(None), budget);
        !matches!(judgement, control::Judgement::Unjudged(_))
    };
    let (mut low, mut high) = (0, STEPS);
    while low < high {
        let middle = (low + high) / 2;
        if is_enough(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

#[test]
fn a_call_is_held_against_the_lines_that_may_match_it() {
    let subject = Subject {
        user: "u9999",
        roles: &["r9999", "r5000"],
        address: Some("10.39.15.1".parse().expect("an address")),
        client: "c9999",
        values: &[],
    };
    for line in [
        |n: usize| format!("allow user=u{n};"),
        |n| format!("allow role=r{n};"),
        |n| format!("allow client=c{n};"),
        |n| format!("allow ip=10.{}.{}.0/24;", n / 256, n % 256),
        |n| format!("allow role=admin user=u{n} ip=10.0.0.0/8;"),
    ] {
        let control = acl(&block(line));
        let steps = steps_of(&control, &subject);
        assert!(steps <= 8, "{steps} steps for lines as {}", line(7));
    }
}

#[test]
fn ten_thousand_lines_that_all_may_match_are_looked_at_once() {
    let control = acl(&block(|n| format!("allow user=u role=r{n};")));
    let subject = Subject { user: "u", roles: &["x"], ..Subject::default() };
    let steps = steps_of(&control, &subject);
    assert!(steps <= 2 * (LINES as u64 + 1), "{steps} steps");
}

/// What it costs, for docs/controls.md: `cargo test --release -p control -- --ignored --nocapture`.
#[test]
#[ignore = "measures"]
fn measure() {
    let subject = Subject {
        user: "u9999",
        roles: &["x", "y"],
        address: Some("10.39.15.1".parse().expect("an address")),
        client: "c",
        values: &[&[b"0"]],
    };
    for (what, line) in [
        ("user", (|n| format!("allow user=u{n};")) as fn(usize) -> String),
        ("role", |n| format!("allow role=r{n};")),
        ("ip", |n| format!("allow ip=10.{}.{}.0/24;", n / 256, n % 256)),
        ("one user", |n| format!("allow user=u9999 role=r{n};")),
        ("if", |n| format!("allow if=$x{} role=r;", n % 200)),
    ] {
        let block = block(line);
        let lines = lines(&block);
        let began = Instant::now();
        let (control, _) =
            Control::parse(ControlKind::Acl, "t", "", &block, &lines).expect("a control");
        let parsed = began.elapsed();
        let rounds = 1000;
        let began = Instant::now();
        for _ in 0..rounds {
            let budget = &mut Budget::new(STEPS);
            std::hint::black_box(control.judge(&tool_call("t"), &subject, ToolsOf(None), budget));
        }
        println!("{what}: read in {parsed:?}, judged in {:?}", began.elapsed() / rounds);
        assert!(parsed < Duration::from_secs(2));
    }
}
