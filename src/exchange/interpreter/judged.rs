//! What controls say of the exchange at hand: as it was judged before it went on, else judged now.

use super::Interpreter;
use crate::arena::Text;
use crate::attack::{self, AttackLine};
use crate::controls::Who;
use crate::draft::Work;
use crate::judge::{Case, Judge, Seen};
use crate::tools::{Snapshot, ToolsHere};
use crate::{BodyEnd, Capture, Rules, Verdict};
use protocol::Document;
use record::Mode;
use std::sync::Arc;

/// Lines for the error log that wait to be fetched.
const LINES_MAX: usize = 64;

impl Interpreter {
    /// Finds out what controls say of a request that was read into `work`, unless
    /// [`judge_now`] has already, and drafts its attacks.
    pub(super) fn hear(&mut self, capture: &Capture, rules: &Rules) {
        let work = &mut self.work;
        if !capture.verdict.is_empty() {
            work.verdict.copy_from(&capture.verdict);
            find_late(capture, rules, work);
        } else if work.verdict.is_empty() {
            judge_now(
                &mut self.judge,
                self.tools.as_ref(),
                None,
                capture,
                rules,
                &mut work.verdict,
            );
        }
        work.marks.is_blocked = work.verdict.is_blocked;
        if work.verdict.denials.is_empty() {
            return;
        }
        attack::draft(
            &mut work.attacks,
            &mut work.arena,
            &work.verdict,
            work.calls.len(),
            capture,
            rules,
        );
        if let Some(controls) = work.verdict.sets.first() {
            work.evidence =
                attack::evidence(&mut work.arena, capture, controls, rules, &mut self.scanner);
        }
    }

    /// Leaves lines for the error log about attacks that were found here.
    pub(super) fn say_attacks(&mut self, capture: &Capture, rules: &Rules) {
        // Those before were told where they were found.
        let told = capture.verdict.denials.len();
        let line = AttackLine {
            server: self.context.server_name(),
            user: self.context.user_name(),
            address: self.context.address_text(),
            request_id: self.context.request_id_text(),
        };
        let verdict = &self.work.verdict;
        for denial in verdict.denials.iter().skip(told) {
            if self.lines.len() >= LINES_MAX {
                self.lines_left_out += 1;
                continue;
            }
            self.lines.push(line.text(denial, verdict, rules));
        }
    }

    /// Takes the lines for the error log that have gathered, and how many more there were.
    pub fn take_lines(&mut self) -> (Vec<String>, u64) {
        (std::mem::take(&mut self.lines), std::mem::take(&mut self.lines_left_out))
    }
}

/// Judges a request that went on without being judged. `read` is what was made of its body, where it
/// has no coding.
pub(super) fn judge_now(
    judge: &mut Judge,
    tools: Option<&Arc<Snapshot>>,
    read: Option<&Document<'_>>,
    capture: &Capture,
    rules: &Rules,
    verdict: &mut Verdict,
) {
    let Some(controls) = &rules.controls else { return };
    let body = &capture.request;
    // What nginx answered without reading it was nobody's to judge.
    if !matches!(body.end, BodyEnd::Complete) {
        return;
    }
    let facts = &capture.facts;
    let headers: Vec<(&[u8], &[u8])> = capture
        .headers
        .iter()
        .map(|(name, value)| (capture.get(*name), capture.get(*value)))
        .collect();
    let mut values: Vec<Vec<&[u8]>> = Vec::new();
    let count = controls.controls.iter().map(|it| it.control.values().len()).sum();
    values.resize_with(count, Vec::new);
    for (index, span) in &capture.values {
        if let Some(value) = values.get_mut(usize::from(*index)) {
            value.push(capture.get(*span));
        }
    }
    let is_over = body.passed > rules.body_bytes_max as u64;
    let case = Case {
        rules,
        body: &body.bytes,
        seen: match body.lost {
            0 => Seen::Whole,
            _ if is_over => Seen::OverLimit,
            _ => Seen::Partly,
        },
        headers: &headers,
        user: capture.get(facts.control_user),
        role: capture.get(facts.control_role),
        address: capture.get(facts.address),
        values: &values,
        external: capture.get(facts.external),
        is_foreign_session: facts.is_foreign_session,
        tools: ToolsHere::new(tools, controls.location),
        now: facts.at,
        can_block: false,
    };
    let _ = judge.judge_read(&case, read, verdict);
}

/// Adds what another program has found only after the request was judged, as in the answer.
fn find_late(capture: &Capture, rules: &Rules, work: &mut Work) {
    let found = capture.get(capture.facts.external);
    let Some(controls) = rules.controls.as_ref().filter(|_| !found.is_empty()) else { return };
    let is_told = work.verdict.denials.iter().any(|it| it.who == Who::External);
    if is_told || work.verdict.is_blocked || controls.mode == Mode::Off {
        return;
    }
    let name = |text: Option<Text>| text.map(|it| work.arena.get(it).to_owned());
    let first = work.drafts.first();
    let method = name(first.map(|call| call.method)).unwrap_or_default();
    let primitive = first.and_then(|call| call.primitive).map(|(_, name)| name);
    let primitive = name(primitive).unwrap_or_default();
    let found = String::from_utf8_lossy(found).into_owned();
    work.verdict.find(controls, found, method, primitive);
}
