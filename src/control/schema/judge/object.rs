//! Objects.

use protocol::{Scanner, Value};

use super::{Judge, Judged, Truth};
use crate::schema::budget::{Budget, Exhausted};
use crate::schema::members::{BYTES_PER_STEP, Member, members};
use crate::schema::nodes::{ANYTHING, NodeId, ObjectRules, Property, RareRules};

/// Steps for reading a key as a value of its own.
const STEPS_PER_NAME: u64 = 12;

impl ObjectRules {
    /// The property of that name.
    pub(super) fn find(
        &self,
        name: &[u8],
        budget: &mut Budget,
    ) -> Result<Option<&Property>, Exhausted> {
        budget.take(price(self.properties.len(), name))?;
        Ok(self.property(name))
    }
}

/// Steps for finding a name in a sorted list.
pub(in crate::schema) fn price(names: usize, name: &[u8]) -> u64 {
    let comparisons = 1 + u64::from(names.max(1).ilog2()) / 2;
    comparisons * (1 + name.len() as u64 / (4 * BYTES_PER_STEP))
}

impl<'s> Judge<'s> {
    pub(super) fn object(&mut self, rules: &'s ObjectRules, value: Value<'_>) -> Judged {
        if !value.is_object() {
            return Ok(Truth::Yes);
        }
        let members = members(value, self.budget)?;
        let count = u32::try_from(members.len()).unwrap_or(u32::MAX);
        if !(rules.members_min..=rules.members_max).contains(&count) {
            return Ok(Truth::No);
        }
        let mut truth = Truth::Yes;
        let mut required = 0;
        for member in &members {
            let property = rules.find(&member.key, self.budget)?;
            required += u32::from(property.is_some_and(|property| property.is_required));
            truth = truth.and(self.member(rules, property, member)?);
            if truth == Truth::No {
                return Ok(Truth::No);
            }
        }
        if required < rules.required {
            return Ok(Truth::No);
        }
        match &rules.rare {
            Some(rare) => Ok(truth.and(self.dependents(rare, &members, value)?)),
            None => Ok(truth),
        }
    }

    fn member(
        &mut self,
        rules: &'s ObjectRules,
        property: Option<&Property>,
        member: &Member<'_>,
    ) -> Judged {
        let mut truth = Truth::Yes;
        let mut is_named = false;
        if let Some(node) = property.and_then(|property| property.node) {
            is_named = true;
            truth = self.judge(node, member.value)?;
        }
        let Some(rare) = &rules.rare else {
            return if is_named { Ok(truth) } else { self.judge(rules.additional, member.value) };
        };
        for (pattern, node) in &rare.patterns {
            if truth == Truth::No {
                return Ok(Truth::No);
            }
            if pattern.is_match(&member.key, self.budget)? {
                is_named = true;
                truth = truth.and(self.judge(*node, member.value)?);
            }
        }
        if !is_named {
            let additional = self.judge(rules.additional, member.value)?;
            truth = if rare.has_dropped { additional.not_for_sure() } else { additional };
        }
        if rare.has_dropped {
            truth = truth.and(Truth::Unknown);
        }
        Ok(truth.and(self.name(rare.names, member)?))
    }

    /// Judges a key by `propertyNames`.
    pub(super) fn name(&mut self, node: NodeId, member: &Member<'_>) -> Judged {
        if node == ANYTHING {
            return Ok(Truth::Yes);
        }
        self.budget.take(STEPS_PER_NAME + member.raw.len() as u64 / 4)?;
        match Scanner::new().scan(member.raw).root() {
            Some(name) => self.judge(node, name),
            None => Ok(Truth::Unknown),
        }
    }

    fn dependents(
        &mut self,
        rare: &'s RareRules,
        members: &[Member<'_>],
        value: Value<'_>,
    ) -> Judged {
        for (name, needed) in &rare.dependent_required {
            if self.has(members, name)? {
                for needed in needed {
                    if !self.has(members, needed)? {
                        return Ok(Truth::No);
                    }
                }
            }
        }
        let mut truth = Truth::Yes;
        for (name, node) in &rare.dependent {
            if truth != Truth::No && self.has(members, name)? {
                truth = truth.and(self.judge(*node, value)?);
            }
        }
        Ok(truth)
    }

    /// Whether there is a member of that name.
    pub(super) fn has(&mut self, members: &[Member<'_>], name: &str) -> Result<bool, Exhausted> {
        let bytes_each = 1 + name.len() as u64 / (4 * BYTES_PER_STEP);
        self.budget.take(1 + members.len() as u64 * bytes_each)?;
        Ok(members.iter().any(|member| member.key.as_ref() == name.as_bytes()))
    }
}
