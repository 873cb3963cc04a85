//! `mcp-sessions`: what controls would have stopped, told from the calls that are stored.

mod arguments;
mod backtest;
mod conf;
mod facts;
mod lists;
mod payload;
mod report;
mod tally;

use arguments::{Arguments, Command, USAGE};
use conf::Draft;
use lists::Lists;
use std::io::{BufWriter, Write as _};
use std::process::ExitCode;
use store::query::{Reader, Scope};

/// The store cannot be read.
const STORE: u8 = 1;
/// The command line or the draft is wrong.
const USE: u8 = 2;

fn main() -> ExitCode {
    let command = arguments::read(std::env::args_os().skip(1));
    let outcome = match command {
        Ok(Command::Help) => say(USAGE).map_err(|error| (STORE, error.to_string())),
        Ok(Command::Version) => say(concat!("mcp-sessions ", env!("CARGO_PKG_VERSION"), "\n"))
            .map_err(|error| (STORE, error.to_string())),
        Ok(Command::Backtest(arguments)) => backtest(&arguments),
        Err(error) => Err((USE, format!("{error}\n\n{USAGE}"))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, message)) => {
            // Nobody is left to tell where this fails.
            let _ = writeln!(std::io::stderr(), "mcp-sessions: {message}");
            ExitCode::from(code)
        }
    }
}

fn say(text: &str) -> std::io::Result<()> {
    std::io::stdout().write_all(text.as_bytes())
}

fn backtest(arguments: &Arguments) -> Result<(), (u8, String)> {
    let draft = Draft::read(&arguments.conf).map_err(|error| (USE, error.to_string()))?;
    let store = arguments.store.display();
    if !arguments.store.is_dir() {
        let message = format!("{store} is no folder: write the path given in mcp_sessions_store");
        return Err((STORE, message));
    }
    let mut reader = Reader::open(&arguments.store, Scope::all());
    let lists = Lists::read(&arguments.store);
    let findings = backtest::run(&draft, &mut reader, &lists, arguments.days)
        .map_err(|error| (STORE, format!("{store}: {error}")))?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let written = report::write(arguments.format, &draft, &findings, &mut out);
    match written.and_then(|()| out.flush()) {
        // Whoever reads only the beginning (`| head`) has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| (STORE, format!("cannot write: {error}"))),
    }
}
