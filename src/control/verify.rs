//! Request verifications: values that a request must have.

use crate::judge::{FOUND_BYTES_MAX, Judgement, Objection, Subject, Unjudged, Unknown};
use crate::lines::{Line, LineError, capped, shown};
use crate::reading::Reading;
use crate::schema::Budget;
use std::collections::{HashMap, HashSet};

/// Bytes of a value that are read for the price of one step of the budget.
const BYTES_PER_STEP: usize = 16;
/// How much of what is listed stands in an objection.
const EXPECTED_BYTES_MAX: usize = 200;

/// A request verification: every requirement must be met.
#[derive(Debug)]
pub(crate) struct Verify {
    requirements: Vec<Requirement>,
}

#[derive(Debug)]
struct Requirement {
    line: u32,
    /// As it is written, for objections.
    said: String,
    /// Index of the control's values.
    value: usize,
    wants: Wants,
    expected: String,
}

#[derive(Debug)]
enum Wants {
    OneOf(HashSet<Box<[u8]>>),
    AnyScope(Vec<Box<str>>),
    AllScopes(Vec<Box<str>>),
}

/// What a value is to a requirement.
enum Met {
    Yes,
    /// The occurrence that does not meet it; `None` if there is none.
    No(Option<Vec<u8>>),
    Unknown,
    /// It is too long for the budget.
    Budget,
}

impl Verify {
    pub(crate) fn read(lines: &[&Line], reading: &mut Reading) -> Result<Self, LineError> {
        let mut seen: HashMap<(bool, usize), u32> = HashMap::new();
        let mut requirements = Vec::with_capacity(lines.len());
        for line in lines {
            let requirement = Requirement::read(line, reading)?;
            let key = (line.name() == "require", requirement.value);
            if let Some(before) = seen.insert(key, line.number)
                && key.0
            {
                reading.warnings.add(Some(line.number), || {
                    format!(
                        "line {before} requires the same value, and both lines must hold: list all \
                         that is allowed in one line"
                    )
                });
            }
            requirements.push(requirement);
        }
        if requirements.is_empty() {
            return Err(LineError {
                line: None,
                message: "no line requires anything: write require $variable value …, or \
                          require_scope $variable any scope …"
                    .to_owned(),
            });
        }
        Ok(Verify { requirements })
    }

    pub(crate) fn judge(
        &self,
        subject: &Subject<'_>,
        unknown: Unknown<'_>,
        values: &[String],
        budget: &mut Budget,
    ) -> Judgement {
        let mut unjudged = None;
        for requirement in &self.requirements {
            match requirement.met(subject, unknown, budget) {
                Met::Yes => {}
                Met::No(found) => {
                    let value = values.get(requirement.value).map_or("", String::as_str);
                    return Judgement::Denied(requirement.objection(found, value));
                }
                Met::Unknown => unjudged = unjudged.or(Some(Unjudged::NotRecorded)),
                Met::Budget => unjudged = Some(Unjudged::Budget),
            }
        }
        unjudged.map_or(Judgement::Allowed, Judgement::Unjudged)
    }
}

impl Requirement {
    fn read(line: &Line, reading: &mut Reading) -> Result<Self, LineError> {
        let name = line.name();
        let usage = match name {
            "require" => "require $variable value …",
            _ => "require_scope $variable all|any scope …",
        };
        let Some((value, rest)) = line.rest().split_first() else {
            return Err(line.wrong(format!("\"{name}\" requires nothing: write {usage}")));
        };
        if !value.contains('$') {
            return Err(line.wrong(format!(
                "{} has no variable, so it is the same for every request: write {usage}",
                shown(value)
            )));
        }
        let value = reading.value(value, line)?;
        let (wants, listed) = match (name, rest) {
            ("require", listed) => {
                let set = listed.iter().map(|text| text.as_bytes().into()).collect();
                (Wants::OneOf(set), listed)
            }
            (_, [how, scopes @ ..]) if how == "any" || how == "all" => {
                let list = scopes.iter().map(|scope| scope.as_str().into()).collect();
                let is_any = how == "any";
                (if is_any { Wants::AnyScope(list) } else { Wants::AllScopes(list) }, scopes)
            }
            (_, [how, ..]) => {
                return Err(
                    line.wrong(format!("{} says neither all nor any: write {usage}", shown(how)))
                );
            }
            (_, []) => {
                return Err(line.wrong(format!("\"{name}\" lists no scope: write {usage}")));
            }
        };
        check_listed(line, listed, usage, reading)?;
        Ok(Requirement {
            line: line.number,
            said: line.said(),
            value,
            expected: capped(&wants.joined(listed), EXPECTED_BYTES_MAX),
            wants,
        })
    }

