//! Judges stored calls by the controls of a draft.

use crate::conf::{Draft, InForce};
use crate::facts::{Source, Who, sources};
use crate::lists::Lists;
use crate::payload;
use crate::tally::Tally;
use control::schema::Budget;
use control::{CallFacts, Control, ControlKind, Judgement, Subject, ToolsOf, Unjudged};
use protocol::{Limits as ScanLimits, Scanner};
use record::Mode;
use rustc_hash::{FxHashMap, FxHasher};
use std::collections::BTreeMap;
use std::hash::{Hash as _, Hasher as _};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};
use store::query::{
    Limits, QueryError, Reader, Recorded, ScannedActor, ScannedCall, ScannedKind, StoredDay,
    Warning,
};

/// Steps of one judgement: as nginx's workers allow.
const STEPS_MAX: u64 = 60_000;
/// Verdicts kept for calls that are alike; beyond, they are forgotten and begun anew.
const KEPT_MAX: usize = 1 << 20;
/// Stored arguments are at most 1 MB, and 96 deep.
const SCAN_LIMITS: ScanLimits =
    ScanLimits { depth_max: 512, nodes_max: 1 << 20, copy_bytes_max: 0 };
/// No question of a command waits for its answer longer than this.
const DEADLINE: Duration = Duration::from_secs(24 * 3600);

/// What a control would do with a call that it covers.
#[derive(Clone, Debug)]
enum Verdict {
    Allowed,
    Denied(Rc<str>),
    Unjudged(Rc<str>),
    /// It is a matter of the arguments.
    OfArguments,
}

type Verdicts = Rc<[(usize, Verdict)]>;

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// The days that were read to their end.
    pub(crate) days: Vec<String>,
    /// Those that were not, and why.
    pub(crate) skipped: Vec<Warning>,
    /// Days between others that have no file.
    pub(crate) missing: Vec<String>,
    /// Calls judged.
    pub(crate) calls: u64,
    /// Calls that nginx had answered before their body was read: no control would have seen them.
    pub(crate) refused: u64,
    /// Calls of which the request could not be read.
    pub(crate) unread: u64,
    /// Calls that at least one control would have stopped.
    pub(crate) stopped: u64,
    /// Of each control of the draft.
    pub(crate) tallies: Vec<Tally>,
    /// Calls of the MCP servers that no place of the draft serves.
    pub(crate) unserved: BTreeMap<String, u64>,
    /// MCP servers of which it is not sure which place serves them.
    pub(crate) unsure: Vec<String>,
}

/// What is in force for an MCP server, ready to judge by.
#[derive(Debug)]
struct Place {
    number: u32,
    in_force: InForce,
    /// Controls with where their values stand.
    controls: Vec<(usize, Vec<Source>)>,
}

struct Backtest<'d> {
    draft: &'d Draft,
    lists: &'d Lists,
    places: FxHashMap<Rc<str>, Rc<Place>>,
    /// Verdicts by MCP server, actor and kind.
    kept: FxHashMap<(u32, i64, i64), Verdicts>,
    recorded: Recorded,
    scanner: Scanner,
    findings: Findings,
}

/// Judges the newest `days` days of a store.
///
/// # Errors
///
/// The folder cannot be read.
pub(crate) fn run(
    draft: &Draft,
    reader: &mut Reader,
    lists: &Lists,
    days: u32,
) -> Result<Findings, QueryError> {
    let mut backtest = Backtest {
        draft,
        lists,
        places: FxHashMap::default(),
        kept: FxHashMap::default(),
        recorded: Recorded::default(),
        scanner: Scanner::with_limits(SCAN_LIMITS),
        findings: Findings::default(),
    };
    backtest.findings.tallies.resize_with(draft.controls.len(), Tally::default);
    let with_arguments =
        draft.controls.iter().any(|control| control.kind() == ControlKind::ToolSchema);
    let never = Arc::new(AtomicBool::new(false));
    let limits = Limits { now: i64::MAX, deadline: Instant::now() + DEADLINE, cancelled: &never };
    let mut stored = reader.stored_days()?;
    let newest = stored.first().map_or(0, |day| day.number);
    stored.retain(|day| i64::from(newest) - i64::from(day.number) < i64::from(days));
    let mut warnings = Vec::from_iter(lists.warning.clone());
    for day in stored.iter().rev() {
        let Some(recorded) = reader.recorded(day.number, &limits, &mut warnings)? else { continue };
        backtest.recorded = recorded;
        // Numbers of actors and kinds mean something else on every day.
        backtest.kept.clear();
        let is_whole = reader.scan(day.number, with_arguments, &limits, &mut warnings, |call| {
            backtest.call(call);
        })?;
        if is_whole {
            backtest.findings.days.push(day.name.clone());
        }
    }
    let mut findings = backtest.findings;
    findings.missing = missing(&stored);
    findings.skipped = warnings;
    findings.unsure.sort_unstable();
    Ok(findings)
}

