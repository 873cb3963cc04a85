//! What controls say of the exchange at hand: as it was judged before it went on, else judged now.

use super::Interpreter;
use crate::attack::{self, AttackLine};
use crate::judge::{Case, Judge, Seen};
use crate::tools::{Snapshot, ToolsHere};
use crate::{BodyEnd, Capture, Rules, Verdict};
use protocol::Document;
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
        if !capture.verdict.is_empty() {
            return;
        }
        let line = AttackLine {
            server: self.context.server_name(),
            user: self.context.user_name(),
            address: self.context.address_text(),
            request_id: self.context.request_id_text(),
        };
        let verdict = &self.work.verdict;
        for denial in &verdict.denials {
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
