//! What controls objected to, as it is stored: masked, with the request as evidence.

use crate::arena::{Arena, Text, capped, lossy};
use crate::controls::{Controls, Who};
use crate::decode::{Decoded, decode, is_plain};
use crate::limits::{ATTACK_TEXT_BYTES_MAX, EVIDENCES_MAX};
use crate::verdict::{Denial, Verdict};
use crate::{Capture, Rules};
use protocol::Scanner;
use record::{Action, Attack, Evidence, Micros};
use std::borrow::Cow;
use std::fmt::Write as _;

/// What stands for a value that is not stored.
const MASKED: &str = "••••";
/// What stands in JSON where something is missing.
const ELLIPSIS: &str = "…";
/// Headers whose values are credentials, whatever `mcp_mask` says.
const CREDENTIALS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];

/// An attack on a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttackDraft {
    /// Which call: its place among those of the request.
    pub(crate) call: usize,
    set: u16,
    who: Who,
    detail: Text,
    point: Text,
    expected: Text,
    found: Text,
}

/// The request as it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EvidenceDraft {
    line: Text,
    headers: Text,
    body: Text,
    truncated: bool,
}

/// Writes the objections of a verdict down, masked.
pub(crate) fn draft(
    attacks: &mut Vec<AttackDraft>,
    arena: &mut Arena,
    verdict: &Verdict,
    calls: usize,
    capture: &Capture,
    rules: &Rules,
) {
    let hidden = hidden(capture, rules);
    for denial in &verdict.denials {
        let message = usize::try_from(denial.message).unwrap_or(usize::MAX);
        let found = without_hidden(masked_found(denial, rules), &hidden);
        let found = without_begun(&found, true, &hidden);
        let mut push = |text: &str| arena.push_capped(text, ATTACK_TEXT_BYTES_MAX);
        attacks.push(AttackDraft {
            call: message.min(calls.saturating_sub(1)),
            set: denial.set,
            who: denial.who,
            detail: push(&rules.mask.text(&denial.detail)),
            point: push(&rules.mask.text(&denial.point)),
            expected: push(&rules.mask.text(&denial.expected)),
            found: push(&found),
        });
    }
}

/// What stood in the place that is objected to; nothing of it where its key is masked.
fn masked_found<'d>(denial: &'d Denial, rules: &Rules) -> Cow<'d, str> {
    if denial.found.is_empty() {
        return Cow::Borrowed("");
    }
    let header = denial.point.strip_prefix("header ");
    let is_masked = match header {
        Some(name) => is_secret(name, rules),
        None => denial
            .point
            .split('/')
            .skip(1)
            .any(|key| rules.mask.covers(&key.replace("~1", "/").replace("~0", "~"))),
    };
    if is_masked { Cow::Borrowed(MASKED) } else { rules.mask.text(&denial.found) }
}

fn is_secret(header: &str, rules: &Rules) -> bool {
    let is_credential = CREDENTIALS.iter().any(|name| header.eq_ignore_ascii_case(name));
    let is_session = rules.session_hashed && header.eq_ignore_ascii_case("mcp-session-id");
    is_credential || is_session || rules.mask.covers(header)
}

/// Writes the request down, masked, each part within the limit. `None` with `evidence=off`.
pub(crate) fn evidence(
    arena: &mut Arena,
    capture: &Capture,
    controls: &Controls,
    rules: &Rules,
    scanner: &mut Scanner,
) -> Option<EvidenceDraft> {
    let limit = controls.evidence_bytes_max?;
    let hidden = hidden(capture, rules);
    let mut truncated = false;
    let mut push = |arena: &mut Arena, text: String, is_cut: bool| {
        let text = without_hidden(Cow::Owned(text), &hidden);
        truncated |= is_cut || text.len() > limit;
        let text = without_begun(capped(&text, limit), is_cut || text.len() > limit, &hidden);
        arena.push_capped(&text, limit)
    };
    let line = push(arena, masked_line(&lossy(capture.get(capture.facts.line)), rules), false);
    let (headers, is_cut) = masked_headers(capture, rules, limit);
    let headers = push(arena, headers, is_cut);
    let (body, is_cut) = masked_body(capture, rules, limit, scanner);
    let body = push(arena, body, is_cut);
    Some(EvidenceDraft { line, headers, body, truncated })
}

