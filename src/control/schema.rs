//! Tool input schemas: whether a call's arguments are what the tool says it takes.
//!
//! A validator of our own, because a schema comes from an MCP server and the arguments from an agent,
//! and nginx waits for the verdict. The validators that exist measure nothing: a schema of 1.7 kB whose
//! references double at every level keeps them busy for seconds. Here a schema is accepted only if
//! what can judge one and the same value is limited ([`COST_MAX`]), and judging spends a [`Budget`] of
//! steps; what does not fit is [`SchemaVerdict::Unjudged`], never a guess.
//!
//! # What is judged
//!
//! JSON Schema 2020-12, and draft-07 where `$schema` names it or an older one (`$ref` then stands
//! alone, and later keywords are unknown): `type`, `enum`, `const`; `minimum`, `maximum`,
//! `exclusiveMinimum`, `exclusiveMaximum` (draft-04's too), `multipleOf`; `minLength`, `maxLength`,
//! `pattern`; `items`, `prefixItems`, `additionalItems`, `contains`, `minContains`, `maxContains`,
//! `minItems`, `maxItems`, `uniqueItems`, `unevaluatedItems`; `properties`, `required`,
//! `additionalProperties`, `patternProperties`, `propertyNames`, `minProperties`, `maxProperties`,
//! `dependentRequired`, `dependentSchemas`, `dependencies`, `unevaluatedProperties`; `allOf`, `anyOf`,
//! `oneOf`, `not`, `if`, `then`, `else`; `$ref` to the root, by JSON pointer or by anchor. `$dynamicRef`
//! and `$recursiveRef` are taken as `$ref`, which they are in a document that holds no other.
//! `format` and the content keywords only describe, as the standard has it. Other keywords are
//! ignored.
//!
//! Numbers compare by their exact value, of any length. Of members with one key the last counts.
//!
//! # What is not
//!
//! A schema is [`Refused`] if it refers to other documents or holds some, and if it exceeds a limit.
//! A keyword that makes no sense (`"type": "any"`), or a `pattern` that no automaton can match
//! (look-around, back-references) or only a huge one, is dropped and counted ([`Schema::dropped`]):
//! whatever hangs on it is taken as valid, also below `not` and `oneOf`, where leaving it out would
//! refuse calls that the tool takes.

mod budget;
mod compile;
mod decimal;
mod ecma;
mod judge;
mod members;
mod nodes;
mod pattern;
mod root;
mod violation;

use std::sync::Arc;

use protocol::{Scanner, Value};

pub use budget::{Budget, STEPS_MAX};
pub use violation::{VIOLATION_POINTER_BYTES_MAX, VIOLATION_TEXT_BYTES_MAX, Violation};

use judge::{Judge, Truth};
use nodes::{Node, NodeId};
use pattern::Pattern;
pub(crate) use pattern::Patterns;
use root::Named;

/// Bytes of a schema's JSON.
pub const SCHEMA_BYTES_MAX: usize = 512 * 1024;
/// Containers within containers in a schema's JSON.
pub const SCHEMA_DEPTH_MAX: usize = 128;
/// Subschemas of a schema.
pub const NODES_MAX: usize = 16_384;
/// Different `$ref`s of a schema.
pub const REFERENCES_MAX: usize = 4096;
/// Memory for the regular expressions of a schema; those beyond are dropped.
pub const PATTERNS_BYTES_MAX: usize = 1024 * 1024;
/// Different regular expressions of a schema; those beyond are dropped.
pub const PATTERNS_MAX: usize = 64;
/// Subschemas and keywords that judge one and the same value, every reference and applicator expanded.
pub const COST_MAX: u64 = 20_000;
/// How deep subschemas that judge the same value may lie in each other.
pub const IN_PLACE_DEPTH_MAX: usize = 64;
/// How deep judging goes: subschemas in subschemas, for values in values.
pub const JUDGE_DEPTH_MAX: usize = 256;

