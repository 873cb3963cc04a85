//! Directives of all levels: what a level says, before it is merged with those around it.

use super::controls::SaidOfControls;
use super::identity::SaidOfTokens;
use super::line::{Line, Place, Word, Wrong, once, wrong};
use super::set::SetVariable;
use super::store::bytes_of;
use super::written::Written;
use crate::nginx::Value;
use crate::status::{self, Format, StatusConf};
use console::Console;
use exchange::{CaptureLevel, Derive, PARAMS_MAX};

/// The longest `mcp_server_name`.
const SERVER_NAME_BYTES_MAX: usize = 255;
/// The longest `mcp_param` name.
const PARAM_NAME_BYTES_MAX: usize = 64;
/// The most values of one directive.
const VALUES_MAX: usize = 20;
/// The most names and patterns of `mcp_mask` and `mcp_skip` on one level.
const NAMES_MAX: usize = 1000;
const IDLE_MS: u64 = 30 * 60_000;
const IDLE_MS_MIN: u64 = 1000;
const IDLE_MS_MAX: u64 = 24 * 3_600_000;
const CAPTURE_BYTES_MAX: u64 = 1 << 20;
const BODY_BYTES_LEAST: u64 = 1 << 10;
const BODY_BYTES_MOST: u64 = 1 << 30;

/// Values with one switch: `hashed`, or none.
#[derive(Clone, Default)]
pub(crate) struct Tried {
    /// In the order they are tried.
    pub(crate) values: Vec<Value>,
    /// Stored as keyed hashes.
    pub(crate) is_hashed: bool,
    /// Where it stands.
    pub(crate) place: Place,
}

/// `mcp_session_derive`.
#[derive(Clone)]
pub(crate) struct Derived {
    pub(crate) rule: Derive,
    pub(crate) values: Vec<Value>,
    pub(crate) idle_us: i64,
}

impl Default for Derived {
    fn default() -> Self {
        Self { rule: Derive::BuiltIn, values: Vec::new(), idle_us: micros(IDLE_MS) }
    }
}

/// `mcp_role`.
#[derive(Clone, Default)]
pub(crate) struct Roles {
    pub(crate) values: Vec<Value>,
    pub(crate) separator: Option<String>,
}

/// `mcp_param`.
#[derive(Clone)]
pub(crate) struct Param {
    pub(crate) name: String,
    pub(crate) value: Value,
    pub(crate) is_hashed: bool,
    pub(crate) place: Place,
}

/// What one level says. `None`: nothing, so the level around it holds.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) is_on: Option<bool>,
    pub(crate) on_place: Place,
    pub(crate) server_name: Option<String>,
    pub(crate) session_id: Option<Tried>,
    pub(crate) derive: Option<Derived>,
    pub(crate) user: Option<Tried>,
    pub(crate) role: Option<Roles>,
    pub(crate) params: Option<Vec<Param>>,
    pub(crate) arguments: Option<CaptureLevel>,
    pub(crate) results: Option<CaptureLevel>,
    pub(crate) limit_bytes: Option<usize>,
    pub(crate) has_capture: bool,
    pub(crate) skip: Option<Vec<String>>,
    /// They add to those of the levels around.
    pub(crate) masks: Vec<String>,
    pub(crate) body_bytes_max: Option<usize>,
    pub(crate) response_bytes_max: Option<usize>,
    pub(crate) tokens: SaidOfTokens,
    pub(crate) controls: SaidOfControls,
    /// Each variable is inherited by itself.
    pub(crate) sets: Vec<SetVariable>,
    /// A content handler: not inherited.
    pub(crate) status: Option<StatusConf>,
    /// As `status`.
    pub(crate) console: Option<Console>,
    /// All of the above as it was written.
    pub(crate) lines: Vec<Written>,
}

/// `mcp_sessions on | off`
pub(super) fn sessions(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    let word = line.word(0)?;
    let is_on = match word.bytes() {
        b"on" => true,
        b"off" => false,
        _ => return Err(word.unknown("on or off")),
    };
    once(&mut said.is_on, is_on)?;
    said.on_place = line.place();
    Ok(())
}

/// `mcp_server_name text`
pub(super) fn server_name(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    let name = line.word(0)?.text()?;
    if name.contains('$') {
        return Err(wrong!(
            "takes no variables (\"{name}\"): it is an identity, write the same text for all \
             requests, and other names in locations of their own"
        ));
    }
    if name.is_empty() || name.len() > SERVER_NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(wrong!(
            "has an invalid name: write 1 to {SERVER_NAME_BYTES_MAX} bytes of text without control \
             characters"
        ));
    }
    once(&mut said.server_name, name.to_owned())
}

