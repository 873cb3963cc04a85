//! The `mcp_jwt_…` directives.

use super::line::{Line, Place, Wrong, once, wrong};
use super::location::Said;
use crate::jwt::{JwtConf, KeyFile};
use control::Requirements;
use std::rc::Rc;

const LEEWAY_SECS: u64 = 60;
const LEEWAY_MS_MAX: u64 = 3_600_000;
/// The longest `iss` or `aud`.
const TEXT_BYTES_MAX: usize = 2048;

/// `mcp_jwt_require`.
#[derive(Clone, Default)]
pub(crate) struct Required {
    iss: Option<String>,
    aud: Option<String>,
    place: Place,
}

/// What a level says of tokens.
#[derive(Clone, Default)]
pub(crate) struct SaidOfTokens {
    /// `Some(None)`: `off`.
    keys: Option<Option<Rc<KeyFile>>>,
    required: Option<Required>,
    leeway_secs: Option<u64>,
    allows_unverified: Option<bool>,
}

impl SaidOfTokens {
    pub(super) fn inherit(&mut self, around: &Self) {
        super::merge::fill(&mut self.keys, &around.keys);
        super::merge::fill(&mut self.required, &around.required);
        super::merge::fill(&mut self.leeway_secs, &around.leeway_secs);
        super::merge::fill(&mut self.allows_unverified, &around.allows_unverified);
    }

    /// Where something is required of tokens that nothing can verify.
    pub(super) fn unenforced(&self) -> Option<&Place> {
        let has_keys = self.keys.as_ref().is_some_and(Option::is_some);
        self.required.as_ref().filter(|_| !has_keys).map(|required| &required.place)
    }

    /// What is in force.
    pub(super) fn conf(&self) -> JwtConf {
        let Required { iss, aud, .. } = self.required.clone().unwrap_or_default();
        let leeway_secs = self.leeway_secs.unwrap_or(LEEWAY_SECS);
        JwtConf {
            keys: self.keys.clone().flatten(),
            requirements: Requirements { iss, aud, leeway_secs },
            allows_unverified: self.allows_unverified.unwrap_or(false),
            hides_unverified: false,
        }
    }
}

/// `mcp_jwt_key_file file | off`
pub(super) fn key_file(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    if said.tokens.keys.is_some() {
        return Err(Wrong::Duplicate);
    }
    if line.is_off() {
        return once(&mut said.tokens.keys, None);
    }
    let path = line.path(&line.word(0)?, true)?;
    let shown = path.display().to_string();
    let file = KeyFile::read(path).map_err(|error| {
        wrong!(
            "file \"{shown}\" gives no keys ({error}): write the path of a JWKS or PEM file with the \
             keys of your token issuer"
        )
    })?;
    if file.ignored() > 0 {
        let count = file.ignored();
        line.warn(&format!("file \"{shown}\" has {count} keys that cannot verify signatures"));
    }
    once(&mut said.tokens.keys, Some(Rc::new(file)))
}

/// `mcp_jwt_require [iss=text] [aud=text]`
pub(super) fn require(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    let mut required = Required { place: line.place(), ..Required::default() };
    for word in line.words() {
        let (slot, text) = if let Some(text) = word.option("iss") {
            (&mut required.iss, text)
        } else if let Some(text) = word.option("aud") {
            (&mut required.aud, text)
        } else {
            return Err(word.unknown("iss= and aud= with the text that tokens must hold"));
        };
        let text = text.text()?;
        if text.is_empty() || text.len() > TEXT_BYTES_MAX {
            return Err(wrong!("has an invalid \"{word}\": write 1 to {TEXT_BYTES_MAX} bytes"));
        }
        if slot.replace(text.to_owned()).is_some() {
            return Err(wrong!("has \"{word}\" and another one of its kind: write it once"));
        }
    }
    once(&mut said.tokens.required, required)
}

/// `mcp_jwt_leeway time`
pub(super) fn leeway(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    let ms = line.word(0)?.time_ms("time", 0..=LEEWAY_MS_MAX)?;
    if ms % 1000 != 0 {
        return Err(wrong!("has an invalid time: write whole seconds, as 60s"));
    }
    once(&mut said.tokens.leeway_secs, ms / 1000)
}

/// `mcp_jwt_unverified allow | deny`
pub(super) fn unverified(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    let word = line.word(0)?;
    let is_allowed = match word.bytes() {
        b"allow" => true,
        b"deny" => false,
        _ => return Err(word.unknown("allow or deny")),
    };
    once(&mut said.tokens.allows_unverified, is_allowed)
}
