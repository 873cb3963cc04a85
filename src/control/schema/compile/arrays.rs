//! Keywords of arrays.

use protocol::{Value, ValueKind};

use super::Compiler;
use crate::schema::Refused;
use crate::schema::nodes::{ANYTHING, ArrayRules, Contains, Keyword, NodeId};

impl<'a> Compiler<'a> {
    pub(super) fn array(
        &mut self,
        schema: Value<'a>,
        keywords: &mut Vec<Keyword>,
    ) -> Result<(), Refused> {
        let (prefix, rest) = self.items(schema)?;
        let has_rest = rest.is_some();
        let contains = self.contains(schema)?;
        let rules = ArrayRules {
            items_min: self.count(schema, "minItems").unwrap_or(0),
            items_max: self.count(schema, "maxItems").unwrap_or(u32::MAX),
            is_unique: self.is_unique(schema),
            prefix,
            rest: rest.unwrap_or(ANYTHING),
            has_rest,
            contains,
        };
        let says_nothing = rules.items_min == 0
            && rules.items_max == u32::MAX
            && !rules.is_unique
            && rules.prefix.is_empty()
            && !has_rest
            && rules.contains.is_none();
        if !says_nothing {
            keywords.push(Keyword::Array(Box::new(rules)));
        }
        Ok(())
    }

    fn is_unique(&mut self, schema: Value<'a>) -> bool {
        let Some(value) = schema.get("uniqueItems") else { return false };
        let is_unique = value.as_bool();
        if is_unique.is_none() {
            self.dropped += 1;
        }
        is_unique.unwrap_or(false)
    }

    /// `prefixItems` and `items`; or, as in draft-07 and wherever `items` is an array, `items` and
    /// `additionalItems`.
    fn items(&mut self, schema: Value<'a>) -> Result<(Box<[NodeId]>, Option<NodeId>), Refused> {
        let items = schema.get("items");
        if let Some(items) = items.filter(|items| items.kind() == ValueKind::Array) {
            let prefix = items.items().map(|item| self.node(item)).collect::<Result<_, _>>()?;
            let rest = schema.get("additionalItems");
            return Ok((prefix, rest.map(|rest| self.node(rest)).transpose()?));
        }
        let prefix = match schema.get("prefixItems").filter(|_| !self.is_old) {
            Some(prefix) => self.nodes_of(prefix)?.unwrap_or_default(),
            None => Box::default(),
        };
        Ok((prefix, items.map(|items| self.node(items)).transpose()?))
    }

    fn contains(&mut self, schema: Value<'a>) -> Result<Option<Box<Contains>>, Refused> {
        let Some(contains) = schema.get("contains") else { return Ok(None) };
        let node = self.node(contains)?;
        let (mut count_min, mut count_max) = (1, u32::MAX);
        if !self.is_old {
            count_min = self.count(schema, "minContains").unwrap_or(1);
            count_max = self.count(schema, "maxContains").unwrap_or(u32::MAX);
        }
        Ok(Some(Box::new(Contains { node, count_min, count_max })))
    }
}
