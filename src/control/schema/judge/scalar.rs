//! Types, constants, numbers, text.

use protocol::{Value, ValueKind};

use super::{Judge, Judged, Truth};
use crate::schema::JUDGE_DEPTH_MAX;
use crate::schema::budget::Exhausted;
use crate::schema::members::{FormLimits, NoForm, number, text, write_form};
use crate::schema::nodes::{Constants, NumberRule, Types};
use crate::schema::pattern::Pattern;

impl Judge<'_> {
    pub(super) fn types(&mut self, types: Types, value: Value<'_>) -> Judged {
        let kind = match value.kind() {
            ValueKind::Null => Types::NULL,
            ValueKind::Bool => Types::BOOLEAN,
            ValueKind::String => Types::STRING,
            ValueKind::Array => Types::ARRAY,
            ValueKind::Object => Types::OBJECT,
            ValueKind::Number if types.contains(Types::NUMBER) => Types::NUMBER,
            ValueKind::Number if !types.contains(Types::INTEGER) => Types::NUMBER,
            ValueKind::Number => {
                let is_integer = number(value, self.budget)?.is_some_and(|it| it.is_integer());
                return Ok(Truth::of(is_integer));
            }
        };
        Ok(Truth::of(types.contains(kind)))
    }

    pub(super) fn constants(&mut self, constants: &Constants, value: Value<'_>) -> Judged {
        let mut form = Vec::new();
        let limits = FormLimits { bytes_max: constants.bytes_max, depth_max: JUDGE_DEPTH_MAX };
        match write_form(value, &mut form, limits, self.budget) {
            Ok(()) => {}
            Err(NoForm::Long) => return Ok(Truth::No),
            Err(none) => return Err(none.into()),
        }
        let comparisons = 1 + u64::from(constants.forms.len().max(1).ilog2());
        self.budget.take(comparisons * (1 + form.len() as u64 / 64))?;
        let found = constants.forms.binary_search_by(|it| it.as_ref().cmp(&form));
        Ok(Truth::of(found.is_ok()))
    }

    pub(super) fn number(&mut self, rules: &[NumberRule], value: Value<'_>) -> Judged {
        if value.kind() != ValueKind::Number {
            return Ok(Truth::Yes);
        }
        let Some(number) = number(value, self.budget)? else { return Ok(Truth::No) };
        for rule in rules {
            self.budget.take(2 + value.raw().len() as u64 / 2)?;
            let holds = match rule {
                NumberRule::Minimum(limit) => number.compare(&limit.value()).is_ge(),
                NumberRule::ExclusiveMinimum(limit) => number.compare(&limit.value()).is_gt(),
                NumberRule::Maximum(limit) => number.compare(&limit.value()).is_le(),
                NumberRule::ExclusiveMaximum(limit) => number.compare(&limit.value()).is_lt(),
                NumberRule::MultipleOf(divisor, _) => {
                    self.budget.take(value.raw().len() as u64 * 4 + 100)?;
                    number.is_multiple_of(divisor)
                }
            };
            if !holds {
                return Ok(Truth::No);
            }
        }
        Ok(Truth::Yes)
    }

    pub(super) fn length(&mut self, length_min: u32, length_max: u32, value: Value<'_>) -> Judged {
        if value.kind() != ValueKind::String {
            return Ok(Truth::Yes);
        }
        // A code point is at least a byte.
        if length_min == 0 && value.raw().len().saturating_sub(2) <= length_max as usize {
            return Ok(Truth::Yes);
        }
        // It takes at most twelve bytes, two escapes.
        if value.raw().len().saturating_sub(2) / 12 > length_max as usize {
            return Ok(Truth::No);
        }
        let length = text(value, self.budget)?.chars().count() as u64;
        Ok(Truth::of((u64::from(length_min)..=u64::from(length_max)).contains(&length)))
    }

    pub(super) fn pattern(&mut self, pattern: &Pattern, value: Value<'_>) -> Judged {
        if value.kind() != ValueKind::String {
            return Ok(Truth::Yes);
        }
        let text = text(value, self.budget)?;
        let is_match: Result<bool, Exhausted> = pattern.is_match(text.as_bytes(), self.budget);
        Ok(Truth::of(is_match?))
    }
}
