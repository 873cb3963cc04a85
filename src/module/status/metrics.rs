//! The numbers of `mcp_status`, in one table from which both formats are written and against which
//! docs/operations.md is checked.

use crate::zone::Snapshot;
use record::{AttackKind, Outcome, Reason};
use std::fmt::Write;

/// What kind of number it is, in Prometheus' words.
#[derive(Clone, Copy)]
enum Kind {
    /// It only grows, until nginx is restarted.
    Counter,
    /// It comes and goes.
    Gauge,
}

/// Where the number, or the numbers, come from.
enum Read {
    One(fn(&Snapshot) -> u64),
    /// In microseconds; shown in seconds.
    Micros(fn(&Snapshot) -> u64),
    /// One a reason of dropping.
    ByReason(fn(&Snapshot) -> &[u64]),
    /// One an outcome of calls.
    ByOutcome(fn(&Snapshot) -> &[u64]),
    /// One a type of attacks.
    ByAttack(fn(&Snapshot) -> &[u64]),
}

struct Metric {
    /// Prometheus' name. In JSON it stands without `mcp_sessions_` and `_total`.
    name: &'static str,
    kind: Kind,
    help: &'static str,
    read: Read,
}

const PREFIX: &str = "mcp_sessions_";

/// exchanges handed = written + unrecorded + dropped + killed + queued.
const METRICS: &[Metric] = &[
    Metric {
        name: "mcp_sessions_exchanges_handed_total",
        kind: Kind::Counter,
        help: "Exchanges found worth recording.",
        read: Read::One(|it| it.handed),
    },
    Metric {
        name: "mcp_sessions_exchanges_written_total",
        kind: Kind::Counter,
        help: "Exchanges recorded.",
        read: Read::One(|it| it.written),
    },
    Metric {
        name: "mcp_sessions_exchanges_unrecorded_total",
        kind: Kind::Counter,
        help: "Exchanges in which there was nothing to record.",
        read: Read::One(|it| it.unrecorded),
    },
    Metric {
        name: "mcp_sessions_exchanges_dropped_total",
        kind: Kind::Counter,
        help: "Exchanges lost, by reason.",
        read: Read::ByReason(|it| &it.dropped),
    },
    Metric {
        name: "mcp_sessions_exchanges_killed_total",
        kind: Kind::Counter,
        help: "Exchanges lost with workers that were killed.",
        read: Read::One(|it| it.killed),
    },
    Metric {
        name: "mcp_sessions_exchanges_queued",
        kind: Kind::Gauge,
        help: "Exchanges handed over and not settled yet.",
        read: Read::One(Snapshot::queued),
    },
    Metric {
        name: "mcp_sessions_exchanges_waiting",
        kind: Kind::Gauge,
        help: "Of the queued, those that wait for records of another worker.",
        read: Read::One(|it| it.waiting),
    },
    Metric {
        name: "mcp_sessions_calls_written_total",
        kind: Kind::Counter,
        help: "Calls recorded, by outcome at the time they were written.",
        read: Read::ByOutcome(|it| &it.calls),
    },
    Metric {
        name: "mcp_sessions_attacks_written_total",
        kind: Kind::Counter,
        help: "Attacks recorded, by type.",
        read: Read::ByAttack(|it| &it.attacks),
    },
    Metric {
        name: "mcp_sessions_stream_pieces_lost_total",
        kind: Kind::Counter,
        help: "Pieces of open event streams that found the queue full and were offered again.",
        read: Read::One(|it| it.pieces_lost),
    },
    Metric {
        name: "mcp_sessions_body_lost_bytes_total",
        kind: Kind::Counter,
        help: "Bytes of bodies that passed without being read: over a limit, or for want of memory.",
        read: Read::One(|it| it.bytes_lost),
    },
    Metric {
        name: "mcp_sessions_panics_total",
        kind: Kind::Counter,
        help: "Bugs of the module that were caught.",
        read: Read::One(|it| it.panics),
    },
    Metric {
        name: "mcp_sessions_commits_total",
        kind: Kind::Counter,
        help: "Transactions of the writers.",
        read: Read::One(|it| it.commits),
    },
    Metric {
        name: "mcp_sessions_workers",
        kind: Kind::Gauge,
        help: "Workers that record.",
        read: Read::One(|it| it.workers),
    },
    Metric {
        name: "mcp_sessions_lag_seconds",
        kind: Kind::Gauge,
        help: "How far the slowest writer is behind.",
        read: Read::Micros(|it| it.lag_us),
    },
];

impl Metric {
    /// Its values, each with a label's name and value; empty where there is only one.
    fn values(&self, snapshot: &Snapshot) -> Vec<(&'static str, &'static str, String)> {
        match self.read {
            Read::One(read) => vec![("", "", read(snapshot).to_string())],
            Read::Micros(read) => {
                let micros = read(snapshot);
                vec![("", "", format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000))]
            }
            Read::ByReason(read) => {
                let names = Reason::ALL.iter().map(|reason| reason.as_str());
                names.zip(read(snapshot)).map(|(it, n)| ("reason", it, n.to_string())).collect()
            }
            Read::ByOutcome(read) => {
                let names = Outcome::ALL.iter().map(|outcome| outcome.as_str());
                names.zip(read(snapshot)).map(|(it, n)| ("outcome", it, n.to_string())).collect()
            }
            Read::ByAttack(read) => {
                let names = AttackKind::ALL.iter().map(|kind| kind.as_str());
                names.zip(read(snapshot)).map(|(it, n)| ("type", it, n.to_string())).collect()
            }
        }
    }
}

/// Prometheus' text format, version 0.0.4.
pub(super) fn prometheus(snapshot: &Snapshot) -> String {
    let mut out = String::new();
    for metric in METRICS {
        let Metric { name, kind, help, .. } = metric;
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        // Writing to a string does not fail.
        let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for (label, of, value) in metric.values(snapshot) {
            let _ = match label {
                "" => writeln!(out, "{name} {value}"),
                _ => writeln!(out, "{name}{{{label}=\"{of}\"}} {value}"),
            };
        }
    }
    out
}

/// One JSON object.
pub(crate) fn json(snapshot: &Snapshot) -> String {
    let mut out = String::from("{");
    for (index, metric) in METRICS.iter().enumerate() {
        let name = metric.name.strip_prefix(PREFIX).unwrap_or(metric.name);
        let name = name.strip_suffix("_total").unwrap_or(name);
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(out, "{comma}\n  \"{name}\": ");
        let values = metric.values(snapshot);
        match values.as_slice() {
            [("", _, value)] => out.push_str(value),
            values => {
                let members = values.iter().map(|(_, of, value)| format!("\"{of}\": {value}"));
                let _ = write!(out, "{{{}}}", members.collect::<Vec<_>>().join(", "));
            }
        }
    }
    out.push_str("\n}\n");
    out
}
