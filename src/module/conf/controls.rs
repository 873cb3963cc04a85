//! Directives of the mitigation controls.

use super::line::{Line, Place, Wrong, once, wrong};
use super::location::Said;
use exchange::Controls;
use record::Mode;

/// The most media types of `mcp_other_bodies`.
const OTHER_BODIES_MAX: usize = 100;
/// The longest of them.
const MEDIA_TYPE_BYTES_MAX: usize = 255;

/// What a level says of controls. `None`: nothing, so the level around it holds.
#[derive(Clone, Default)]
pub(crate) struct SaidOfControls {
    pub(super) mode: Option<Mode>,
    pub(super) protocol_check: Option<(Mode, Place)>,
    pub(super) answers_403: Option<bool>,
    pub(super) fails_closed: Option<bool>,
    pub(super) other_bodies: Option<Vec<String>>,
}

impl SaidOfControls {
    pub(super) fn inherit(&mut self, around: &Self) {
        super::merge::fill(&mut self.mode, &around.mode);
        super::merge::fill(&mut self.protocol_check, &around.protocol_check);
        super::merge::fill(&mut self.answers_403, &around.answers_403);
        super::merge::fill(&mut self.fails_closed, &around.fails_closed);
        super::merge::fill(&mut self.other_bodies, &around.other_bodies);
    }

    /// What is in force on a level. Where nothing is recorded, the protocol check is in force only
    /// if it is asked for.
    pub(super) fn in_force(&self, records: bool) -> Option<Controls> {
        let protocol_check = match &self.protocol_check {
            Some((mode, _)) => *mode,
            None if records => Mode::Monitoring,
            None => Mode::Off,
        };
        if protocol_check == Mode::Off {
            return None;
        }
        Some(Controls {
            mode: self.mode.unwrap_or_default(),
            protocol_check,
            fails_closed: self.fails_closed.unwrap_or(true),
            answers_403: self.answers_403.unwrap_or(false),
            other_bodies: self.other_bodies.clone().unwrap_or_default(),
        })
    }
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