    fn met(&self, subject: &Subject<'_>, unknown: Unknown<'_>, budget: &mut Budget) -> Met {
        if unknown.value(self.value) {
            return Met::Unknown;
        }
        let occurrences = subject.values.get(self.value).copied().unwrap_or_default();
        if occurrences.iter().all(|occurrence| occurrence.is_empty()) {
            return Met::No(None);
        }
        for occurrence in occurrences {
            let steps = 1 + occurrence.len() / BYTES_PER_STEP;
            if !budget.spend((steps * self.wants.passes()) as u64) {
                return Met::Budget;
            }
            if !self.wants.met_by(occurrence) {
                return Met::No(Some(occurrence.to_vec()));
            }
        }
        Met::Yes
    }

    fn objection(&self, found: Option<Vec<u8>>, value: &str) -> Objection {
        let missing = if found.is_some() { "" } else { ": missing" };
        let found = String::from_utf8_lossy(&found.unwrap_or_default()).into_owned();
        Objection {
            detail: format!("{}, line {}{missing}", self.said, self.line),
            point: point(value),
            expected: self.expected.clone(),
            found: capped(&found, FOUND_BYTES_MAX),
        }
    }
}

impl Wants {
    fn met_by(&self, value: &[u8]) -> bool {
        match self {
            Wants::OneOf(listed) => listed.contains(value),
            Wants::AnyScope(wanted) => {
                let scopes = scopes(value);
                wanted.iter().any(|scope| scopes.iter().any(|has| has == scope.as_bytes()))
            }
            Wants::AllScopes(wanted) => {
                let scopes = scopes(value);
                wanted.iter().all(|scope| scopes.iter().any(|has| has == scope.as_bytes()))
            }
        }
    }

    /// How often a value is read.
    fn passes(&self) -> usize {
        match self {
            Wants::OneOf(_) => 1,
            Wants::AnyScope(scopes) | Wants::AllScopes(scopes) => 1 + scopes.len(),
        }
    }

    fn joined(&self, listed: &[String]) -> String {
        match self {
            Wants::AllScopes(_) => listed.join(" and "),
            Wants::OneOf(_) | Wants::AnyScope(_) => listed.join(" or "),
        }
    }
}

/// The scopes of a value: the strings of a JSON array, or what stands between spaces (RFC 6749
/// §3.3). What begins like an array and is none holds no scopes.
fn scopes(value: &[u8]) -> Vec<Vec<u8>> {
    if !value.trim_ascii_start().starts_with(b"[") {
        let words = value.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        return words.map(<[u8]>::to_vec).collect();
    }
    let array: Vec<serde_json::Value> = serde_json::from_slice(value).unwrap_or_default();
    let strings = array.into_iter().filter_map(|scope| match scope {
        serde_json::Value::String(text) => Some(text.into_bytes()),
        _ => None,
    });
    strings.collect()
}

fn check_listed(
    line: &Line,
    listed: &[String],
    usage: &str,
    reading: &mut Reading,
) -> Result<(), LineError> {
    let is_scopes = line.name() == "require_scope";
    if listed.is_empty() {
        return Err(line.wrong(format!("\"{}\" lists nothing: write {usage}", line.name())));
    }
    let mut seen = HashSet::new();
    for text in listed {
        if text.is_empty() {
            return Err(line.wrong(format!(
                "an empty value is listed, but a missing value never passes: write {usage}"
            )));
        }
        if text.contains('$') {
            return Err(line.wrong(format!(
                "{} is listed, where variables are not evaluated: write the text itself, or compare \
                 in a map and require $variable 1",
                shown(text)
            )));
        }
        if is_scopes && text.contains(' ') {
            return Err(line.wrong(format!(
                "{} has a space, which no scope has: write scopes one by one, unquoted",
                shown(text)
            )));
        }
        if text.contains('*') {
            reading.warnings.add(Some(line.number), || {
                format!(
                    "the \"*\" in {} stands for itself: patterns are made with a map",
                    shown(text)
                )
            });
        }
        if !seen.insert(text) {
            reading.warnings.add(Some(line.number), || format!("{} is listed twice", shown(text)));
        }
    }
    Ok(())
}

/// Where a value stands in the request, if its text says so.
fn point(value: &str) -> String {
    let name = value.strip_prefix('$').unwrap_or_default();
    let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
    match name.strip_prefix("http_") {
        Some(header) if header.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => {
            format!("header {}", header.replace('_', "-"))
        }
        _ => String::new(),
    }
}