/// Values that are stored as hashes: they must not stand in the evidence either.
fn hidden<'c>(capture: &'c Capture, rules: &Rules) -> Vec<Cow<'c, str>> {
    let facts = &capture.facts;
    let mut hidden = Vec::new();
    if rules.user_hashed {
        hidden.push(lossy(capture.get(facts.user)));
    }
    if rules.session_hashed {
        hidden.push(lossy(capture.get(facts.session_value)));
        hidden.push(lossy(capture.get(facts.session_header)));
    }
    let params = rules.params.iter().zip(facts.params).filter(|(rule, _)| rule.is_hashed);
    hidden.extend(params.map(|(_, span)| lossy(capture.get(span))));
    hidden.retain(|value| !value.is_empty());
    // In JSON it may look otherwise.
    let escaped: Vec<_> = hidden.iter().map(|value| json_inside(value)).collect();
    hidden.extend(escaped.into_iter().flatten().map(Cow::Owned));
    hidden
}

fn without_hidden<'t>(text: Cow<'t, str>, hidden: &[Cow<'_, str>]) -> Cow<'t, str> {
    hidden.iter().fold(text, |text, secret| match text.contains(&**secret) {
        true => Cow::Owned(text.replace(&**secret, MASKED)),
        false => text,
    })
}

/// A value as it stands between the quotes of JSON, where that is not as it is.
fn json_inside(value: &str) -> Option<String> {
    let mut quoted = String::new();
    crate::roles::push_json_string(&mut quoted, value);
    let inside = quoted.get(1..quoted.len().saturating_sub(1))?;
    (inside != value).then(|| inside.to_owned())
}

/// The text without beginnings of hidden values where something was cut off: within JSON before the
/// mark of what is missing, and at the end.
fn without_begun<'t>(text: &'t str, is_cut: bool, hidden: &[Cow<'_, str>]) -> Cow<'t, str> {
    if !is_cut || hidden.is_empty() {
        return Cow::Borrowed(text);
    }
    let parts = text.split(ELLIPSIS).map(|part| {
        let begun = hidden.iter().filter_map(|secret| {
            let ends = secret.char_indices().rev().map(|(end, _)| end);
            ends.filter_map(|end| secret.get(..end)).find(|begun| part.ends_with(begun))
        });
        let longest = begun.map(str::len).max().unwrap_or(0);
        part.get(..part.len().saturating_sub(longest)).unwrap_or(part)
    });
    Cow::Owned(parts.collect::<Vec<_>>().join(ELLIPSIS))
}

/// `POST /mcp?token=… HTTP/1.1`
fn masked_line(line: &str, rules: &Rules) -> String {
    let mut words = line.splitn(2, ' ');
    let method = words.next().unwrap_or_default();
    let rest = words.next().unwrap_or_default();
    let (target, version) = rest.rsplit_once(' ').unwrap_or((rest, ""));
    format!("{method} {} {version}", rules.mask.uri(target)).trim_end().to_owned()
}

/// A JSON array of names and values. Says whether some were left out.
fn masked_headers(capture: &Capture, rules: &Rules, limit: usize) -> (String, bool) {
    let mut out = String::from("[");
    let mut is_cut = false;
    for (name, value) in &capture.headers {
        let name = lossy(capture.get(*name));
        let value = lossy(capture.get(*value));
        let value = match is_secret(&name, rules) {
            true => Cow::Borrowed(MASKED),
            false => rules.mask.text(&value),
        };
        let before = out.len();
        out.push_str(if before == 1 { "[" } else { ",[" });
        crate::roles::push_json_string(&mut out, &name);
        out.push(',');
        crate::roles::push_json_string(&mut out, &value);
        out.push(']');
        // The closing bracket has to fit, too.
        if out.len() >= limit {
            out.truncate(before);
            is_cut = true;
            break;
        }
    }
    out.push(']');
    (out, is_cut)
}

/// Masked JSON where the body could be read, else masked text.
fn masked_body(
    capture: &Capture,
    rules: &Rules,
    limit: usize,
    scanner: &mut Scanner,
) -> (String, bool) {
    let body = &capture.request;
    let coding = capture.get(body.content_encoding);
    let mut decoded = Vec::new();
    let mut is_cut = body.lost > 0;
    let bytes = match is_plain(coding) {
        true => body.bytes.as_slice(),
        false => match decode(coding, &body.bytes, rules.body_bytes_max, &mut decoded) {
            Decoded::Undecoded => body.bytes.as_slice(),
            state => {
                is_cut |= state == Decoded::Truncated;
                decoded.as_slice()
            }
        },
    };
    let document = scanner.scan_body(bytes);
    let strict = document.root().filter(|root| root.is_complete() && document.flaws().is_empty());
    if let Some(root) = strict.filter(|_| !document.has_duplicate_keys()) {
        let mut out = String::new();
        is_cut |= rules.mask.masked(root, limit, &mut out);
        return (out, is_cut);
    }
    // Text that is no JSON is masked in a window twice as long, so that a secret at its end is seen
    // whole or cut away.
    let text = lossy(bytes.get(..limit.saturating_mul(2)).unwrap_or(bytes));
    let masked = rules.mask.text(&text);
    is_cut |= masked.len() > limit || bytes.len() > text.len();
    (capped(&masked, limit).to_owned(), is_cut)
}

impl AttackDraft {
    /// As the sink wants it.
    pub(crate) fn attack<'a>(
        &self,
        arena: &'a Arena,
        verdict: &'a Verdict,
        at: Micros,
        evidence: Option<&EvidenceDraft>,
    ) -> Option<Attack<'a>> {
        let controls = verdict.sets.get(usize::from(self.set))?;
        Some(Attack {
            at,
            control: controls.reference(self.who),
            action: if verdict.is_blocked { Action::Blocked } else { Action::Passed },
            detail: arena.get(self.detail),
            point: arena.get(self.point),
            expected: arena.get(self.expected),
            found: arena.get(self.found),
            evidence: evidence.map(|evidence| Evidence {
                line: arena.get(evidence.line),
                headers: arena.get(evidence.headers),
                body: arena.get(evidence.body),
                truncated: evidence.truncated,
            }),
        })
    }

    /// Whether the attack at this place among those of a request carries the evidence: it is the
    /// same for all of them.
    pub(crate) fn has_evidence(place: usize) -> bool {
        place < EVIDENCES_MAX
    }
}

