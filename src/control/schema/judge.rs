//! Judging a value by a compiled schema.

mod array;
mod evaluated;
mod explain;
mod object;
mod scalar;

use protocol::Value;

pub(super) use object::price;

use super::budget::{Budget, Exhausted};
use super::members::NoForm;
use super::nodes::{ANYTHING, Keyword, Node, NodeId};
use super::{JUDGE_DEPTH_MAX, SchemaUnjudged};

/// Whether a value is valid. Three-valued, because of what was dropped from a schema nothing can be
/// said, not even the contrary below `not`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    No,
    Unknown,
    Yes,
}

impl Truth {
    pub(super) const fn of(is_valid: bool) -> Truth {
        if is_valid { Truth::Yes } else { Truth::No }
    }

    fn and(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::No, _) | (_, Truth::No) => Truth::No,
            (Truth::Unknown, _) | (_, Truth::Unknown) => Truth::Unknown,
            _ => Truth::Yes,
        }
    }

    /// What can be said if a "no" may be none.
    const fn not_for_sure(self) -> Truth {
        if matches!(self, Truth::No) { Truth::Unknown } else { self }
    }
}

pub(super) type Judged = Result<Truth, SchemaUnjudged>;

impl From<Exhausted> for SchemaUnjudged {
    fn from(_: Exhausted) -> Self {
        SchemaUnjudged::Budget
    }
}

impl From<NoForm> for SchemaUnjudged {
    fn from(none: NoForm) -> Self {
        match none {
            NoForm::Deep => SchemaUnjudged::TooDeep,
            NoForm::Long | NoForm::Exhausted => SchemaUnjudged::Budget,
        }
    }
}

/// One judgement.
pub(super) struct Judge<'s> {
    nodes: &'s [Node],
    budget: &'s mut Budget,
    depth: usize,
}

impl<'s> Judge<'s> {
    pub(super) fn new(nodes: &'s [Node], budget: &'s mut Budget) -> Self {
        Judge { nodes, budget, depth: 0 }
    }

    fn keywords(&self, node: NodeId) -> &'s [Keyword] {
        self.nodes.get(node as usize).map_or(&[], |node| &node.keywords)
    }

    /// Judges a value by a subschema.
    pub(super) fn judge(&mut self, node: NodeId, value: Value<'_>) -> Judged {
        if node == ANYTHING {
            return Ok(Truth::Yes);
        }
        self.budget.take(1)?;
        if self.depth >= JUDGE_DEPTH_MAX {
            return Err(SchemaUnjudged::TooDeep);
        }
        if !value.is_complete() || value.is_shortened() {
            return Err(SchemaUnjudged::Incomplete);
        }
        self.depth += 1;
        let mut truth = Truth::Yes;
        for keyword in self.keywords(node) {
            self.budget.take(1)?;
            truth = truth.and(self.keyword(keyword, node, value)?);
            if truth == Truth::No {
                break;
            }
        }
        self.depth -= 1;
        Ok(truth)
    }

    fn keyword(&mut self, keyword: &'s Keyword, node: NodeId, value: Value<'_>) -> Judged {
        match keyword {
            Keyword::Never => Ok(Truth::No),
            Keyword::Dropped => Ok(Truth::Unknown),
            Keyword::Type(types) => self.types(*types, value),
            Keyword::Constants(constants) => self.constants(constants, value),
            Keyword::Number(rules) => self.number(rules, value),
            Keyword::Length(length_min, length_max) => self.length(*length_min, *length_max, value),
            Keyword::Pattern(pattern) => self.pattern(pattern, value),
            Keyword::Array(rules) => self.array(rules, value),
            Keyword::Object(rules) => self.object(rules, value),
            Keyword::Ref(node) => self.judge(*node, value),
            Keyword::AllOf(nodes) => {
                let mut truth = Truth::Yes;
                for &node in nodes {
                    truth = truth.and(self.judge(node, value)?);
                    if truth == Truth::No {
                        break;
                    }
                }
                Ok(truth)
            }
            Keyword::AnyOf(nodes) => self.any_of(nodes, value),
            Keyword::OneOf(nodes) => self.one_of(nodes, value),
            Keyword::Not(node) => Ok(match self.judge(*node, value)? {
                Truth::Yes => Truth::No,
                Truth::Unknown => Truth::Unknown,
                Truth::No => Truth::Yes,
            }),
            Keyword::If(condition, then, otherwise) => match self.judge(*condition, value)? {
                Truth::Yes => self.judge(*then, value),
                Truth::No => self.judge(*otherwise, value),
                Truth::Unknown => {
                    let (then, otherwise) =
                        (self.judge(*then, value)?, self.judge(*otherwise, value)?);
                    Ok(if then == otherwise { then } else { Truth::Unknown })
                }
            },
            Keyword::UnevaluatedItems(rest) => self.unevaluated_items(*rest, node, value),
            Keyword::UnevaluatedProperties(rest) => self.unevaluated_members(*rest, node, value),
        }
    }

    fn any_of(&mut self, nodes: &[NodeId], value: Value<'_>) -> Judged {
        let mut truth = Truth::No;
        for &node in nodes {
            self.budget.take(1)?;
            match self.judge(node, value)? {
                Truth::Yes => return Ok(Truth::Yes),
                Truth::Unknown => truth = Truth::Unknown,
                Truth::No => {}
            }
        }
        Ok(truth)
    }

    fn one_of(&mut self, nodes: &[NodeId], value: Value<'_>) -> Judged {
        let (mut yes, mut unknown) = (0, 0);
        for &node in nodes {
            self.budget.take(1)?;
            match self.judge(node, value)? {
                Truth::Yes if yes == 1 => return Ok(Truth::No),
                Truth::Yes => yes += 1,
                Truth::Unknown => unknown += 1,
                Truth::No => {}
            }
        }
        Ok(if unknown > 0 { Truth::Unknown } else { Truth::of(yes == 1) })
    }
}
