//! Directives of the mitigation controls.

use super::block::{self, BlockLine};
use super::line::{Line, Place, Wrong, once, wrong};
use super::location::Said;
use super::merge::fill;
use super::written::{quoted, quoted_always};
use crate::nginx::Value;
use control::{Control, ControlKind};
use exchange::{CONTROLS_MAX, Controls, InForce};
use nginx_sys::{NGX_LOG_EMERG, NGX_LOG_WARN};
use record::Mode;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// `mcp_capture evidence_limit=`.
const EVIDENCE_BYTES: usize = 64 << 10;
/// The most media types of `mcp_other_bodies`.
const OTHER_BODIES_MAX: usize = 100;
/// The longest of them.
const MEDIA_TYPE_BYTES_MAX: usize = 255;

/// A control with what evaluates its values.
pub(crate) struct Written {
    pub(super) control: Arc<Control>,
    /// In the order of `Control::values`.
    pub(super) values: Vec<Judged>,
    /// Where it stands, with the file's whole name.
    pub(super) place: Place,
}

/// A value that a control judges by.
#[derive(Clone)]
pub(crate) enum Judged {
    /// Every occurrence of a request's header: its name as in `$http_NAME`.
    Header(Box<[u8]>),
    /// What nginx makes of the text.
    Value(Value),
}

/// `mcp_attack`.
#[derive(Clone)]
pub(super) struct External {
    pub(super) values: Vec<Value>,
    pub(super) place: Place,
}

/// What a level says of controls. `None`: nothing, so the level around it holds.
#[derive(Clone, Default)]
pub(crate) struct SaidOfControls {
    pub(super) mode: Option<Mode>,
    pub(super) protocol_check: Option<(Mode, Place)>,
    pub(super) answers_403: Option<bool>,
    pub(super) fails_closed: Option<bool>,
    pub(super) other_bodies: Option<Vec<String>>,
    pub(super) external: Option<External>,
    pub(super) has_evidence: Option<bool>,
    pub(super) evidence_bytes_max: Option<usize>,
    /// Those of outer levels first; they add up.
    pub(super) controls: Vec<Rc<Written>>,
    /// `mcp_controls_inherit`, of this very level.
    pub(super) inherits: Option<(bool, Place)>,
}

impl SaidOfControls {
    /// Inherits. An error is the whole sentence.
    pub(super) fn inherit(&mut self, around: &Self) -> Result<(), String> {
        fill(&mut self.mode, &around.mode);
        fill(&mut self.protocol_check, &around.protocol_check);
        fill(&mut self.answers_403, &around.answers_403);
        fill(&mut self.fails_closed, &around.fails_closed);
        fill(&mut self.other_bodies, &around.other_bodies);
        fill(&mut self.external, &around.external);
        fill(&mut self.has_evidence, &around.has_evidence);
        fill(&mut self.evidence_bytes_max, &around.evidence_bytes_max);
        if self.inherits.as_ref().is_some_and(|(inherits, _)| !inherits) {
            return Ok(());
        }
        self.controls.splice(0..0, around.controls.iter().cloned());
        if self.controls.len() > CONTROLS_MAX {
            return Err(format!("more than {CONTROLS_MAX} controls in force in one location"));
        }
        self.check_titles()
    }

    /// A title is what tells controls of one kind apart.
    fn check_titles(&self) -> Result<(), String> {
        let mut seen = HashMap::new();
        for written in &self.controls {
            let key = (written.control.kind(), written.control.title());
            if let Some(first) = seen.insert(key, &written.place) {
                let (directive, title) = (key.0.directive(), key.1);
                let place = &written.place;
                return Err(format!(
                    "\"{directive}\" in {place} has the title \"{title}\", as that in {first}, which \
                     is in force there too: write another title, or \"mcp_controls_inherit off;\""
                ));
            }
        }
        Ok(())
    }

