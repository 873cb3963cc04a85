//! Arrays.

use std::collections::HashSet;

use protocol::{Value, ValueKind};

use super::{Judge, Judged, Truth};
use crate::schema::JUDGE_DEPTH_MAX;
use crate::schema::SchemaUnjudged;
use crate::schema::members::{BYTES_PER_STEP, FormLimits, write_form};
use crate::schema::nodes::{ArrayRules, Contains, NodeId};

/// Steps for an item that is compared with all others.
const STEPS_PER_UNIQUE: u64 = 12;

impl ArrayRules {
    /// The subschema of an item.
    pub(super) fn node(&self, index: usize) -> NodeId {
        self.prefix.get(index).copied().unwrap_or(self.rest)
    }
}

impl Judge<'_> {
    pub(super) fn array(&mut self, rules: &ArrayRules, value: Value<'_>) -> Judged {
        if value.kind() != ValueKind::Array {
            return Ok(Truth::Yes);
        }
        let mut truth = Truth::Yes;
        let mut count: u32 = 0;
        for (index, item) in value.items().enumerate() {
            self.budget.take(1)?;
            count = count.saturating_add(1);
            if count > rules.items_max {
                return Ok(Truth::No);
            }
            truth = truth.and(self.judge(rules.node(index), item)?);
            if truth == Truth::No {
                return Ok(Truth::No);
            }
        }
        if count < rules.items_min {
            return Ok(Truth::No);
        }
        if let Some(contains) = &rules.contains {
            truth = truth.and(self.contains(contains, value)?);
        }
        if truth != Truth::No && rules.is_unique && self.duplicate(value)?.is_some() {
            return Ok(Truth::No);
        }
        Ok(truth)
    }

    pub(super) fn contains(&mut self, contains: &Contains, value: Value<'_>) -> Judged {
        let (mut yes, mut unknown) = (0u32, 0u32);
        for item in value.items() {
            self.budget.take(1)?;
            match self.judge(contains.node, item)? {
                Truth::Yes => yes = yes.saturating_add(1),
                Truth::Unknown => unknown = unknown.saturating_add(1),
                Truth::No => {}
            }
        }
        let at_most = yes.saturating_add(unknown);
        if yes > contains.count_max || at_most < contains.count_min {
            return Ok(Truth::No);
        }
        let is_sure = at_most <= contains.count_max && yes >= contains.count_min;
        Ok(if is_sure { Truth::Yes } else { Truth::Unknown })
    }

    /// The first item that equals one before it.
    pub(super) fn duplicate(&mut self, array: Value<'_>) -> Result<Option<usize>, SchemaUnjudged> {
        let limits = FormLimits { bytes_max: usize::MAX, depth_max: JUDGE_DEPTH_MAX };
        let mut seen = HashSet::new();
        for (index, item) in array.items().enumerate() {
            self.budget.take(STEPS_PER_UNIQUE)?;
            let mut form = Vec::new();
            write_form(item, &mut form, limits, self.budget)?;
            self.budget.take(form.len() as u64 / BYTES_PER_STEP)?;
            if !seen.insert(form) {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }
}