/// Why a schema judges nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refused {
    /// More than [`SCHEMA_BYTES_MAX`].
    #[error("schema too large")]
    TooLarge,
    /// Deeper than [`SCHEMA_DEPTH_MAX`] or [`IN_PLACE_DEPTH_MAX`].
    #[error("schema too deep")]
    TooDeep,
    /// More than [`NODES_MAX`] or [`REFERENCES_MAX`].
    #[error("too many subschemas")]
    TooManyNodes,
    /// More than [`COST_MAX`].
    #[error("too many subschemas for one value")]
    Cost,
    /// References lead back to themselves without a step into the value.
    #[error("reference leads to itself")]
    Cycle,
    /// A reference to another document. Nothing is fetched.
    #[error("reference to another document")]
    RemoteRef,
    /// A reference that leads nowhere.
    #[error("reference leads nowhere")]
    UnknownRef,
    /// References, and a subschema with an `$id` of its own, to which they would be relative.
    #[error("schema holds other documents")]
    EmbeddedDocument,
    /// Not strict JSON.
    #[error("schema is not JSON")]
    NotJson,
    /// JSON, but neither an object nor a truth value.
    #[error("not a schema")]
    NotASchema,
    /// The catalogue has no room for it.
    #[error("catalogue is full")]
    CatalogueFull,
}

impl Refused {
    /// Every reason.
    pub const ALL: [Self; 11] = [
        Self::TooLarge,
        Self::TooDeep,
        Self::TooManyNodes,
        Self::Cost,
        Self::Cycle,
        Self::RemoteRef,
        Self::UnknownRef,
        Self::EmbeddedDocument,
        Self::NotJson,
        Self::NotASchema,
        Self::CatalogueFull,
    ];

    /// The word used in the API and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::TooDeep => "too_deep",
            Self::TooManyNodes => "too_many_nodes",
            Self::Cost => "cost",
            Self::Cycle => "cycle",
            Self::RemoteRef => "remote_ref",
            Self::UnknownRef => "unknown_ref",
            Self::EmbeddedDocument => "embedded_document",
            Self::NotJson => "not_json",
            Self::NotASchema => "not_a_schema",
            Self::CatalogueFull => "catalogue_full",
        }
    }
}

/// Why arguments could not be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchemaUnjudged {
    /// The [`Budget`] was used up.
    Budget,
    /// Deeper than [`JUDGE_DEPTH_MAX`].
    TooDeep,
    /// The arguments were cut, or lie beyond the limits of the scanner.
    Incomplete,
    /// The tool was listed without a schema.
    NoSchema,
    /// The schema judges nothing.
    Refused(Refused),
}

impl SchemaUnjudged {
    /// The word used in the API, logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::TooDeep => "too_deep_arguments",
            Self::Incomplete => "incomplete",
            Self::NoSchema => "no_schema",
            Self::Refused(refused) => refused.as_str(),
        }
    }
}

/// What a schema thinks of arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaVerdict {
    /// They are what the tool takes.
    Valid,
    /// They are not.
    Invalid(Violation),
    /// Nothing can be said.
    Unjudged(SchemaUnjudged),
}

/// What becomes of arguments that the schema does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UnknownArguments {
    /// What the schema says: without `additionalProperties` and the like they are allowed.
    #[default]
    Schema,
    /// They are refused, whatever the schema says. Named are, at the root of the arguments, the names
    /// in `properties` and `required` and what matches `patternProperties`, in the schema itself and in
    /// every subschema that judges the arguments as a whole: behind `$ref`, `allOf`, `anyOf`, `oneOf`,
    /// `if`, `then`, `else`, `dependentSchemas`, whether or not that one applies, but not behind `not`.
    /// `additionalProperties` with a schema names nothing. If a `patternProperties` was dropped,
    /// nothing is refused, since it may have named it.
    Deny,
}

/// A compiled schema. Plain data, judged by any thread.
#[derive(Debug)]
pub struct Schema {
    nodes: Box<[Node]>,
    root: NodeId,
    named: Named,
    patterns: Box<[Arc<Pattern>]>,
    dropped: u32,
    bytes: u32,
}

