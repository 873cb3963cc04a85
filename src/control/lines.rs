//! The lines of a control's block, and what is wrong with them.

use thiserror::Error;

/// A line of a control's block as nginx reads it: split at blanks, unquoted, without its `;`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number in the file.
    pub number: u32,
    /// Its words, the first of which says what kind of line it is.
    pub words: Vec<String>,
}

/// Why a control is none: the configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct LineError {
    /// The number of the line in its file; `None` where no single line is to blame.
    pub line: Option<u32>,
    /// What is wrong and what to write instead.
    pub message: String,
}

/// What is allowed, and probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The number of the line in its file; `None` where no single line is to blame.
    pub line: Option<u32>,
    /// What to look at.
    pub message: String,
}

/// How much of a wrong word is repeated in a message.
const SHOWN_BYTES_MAX: usize = 80;

/// Warnings of one control; further ones are only counted.
pub const WARNINGS_MAX: usize = 20;

/// Warnings on their way out.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    given: Vec<Warning>,
    left_out: usize,
}

impl Warnings {
    pub(crate) fn add(&mut self, line: Option<u32>, message: impl FnOnce() -> String) {
        if self.given.len() < WARNINGS_MAX {
            self.given.push(Warning { line, message: message() });
        } else {
            self.left_out += 1;
        }
    }

    pub(crate) fn into_vec(mut self) -> Vec<Warning> {
        if self.left_out > 0 {
            let message = format!("and {} more warnings like these", self.left_out);
            self.given.push(Warning { line: None, message });
        }
        self.given
    }
}

impl Line {
    /// The word that says what kind of line it is.
    pub(crate) fn name(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// What follows the first word.
    pub(crate) fn rest(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }

    /// The line without its first word is these and no others.
    pub(crate) fn one(&self, what: &str) -> Result<&str, LineError> {
        match self.rest() {
            [word] => Ok(word),
            [] => Err(self.wrong(format!("\"{}\" has no value: write {what}", self.name()))),
            [_, second, ..] => Err(self.wrong(format!(
                "\"{}\" has a value too many, {}: write {what}",
                self.name(),
                shown(second)
            ))),
        }
    }

    pub(crate) fn wrong(&self, message: String) -> LineError {
        LineError { line: Some(self.number), message }
    }

    /// The line as one text, as messages show it.
    pub(crate) fn said(&self) -> String {
        capped(&self.words.join(" "), SAID_BYTES_MAX)
    }
}

/// How much of a line stands in an objection to a call.
const SAID_BYTES_MAX: usize = 200;

/// A word in quotes, for a message.
pub(crate) fn shown(word: &str) -> String {
    format!("\"{}\"", capped(word, SHOWN_BYTES_MAX).escape_debug())
}

/// Text of at most `bytes_max` bytes, whose end says whether something is missing.
pub(crate) fn capped(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let mut end = bytes_max.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", text.get(..end).unwrap_or_default())
}
