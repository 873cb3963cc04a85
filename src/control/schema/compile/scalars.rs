//! Keywords of a value by itself: its type, constants, numbers, text.

use protocol::{Value, ValueKind};

use super::Compiler;
use crate::schema::SCHEMA_DEPTH_MAX;
use crate::schema::budget::Budget;
use crate::schema::decimal::{Decimal, Divisor, Limit};
use crate::schema::members::{FormLimits, write_form};
use crate::schema::nodes::{Constants, Keyword, NumberRule, Types};
use crate::schema::violation::short;

impl<'a> Compiler<'a> {
    pub(super) fn scalars(&mut self, schema: Value<'a>, keywords: &mut Vec<Keyword>) {
        if let Some(types) = schema.get("type") {
            match types_of(types) {
                Some(types) => keywords.push(Keyword::Type(types)),
                None => self.dropped += 1,
            }
        }
        if let Some(constant) = schema.get("const") {
            self.constants([constant].into_iter(), constant, keywords);
        }
        if let Some(values) = schema.get("enum") {
            if values.kind() == ValueKind::Array {
                self.constants(values.items(), values, keywords);
            } else {
                self.dropped += 1;
            }
        }
        self.numbers(schema, keywords);
        let length_min = self.count(schema, "minLength").unwrap_or(0);
        let length_max = self.count(schema, "maxLength").unwrap_or(u32::MAX);
        if (length_min, length_max) != (0, u32::MAX) {
            keywords.push(Keyword::Length(length_min, length_max));
        }
        if let Some(pattern) = schema.get("pattern") {
            match pattern.as_str() {
                Some(text) => keywords.extend(self.pattern(&text).map(Keyword::Pattern)),
                None => self.dropped += 1,
            }
        }
    }

    fn constants(
        &mut self,
        values: impl Iterator<Item = Value<'a>>,
        raw: Value<'a>,
        keywords: &mut Vec<Keyword>,
    ) {
        let limits = FormLimits { bytes_max: usize::MAX, depth_max: SCHEMA_DEPTH_MAX };
        let mut budget = Budget::new(u64::MAX);
        let forms: Result<Vec<Box<[u8]>>, _> = values
            .map(|value| {
                let mut form = Vec::new();
                write_form(value, &mut form, limits, &mut budget).map(|()| form.into())
            })
            .collect();
        let Ok(mut forms) = forms else {
            self.dropped += 1;
            return;
        };
        forms.sort_unstable();
        forms.dedup();
        let bytes_max = forms.iter().map(|form| form.len()).max().unwrap_or(0);
        let text = short(raw.raw()).into();
        keywords.push(Keyword::Constants(Box::new(Constants {
            forms: forms.into(),
            bytes_max,
            text,
        })));
    }

    fn numbers(&mut self, schema: Value<'a>, keywords: &mut Vec<Keyword>) {
        let mut rules = Vec::new();
        for (name, exclusive_name, inclusive, exclusive) in [
            (
                "minimum",
                "exclusiveMinimum",
                NumberRule::Minimum as fn(Limit) -> NumberRule,
                NumberRule::ExclusiveMinimum as fn(Limit) -> NumberRule,
            ),
            ("maximum", "exclusiveMaximum", NumberRule::Maximum, NumberRule::ExclusiveMaximum),
        ] {
            let exclusion = schema.get(exclusive_name);
            // In draft-04 it says how to read the other.
            let is_exclusive = exclusion.and_then(|exclusion| exclusion.as_bool());
            if let Some(limit) = schema.get(name) {
                let rule = if is_exclusive == Some(true) { exclusive } else { inclusive };
                self.limit(limit, rule, &mut rules);
            }
            if let (Some(limit), None) = (exclusion, is_exclusive) {
                self.limit(limit, exclusive, &mut rules);
            }
        }
        if let Some(divisor) = schema.get("multipleOf") {
            let number = Decimal::read(divisor.raw()).filter(|_| is_number(divisor));
            match number.and_then(|number| Some((Divisor::new(&number)?, Limit::new(&number)))) {
                Some((divisor, text)) => rules.push(NumberRule::MultipleOf(divisor, text)),
                None => self.dropped += 1,
            }
        }
        if !rules.is_empty() {
            keywords.push(Keyword::Number(rules.into()));
        }
    }

    fn limit(
        &mut self,
        value: Value<'a>,
        rule: fn(Limit) -> NumberRule,
        rules: &mut Vec<NumberRule>,
    ) {
        match Decimal::read(value.raw()).filter(|_| is_number(value)) {
            Some(number) => rules.push(rule(Limit::new(&number))),
            None => self.dropped += 1,
        }
    }
}

fn is_number(value: Value<'_>) -> bool {
    value.kind() == ValueKind::Number
}

/// `None` unless every type is known.
fn types_of(value: Value<'_>) -> Option<Types> {
    let one = |value: Value<'_>| {
        Types::NAMES.iter().find(|(name, _)| value.is_str(name)).map(|&(_, bit)| bit)
    };
    if value.kind() != ValueKind::Array {
        return one(value).map(Types);
    }
    let types = value.items().try_fold(0, |types, item| Some(types | one(item)?))?;
    (types != 0).then_some(Types(types))
}
