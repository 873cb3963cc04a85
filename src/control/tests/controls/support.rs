//! What the tests share.

use control::schema::Budget;
use control::{
    CallFacts, Control, ControlKind, Judgement, Line, LineError, Subject, ToolsOf, Warning,
};

/// Steps that suffice for whatever a test asks.
pub(crate) const STEPS: u64 = 1 << 30;

/// The lines of a block, numbered from 1; words in double quotes may have blanks.
pub(crate) fn lines(block: &str) -> Vec<Line> {
    let words = |line: &str| -> Vec<String> {
        let mut words = Vec::new();
        for (index, piece) in line.trim().trim_end_matches(';').split('"').enumerate() {
            if index % 2 == 1 {
                words.push(piece.to_owned());
            } else {
                words.extend(piece.split_whitespace().map(str::to_owned));
            }
        }
        words
    };
    (1..)
        .zip(block.lines())
        .map(|(number, line)| Line { number, words: words(line) })
        .filter(|line| !line.words.is_empty())
        .collect()
}

pub(crate) fn parse(kind: ControlKind, block: &str) -> Result<(Control, Vec<Warning>), LineError> {
    Control::parse(kind, "title", "nginx.conf:17", block, &lines(block))
}

pub(crate) fn control(kind: ControlKind, block: &str) -> Control {
    parse(kind, block).unwrap_or_else(|error| panic!("{:?}: {error}", error.line)).0
}

pub(crate) fn acl(block: &str) -> Control {
    control(ControlKind::Acl, block)
}

pub(crate) fn verify(block: &str) -> Control {
    control(ControlKind::Verify, block)
}

/// A call of a tool.
pub(crate) fn tool_call(name: &str) -> CallFacts<'_> {
    CallFacts { method: "tools/call", primitive: Some(name), arguments: None, now: 0 }
}

pub(crate) fn judge(control: &Control, call: &CallFacts<'_>, subject: &Subject<'_>) -> Judgement {
    control.judge(call, subject, ToolsOf(None), &mut Budget::new(STEPS))
}

/// The detail of an objection; what else is said in brackets.
pub(crate) fn verdict(control: &Control, subject: &Subject<'_>) -> String {
    match judge(control, &tool_call("delete_account"), subject) {
        Judgement::Allowed => "allowed".to_owned(),
        Judgement::NotCovered => "not covered".to_owned(),
        Judgement::Denied(objection) => objection.detail,
        Judgement::Unjudged(reason) => format!("unjudged: {}", reason.as_str()),
    }
}