impl Schema {
    /// Compiles the JSON text of a schema.
    ///
    /// Takes microseconds for what tools have, and up to some tens of milliseconds for the worst that
    /// the limits allow: not for the event loop.
    ///
    /// # Errors
    ///
    /// Why it judges nothing.
    pub fn compile(json: &[u8]) -> Result<Schema, Refused> {
        Self::compile_sharing(json, &mut Patterns::default())
    }

    /// The same, with regular expressions that other schemas have as well.
    pub(crate) fn compile_sharing(json: &[u8], patterns: &mut Patterns) -> Result<Schema, Refused> {
        let compiled = compile::compile(json, patterns)?;
        let named = Named::of(&compiled.nodes, compiled.root);
        let mut schema = Schema {
            nodes: compiled.nodes.into(),
            root: compiled.root,
            named,
            patterns: compiled.patterns.into(),
            dropped: compiled.dropped,
            bytes: 0,
        };
        schema.bytes = u32::try_from(schema.measured_bytes()).unwrap_or(u32::MAX);
        Ok(schema)
    }

    /// Judges the `arguments` of a `tools/call`; none at all, or `null`, are judged as `{}`.
    ///
    /// Arguments are an object (MCP), whatever the schema says. Deterministic, without recursion
    /// deeper than [`JUDGE_DEPTH_MAX`], and never longer than the budget.
    pub fn judge(
        &self,
        arguments: Option<Value<'_>>,
        unknown: UnknownArguments,
        budget: &mut Budget,
    ) -> SchemaVerdict {
        match arguments.filter(|arguments| !arguments.is_null()) {
            Some(arguments) => self.judge_value(arguments, unknown, budget),
            None => match Scanner::new().scan(b"{}").root() {
                Some(empty) => self.judge_value(empty, unknown, budget),
                None => SchemaVerdict::Unjudged(SchemaUnjudged::Incomplete),
            },
        }
    }

    fn judge_value(
        &self,
        arguments: Value<'_>,
        unknown: UnknownArguments,
        budget: &mut Budget,
    ) -> SchemaVerdict {
        if !arguments.is_complete() || arguments.is_shortened() {
            return SchemaVerdict::Unjudged(SchemaUnjudged::Incomplete);
        }
        if !arguments.is_object() {
            return SchemaVerdict::Invalid(Violation::not_an_object(arguments));
        }
        let mut judge = Judge::new(&self.nodes, budget);
        match judge.judge(self.root, arguments) {
            Ok(Truth::Yes | Truth::Unknown) => {}
            Ok(Truth::No) => return SchemaVerdict::Invalid(judge.explain(self.root, arguments)),
            Err(unjudged) => return SchemaVerdict::Unjudged(unjudged),
        }
        if unknown == UnknownArguments::Schema {
            return SchemaVerdict::Valid;
        }
        match self.named.unknown_argument(arguments, budget) {
            Ok(None) => SchemaVerdict::Valid,
            Ok(Some(violation)) => SchemaVerdict::Invalid(violation),
            Err(_) => SchemaVerdict::Unjudged(SchemaUnjudged::Budget),
        }
    }

    /// Judges any value as the standard has it, for comparing with other validators.
    #[doc(hidden)]
    pub fn judge_any(&self, value: Value<'_>, budget: &mut Budget) -> Result<bool, SchemaUnjudged> {
        Ok(Judge::new(&self.nodes, budget).judge(self.root, value)? != Truth::No)
    }

    /// Keywords and patterns that were dropped, of which nothing is judged.
    #[must_use]
    pub const fn dropped(&self) -> u32 {
        self.dropped
    }

    /// Memory that it takes.
    #[must_use]
    pub const fn memory_bytes(&self) -> usize {
        self.bytes as usize
    }

    fn measured_bytes(&self) -> usize {
        let keywords = self.nodes.iter().flat_map(|node| node.keywords.iter());
        let keywords = keywords.map(|keyword| size_of_val(keyword) + keyword.memory_bytes());
        let patterns = self.patterns.iter().map(|pattern| pattern.memory_bytes() + 32);
        size_of::<Schema>()
            + size_of_val(&*self.nodes)
            + keywords.sum::<usize>()
            + self.named.memory_bytes()
            + patterns.sum::<usize>()
    }
}

#[cfg(test)]
mod tests;