    /// What is in force on a level, and the values it judges by. Where nothing is recorded, the
    /// protocol check is in force only if it, or another control, is asked for.
    pub(super) fn in_force(&self, records: bool) -> Option<(Controls, JudgedBy)> {
        let is_asked = records || !self.controls.is_empty() || self.external.is_some();
        let (protocol_check, protocol_place) = match &self.protocol_check {
            Some((mode, place)) => (*mode, place.short()),
            None if is_asked => (Mode::Monitoring, String::new()),
            None => (Mode::Off, String::new()),
        };
        let mode = self.mode.unwrap_or_default();
        let in_force = |written: &Rc<Written>| InForce {
            control: Arc::clone(&written.control),
            mode: written.control.mode_at(mode),
        };
        let has_evidence = self.has_evidence.unwrap_or(true);
        let controls = Controls {
            mode,
            protocol_check,
            protocol_place,
            controls: self.controls.iter().map(in_force).collect(),
            external_place: self
                .external
                .as_ref()
                .filter(|external| !external.values.is_empty())
                .map(|external| external.place.short()),
            fails_closed: self.fails_closed.unwrap_or(true),
            answers_403: self.answers_403.unwrap_or(false),
            other_bodies: self.other_bodies.clone().unwrap_or_default(),
            evidence_bytes_max: has_evidence
                .then(|| self.evidence_bytes_max.unwrap_or(EVIDENCE_BYTES)),
            location: 0,
        };
        let judged_by = JudgedBy {
            values: self.controls.iter().flat_map(|it| it.values.iter().cloned()).collect(),
            external: self.external.iter().flat_map(|it| it.values.iter().cloned()).collect(),
        };
        (!controls.is_idle()).then_some((controls, judged_by))
    }

    /// What of a level is probably not meant, each said once, where it is written.
    pub(super) fn doubts(&self, around: &Self) -> Vec<String> {
        let mut doubts = Vec::new();
        if let Some((false, place)) = &self.inherits
            && around.controls.is_empty()
        {
            doubts.push(format!(
                "\"mcp_controls_inherit off\" in {place} drops nothing: the levels around have no \
                 controls"
            ));
        }
        let level = self.mode.unwrap_or_default();
        for written in &self.controls {
            let is_inherited = around.controls.iter().any(|it| Rc::ptr_eq(it, written));
            let own = written.control.own_mode();
            if let Some(own) = own.filter(|own| *own > level && !is_inherited) {
                doubts.push(format!(
                    "\"{}\" in {} asks for mode {}, and \"mcp_mode {}\" is in force there, so {} it is",
                    written.control.kind().directive(),
                    written.place,
                    own.as_str(),
                    level.as_str(),
                    level.as_str(),
                ));
            }
        }
        doubts
    }

    /// The first tool schema in force.
    pub(super) fn tool_schema(&self) -> Option<&Place> {
        let is_schema = |it: &&Rc<Written>| it.control.kind() == ControlKind::ToolSchema;
        self.controls.iter().find(is_schema).map(|written| &written.place)
    }
}

/// What the event loop evaluates before it judges.
#[derive(Clone, Default)]
pub(crate) struct JudgedBy {
    /// Of all controls in force, in their order.
    pub(crate) values: Vec<Judged>,
    /// `mcp_attack`.
    pub(crate) external: Vec<Value>,
}

/// `mcp_acl "title" { … }`
pub(super) fn acl(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    control(line, said, ControlKind::Acl)
}

/// `mcp_verify "title" { … }`
pub(super) fn verify(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    control(line, said, ControlKind::Verify)
}

/// `mcp_tool_schema "title" { … }`
pub(super) fn tool_schema(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    control(line, said, ControlKind::ToolSchema)
}

fn control(line: &Line<'_>, said: &mut Said, kind: ControlKind) -> Result<(), Wrong> {
    let place = line.place();
    let title = line.word(0)?.text()?;
    let collected = block::lines(line)?;
    let text = text_of(line.name(), title, &collected);
    let lines: Vec<control::Line> = collected.iter().map(|it| it.line.clone()).collect();
    // With `include`, lines of two files may have one number: the first such line is meant then.
    let file_of = |number: u32| {
        let found = collected.iter().find(|it| it.line.number == number);
        found.map_or(place.file(), |it| it.file.as_str()).to_owned()
    };
    let parsed = Control::parse(kind, title, &place.short(), &text, &lines);
    let (control, warnings) = parsed.map_err(|error| match error.line {
        Some(number) => {
            block::say(line, NGX_LOG_EMERG, &error.message, &file_of(number), number);
            Wrong::Logged
        }
        None => {
            block::say(line, NGX_LOG_EMERG, &error.message, place.file(), place.line());
            Wrong::Logged
        }
    })?;
    for warning in warnings {
        let number = warning.line.unwrap_or_else(|| place.line());
        block::say(line, NGX_LOG_WARN, &warning.message, &file_of(number), number);
    }
    let values = control.values().iter().map(|text| judged(line, text));
    let values = values.collect::<Result<Vec<_>, _>>()?;
    said.controls.controls.push(Rc::new(Written { control: Arc::new(control), values, place }));
    Ok(())
}

