//! ACL policies: ordered lines of `allow` and `deny`, of which the first that matches decides.

mod condition;
mod index;

use crate::judge::{Judgement, Objection, Subject, Unjudged, Unknown};
use crate::lines::{Line, LineError};
use crate::reading::Reading;
use crate::schema::Budget;
pub use condition::CONDITIONS_MAX;
use condition::{Conditions, Holds};
use index::Index;
use std::collections::HashMap;

/// An ACL policy.
#[derive(Debug)]
pub(crate) struct Acl {
    rules: Vec<Rule>,
    index: Index,
}

/// A line.
#[derive(Debug)]
struct Rule {
    is_deny: bool,
    conditions: Conditions,
    line: u32,
    /// As it is written, for objections.
    said: Box<str>,
}

impl Acl {
    pub(crate) fn read(lines: &[&Line], reading: &mut Reading) -> Result<Self, LineError> {
        let mut rules = Vec::with_capacity(lines.len());
        let mut shadows = Shadows::default();
        for line in lines {
            let conditions = Conditions::read(line, reading)?;
            shadows.look(line, reading);
            rules.push(Rule {
                is_deny: line.name() == "deny",
                conditions,
                line: line.number,
                said: line.said().into(),
            });
        }
        if rules.is_empty() {
            return Err(LineError {
                line: None,
                message:
                    "no line allows or denies anything: write deny all, after allow lines for \
                          those who may"
                        .to_owned(),
            });
        }
        let first_allow = rules.iter().find(|rule| !rule.is_deny);
        if let (Some(rule), None) = (first_allow, shadows.all) {
            reading.warnings.add(Some(rule.line), || {
                "no \"deny all\" follows the allow lines, and what no line matches is allowed: end \
                 with deny all, or with allow all if that is meant"
                    .to_owned()
            });
        }
        let index = Index::of(rules.iter().map(|rule| &rule.conditions));
        Ok(Acl { rules, index })
    }

    pub(crate) fn judge(
        &self,
        subject: &Subject<'_>,
        unknown: Unknown<'_>,
        budget: &mut Budget,
    ) -> Judgement {
        let mut decision = Decision::default();
        let lists = self.index.lists(subject, unknown);
        if lists
            .into_iter()
            .try_for_each(|list| self.look(list, subject, unknown, &mut decision, budget))
            .is_none()
        {
            return Judgement::Unjudged(Unjudged::Budget);
        }
        let decided = decision.first.and_then(|index| self.rules.get(index));
        let is_before = |maybe: &Option<usize>| match (maybe, decision.first) {
            (Some(maybe), Some(first)) => *maybe < first,
            (maybe, _) => maybe.is_some(),
        };
        let is_denied = decided.is_some_and(|rule| rule.is_deny);
        let [allowing, denying] = &decision.maybe;
        if is_before(if is_denied { allowing } else { denying }) {
            return Judgement::Unjudged(Unjudged::NotRecorded);
        }
        match decided {
            Some(rule) if rule.is_deny => Judgement::Denied(Objection {
                detail: format!("{}, line {}", rule.said, rule.line),
                ..Objection::default()
            }),
            _ => Judgement::Allowed,
        }
    }

    /// Looks for the first line of a list that matches, as long as it may be the first of all.
    /// `None` if the budget is used up.
    fn look(
        &self,
        list: &[u32],
        subject: &Subject<'_>,
        unknown: Unknown<'_>,
        decision: &mut Decision,
        budget: &mut Budget,
    ) -> Option<()> {
        for &index in list {
            let index = index as usize;
            if decision.first.is_some_and(|first| first <= index) {
                return Some(());
            }
            let Some(rule) = self.rules.get(index) else { continue };
            match rule.conditions.hold(subject, unknown, rule.is_deny, budget)? {
                Holds::No => {}
                Holds::Yes => {
                    decision.first = Some(index);
                    return Some(());
                }
                Holds::Unknown => {
                    let [allowing, denying] = &mut decision.maybe;
                    let maybe = if rule.is_deny { denying } else { allowing };
                    *maybe = Some(maybe.map_or(index, |other| other.min(index)));
                }
            }
        }
        Some(())
    }
}

/// What is known while the lists of lines are looked through.
#[derive(Debug, Default)]
struct Decision {
    /// The first line that matches.
    first: Option<usize>,
    /// The first line of which it is not known whether it matches: of those that allow, and of
    /// those that deny.
    maybe: [Option<usize>; 2],
}

/// Finds lines that are never reached.
#[derive(Debug, Default)]
struct Shadows {
    /// The line that decides all.
    all: Option<u32>,
    is_told: bool,
    /// Lines by their conditions.
    seen: HashMap<Vec<String>, u32>,
}

impl Shadows {
    fn look(&mut self, line: &Line, reading: &mut Reading) {
        let warnings = &mut reading.warnings;
        if let Some(all) = self.all {
            if !std::mem::replace(&mut self.is_told, true) {
                warnings.add(Some(line.number), || {
                    format!(
                        "no line from here on is ever reached, since line {all} decides all: move \
                         them up or take them out"
                    )
                });
            }
            return;
        }
        let mut conditions = line.rest().to_vec();
        conditions.sort_unstable();
        // A line with one condition covers every later line that has it among others.
        let alone = conditions.iter().map(|condition| vec![condition.clone()]);
        let before = alone.chain([conditions.clone()]).find_map(|key| self.seen.get(&key).copied());
        if let Some(before) = before {
            warnings.add(Some(line.number), || {
                format!(
                    "this line is never reached, since line {before} decides before: take it out"
                )
            });
        }
        if conditions == ["all"] {
            self.all = Some(line.number);
        }
        self.seen.entry(conditions).or_insert(line.number);
    }
}
