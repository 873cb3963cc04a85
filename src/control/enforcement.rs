//! Tool input schema enforcement: the learned schemas judge the arguments of tools.

use crate::duration;
use crate::judge::{CallFacts, FOUND_BYTES_MAX, Judgement, Objection, ToolsOf, Unjudged};
use crate::lines::{Line, LineError, capped, shown};
use crate::reading::once;
use crate::schema::{Budget, SchemaUnjudged, SchemaVerdict, UnknownArguments};

/// How long a schema that was replaced is accepted beside the new one.
pub const GRACE_US_DEFAULT: u64 = 15 * 60 * 1_000_000;
/// The longest time of that kind: the catalogue tells for so long what was replaced.
pub const GRACE_US_MAX: u64 = 86_400 * 1_000_000;

/// A tool input schema enforcement.
#[derive(Debug)]
pub(crate) struct Enforcement {
    unknown: UnknownArguments,
    /// The line that denies undefined tools.
    undefined_denied: Option<u32>,
    grace_us: u64,
}

impl Enforcement {
    /// The only method that it covers.
    pub(crate) const METHOD: &'static str = "tools/call";

    pub(crate) fn read(lines: &[&Line]) -> Result<Self, LineError> {
        let (mut unknown, mut undefined, mut grace) = (None, None, None);
        for line in lines {
            let slot = match line.name() {
                "unknown_arguments" => &mut unknown,
                "undefined_tools" => &mut undefined,
                _ => &mut grace,
            };
            once(slot.map(|line: &Line| line.number), line)?;
            *slot = Some(*line);
        }
        let mut enforcement = Enforcement {
            unknown: UnknownArguments::Schema,
            undefined_denied: None,
            grace_us: GRACE_US_DEFAULT,
        };
        if let Some(line) = unknown {
            enforcement.unknown = match line.one("schema or deny")? {
                "schema" => UnknownArguments::Schema,
                "deny" => UnknownArguments::Deny,
                word => return Err(invalid(line, word, "schema or deny")),
            };
        }
        if let Some(line) = undefined {
            enforcement.undefined_denied = match line.one("allow or deny")? {
                "allow" => None,
                "deny" => Some(line.number),
                word => return Err(invalid(line, word, "allow or deny")),
            };
        }
        if let Some(line) = grace {
            let what = "a time from 0 to 1d, as 15m";
            let word = line.one(what)?;
            enforcement.grace_us = duration::parse(word)
                .filter(|grace_us| *grace_us <= GRACE_US_MAX)
                .ok_or_else(|| invalid(line, word, what))?;
        }
        Ok(enforcement)
    }

    pub(crate) fn judge(
        &self,
        call: &CallFacts<'_>,
        tools: ToolsOf<'_>,
        budget: &mut Budget,
    ) -> Judgement {
        let name = call.primitive.unwrap_or_default();
        let tool = match (tools.0, self.undefined_denied) {
            (Some(tools), _) => tools.get(name),
            (None, None) => None,
            (None, Some(_)) => return Judgement::Unjudged(Unjudged::NoSchema),
        };
        if tool.is_none() && tools.0.is_some_and(|tools| !tools.is_complete()) {
            // It may be among those that had no room.
            return Judgement::Unjudged(Unjudged::SchemaCost);
        }
        let Some(tool) = tool else {
            return match self.undefined_denied {
                None => Judgement::Allowed,
                Some(line) => Judgement::Denied(Objection {
                    detail: format!("undefined_tools deny, line {line}"),
                    point: "/params/name".to_owned(),
                    expected: "a tool that the MCP server lists".to_owned(),
                    found: capped(name, FOUND_BYTES_MAX),
                }),
            };
        };
        match tool.judge(call.arguments, self.unknown, self.grace_us, call.now, budget) {
            SchemaVerdict::Valid => Judgement::Allowed,
            SchemaVerdict::Unjudged(SchemaUnjudged::NoSchema) => Judgement::Allowed,
            SchemaVerdict::Unjudged(SchemaUnjudged::Budget) => {
                Judgement::Unjudged(Unjudged::Budget)
            }
            SchemaVerdict::Unjudged(_) => Judgement::Unjudged(Unjudged::SchemaCost),
            SchemaVerdict::Invalid(violation) => Judgement::Denied(Objection {
                detail: format!("inputSchema, {}", violation.keyword),
                point: format!("/params/arguments{}", violation.pointer),
                expected: violation.expected,
                found: capped(&violation.found, FOUND_BYTES_MAX),
            }),
        }
    }
}

fn invalid(line: &Line, word: &str, what: &str) -> LineError {
    line.wrong(format!("invalid {} {}: write {what}", line.name(), shown(word)))
}
