//! A compiled schema: subschemas as numbered nodes, each with its keywords.

use std::sync::Arc;

use super::decimal::{Divisor, Limit};
use super::pattern::Pattern;

/// Number of a subschema.
pub(super) type NodeId = u32;

/// `true` and `{}`.
pub(super) const ANYTHING: NodeId = 0;
/// `false`.
pub(super) const NOTHING: NodeId = 1;
/// What is no schema: nothing can be said.
pub(super) const UNKNOWN: NodeId = 2;

/// A subschema: all of its keywords must hold.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) keywords: Box<[Keyword]>,
}

/// A keyword, or several that are judged together.
#[derive(Debug)]
pub(super) enum Keyword {
    /// `false`
    Never,
    /// A keyword that was dropped: nothing can be said.
    Dropped,
    Type(Types),
    /// `enum` and `const`
    Constants(Box<Constants>),
    Number(Box<[NumberRule]>),
    /// `minLength` and `maxLength`, in code points.
    Length(u32, u32),
    Pattern(Arc<Pattern>),
    Array(Box<ArrayRules>),
    Object(Box<ObjectRules>),
    Ref(NodeId),
    AllOf(Box<[NodeId]>),
    AnyOf(Box<[NodeId]>),
    OneOf(Box<[NodeId]>),
    Not(NodeId),
    /// `if`, `then`, `else`
    If(NodeId, NodeId, NodeId),
    UnevaluatedItems(NodeId),
    UnevaluatedProperties(NodeId),
}

/// A set of types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Types(pub(super) u8);

impl Types {
    /// `number` includes `integer`, which has its own bit.
    pub(super) const NAMES: [(&'static str, u8); 7] = [
        ("boolean", 2),
        ("integer", 4),
        ("number", 8),
        ("string", 16),
        ("array", 32),
        ("object", 64),
        ("null", 1),
    ];
    pub(super) const NULL: Types = Types(1);
    pub(super) const BOOLEAN: Types = Types(2);
    pub(super) const INTEGER: Types = Types(4);
    pub(super) const NUMBER: Types = Types(8);
    pub(super) const STRING: Types = Types(16);
    pub(super) const ARRAY: Types = Types(32);
    pub(super) const OBJECT: Types = Types(64);

    pub(super) const fn contains(self, other: Types) -> bool {
        self.0 & other.0 != 0
    }

    /// `string or null`
    pub(super) fn text(self) -> String {
        let names = Types::NAMES.iter().filter(|(_, bit)| self.0 & bit != 0).map(|(name, _)| *name);
        names.collect::<Vec<_>>().join(" or ")
    }
}

/// The values of an `enum` in their canonical forms, sorted.
#[derive(Debug)]
pub(super) struct Constants {
    pub(super) forms: Box<[Box<[u8]>]>,
    /// Length of the longest.
    pub(super) bytes_max: usize,
    /// The values as the schema has them, short.
    pub(super) text: Box<str>,
}

#[derive(Debug)]
pub(super) enum NumberRule {
    Minimum(Limit),
    ExclusiveMinimum(Limit),
    Maximum(Limit),
    ExclusiveMaximum(Limit),
    MultipleOf(Divisor, Limit),
}

#[derive(Debug)]
pub(super) struct ArrayRules {
    pub(super) items_min: u32,
    pub(super) items_max: u32,
    pub(super) is_unique: bool,
    pub(super) prefix: Box<[NodeId]>,
    /// For items after the prefix, and whether the schema says so.
    pub(super) rest: NodeId,
    pub(super) has_rest: bool,
    pub(super) contains: Option<Box<Contains>>,
}

#[derive(Debug)]
pub(super) struct Contains {
    pub(super) node: NodeId,
    pub(super) count_min: u32,
    pub(super) count_max: u32,
}

#[derive(Debug)]
pub(super) struct ObjectRules {
    pub(super) members_min: u32,
    pub(super) members_max: u32,
    /// Sorted by name.
    pub(super) properties: Box<[Property]>,
    /// How many of them are required.
    pub(super) required: u32,
    /// `additionalProperties`, and whether there is one.
    pub(super) additional: NodeId,
    pub(super) has_additional: bool,
    pub(super) rare: Option<Box<RareRules>>,
}

#[derive(Debug)]
pub(super) struct Property {
    pub(super) name: Box<str>,
    /// `None` for a name that is only required.
    pub(super) node: Option<NodeId>,
    pub(super) is_required: bool,
}

/// A name, and the names that it needs beside it.
pub(super) type Dependent = (Box<str>, Box<[Box<str>]>);

/// What few schemas say of objects.
#[derive(Debug)]
pub(super) struct RareRules {
    pub(super) patterns: Box<[(Arc<Pattern>, NodeId)]>,
    /// A `patternProperties` was dropped: of other names nothing can be said.
    pub(super) has_dropped: bool,
    pub(super) names: NodeId,
    /// Sorted by name.
    pub(super) dependent_required: Box<[Dependent]>,
    /// Sorted by name.
    pub(super) dependent: Box<[(Box<str>, NodeId)]>,
}

impl ObjectRules {
    pub(super) fn property(&self, name: &[u8]) -> Option<&Property> {
        let found = self.properties.binary_search_by(|it| it.name.as_bytes().cmp(name)).ok()?;
        self.properties.get(found)
    }
}

impl Keyword {
    /// Calls `visit` with the subschemas that judge the same value.
    pub(super) fn in_place(&self, mut visit: impl FnMut(NodeId)) {
        match self {
            Keyword::Ref(node) | Keyword::Not(node) => visit(*node),
            Keyword::AllOf(nodes) | Keyword::AnyOf(nodes) | Keyword::OneOf(nodes) => {
                nodes.iter().copied().for_each(visit);
            }
            Keyword::If(condition, then, otherwise) => {
                [*condition, *then, *otherwise].into_iter().for_each(visit);
            }
            Keyword::Object(rules) => {
                let dependent = rules.rare.iter().flat_map(|rare| rare.dependent.iter());
                dependent.for_each(|(_, node)| visit(*node));
            }
            _ => {}
        }
    }