/// Days without a file between days with one.
fn missing(stored: &[StoredDay]) -> Vec<String> {
    let mut missing = Vec::new();
    for (newer, older) in stored.iter().zip(stored.iter().skip(1)) {
        missing.extend((older.number + 1..newer.number).map(StoredDay::name_of));
    }
    missing.sort_unstable();
    missing
}

impl Backtest<'_> {
    fn call(&mut self, call: &ScannedCall<'_>) {
        let kind = call.kind;
        if kind.direction != "client" {
            return;
        }
        if kind.coverage_request == "discarded" {
            self.findings.refused += 1;
            return;
        }
        if kind.method.is_empty() && kind.coverage_request != "full" {
            self.findings.unread += 1;
            return;
        }
        self.findings.calls += 1;
        let place = self.place(call.server);
        if !place.in_force.is_served {
            *self.findings.unserved.entry(call.server.to_string()).or_default() += 1;
            return;
        }
        let verdicts = self.verdicts(&place, call);
        let mut is_stopped = false;
        for (index, verdict) in verdicts.iter() {
            let verdict = match verdict {
                Verdict::OfArguments => self.of_arguments(*index, &place, call),
                verdict => verdict.clone(),
            };
            is_stopped |= matches!(verdict, Verdict::Denied(_));
            if let Some(tally) = self.findings.tallies.get_mut(*index) {
                count(tally, &verdict, call);
            }
        }
        self.findings.stopped += u64::from(is_stopped);
    }

    fn place(&mut self, server: &Rc<str>) -> Rc<Place> {
        if let Some(place) = self.places.get(server) {
            return place.clone();
        }
        let in_force = self.draft.in_force(server);
        let level = in_force.said.mode.unwrap_or_default();
        let controls = in_force.controls.iter().filter_map(|index| {
            let control = self.draft.controls.get(*index)?;
            (control.mode_at(level) != Mode::Off)
                .then(|| (*index, sources(control, &in_force.said)))
        });
        let controls = controls.collect();
        if in_force.is_served && !in_force.is_sure {
            self.findings.unsure.push(server.to_string());
        }
        let number = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        let place = Rc::new(Place { number, in_force, controls });
        self.places.insert(server.clone(), place.clone());
        place
    }

    /// What the controls say of a call, but for what is a matter of arguments.
    fn verdicts(&mut self, place: &Place, call: &ScannedCall<'_>) -> Verdicts {
        let key = call.numbers.map(|(actor, kind)| (place.number, actor, kind));
        if let Some(verdicts) = key.and_then(|key| self.kept.get(&key)) {
            return verdicts.clone();
        }
        let verdicts = self.judge(place, call.actor, call.kind, call.server);
        if let Some(key) = key {
            if self.kept.len() >= KEPT_MAX {
                self.kept.clear();
            }
            self.kept.insert(key, verdicts.clone());
        }
        verdicts
    }

    fn judge(
        &self,
        place: &Place,
        actor: &ScannedActor,
        kind: &ScannedKind,
        server: &str,
    ) -> Verdicts {
        let who = Who::of(actor, &place.in_force.said, &self.recorded);
        let facts = CallFacts {
            method: &kind.method,
            primitive: kind.primitive.as_deref(),
            arguments: None,
            now: 0,
        };
        let judged = place.controls.iter().filter_map(|(index, sources)| {
            let control = self.draft.controls.get(*index)?;
            if control.kind() == ControlKind::ToolSchema {
                let is_covered = control.covers(facts.method, facts.primitive);
                return is_covered.then_some((*index, Verdict::OfArguments));
            }
            let verdict = who.tell(control, sources, kind, server, |subject, unknown, missing| {
                let budget = &mut Budget::new(STEPS_MAX);
                let judgement =
                    control.judge_partly(&facts, subject, unknown, ToolsOf(None), budget);
                verdict(judgement, missing)
            });
            Some((*index, verdict?))
        });
        judged.collect()
    }

    /// What a tool input schema enforcement says of a call that it covers.
    fn of_arguments(&mut self, index: usize, place: &Place, call: &ScannedCall<'_>) -> Verdict {
        let Some(control) = self.draft.controls.get(index) else { return Verdict::Allowed };
        let tools = self.lists.tools(call.server);
        let document = self.scanner.scan(call.arguments.unwrap_or_default().as_bytes());
        let root = document.root();
        let name = call.kind.primitive.as_deref().unwrap_or_default();
        let is_defined = tools.0.is_some_and(|tools| tools.get(name).is_some());
        if let (Some(why), true) = (payload::obstacle(call, root, &place.in_force.said), is_defined)
        {
            return Verdict::Unjudged(Rc::from(why));
        }
        let facts = CallFacts {
            method: &call.kind.method,
            primitive: call.kind.primitive.as_deref(),
            arguments: root,
            now: call.at,
        };
        judge_arguments(control, &facts, tools)
    }
}

