//! The command line.

use lexopt::prelude::*;
use std::ffi::OsString;
use std::path::PathBuf;
use thiserror::Error;

/// How the command is used.
pub(crate) const USAGE: &str = "\
usage: mcp-sessions backtest --conf FILE --store DIR [--days N] [--format text|csv|json]

Judges the calls stored in DIR by the controls of a draft nginx configuration, and tells what each
would have stopped. Changes nothing.

  --conf FILE    a whole nginx.conf, or a file with mcp_acl, mcp_verify and mcp_tool_schema blocks
  --store DIR    the folder of mcp_sessions_store
  --days N       the newest N days, 1 to 366 (default 7)
  --format F     text (default), csv or json

Exit status: 0 done, 1 the store cannot be read, 2 the command line or the draft is wrong.
";

/// Days that are looked at unless said otherwise.
const DAYS_DEFAULT: u32 = 7;
/// The most days: as many as a store may keep, and today.
const DAYS_MAX: u32 = 366;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Backtest(Arguments),
    Help,
    Version,
}

/// Of `mcp-sessions backtest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) conf: PathBuf,
    pub(crate) store: PathBuf,
    pub(crate) days: u32,
    pub(crate) format: Format,
}

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    Text,
    Csv,
    Json,
}

/// What is wrong with a command line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub(crate) struct UsageError(String);

impl From<lexopt::Error> for UsageError {
    fn from(error: lexopt::Error) -> Self {
        UsageError(error.to_string())
    }
}

/// Reads a command line without the program's name.
pub(crate) fn read(words: impl IntoIterator<Item = OsString>) -> Result<Command, UsageError> {
    let mut parser = lexopt::Parser::from_args(words);
    match parser.next()? {
        Some(Value(name)) if name == "backtest" => {}
        Some(Short('h') | Long("help")) => return Ok(Command::Help),
        Some(Short('V') | Long("version")) => return Ok(Command::Version),
        Some(Value(name)) => {
            let shown = name.to_string_lossy().into_owned();
            return Err(UsageError(format!("unknown command {shown:?}: write backtest")));
        }
        Some(other) => return Err(other.unexpected().into()),
        None => return Err(UsageError("no command: write backtest".to_owned())),
    }
    let (mut conf, mut store, mut days, mut format) = (None, None, DAYS_DEFAULT, Format::Text);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("conf") => conf = Some(PathBuf::from(parser.value()?)),
            Long("store") => store = Some(PathBuf::from(parser.value()?)),
            Long("days") => {
                let text = parser.value()?.to_string_lossy().into_owned();
                let number = text.parse().ok().filter(|days| (1..=DAYS_MAX).contains(days));
                days = number.ok_or_else(|| {
                    UsageError(format!(
                        "invalid --days {text:?}: write a number from 1 to {DAYS_MAX}"
                    ))
                })?;
            }
            Long("format") => {
                let text = parser.value()?.to_string_lossy().into_owned();
                format = match text.as_str() {
                    "text" => Format::Text,
                    "csv" => Format::Csv,
                    "json" => Format::Json,
                    _ => {
                        let message = format!("invalid --format {text:?}: write text, csv or json");
                        return Err(UsageError(message));
                    }
                };
            }
            Short('h') | Long("help") => return Ok(Command::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    let missing = |what: &str| UsageError(format!("no --{what}: write --{what} and a path"));
    Ok(Command::Backtest(Arguments {
        conf: conf.ok_or_else(|| missing("conf"))?,
        store: store.ok_or_else(|| missing("store"))?,
        days,
        format,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Command, UsageError> {
        read(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn a_command_line_is_read() {
        let expected =
            Arguments { conf: "d.conf".into(), store: "/s".into(), days: 3, format: Format::Json };
        let line = "backtest --conf d.conf --store=/s --days 3 --format json";
        assert_eq!(words(line), Ok(Command::Backtest(expected)));
        assert_eq!(words("--help"), Ok(Command::Help));
        assert_eq!(words("backtest -h"), Ok(Command::Help));
    }

    #[test]
    fn a_wrong_command_line_says_what_to_write() {
        for (line, said) in [
            ("", "write backtest"),
            ("replay", "write backtest"),
            ("backtest", "write --conf"),
            ("backtest --conf a", "write --store"),
            ("backtest --conf a --store b --days 0", "1 to 366"),
            ("backtest --conf a --store b --days x", "1 to 366"),
            ("backtest --conf a --store b --format xml", "text, csv or json"),
            ("backtest --conf a --store b --dry", "--dry"),
            ("backtest --conf", "--conf"),
            ("backtest a", "a"),
        ] {
            let error = words(line).expect_err(line).to_string();
            assert!(error.contains(said), "{line}: {error}");
        }
    }
}
