//! The protocol check: what is objected to in the form of a request.

use super::headers::Headers;
use protocol::{Document, Flaws};

/// An objection to the form.
#[derive(Debug)]
pub(super) struct Objection {
    pub(super) rule: String,
    pub(super) point: String,
    pub(super) expected: String,
    pub(super) found: String,
}

/// What keeps a body from passing where a control blocks.
pub(super) fn refusal(document: &Document<'_>, _headers: &Headers<'_>) -> Option<Objection> {
    let flaws = document.all_flaws();
    (!flaws.is_empty() && flaws != Flaws::EMPTY).then(|| Objection {
        rule: flaws.to_string(),
        point: String::new(),
        expected: String::new(),
        found: String::new(),
    })
}

/// Everything that is objected to.
pub(super) fn objections(document: &Document<'_>, headers: &Headers<'_>) -> Vec<Objection> {
    refusal(document, headers).into_iter().collect()
}
