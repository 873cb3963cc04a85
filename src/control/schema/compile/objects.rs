//! Keywords of objects.

use std::collections::BTreeMap;

use protocol::{Value, ValueKind};

use super::Compiler;
use crate::schema::Refused;
use crate::schema::nodes::{ANYTHING, Keyword, ObjectRules, Property, RareRules};

impl<'a> Compiler<'a> {
    pub(super) fn object(
        &mut self,
        schema: Value<'a>,
        keywords: &mut Vec<Keyword>,
    ) -> Result<(), Refused> {
        let properties = self.properties(schema)?;
        let additional = schema.get("additionalProperties");
        let rules = ObjectRules {
            members_min: self.count(schema, "minProperties").unwrap_or(0),
            members_max: self.count(schema, "maxProperties").unwrap_or(u32::MAX),
            required: properties.iter().filter(|property| property.is_required).count() as u32,
            properties,
            additional: additional.map_or(Ok(ANYTHING), |additional| self.node(additional))?,
            has_additional: additional.is_some(),
            rare: self.rare(schema)?,
        };
        let says_nothing = rules.members_min == 0
            && rules.members_max == u32::MAX
            && rules.properties.is_empty()
            && !rules.has_additional
            && rules.rare.is_none();
        if !says_nothing {
            keywords.push(Keyword::Object(Box::new(rules)));
        }
        Ok(())
    }

    /// `properties` and `required`, sorted by name.
    fn properties(&mut self, schema: Value<'a>) -> Result<Box<[Property]>, Refused> {
        let mut properties = BTreeMap::new();
        if let Some(value) = self.object_at(schema, "properties") {
            for (name, schema) in value.members() {
                let name: Box<str> = name.as_str().into();
                let node = Some(self.node(schema)?);
                properties.insert(name.clone(), Property { name, node, is_required: false });
            }
        }
        if let Some(names) = schema.get("required") {
            for name in self.names(names).unwrap_or_default() {
                let required = || Property { name: name.clone(), node: None, is_required: true };
                properties.entry(name.clone()).or_insert_with(required).is_required = true;
            }
        }
        Ok(properties.into_values().collect())
    }

    fn rare(&mut self, schema: Value<'a>) -> Result<Option<Box<RareRules>>, Refused> {
        let (mut patterns, mut has_dropped) = (Vec::new(), false);
        if let Some(value) = self.object_at(schema, "patternProperties") {
            for (pattern, schema) in value.members() {
                match self.pattern(&pattern.as_str()) {
                    Some(pattern) => patterns.push((pattern, self.node(schema)?)),
                    None => has_dropped = true,
                }
            }
        }
        let names = schema.get("propertyNames");
        let names = names.map_or(Ok(ANYTHING), |names| self.node(names))?;
        let (mut dependent_required, mut dependent) = (BTreeMap::new(), BTreeMap::new());
        for keyword in ["dependentRequired", "dependentSchemas", "dependencies"] {
            if self.is_old && keyword != "dependencies" {
                continue;
            }
            let Some(value) = self.object_at(schema, keyword) else { continue };
            for (name, value) in value.members() {
                let name: Box<str> = name.as_str().into();
                if value.kind() != ValueKind::Array {
                    dependent.entry(name).or_insert_with(Vec::new).push(self.node(value)?);
                } else if let Some(names) = self.names(value) {
                    dependent_required.entry(name).or_insert_with(Vec::new).extend(names);
                }
            }
        }
        let dependent: Box<[_]> = dependent
            .into_iter()
            .flat_map(|(name, nodes)| nodes.into_iter().map(move |node| (name.clone(), node)))
            .collect();
        let dependent_required: Box<[_]> =
            dependent_required.into_iter().map(|(name, names)| (name, names.into())).collect();
        let says_nothing = patterns.is_empty()
            && !has_dropped
            && names == ANYTHING
            && dependent.is_empty()
            && dependent_required.is_empty();
        let patterns = patterns.into();
        Ok((!says_nothing).then(|| {
            Box::new(RareRules { patterns, has_dropped, names, dependent_required, dependent })
        }))
    }

    /// The object of a keyword; `None`, counted, if it is something else.
    fn object_at(&mut self, schema: Value<'a>, keyword: &str) -> Option<Value<'a>> {
        let value = schema.get(keyword)?;
        if !value.is_object() {
            self.dropped += 1;
        }
        Some(value).filter(Value::is_object)
    }
}
