//! `unevaluatedProperties` and `unevaluatedItems`: what no other keyword has looked at.
//!
//! Which these are is found out only where a schema asks for it, by going once more through what
//! judged the value.

use protocol::{Value, ValueKind};

use super::{Judge, Judged, Truth};
use crate::schema::SchemaUnjudged;
use crate::schema::budget::Exhausted;
use crate::schema::members::{Member, members};
use crate::schema::nodes::{ArrayRules, Keyword, NodeId, ObjectRules};

/// The members or items of a value, and for each whether a keyword has looked at it.
struct Parts<'p, 'a> {
    /// `None` for items.
    members: Option<&'p [Member<'a>]>,
    seen: Vec<Truth>,
}

impl Parts<'_, '_> {
    fn see(&mut self, index: usize, how: Truth) {
        if let Some(seen) = self.seen.get_mut(index)
            && *seen != Truth::Yes
        {
            *seen = how;
        }
    }

    fn see_all_from(&mut self, start: usize, how: Truth) {
        (start..self.seen.len()).for_each(|index| self.see(index, how));
    }
}

impl<'s> Judge<'s> {
    pub(super) fn unevaluated_members(
        &mut self,
        rest: NodeId,
        node: NodeId,
        value: Value<'_>,
    ) -> Judged {
        if !value.is_object() {
            return Ok(Truth::Yes);
        }
        let members = members(value, self.budget)?;
        let mut parts = Parts { members: Some(&members), seen: vec![Truth::No; members.len()] };
        self.see(node, value, &mut parts, Truth::Yes, true)?;
        let mut truth = Truth::Yes;
        for (member, seen) in members.iter().zip(&parts.seen) {
            truth = truth.and(self.rest(rest, member.value, *seen)?);
        }
        Ok(truth)
    }

    pub(super) fn unevaluated_items(
        &mut self,
        rest: NodeId,
        node: NodeId,
        value: Value<'_>,
    ) -> Judged {
        if value.kind() != ValueKind::Array {
            return Ok(Truth::Yes);
        }
        let mut seen = Vec::new();
        for _ in value.items() {
            self.budget.take(1)?;
            seen.push(Truth::No);
        }
        let mut parts = Parts { members: None, seen };
        self.see(node, value, &mut parts, Truth::Yes, true)?;
        let mut truth = Truth::Yes;
        for (item, seen) in value.items().zip(&parts.seen) {
            truth = truth.and(self.rest(rest, item, *seen)?);
        }
        Ok(truth)
    }

    fn rest(&mut self, rest: NodeId, part: Value<'_>, seen: Truth) -> Judged {
        self.budget.take(1)?;
        Ok(match seen {
            Truth::Yes => Truth::Yes,
            Truth::Unknown => self.judge(rest, part)?.not_for_sure(),
            Truth::No => self.judge(rest, part)?,
        })
    }

    /// Notes what the keywords of a subschema, by which the value is valid, have looked at. `is_own`
    /// for the subschema that asks.
    fn see(
        &mut self,
        node: NodeId,
        value: Value<'_>,
        parts: &mut Parts<'_, '_>,
        how: Truth,
        is_own: bool,
    ) -> Result<(), SchemaUnjudged> {
        for keyword in self.keywords(node) {
            self.budget.take(1)?;
            match keyword {
                Keyword::Object(rules) => self.see_members(rules, value, parts, how)?,
                Keyword::Array(rules) => self.see_items(rules, value, parts, how)?,
                Keyword::Ref(node) => self.see(*node, value, parts, how, false)?,
                Keyword::AllOf(nodes) => {
                    for &node in nodes {
                        self.see(node, value, parts, how, false)?;
                    }
                }
                Keyword::AnyOf(nodes) | Keyword::OneOf(nodes) => {
                    for &node in nodes {
                        let truth = self.judge(node, value)?;
                        self.see_if(truth, node, value, parts, how)?;
                    }
                }
                Keyword::If(condition, then, otherwise) => {
                    let truth = self.judge(*condition, value)?;
                    self.see_if(truth, *condition, value, parts, how)?;
                    self.see_if(truth, *then, value, parts, how)?;
                    let contrary = match truth {
                        Truth::Yes => Truth::No,
                        Truth::Unknown => Truth::Unknown,
                        Truth::No => Truth::Yes,
                    };
                    self.see_if(contrary, *otherwise, value, parts, how)?;
                }
                Keyword::UnevaluatedProperties(_) if !is_own && parts.members.is_some() => {
                    self.see_all(0, parts, how)?;
                }
                Keyword::UnevaluatedItems(_) if !is_own && parts.members.is_none() => {
                    self.see_all(0, parts, how)?;
                }
                Keyword::Dropped => self.see_all(0, parts, Truth::Unknown)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// [`Judge::see`] for a subschema by which the value may be valid or not.
    fn see_if(
        &mut self,
        truth: Truth,
        node: NodeId,
        value: Value<'_>,
        parts: &mut Parts<'_, '_>,
        how: Truth,
    ) -> Result<(), SchemaUnjudged> {
        match truth {
            Truth::Yes => self.see(node, value, parts, how, false),
            Truth::Unknown => self.see(node, value, parts, Truth::Unknown, false),
            Truth::No => Ok(()),
        }
    }

    fn see_all(
        &mut self,
        start: usize,
        parts: &mut Parts<'_, '_>,
        how: Truth,
    ) -> Result<(), Exhausted> {
        self.budget.take(1 + parts.seen.len() as u64 / 2)?;
        parts.see_all_from(start, how);
        Ok(())
    }

    fn see_members(
        &mut self,
        rules: &'s ObjectRules,
        value: Value<'_>,
        parts: &mut Parts<'_, '_>,
        how: Truth,
    ) -> Result<(), SchemaUnjudged> {
        let Some(members) = parts.members else { return Ok(()) };
        for (index, member) in members.iter().enumerate() {
            let property = rules.find(&member.key, self.budget)?;
            if rules.has_additional || property.is_some_and(|property| property.node.is_some()) {
                parts.see(index, how);
            }
            let Some(rare) = &rules.rare else { continue };
            if rare.has_dropped {
                parts.see(index, Truth::Unknown);
            }
            for (pattern, _) in &rare.patterns {
                if pattern.is_match(&member.key, self.budget)? {
                    parts.see(index, how);
                }
            }
        }
        let Some(rare) = &rules.rare else { return Ok(()) };
        for (name, node) in &rare.dependent {
            if self.has(members, name)? {
                self.see(*node, value, parts, how, false)?;
            }
        }
        Ok(())
    }

    fn see_items(
        &mut self,
        rules: &'s ArrayRules,
        value: Value<'_>,
        parts: &mut Parts<'_, '_>,
        how: Truth,
    ) -> Result<(), SchemaUnjudged> {
        if parts.members.is_some() {
            return Ok(());
        }
        for index in 0..rules.prefix.len().min(parts.seen.len()) {
            self.budget.take(1)?;
            parts.see(index, how);
        }
        if rules.has_rest {
            self.see_all(rules.prefix.len(), parts, how)?;
        }
        if let Some(contains) = &rules.contains {
            for (index, item) in value.items().enumerate() {
                self.budget.take(1)?;
                match self.judge(contains.node, item)? {
                    Truth::Yes => parts.see(index, how),
                    Truth::Unknown => parts.see(index, Truth::Unknown),
                    Truth::No => {}
                }
            }
        }
        Ok(())
    }
}