fn judge_arguments(control: &Control, facts: &CallFacts<'_>, tools: ToolsOf<'_>) -> Verdict {
    let budget = &mut Budget::new(STEPS_MAX);
    let judgement = control.judge(facts, &Subject::default(), tools, budget);
    verdict(judgement, &String::new).unwrap_or(Verdict::Allowed)
}

/// `None`: the control has nothing to do with it.
fn verdict(judgement: Judgement, missing: &dyn Fn() -> String) -> Option<Verdict> {
    Some(match judgement {
        Judgement::NotCovered => return None,
        Judgement::Allowed => Verdict::Allowed,
        Judgement::Denied(objection) if objection.point.is_empty() => {
            Verdict::Denied(Rc::from(objection.detail))
        }
        Judgement::Denied(objection) => {
            Verdict::Denied(Rc::from(format!("{}, at {}", objection.detail, objection.point)))
        }
        Judgement::Unjudged(Unjudged::NotRecorded) => Verdict::Unjudged(Rc::from(missing())),
        Judgement::Unjudged(Unjudged::NoSchema) => {
            Verdict::Unjudged(Rc::from("the MCP server has never listed its tools"))
        }
        Judgement::Unjudged(Unjudged::SchemaCost) => {
            Verdict::Unjudged(Rc::from("the tool's schema says nothing of such arguments"))
        }
        Judgement::Unjudged(Unjudged::Budget) => {
            Verdict::Unjudged(Rc::from("judging takes too many steps"))
        }
    })
}

fn count(tally: &mut Tally, verdict: &Verdict, call: &ScannedCall<'_>) {
    tally.covered += 1;
    match verdict {
        Verdict::Allowed | Verdict::OfArguments => tally.allowed += 1,
        Verdict::Unjudged(why) => tally.unjudged.add(why, call.id),
        Verdict::Denied(rule) => {
            tally.denied += 1;
            tally.rules.add(rule, call.id);
            let mut hasher = FxHasher::default();
            (&**call.server, call.session_id).hash(&mut hasher);
            tally.sessions.insert(hasher.finish());
            tally.users.add(&call.actor.user);
            tally.servers.add(call.server);
            if let Some(primitive) = &call.kind.primitive {
                tally.primitives.add(primitive);
            }
        }
    }
}
