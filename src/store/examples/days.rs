//! Days as the console meets them, written fast: Zipf-distributed servers, tools and users,
//! sessions of 1 to 10,000 calls, some of them without an id, some with several users.
//!
//! `cargo run --release -p store --example days -- FOLDER DAYS CALLS_A_DAY [LAST_DAY]`
//! LAST_DAY (YYYY-MM-DD) is the newest; without it, today. The same arguments make the same days.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

#[path = "../tests/generate.rs"]
mod generate;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [folder, days, calls, rest @ ..] = words.as_slice() else {
        return Err("usage: days FOLDER DAYS CALLS_A_DAY [LAST_DAY]".into());
    };
    let (days, calls) = (days.parse()?, calls.parse()?);
    let last_day = match rest.first() {
        Some(day) => time::Date::parse(day, &time::format_description::well_known::Iso8601::DATE)?,
        None => time::OffsetDateTime::now_utc().date(),
    };
    let last_day = (last_day - time::Date::from_ordinal_date(1970, 1)?).whole_days();
    let started = Instant::now();
    let written = generate::write_days(Path::new(folder), days, calls, i32::try_from(last_day)?)?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{} calls in {} sessions, {:.1} s",
        written.calls,
        written.sessions,
        started.elapsed().as_secs_f64()
    )?;
    Ok(())
}