/// A value that is just a header means every occurrence of it.
fn judged(line: &Line<'_>, text: &str) -> Result<Judged, Wrong> {
    let header = text
        .strip_prefix("$http_")
        .or_else(|| text.strip_prefix("${http_").and_then(|rest| rest.strip_suffix('}')));
    let is_name = |name: &&str| name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
    if let Some(name) = header.filter(is_name).filter(|name| !name.is_empty()) {
        return Ok(Judged::Header(name.to_ascii_lowercase().into_bytes().into()));
    }
    line.value_of(text).map(Judged::Value)
}

/// The control as it is written, but for comments and spaces.
fn text_of(directive: &str, title: &str, lines: &[BlockLine]) -> String {
    let mut text = format!("{directive} {} {{\n", quoted_always(title));
    for BlockLine { line, .. } in lines {
        let words: Vec<String> = line.words.iter().map(|word| quoted(word)).collect();
        text.push_str("    ");
        text.push_str(&words.join(" "));
        text.push_str(";\n");
    }
    text.push('}');
    text
}

/// `mcp_controls_inherit on | off`
pub(super) fn inherit(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    let word = line.word(0)?;
    let inherits = match word.bytes() {
        b"on" => true,
        b"off" => false,
        _ => return Err(word.unknown("on or off")),
    };
    once(&mut said.controls.inherits, (inherits, line.place()))
}

/// `mcp_attack value | off`
pub(super) fn attack(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    let mut values = Vec::new();
    for word in line.words().filter(|_| !line.is_off()) {
        super::location::push_value(line, &mut values, word)?;
    }
    if said.controls.external.is_some() {
        return Err(Wrong::Duplicate);
    }
    said.controls.external = Some(External { values, place: line.place() });
    Ok(())
}

/// `mcp_mode off | monitoring | block`
pub(super) fn mode(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    once(&mut said.controls.mode, mode_of(line)?)
}

/// `mcp_protocol_check off | monitoring | block`
pub(super) fn protocol_check(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    once(&mut said.controls.protocol_check, (mode_of(line)?, line.place()))
}

fn mode_of(line: &Line<'_>) -> Result<Mode, Wrong> {
    let word = line.word(0)?;
    let found = Mode::ALL.into_iter().find(|mode| mode.as_str().as_bytes() == word.bytes());
    found.ok_or_else(|| word.unknown("off, monitoring or block"))
}

/// `mcp_block_status 200 | 403`
pub(super) fn block_status(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    let word = line.word(0)?;
    let answers_403 = match word.bytes() {
        b"200" => false,
        b"403" => true,
        b"401" | b"404" => {
            return Err(wrong!(
                "cannot be {word}: clients would log in again or open a new session, write 200 or 403"
            ));
        }
        _ => return Err(word.unknown("200 or 403")),
    };
    once(&mut said.controls.answers_403, answers_403)
}

/// `mcp_fail closed | open`
pub(super) fn fail(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    let word = line.word(0)?;
    let fails_closed = match word.bytes() {
        b"closed" => true,
        b"open" => false,
        _ => return Err(word.unknown("closed or open")),
    };
    once(&mut said.controls.fails_closed, fails_closed)
}

/// `mcp_other_bodies media-type … | off`
pub(super) fn other_bodies(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    let mut types = Vec::new();
    for word in line.words().filter(|_| !line.is_off()) {
        let text = word.text()?;
        if !is_media_type(text) {
            return Err(wrong!(
                "has an invalid media type \"{word}\": write a type and a subtype without \
                 parameters, as application/x-www-form-urlencoded"
            ));
        }
        if types.len() == OTHER_BODIES_MAX {
            return Err(wrong!("has more than {OTHER_BODIES_MAX} media types: remove some"));
        }
        types.push(text.to_ascii_lowercase());
    }
    once(&mut said.controls.other_bodies, types)
}

/// RFC 9110 §8.3.1: two tokens with a slash between them.
fn is_media_type(text: &str) -> bool {
    let is_token = |token: &str| {
        let is_tchar =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !token.is_empty() && token.bytes().all(is_tchar)
    };
    text.len() <= MEDIA_TYPE_BYTES_MAX
        && !text.contains('*')
        && text.split_once('/').is_some_and(|(kind, sub)| is_token(kind) && is_token(sub))
}
