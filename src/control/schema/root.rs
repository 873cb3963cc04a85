//! The names that a schema gives to arguments.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use protocol::Value;

use super::budget::{Budget, Exhausted};
use super::judge::price;
use super::members::members;
use super::nodes::{Keyword, Node, NodeId};
use super::pattern::Pattern;
use super::violation::{Violation, push_token, short};

/// What [`UnknownArguments::Deny`](super::UnknownArguments) lets pass.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// Sorted.
    names: Box<[Box<str>]>,
    patterns: Box<[Arc<Pattern>]>,
    /// A `patternProperties` was dropped that may have named more.
    is_open: bool,
}

impl Named {
    pub(super) fn of(nodes: &[Node], root: NodeId) -> Named {
        let mut names = BTreeSet::new();
        let mut patterns = Vec::new();
        let mut is_open = false;
        let mut seen = HashSet::from([root]);
        let mut pending = vec![root];
        while let Some(id) = pending.pop() {
            let keywords = nodes.get(id as usize).map_or(&[][..], |node| &node.keywords);
            for keyword in keywords {
                if let Keyword::Object(rules) = keyword {
                    names.extend(rules.properties.iter().map(|property| property.name.clone()));
                    let rare = rules.rare.iter().flat_map(|rare| rare.patterns.iter());
                    is_open |= rules.rare.as_ref().is_some_and(|rare| rare.has_dropped);
                    patterns.extend(rare.map(|(pattern, _)| Arc::clone(pattern)));
                }
                if !matches!(keyword, Keyword::Not(_)) {
                    keyword.in_place(|child| {
                        if seen.insert(child) {
                            pending.push(child);
                        }
                    });
                }
            }
        }
        Named { names: names.into_iter().collect(), patterns: patterns.into(), is_open }
    }

    /// The first argument that is not named.
    pub(super) fn unknown_argument(
        &self,
        arguments: Value<'_>,
        budget: &mut Budget,
    ) -> Result<Option<Violation>, Exhausted> {
        if self.is_open {
            return Ok(None);
        }
        for member in members(arguments, budget)? {
            budget.take(price(self.names.len(), &member.key))?;
            let key = member.key.as_ref();
            let mut is_named = self.names.binary_search_by(|it| it.as_bytes().cmp(key)).is_ok();
            for pattern in &self.patterns {
                is_named = is_named || pattern.is_match(key, budget)?;
            }
            if !is_named {
                let mut pointer = String::new();
                push_token(&mut pointer, &String::from_utf8_lossy(key));
                return Ok(Some(Violation {
                    pointer,
                    keyword: "unknown_arguments",
                    expected: "an argument that the schema names".to_owned(),
                    found: short(member.value.raw()),
                }));
            }
        }
        Ok(None)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let names = self.names.iter().map(|name| name.len() + size_of_val(name));
        names.sum::<usize>() + size_of_val(&*self.patterns)
    }
}
