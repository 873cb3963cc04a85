//! One request before all controls of its location.

use super::form;
use super::headers::Headers;
use super::{Address, Case, Seen};
use crate::controls::{Controls, Who};
use crate::limits::{BATCH_JUDGED_MAX, DENIALS_MAX, JUDGE_STEPS_MAX, METHOD_BYTES_MAX};
use crate::verdict::{Denial, Tally, Verdict};
use control::schema::Budget;
use control::{CallFacts, Judgement, Subject};
use protocol::{Document, Message, MessageKind};
use record::{Judged, Mode};

/// An objection of the protocol check.
struct Objection {
    rule: String,
    point: String,
    expected: String,
    found: String,
}

impl From<protocol::Objection> for Objection {
    fn from(objection: protocol::Objection) -> Self {
        let protocol::Objection { rule, point, expected, found } = objection;
        Self { rule: rule.as_str().to_owned(), point, expected, found }
    }
}

/// What is said of a request so far.
pub(super) struct Hearing<'h, 'a> {
    case: &'h Case<'a>,
    controls: &'h Controls,
    set: u16,
    verdict: &'h mut Verdict,
    user: &'h str,
    roles: &'h [&'h str],
    address: Address,
    /// [`Case::values`], as controls take them.
    values: Vec<&'h [&'a [u8]]>,
    /// The first tally of this hearing in the verdict.
    first_tally: usize,
    /// Something wants the request blocked.
    wants_block: bool,
    budget: Budget,
}