    /// Bytes on the heap, without what is shared.
    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Keyword::Constants(constants) => {
                let forms = constants.forms.iter().map(|form| size_of_val(form) + form.len());
                size_of::<Constants>() + forms.sum::<usize>() + constants.text.len()
            }
            Keyword::Number(rules) => {
                let digits = rules.iter().map(|rule| match rule {
                    NumberRule::Minimum(limit)
                    | NumberRule::ExclusiveMinimum(limit)
                    | NumberRule::Maximum(limit)
                    | NumberRule::ExclusiveMaximum(limit)
                    | NumberRule::MultipleOf(_, limit) => limit.memory_bytes(),
                });
                size_of_val::<[NumberRule]>(rules) + digits.sum::<usize>()
            }
            Keyword::Array(rules) => {
                let contains = rules.contains.as_ref().map_or(0, |_| size_of::<Contains>());
                size_of::<ArrayRules>() + size_of_val::<[NodeId]>(&rules.prefix) + contains
            }
            Keyword::Object(rules) => rules.memory_bytes(),
            Keyword::AllOf(nodes) | Keyword::AnyOf(nodes) | Keyword::OneOf(nodes) => {
                size_of_val::<[NodeId]>(nodes)
            }
            _ => 0,
        }
    }
}

impl ObjectRules {
    fn memory_bytes(&self) -> usize {
        let names = self.properties.iter().map(|property| property.name.len());
        let rare = self.rare.as_ref().map_or(0, |rare| {
            let required = rare.dependent_required.iter().map(|(name, names)| {
                let names = names.iter().map(|name| name.len() + size_of_val(name));
                name.len() + names.sum::<usize>()
            });
            let dependent = rare.dependent.iter().map(|(name, _)| name.len());
            size_of::<RareRules>()
                + size_of_val(&*rare.patterns)
                + size_of_val(&*rare.dependent_required)
                + size_of_val(&*rare.dependent)
                + required.chain(dependent).sum::<usize>()
        });
        size_of::<ObjectRules>() + size_of_val(&*self.properties) + names.sum::<usize>() + rare
    }
}