/// `mcp_session_id [value …] [stored=clear|hashed] | off`
pub(super) fn session_id(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    let mut tried = Tried { place: line.place(), ..Tried::default() };
    let mut stored = None;
    for word in words_unless_off(line) {
        match word.option("stored") {
            Some(how) => {
                let is_hashed = match how.bytes() {
                    b"clear" => false,
                    b"hashed" => true,
                    _ => return Err(how.unknown("stored=clear or stored=hashed")),
                };
                if stored.replace(is_hashed).is_some() {
                    return Err(wrong!("has \"{word}\" twice: write it once"));
                }
            }
            None => push_value(line, &mut tried.values, word)?,
        }
    }
    tried.is_hashed = stored.unwrap_or(false);
    once(&mut said.session_id, tried)
}

/// `mcp_session_derive value … [idle=time] | off`
pub(super) fn session_derive(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    let mut derived = Derived::default();
    if line.is_off() {
        derived.rule = Derive::Off;
        return once(&mut said.derive, derived);
    }
    let mut idle_ms = None;
    for word in line.words() {
        match word.option("idle") {
            Some(time) => {
                let time = time.time_ms("idle", IDLE_MS_MIN..=IDLE_MS_MAX)?;
                if idle_ms.replace(time).is_some() {
                    return Err(wrong!("has \"{word}\" twice: write it once"));
                }
            }
            None => push_value(line, &mut derived.values, word)?,
        }
    }
    derived.idle_us = micros(idle_ms.unwrap_or(IDLE_MS));
    if !derived.values.is_empty() {
        derived.rule = Derive::Values;
    }
    once(&mut said.derive, derived)
}

/// `mcp_user value … [hashed] | off`
pub(super) fn user(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    let mut tried = Tried { place: line.place(), ..Tried::default() };
    for word in words_unless_off(line) {
        match word.bytes() {
            b"hashed" => tried.is_hashed = true,
            _ => push_value(line, &mut tried.values, word)?,
        }
    }
    if tried.is_hashed && tried.values.is_empty() {
        return Err(wrong!("has no value: write where the user stands, as in $remote_user hashed"));
    }
    once(&mut said.user, tried)
}

/// `mcp_role value … [separator=text] | off`
pub(super) fn role(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    let mut roles = Roles::default();
    for word in words_unless_off(line) {
        match word.option("separator") {
            Some(text) if text.bytes().is_empty() => {
                return Err(wrong!(
                    "has an empty separator: write the text between two roles, as separator=,"
                ));
            }
            Some(text) => {
                if roles.separator.replace(text.text()?.to_owned()).is_some() {
                    return Err(wrong!("has \"{word}\" twice: write it once"));
                }
            }
            None => push_value(line, &mut roles.values, word)?,
        }
    }
    if roles.separator.is_some() && roles.values.is_empty() {
        return Err(wrong!("has no value: write where the roles stand before the separator"));
    }
    once(&mut said.role, roles)
}

/// `mcp_param name value [hashed] | off`
pub(super) fn param(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    if line.is_off() {
        return once(&mut said.params, Vec::new());
    }
    let name = line.word(0)?;
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let text = name.text()?;
    if text.is_empty() || text.len() > PARAM_NAME_BYTES_MAX || !text.as_bytes().iter().all(is_name)
    {
        return Err(wrong!(
            "has an invalid name \"{name}\": write up to {PARAM_NAME_BYTES_MAX} letters, digits, \
             \"_\", \"-\" or \".\""
        ));
    }
    let Ok(value) = line.word(1) else {
        return Err(wrong!("has no value for \"{name}\": write a name and a value, or off"));
    };
    let is_hashed = match line.word(2) {
        Ok(word) if word.bytes() == b"hashed" => true,
        Ok(word) => return Err(word.unknown("hashed, or nothing, after the value")),
        Err(_) => false,
    };
    let params = said.params.get_or_insert_default();
    if params.iter().any(|param| param.name == text) {
        return Err(wrong!("has the name \"{name}\" a second time: write another name"));
    }
    if params.len() == PARAMS_MAX {
        return Err(wrong!("is there more than {PARAMS_MAX} times on one level: remove some"));
    }
    let value = line.value(value)?;
    params.push(Param { name: text.to_owned(), value, is_hashed, place: line.place() });
    Ok(())
}

/// `mcp_capture [arguments=masked|shape|off|unmasked] [results=…] [limit=size] [evidence=masked|off]
/// [evidence_limit=size]`
pub(super) fn capture(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    if said.has_capture {
        return Err(Wrong::Duplicate);
    }
    for word in line.words() {
        let is_new = if let Some(level) = word.option("arguments") {
            said.arguments.replace(capture_level(line, "arguments", level)?).is_none()
        } else if let Some(level) = word.option("results") {
            said.results.replace(capture_level(line, "results", level)?).is_none()
        } else if let Some(size) = word.option("limit") {
            let size = size.size("limit", 256..=CAPTURE_BYTES_MAX)?;
            said.limit_bytes.replace(bytes_of(size)).is_none()
        } else if let Some(level) = word.option("evidence") {
            let has_evidence = match level.bytes() {
                b"masked" => true,
                b"off" => false,
                _ => return Err(level.unknown("evidence=masked or evidence=off")),
            };
            said.controls.has_evidence.replace(has_evidence).is_none()
        } else if let Some(size) = word.option("evidence_limit") {
            let size = size.size("evidence_limit", 256..=CAPTURE_BYTES_MAX)?;
            said.controls.evidence_bytes_max.replace(bytes_of(size)).is_none()
        } else {
            return Err(word.unknown(
                "arguments= or results= with masked, shape, off or unmasked, limit=size, \
                 evidence=masked|off, or evidence_limit=size",
            ));
        };
        if !is_new {
            return Err(wrong!("has \"{word}\" twice: write it once"));
        }
    }
    said.has_capture = true;
    Ok(())
}