impl<'h, 'a> Hearing<'h, 'a> {
    pub(super) fn new(
        case: &'h Case<'a>,
        controls: &'h Controls,
        set: u16,
        verdict: &'h mut Verdict,
        user: &'h str,
        roles: &'h [&'h str],
        address: Address,
    ) -> Self {
        let first_tally = verdict.tallies.len();
        let budget = Budget::new(JUDGE_STEPS_MAX);
        let wants_block = false;
        let values = case.values.iter().map(Vec::as_slice).collect();
        Self {
            case,
            controls,
            set,
            verdict,
            user,
            roles,
            address,
            values,
            first_tally,
            wants_block,
            budget,
        }
    }

    /// The protocol check, and the recognition boundary where a control blocks.
    pub(super) fn form(
        &mut self,
        document: &Document<'_>,
        headers: &Headers<'_>,
        is_miscoded: bool,
        seen: Seen,
    ) {
        let is_guarded = self.case.can_block && self.controls.may_block();
        let is_checked = self.controls.protocol_check != Mode::Off;
        if !is_guarded && !is_checked {
            return;
        }
        let before = self.verdict.denials.len();
        self.other_than_form(headers, is_miscoded, seen);
        let is_exempt = self.is_other_body(document, headers);
        if seen == Seen::Whole && !is_miscoded && !is_exempt {
            // What the boundary refuses is the first of all objections, and there is none without it.
            let objections = match is_checked {
                true => form::objections(document, headers),
                false => form::refusal(document, headers).into_iter().collect(),
            };
            let strict = self.controls.protocol_check == Mode::Block;
            self.wants_block |= (is_guarded || strict) && !objections.is_empty();
            objections.into_iter().for_each(|it| self.object(it.into()));
        }
        let is_call = !protocol::messages(document).is_empty();
        let is_denied = self.verdict.denials.len() > before;
        if is_checked && (is_call || is_denied) {
            let judged = if is_denied { Judged::Denied } else { Judged::Allowed };
            self.tally(Who::Protocol, judged);
        }
    }

    /// What is wrong before a document is looked at.
    fn other_than_form(&mut self, headers: &Headers<'_>, is_miscoded: bool, seen: Seen) {
        let strict = self.controls.protocol_check == Mode::Block;
        let is_guarded = self.case.can_block && self.controls.may_block();
        if is_miscoded {
            self.wants_block |= is_guarded;
            self.object(Objection {
                rule: "the body is not coded as it says".to_owned(),
                point: "header Content-Encoding".to_owned(),
                expected: "identity, gzip, deflate or br".to_owned(),
                found: String::from_utf8_lossy(&headers.content_encoding).into_owned(),
            });
        }
        if seen == Seen::OverLimit {
            self.wants_block |= is_guarded && self.controls.fails_closed;
            self.object(Objection {
                rule: "the body is longer than mcp_body_limit".to_owned(),
                point: String::new(),
                expected: format!("{} bytes or less", self.case.rules.body_bytes_max),
                found: String::new(),
            });
        }
        if seen == Seen::Partly && is_guarded && self.controls.fails_closed {
            self.wants_block = true;
            self.object(Objection {
                rule: "not judged: the body could not be kept".to_owned(),
                point: String::new(),
                expected: String::new(),
                found: String::new(),
            });
        }
        if self.case.is_foreign_session {
            self.wants_block |= strict;
            let is_header =
                |(name, _): &(&[u8], &[u8])| name.eq_ignore_ascii_case(b"mcp-session-id");
            let point = match self.case.headers.iter().any(is_header) {
                true => "header Mcp-Session-Id",
                false => "query",
            };
            self.object(Objection {
                rule: "the session belongs to another user".to_owned(),
                point: point.to_owned(),
                expected: String::new(),
                found: String::new(),
            });
        }
    }

    /// Whether a body is of a kind that `mcp_other_bodies` lets pass. What could be JSON is not.
    fn is_other_body(&self, document: &Document<'_>, headers: &Headers<'_>) -> bool {
        let kinds = &self.controls.other_bodies;
        let could_be_json = || {
            let text = document.bytes().strip_prefix(b"\xef\xbb\xbf").unwrap_or(document.bytes());
            let text = text.trim_ascii_start();
            matches!(text.first(), Some(b'{' | b'[' | b'/' | b'"'))
                || protocol::is_wide_encoding(document.bytes())
                || document.flaws().contains(protocol::Flaws::WIDE_ENCODING)
        };
        !kinds.is_empty()
            && headers.media_type().is_some_and(|kind| kinds.contains(&kind))
            && !could_be_json()
    }

    fn object(&mut self, objection: Objection) {
        let Objection { rule, point, expected, found } = objection;
        self.deny(Denial {
            set: self.set,
            who: Who::Protocol,
            message: 0,
            detail: rule,
            point,
            expected,
            found,
            method: String::new(),
            primitive: String::new(),
        });
    }

    /// What another program has found.
    pub(super) fn external(&mut self) {
        if self.controls.mode == Mode::Off {
            return;
        }
        self.wants_block |= self.controls.mode == Mode::Block;
        let found = String::from_utf8_lossy(self.case.external).into_owned();
        self.tally(Who::External, Judged::Denied);
        self.deny(Denial::external(self.set, found));
    }

    /// Every message before every control.
    pub(super) fn messages(&mut self, document: &Document<'_>, seen: Seen) {
        if self.controls.controls.iter().all(|it| it.mode == Mode::Off) {
            self.name_first(document);
            return;
        }
        if seen != Seen::Whole {
            self.unjudged_body();
            return;
        }
        for (index, message) in protocol::messages(document).enumerate() {
            if index >= BATCH_JUDGED_MAX {
                self.unjudged_body();
                self.object(Objection {
                    rule: "not judged: too many messages".to_owned(),
                    point: String::new(),
                    expected: format!("{BATCH_JUDGED_MAX} messages or less"),
                    found: String::new(),
                });
                break;
            }
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            self.message(&message, index);
        }
        self.name_first(document);
    }

    /// Gives what was said of the request as a whole the name of its first message.
    fn name_first(&mut self, document: &Document<'_>) {
        if self.verdict.denials.is_empty() {
            return;
        }
        let Some(message) = protocol::messages(document).next() else { return };
        let (method, primitive) = names(&message);
        for denial in self.verdict.denials.iter_mut().filter(|it| it.method.is_empty()) {
            denial.method.clone_from(&method);
            denial.primitive.clone_from(&primitive);
        }
    }

    /// What nothing can be said of, since some of it was not seen.
    fn unjudged_body(&mut self) {
        for (index, in_force) in self.controls.controls.iter().enumerate() {
            let Ok(index) = u16::try_from(index) else { return };
            if in_force.mode == Mode::Off {
                continue;
            }
            self.tally(Who::Control(index), Judged::Unjudged);
            if in_force.mode == Mode::Block && self.case.can_block && self.controls.fails_closed {
                self.wants_block = true;
            }
        }
    }

    fn message(&mut self, message: &Message<'_>, index: u32) {
        // Answers to the server's own requests call nothing.
        if message.kind == MessageKind::Response || message.method.is_none() {
            return;
        }
        let method = message.method.as_deref().unwrap_or_default();
        let client = protocol::client_info(message).map(|(name, _)| name).unwrap_or_default();
        let arguments = message.params.and_then(|params| params.get("arguments"));
        let primitives = protocol::primitives(method, message.params);
        let mut names = primitives.iter().map(|primitive| Some(primitive.name.as_ref()));
        let mut next = names.next().or(Some(None));
        while let Some(primitive) = next {
            let call = CallFacts {
                method,
                primitive,
                arguments: arguments.filter(|_| method == "tools/call"),
                now: self.case.now,
            };
            self.call(&call, &client, index);
            next = names.next();
        }
    }

    /// One call of one primitive before every control.
    fn call(&mut self, call: &CallFacts<'_>, client: &str, index: u32) {
        let controls = self.controls;
        let mut first_value = 0;
        for (number, in_force) in controls.controls.iter().enumerate() {
            let own = first_value..first_value + in_force.control.values().len();
            first_value = own.end;
            let Ok(number) = u16::try_from(number) else { return };
            if in_force.mode == Mode::Off {
                continue;
            }
            let subject = Subject {
                user: self.user,
                roles: self.roles,
                address: self.address,
                client,
                values: self.values.get(own).unwrap_or_default(),
            };
            let budget = &mut self.budget;
            let judgement = self.case.tools.judge(&in_force.control, call, &subject, budget);
            self.take(Who::Control(number), in_force.mode, judgement, index, call);
        }
    }

    fn take(
        &mut self,
        who: Who,
        mode: Mode,
        judgement: Judgement,
        message: u32,
        call: &CallFacts<'_>,
    ) {
        let mut denial = Denial {
            set: self.set,
            who,
            message,
            detail: String::new(),
            point: String::new(),
            expected: String::new(),
            found: String::new(),
            method: String::new(),
            primitive: String::new(),
        };
        match judgement {
            Judgement::NotCovered => return,
            Judgement::Allowed => return self.tally(who, Judged::Allowed),
            Judgement::Denied(objection) => {
                self.tally(who, Judged::Denied);
                self.wants_block |= mode == Mode::Block;
                denial.detail = objection.detail;
                denial.point = objection.point;
                denial.expected = objection.expected;
                denial.found = objection.found;
            }
            Judgement::Unjudged(why) => {
                self.tally(who, Judged::Unjudged);
                let blocks = mode == Mode::Block && self.controls.fails_closed;
                if !blocks || !self.case.can_block {
                    return;
                }
                self.wants_block = true;
                denial.detail = format!("not judged: {}", why.as_str());
            }
        }
        denial.method = capped(call.method);
        denial.primitive = call.primitive.map(capped).unwrap_or_default();
        self.deny(denial);
    }

    fn deny(&mut self, denial: Denial) {
        if self.verdict.denials.len() < DENIALS_MAX {
            self.verdict.denials.push(denial);
        } else {
            self.verdict.left_out += 1;
        }
    }

    fn tally(&mut self, who: Who, judged: Judged) {
        self.verdict.tallies.push(Tally { set: self.set, who, judged });
    }

    /// Says what becomes of the request: whether it is blocked.
    pub(super) fn close(self) -> bool {
        let is_blocked = self.wants_block && self.case.can_block;
        if is_blocked {
            self.verdict.is_blocked = true;
            for tally in self.verdict.tallies.iter_mut().skip(self.first_tally) {
                tally.judged = match tally.judged {
                    Judged::Denied => Judged::Blocked,
                    Judged::Unjudged => Judged::UnjudgedBlocked,
                    judged => judged,
                };
            }
        }
        is_blocked
    }
}

/// What a message calls, for whoever reads of it.
fn names(message: &Message<'_>) -> (String, String) {
    let method = message.method.as_deref().unwrap_or_default();
    let primitive = protocol::primitive(method, message.params);
    (capped(method), primitive.map(|it| capped(&it.name)).unwrap_or_default())
}

fn capped(text: &str) -> String {
    crate::arena::capped(text, METHOD_BYTES_MAX).to_owned()
}
