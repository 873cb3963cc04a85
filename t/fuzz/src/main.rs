//! Runs the targets with any compiler: random changes to seeds, for so many seconds.
//!
//! `fuzz <target>|all <seconds>` or, to repeat what failed, `fuzz <target> seed <number>`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fuzz::{Random, TARGETS, Target, mutated};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (name, order) = match arguments[..] {
        [name, "seed", seed] => (name, seed.parse().map(Order::Seed)),
        [name, seconds] => (name, seconds.parse().map(Order::Seconds)),
        _ => ("", Ok(Order::Seconds(0))),
    };
    let targets: Vec<_> =
        TARGETS.iter().filter(|target| name == "all" || target.name == name).collect();
    let (Ok(order), false) = (order, targets.is_empty()) else {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("usage: fuzz {}|all <seconds> | fuzz <target> seed <number>", names.join("|"));
        return ExitCode::from(2);
    };
    let is_good = targets.into_iter().all(|target| match order {
        Order::Seed(seed) => runs(target, seed),
        Order::Seconds(seconds) => runs_for(target, Duration::from_secs(seconds)),
    });
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

enum Order {
    Seconds(u64),
    Seed(u64),
}

/// Every input follows from one number, which is printed if it fails.
fn runs(target: &Target, seed: u64) -> bool {
    let input = mutated(target.seeds, &mut Random::new(seed));
    if catch_unwind(AssertUnwindSafe(|| (target.run)(&input))).is_ok() {
        return true;
    }
    eprintln!("{} fails with seed {seed}: \"{}\"", target.name, input.escape_ascii());
    false
}

fn runs_for(target: &Target, time: Duration) -> bool {
    for seed in target.seeds {
        (target.run)(seed);
    }
    let begun = Instant::now();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let first = Random::new(now.as_nanos() as u64).next() >> 1;
    let mut count = 0;
    while begun.elapsed() < time {
        if !runs(target, first + count) {
            return false;
        }
        count += 1;
    }
    println!("{}: {count} inputs in {} s, seeds from {first}", target.name, time.as_secs());
    true
}
