//! Where exactly a value breaks a schema.
//!
//! Judging keeps no account, so that it is fast where calls are valid. For one that is not, the path
//! to the first objection is followed once more from the root, with the steps that are left; where
//! they end the objection names what is known so far.

use protocol::{Value, ValueKind};

use super::{Judge, Truth};
use crate::schema::members::{Member, members};
use crate::schema::nodes::{
    ANYTHING, ArrayRules, Keyword, NOTHING, NodeId, NumberRule, ObjectRules, Types,
};
use crate::schema::violation::{Violation, push_token, short};
use crate::schema::{JUDGE_DEPTH_MAX, SchemaUnjudged};

/// References that are followed to find the type of an alternative.
const TYPE_REFERENCES_MAX: usize = 8;

enum Step<'a> {
    /// A part, or the same value by another subschema.
    Into(NodeId, Value<'a>, Option<String>),
    Here(&'static str, String),
    /// The same for a member of the value.
    At(&'static str, String, String, Value<'a>),
    /// Something is missing.
    Missing(&'static str, String),
}

type Stepped<'a> = Result<Option<Step<'a>>, SchemaUnjudged>;

impl<'s> Judge<'s> {
    /// The first objection to a value that is not valid.
    pub(in crate::schema) fn explain(&mut self, root: NodeId, value: Value<'_>) -> Violation {
        let (mut node, mut value) = (root, value);
        let mut pointer = String::new();
        self.depth = 0;
        for _ in 0..JUDGE_DEPTH_MAX {
            let Ok(Some(step)) = self.step(node, value) else { break };
            let (keyword, expected, found) = match step {
                Step::Into(into, part, token) => {
                    (node, value) = (into, part);
                    if let Some(token) = token {
                        push_token(&mut pointer, &token);
                    }
                    continue;
                }
                Step::Here(keyword, expected) => (keyword, expected, short(value.raw())),
                Step::At(keyword, expected, token, part) => {
                    push_token(&mut pointer, &token);
                    (keyword, expected, short(part.raw()))
                }
                Step::Missing(keyword, expected) => (keyword, expected, String::new()),
            };
            return Violation { pointer, keyword, expected, found };
        }
        let expected = "what the schema allows".to_owned();
        Violation { pointer, keyword: "schema", expected, found: short(value.raw()) }
    }

    fn step<'a>(&mut self, node: NodeId, value: Value<'a>) -> Stepped<'a> {
        for keyword in self.keywords(node) {
            if self.keyword(keyword, node, value)? != Truth::No {
                continue;
            }
            return match keyword {
                Keyword::Object(rules) => self.step_object(rules, value),
                Keyword::Array(rules) => self.step_array(rules, value),
                Keyword::Ref(node) => Ok(Some(Step::Into(*node, value, None))),
                Keyword::AllOf(nodes) => self.step_all(nodes, value),
                Keyword::AnyOf(nodes) => Ok(self.step_alternatives("anyOf", nodes, value)),
                Keyword::OneOf(nodes) => {
                    for &node in nodes {
                        if self.judge(node, value)? == Truth::Yes {
                            let expected = "only one of the alternatives".to_owned();
                            return Ok(Some(Step::Here("oneOf", expected)));
                        }
                    }
                    Ok(self.step_alternatives("oneOf", nodes, value))
                }
                Keyword::If(condition, then, otherwise) => {
                    let holds = self.judge(*condition, value)? != Truth::No;
                    let node = if holds { *then } else { *otherwise };
                    Ok(Some(Step::Into(node, value, None)))
                }
                Keyword::Number(rules) => self.step_number(rules, value),
                Keyword::UnevaluatedProperties(_) => {
                    Ok(Some(Step::Here("unevaluatedProperties", "no other members".to_owned())))
                }
                Keyword::UnevaluatedItems(_) => {
                    Ok(Some(Step::Here("unevaluatedItems", "no other items".to_owned())))
                }
                _ => Ok(Some(plain(keyword))),
            };
        }
        Ok(None)
    }

    fn step_all<'a>(&mut self, nodes: &[NodeId], value: Value<'a>) -> Stepped<'a> {
        for &node in nodes {
            if self.judge(node, value)? == Truth::No {
                return Ok(Some(Step::Into(node, value, None)));
            }
        }
        Ok(None)
    }

    /// If only one alternative is for a value of this type, what it objects to; else the types.
    fn step_alternatives<'a>(
        &mut self,
        keyword: &'static str,
        nodes: &[NodeId],
        value: Value<'a>,
    ) -> Option<Step<'a>> {
        let kind = match value.kind() {
            ValueKind::Null => Types::NULL,
            ValueKind::Bool => Types::BOOLEAN,
            ValueKind::Number => Types(Types::NUMBER.0 | Types::INTEGER.0),
            ValueKind::String => Types::STRING,
            ValueKind::Array => Types::ARRAY,
            ValueKind::Object => Types::OBJECT,
        };
        let mut types = Some(Types::default());
        let mut fitting = nodes.iter().filter(|&&node| {
            let of_node = self.types_of(node);
            types = types.zip(of_node).map(|(all, one)| Types(all.0 | one.0));
            of_node.is_none_or(|of_node| of_node.contains(kind))
        });
        let (first, second) = (fitting.next(), fitting.next());
        // Goes on through the rest, for the types.
        fitting.for_each(drop);
        if let (Some(&only), None) = (first, second) {
            return Some(Step::Into(only, value, None));
        }
        let expected = match types {
            Some(types) if first.is_none() => types.text(),
            _ => format!("one of {} alternatives", nodes.len()),
        };
        Some(Step::Here(keyword, expected))
    }

    fn types_of(&self, mut node: NodeId) -> Option<Types> {
        for _ in 0..TYPE_REFERENCES_MAX {
            let mut next = None;
            for keyword in self.keywords(node) {
                match keyword {
                    Keyword::Type(types) => return Some(*types),
                    Keyword::Ref(target) => next = Some(*target),
                    _ => {}
                }
            }
            node = next?;
        }
        None
    }

    fn step_object<'a>(&mut self, rules: &'s ObjectRules, value: Value<'a>) -> Stepped<'a> {
        let members = members(value, self.budget)?;
        for property in rules.properties.iter().filter(|property| property.is_required) {
            if !self.has(&members, &property.name)? {
                let expected = short(format!("member {:?}", property.name).as_bytes());
                return Ok(Some(Step::Missing("required", expected)));
            }
        }
        for member in &members {
            if let Some(step) = self.step_member(rules, member)? {
                return Ok(Some(step));
            }
        }
        let count = members.len() as u64;
        if count < u64::from(rules.members_min) {
            let expected = format!("at least {} members", rules.members_min);
            return Ok(Some(Step::Here("minProperties", expected)));
        }
        if count > u64::from(rules.members_max) {
            let expected = format!("at most {} members", rules.members_max);
            return Ok(Some(Step::Here("maxProperties", expected)));
        }
        let Some(rare) = &rules.rare else { return Ok(None) };
        for (name, needed) in &rare.dependent_required {
            for needed in needed {
                if self.has(&members, name)? && !self.has(&members, needed)? {
                    let expected = short(format!("member {needed:?}").as_bytes());
                    return Ok(Some(Step::Missing("dependentRequired", expected)));
                }
            }
        }
        for (name, node) in &rare.dependent {
            if self.has(&members, name)? && self.judge(*node, value)? == Truth::No {
                return Ok(Some(Step::Into(*node, value, None)));
            }
        }
        Ok(None)
    }

    fn step_member<'a>(&mut self, rules: &'s ObjectRules, member: &Member<'a>) -> Stepped<'a> {
        let token = || String::from_utf8_lossy(&member.key).into_owned();
        let property = rules.find(&member.key, self.budget)?.and_then(|property| property.node);
        let mut is_named = property.is_some();
        let mut by = property.into_iter().collect::<Vec<_>>();
        if let Some(rare) = &rules.rare {
            for (pattern, node) in &rare.patterns {
                if pattern.is_match(&member.key, self.budget)? {
                    is_named = true;
                    by.push(*node);
                }
            }
            if self.name(rare.names, member)? == Truth::No {
                let expected = "another name".to_owned();
                return Ok(Some(Step::At("propertyNames", expected, token(), member.value)));
            }
        }
        if !is_named {
            let is_sure = rules.rare.as_ref().is_none_or(|rare| !rare.has_dropped);
            by.extend(Some(rules.additional).filter(|node| is_sure && *node != ANYTHING));
        }
        for node in by {
            if self.judge(node, member.value)? != Truth::No {
                continue;
            }
            if !is_named && node == NOTHING {
                let expected = "no other members".to_owned();
                return Ok(Some(Step::At("additionalProperties", expected, token(), member.value)));
            }
            return Ok(Some(Step::Into(node, member.value, Some(token()))));
        }
        Ok(None)
    }

    fn step_array<'a>(&mut self, rules: &'s ArrayRules, value: Value<'a>) -> Stepped<'a> {
        let mut count = 0;
        for (index, item) in value.items().enumerate() {
            self.budget.take(1)?;
            count = index as u64 + 1;
            if count > u64::from(rules.items_max) {
                let expected = format!("at most {} items", rules.items_max);
                return Ok(Some(Step::Here("maxItems", expected)));
            }
            let node = rules.node(index);
            if self.judge(node, item)? == Truth::No {
                if node == NOTHING {
                    let expected = "no further items".to_owned();
                    return Ok(Some(Step::At("items", expected, index.to_string(), item)));
                }
                return Ok(Some(Step::Into(node, item, Some(index.to_string()))));
            }
        }
        if count < u64::from(rules.items_min) {
            let expected = format!("at least {} items", rules.items_min);
            return Ok(Some(Step::Here("minItems", expected)));
        }
        if let Some(contains) = &rules.contains
            && self.contains(contains, value)? == Truth::No
        {
            let expected = match (contains.count_min, contains.count_max) {
                (1, u32::MAX) => "an item of a certain kind".to_owned(),
                (least, u32::MAX) => format!("at least {least} items of a certain kind"),
                (least, most) => format!("{least} to {most} items of a certain kind"),
            };
            return Ok(Some(Step::Here("contains", expected)));
        }
        let Some(index) = self.duplicate(value)? else { return Ok(None) };
        let Some(item) = value.items().nth(index) else { return Ok(None) };
        let expected = "items that all differ".to_owned();
        Ok(Some(Step::At("uniqueItems", expected, index.to_string(), item)))
    }

    fn step_number<'a>(&mut self, rules: &'s [NumberRule], value: Value<'a>) -> Stepped<'a> {
        for rule in rules {
            if self.number(std::slice::from_ref(rule), value)? != Truth::No {
                continue;
            }
            let (keyword, expected) = match rule {
                NumberRule::Minimum(limit) => ("minimum", format!("at least {}", limit.text())),
                NumberRule::ExclusiveMinimum(limit) => {
                    ("exclusiveMinimum", format!("more than {}", limit.text()))
                }
                NumberRule::Maximum(limit) => ("maximum", format!("at most {}", limit.text())),
                NumberRule::ExclusiveMaximum(limit) => {
                    ("exclusiveMaximum", format!("less than {}", limit.text()))
                }
                NumberRule::MultipleOf(_, divisor) => {
                    ("multipleOf", format!("a multiple of {}", divisor.text()))
                }
            };
            return Ok(Some(Step::Here(keyword, short(expected.as_bytes()))));
        }
        Ok(None)
    }
}

/// What a keyword without parts wants.
fn plain<'a>(keyword: &Keyword) -> Step<'a> {
    match keyword {
        Keyword::Type(types) => Step::Here("type", types.text()),
        Keyword::Constants(constants) => Step::Here("enum", constants.text.to_string()),
        Keyword::Length(0, most) => Step::Here("maxLength", format!("at most {most} characters")),
        Keyword::Length(least, u32::MAX) => {
            Step::Here("minLength", format!("at least {least} characters"))
        }
        Keyword::Length(least, most) => {
            Step::Here("maxLength", format!("{least} to {most} characters"))
        }
        Keyword::Pattern(pattern) => Step::Here("pattern", short(pattern.text().as_bytes())),
        Keyword::Not(_) => Step::Here("not", "something else".to_owned()),
        _ => Step::Here("false", "nothing".to_owned()),
    }
}
