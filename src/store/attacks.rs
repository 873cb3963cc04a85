//! Attacks on their way into the day, and what controls made of calls.
//!
//! Attacks that are the same within a minute have one row with a count, however many there are.

mod rows;

pub(crate) use rows::write;

use crate::batch::Batch;
use crate::day::Day;
use crate::failure::Failure;
use crate::flood::Same;
use crate::page::{CallRow, MINUTE_US, Page, Span};
use record::{Action, Attack, Call, ControlRef, Evidence, Judged, Micros, PartRef};
use rustc_hash::FxHashMap;

/// The most attacks of one call that are kept. Further ones are counted as left out.
pub(crate) const ATTACKS_A_CALL_MAX: usize = 16;
/// The most bytes of evidence in a batch.
const EVIDENCE_A_BATCH_BYTES_MAX: usize = 8 << 20;

/// Attacks of a batch that are the same.
#[derive(Debug)]
pub(crate) struct AttackGroup {
    touched: usize,
    at: Micros,
    last_at: Micros,
    count: i64,
    control: i64,
    hash: i64,
    action: Action,
    /// The first stored call among them, in [`Page::rows`].
    call: Option<usize>,
    /// What makes a row; `None` where a row is known to be there, or no call of it is stored.
    words: Option<Words>,
}

#[derive(Debug)]
struct Words {
    detail: Span,
    point: Span,
    expected: Span,
    found: Span,
    /// In [`Attacks::evidence`].
    evidence: Option<usize>,
}

/// A request that was kept.
#[derive(Debug)]
struct EvidenceText {
    line: Span,
    headers: Span,
    body: Span,
    truncated: bool,
}

/// What controls made of calls of one MCP server.
#[derive(Clone, Copy, Debug, Default)]
struct ControlTally {
    allowed: i64,
    denied: i64,
    blocked: i64,
    unjudged: i64,
    unjudged_blocked: i64,
    last_attack_at: Option<Micros>,
}

/// What a batch has collected of attacks and controls.
#[derive(Debug, Default)]
pub(crate) struct Attacks {
    groups: Vec<AttackGroup>,
    by_same: FxHashMap<(usize, Same), usize>,
    /// Which calls of [`Page::rows`] belong to which groups.
    calls: Vec<(usize, usize)>,
    evidence: Vec<EvidenceText>,
    evidence_bytes: usize,
    /// By day, control and server.
    tallies: FxHashMap<(i32, i64, i64), ControlTally>,
    /// By day, minute and server.
    minutes: FxHashMap<(i32, i64, i64), i64>,
}

impl Attacks {
    /// Empties it.
    pub(crate) fn clear(&mut self) {
        // Most batches have none of these.
        self.tallies.clear();
        if !self.groups.is_empty() {
            self.groups.clear();
            self.by_same.clear();
            self.calls.clear();
            self.evidence.clear();
            self.evidence_bytes = 0;
            self.minutes.clear();
        }
    }
}

/// Of an attack, everything but what it shares with the others of its call.
struct Placing {
    day: i32,
    part: i64,
    server: i64,
    touched: usize,
    actor: i64,
    /// In [`Page::rows`]; `None` where the call is counted only.
    call: Option<usize>,
}

