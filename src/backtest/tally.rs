//! What verdicts add up to.

use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;
use store::query::CallId;

/// Different users, primitives and rules that are counted one by one for a control; further ones
/// are counted together.
const NAMES_MAX: usize = 100_000;
/// Examples of calls.
const EXAMPLES_MAX: usize = 5;

/// What a control would have done.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Calls it has to do with.
    pub(crate) covered: u64,
    /// Calls it has nothing against.
    pub(crate) allowed: u64,
    /// Calls it would have stopped.
    pub(crate) denied: u64,
    /// Their sessions.
    pub(crate) sessions: FxHashSet<u64>,
    /// Their users.
    pub(crate) users: Counts,
    /// Their tools, resources and prompts.
    pub(crate) primitives: Counts,
    /// Their MCP servers.
    pub(crate) servers: Counts,
    /// By the rule that objects.
    pub(crate) rules: Cases,
    /// Calls that could not be judged, by why.
    pub(crate) unjudged: Cases,
}

/// Calls by name.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    by_name: FxHashMap<String, u64>,
    others: u64,
}

/// Calls by what was said of them, with examples.
#[derive(Debug, Default)]
pub(crate) struct Cases {
    by_text: BTreeMap<String, Case>,
}

/// Calls of which the same was said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Case {
    pub(crate) calls: u64,
    pub(crate) examples: Vec<CallId>,
}

impl Counts {
    pub(crate) fn add(&mut self, name: &str) {
        if let Some(count) = self.by_name.get_mut(name) {
            *count += 1;
        } else if self.by_name.len() < NAMES_MAX {
            self.by_name.insert(name.to_owned(), 1);
        } else {
            self.others += 1;
        }
    }

    /// How many there are; those that were not counted one by one are one.
    pub(crate) fn len(&self) -> usize {
        self.by_name.len() + usize::from(self.others > 0)
    }

    /// The most frequent.
    pub(crate) fn top(&self, count: usize) -> Vec<(&str, u64)> {
        let mut names: Vec<_> =
            self.by_name.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        names.sort_unstable_by(|(a, many), (b, more)| more.cmp(many).then(a.cmp(b)));
        names.truncate(count);
        names
    }
}

impl Cases {
    pub(crate) fn add(&mut self, text: &str, call: CallId) {
        if !self.by_text.contains_key(text) {
            let text = if self.by_text.len() < NAMES_MAX { text } else { "others" };
            self.by_text.entry(text.to_owned()).or_default();
        }
        let key = if self.by_text.contains_key(text) { text } else { "others" };
        if let Some(case) = self.by_text.get_mut(key) {
            case.calls += 1;
            if case.examples.len() < EXAMPLES_MAX {
                case.examples.push(call);
            }
        }
    }

    pub(crate) fn calls(&self) -> u64 {
        self.by_text.values().map(|case| case.calls).sum()
    }

    /// The most frequent first.
    pub(crate) fn iter(&self) -> Vec<(&str, &Case)> {
        let mut cases: Vec<_> =
            self.by_text.iter().map(|(text, case)| (text.as_str(), case)).collect();
        cases.sort_by_key(|(_, case)| std::cmp::Reverse(case.calls));
        cases
    }
}