/// What the error log says of an attack. All but the ids is masked already.
#[derive(Clone, Copy, Debug)]
pub struct AttackLine<'a> {
    /// Who was attacked.
    pub server: &'a str,
    /// Who is said to have.
    pub user: &'a str,
    /// The client's address.
    pub address: &'a str,
    /// The id of the record.
    pub request_id: &'a str,
}

impl AttackLine<'_> {
    /// One line without control bytes, values in quotes.
    #[must_use]
    pub fn text(&self, denial: &Denial, verdict: &Verdict, rules: &Rules) -> String {
        let mut out = String::from("mcp_sessions: attack");
        let Some(controls) = verdict.sets.get(usize::from(denial.set)) else { return out };
        let control = controls.reference(denial.who);
        let action = if verdict.is_blocked { Action::Blocked } else { Action::Passed };
        let primitive = rules.mask.uri(&denial.primitive);
        let primitive = rules.mask.text(&primitive);
        let detail = rules.mask.text(&denial.detail);
        for (name, value) in [
            ("type", control.kind.as_str()),
            ("control", control.title),
            ("place", control.place),
            ("action", action.as_str()),
            ("rule", &detail),
            ("server", self.server),
            ("user", self.user),
            ("method", &denial.method),
            ("primitive", &primitive),
            ("address", self.address),
            ("request_id", self.request_id),
        ] {
            let _ = write!(out, " {name}=\"{}\"", escaped(capped(value, LOGGED_BYTES_MAX)));
        }
        out
    }
}

/// The most bytes of one value in the error log.
const LOGGED_BYTES_MAX: usize = 200;

/// Nothing in it can end the line or the quotes, or colour a terminal.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' | '\\' => {
                out.push('\\');
                out.push(letter);
            }
            letter if letter.is_control() || is_invisible(letter) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    out
}

/// Marks that change how the text around them is shown.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