impl Batch<'_> {
    /// The numbers of the controls that object to a call, and the same as text, in order.
    pub(crate) fn objectors(
        &mut self,
        day: i32,
        attacks: &[Attack<'_>],
    ) -> Result<(Vec<i64>, String), Failure> {
        let mut numbers = Vec::new();
        for attack in attacks.iter().take(ATTACKS_A_CALL_MAX) {
            numbers.push(self.control(day, &attack.control)?);
        }
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        let text: Vec<String> = sorted.iter().map(i64::to_string).collect();
        Ok((numbers, text.join(",")))
    }

    fn control(&mut self, day: i32, control: &ControlRef<'_>) -> Result<i64, Failure> {
        let keyed = &self.writer.keyed;
        let Some(open) = self.writer.days.open_mut(day) else {
            return Err(crate::place::no_file(day));
        };
        let Day { controls, connection, .. } = open;
        let found = controls.number(keyed, connection, control);
        found.map_err(|error| open.failure(&error))
    }

    /// Counts what a control made of a call.
    pub(crate) fn add_judged(
        &mut self,
        part: PartRef,
        control: &ControlRef<'_>,
        judged: Judged,
    ) -> Result<(), Failure> {
        let Some(placed) = self.placed(part) else { return Ok(()) };
        let touched = self.page.touched.get(placed.touched);
        let Some((day, server)) = touched.map(|touched| (touched.day, touched.server)) else {
            return Ok(());
        };
        let control = self.control(day, control)?;
        let tally = self.page.attacks.tallies.entry((day, control, server)).or_default();
        match judged {
            Judged::Allowed => tally.allowed += 1,
            Judged::Denied => tally.denied += 1,
            Judged::Blocked => {
                tally.denied += 1;
                tally.blocked += 1;
            }
            Judged::Unjudged => tally.unjudged += 1,
            Judged::UnjudgedBlocked => {
                tally.unjudged += 1;
                tally.unjudged_blocked += 1;
            }
        }
        Ok(())
    }

    /// Takes the attacks of a call. `index`: where it is in the page, if it is stored.
    pub(crate) fn add_attacks(
        &mut self,
        row: &CallRow,
        index: Option<usize>,
        call: &Call<'_>,
        objectors: &[i64],
    ) {
        let left_out = call.attacks.len().saturating_sub(objectors.len());
        self.committed.attacks_left_out += left_out as u64;
        if objectors.is_empty() {
            return;
        }
        let Some(touched) = self.page.touched.get_mut(row.touched) else { return };
        let count = crate::page::signed(objectors.len() as u64);
        touched.attacks += count;
        let placing = Placing {
            day: touched.day,
            part: touched.part,
            server: touched.server,
            touched: row.touched,
            actor: row.actor,
            call: index,
        };
        let minute = (placing.day, call.at.div_euclid(MINUTE_US), placing.server);
        *self.page.attacks.minutes.entry(minute).or_default() += count;
        for (attack, control) in call.attacks.iter().zip(objectors) {
            if let Some(count) = self.committed.attacks.get_mut(attack.control.kind as usize) {
                *count += 1;
            }
            self.add_attack(&placing, call, attack, *control);
        }
    }

    fn add_attack(&mut self, of: &Placing, call: &Call<'_>, attack: &Attack<'_>, control: i64) {
        let mut hashing = self.writer.keyed.begin();
        hashing.number(of.actor).text(attack.action.as_str()).text(call.method);
        let primitive = call.primitive.map_or(("", ""), |found| (found.kind.as_str(), found.name));
        hashing.text(primitive.0).text(primitive.1).text(attack.detail).text(attack.point);
        let hash = hashing.finish().cast_signed();
        let same = (attack.at.div_euclid(MINUTE_US), of.part, control, hash);
        let tally = self.page.attacks.tallies.entry((of.day, control, of.server)).or_default();
        tally.last_attack_at = tally.last_attack_at.max(Some(attack.at));
        let group = match self.page.attacks.by_same.get(&(of.touched, same)) {
            Some(group) => *group,
            None => {
                let group = self.page.attacks.groups.len();
                self.page.attacks.groups.push(AttackGroup {
                    touched: of.touched,
                    at: attack.at,
                    last_at: attack.at,
                    count: 0,
                    control,
                    hash,
                    action: attack.action,
                    call: None,
                    words: None,
                });
                self.page.attacks.by_same.insert((of.touched, same), group);
                group
            }
        };
        let is_first = self.page.attacks.groups.get(group).is_some_and(|it| it.call.is_none());
        let words = match of.call {
            Some(_) if is_first => self.words(of, same, attack),
            _ => None,
        };
        let Some(known) = self.page.attacks.groups.get_mut(group) else { return };
        known.count += 1;
        known.last_at = known.last_at.max(attack.at);
        if let Some(call) = of.call {
            if is_first {
                known.at = attack.at;
                known.call = Some(call);
                known.words = words;
            }
            self.page.attacks.calls.push((call, group));
        }
    }

    /// Keeps what makes a row, unless there is one.
    fn words(&mut self, of: &Placing, same: Same, attack: &Attack<'_>) -> Option<Words> {
        let flood = &mut self.writer.days.open_mut(of.day)?.flood;
        if !flood.is_new(same) {
            return None;
        }
        let takes_evidence = attack.evidence.is_some() && flood.takes_evidence(same.0, of.part);
        let evidence = match attack.evidence.filter(|_| takes_evidence) {
            Some(evidence) => self.page.keep_evidence(&evidence),
            None => None,
        };
        self.committed.evidence_left_out +=
            u64::from(attack.evidence.is_some() && evidence.is_none());
        let page = &mut self.page;
        let mut keep = |text: &str| if text.is_empty() { None } else { page.push(text) };
        Some(Words {
            detail: keep(attack.detail),
            point: keep(attack.point),
            expected: keep(attack.expected),
            found: keep(attack.found),
            evidence,
        })
    }
}

impl Page {
    /// Keeps a request, once where several attacks in a row are about the same one.
    fn keep_evidence(&mut self, evidence: &Evidence<'_>) -> Option<usize> {
        let is_it = |kept: &EvidenceText| {
            kept.truncated == evidence.truncated
                && self.get(kept.line) == Some(evidence.line)
                && self.get(kept.headers) == Some(evidence.headers)
                && self.get(kept.body) == Some(evidence.body)
        };
        let count = self.attacks.evidence.len();
        if self.attacks.evidence.last().is_some_and(is_it) {
            return Some(count - 1);
        }
        let bytes = evidence.line.len() + evidence.headers.len() + evidence.body.len();
        if self.attacks.evidence_bytes + bytes > EVIDENCE_A_BATCH_BYTES_MAX {
            return None;
        }
        self.attacks.evidence_bytes += bytes;
        let kept = EvidenceText {
            line: self.push(evidence.line),
            headers: self.push(evidence.headers),
            body: self.push(evidence.body),
            truncated: evidence.truncated,
        };
        self.attacks.evidence.push(kept);
        Some(count)
    }
}

/// The kind of a call that got its answer, in the attacks that are about it.
pub(crate) fn answered(day: &Day, call: i64, kind: i64) -> Result<(), Failure> {
    day.connection
        .prepare_cached(
            "UPDATE attack_rows SET kind = ?2 WHERE call = ?1 \
             AND attack IN (SELECT attack FROM attack_calls WHERE call = ?1)",
        )
        .and_then(|mut statement| statement.execute((call, kind)))
        .map(|_| ())
        .map_err(|error| day.failure(&error))
}