fn capture_level(line: &Line<'_>, what: &str, word: Word<'_>) -> Result<CaptureLevel, Wrong> {
    match word.bytes() {
        b"masked" => Ok(CaptureLevel::Masked),
        b"shape" => Ok(CaptureLevel::Shape),
        b"off" => Ok(CaptureLevel::Off),
        b"unmasked" => {
            line.warn(&format!(
                "{what}=unmasked stores passwords, tokens and all else as they pass: write \
                 {what}=masked to keep them out of the store"
            ));
            Ok(CaptureLevel::Unmasked)
        }
        _ => Err(wrong!("has an invalid {what} \"{word}\": write masked, shape, off or unmasked")),
    }
}

/// `mcp_skip method … | off`
pub(super) fn skip(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    let mut methods = Vec::new();
    for word in words_unless_off(line) {
        let method = word.text()?;
        let stem = method.strip_suffix('*').unwrap_or(method);
        if method.is_empty() || stem.contains('*') {
            return Err(wrong!(
                "has an invalid method \"{method}\": write a JSON-RPC method, with \"*\" at its end \
                 for all that begin so, as ping or notifications/*"
            ));
        }
        push_name(&mut methods, method)?;
    }
    once(&mut said.skip, methods)
}

/// `mcp_mask name …`
pub(super) fn mask(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    for word in line.words() {
        let name = word.text()?;
        if name.is_empty() || name.bytes().all(|byte| byte == b'*') {
            return Err(wrong!(
                "has an invalid name \"{name}\": write a key, with \"*\" for any text in it, as \
                 passport* (to store no values at all: mcp_capture arguments=shape results=shape)"
            ));
        }
        push_name(&mut said.masks, name)?;
    }
    Ok(())
}

/// `mcp_body_limit size`
pub(super) fn body_limit(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    let size = line.word(0)?.size("size", BODY_BYTES_LEAST..=BODY_BYTES_MOST)?;
    once(&mut said.body_bytes_max, bytes_of(size))
}

/// `mcp_response_limit size`
pub(super) fn response_limit(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    let size = line.word(0)?.size("size", BODY_BYTES_LEAST..=BODY_BYTES_MOST)?;
    once(&mut said.response_bytes_max, bytes_of(size))
}

/// `mcp_status [prometheus|json] [clients=loopback|any]`
pub(super) fn status(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    if said.console.is_some() {
        return Err(wrong!("stands beside \"mcp_console\": give each a location of its own"));
    }
    let (mut format, mut clients) = (None, None);
    for word in line.words() {
        let is_new = match word.bytes() {
            b"json" => format.replace(Format::Json).is_none(),
            b"prometheus" => format.replace(Format::Prometheus).is_none(),
            b"clients=loopback" => clients.replace(false).is_none(),
            b"clients=any" => clients.replace(true).is_none(),
            _ => return Err(word.unknown("prometheus or json, and clients=loopback or any")),
        };
        if !is_new {
            return Err(wrong!("takes one format and one clients=: remove \"{word}\""));
        }
    }
    let status =
        StatusConf { format: format.unwrap_or_default(), serves_any: clients.unwrap_or(false) };
    once(&mut said.status, status)?;
    line.handle_content(status::handler);
    Ok(())
}

fn words_unless_off<'a>(line: &Line<'a>) -> impl Iterator<Item = Word<'a>> + use<'a> {
    let is_off = line.is_off();
    line.words().filter(move |_| !is_off)
}

pub(super) fn push_value(
    line: &Line<'_>,
    values: &mut Vec<Value>,
    word: Word<'_>,
) -> Result<(), Wrong> {
    if word.bytes().is_empty() {
        return Err(wrong!("has an empty value: write text or variables, or leave it out"));
    }
    if values.len() == VALUES_MAX {
        return Err(wrong!("has more than {VALUES_MAX} values: remove some"));
    }
    values.push(line.value(word)?);
    Ok(())
}

fn push_name(names: &mut Vec<String>, name: &str) -> Result<(), Wrong> {
    if names.len() == NAMES_MAX {
        return Err(wrong!("has more than {NAMES_MAX} names on one level: remove some"));
    }
    names.push(name.to_owned());
    Ok(())
}

fn micros(ms: u64) -> i64 {
    i64::try_from(ms).map_or(i64::MAX, |ms| ms.saturating_mul(1000))
}
