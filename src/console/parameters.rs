//! The query of a request, read strictly: a parameter that is unknown, wrong, too long or there too
//! often is a problem that names it.

use crate::answer::{Problem, shown};
use crate::table::{self, Accepts};
use percent_encoding::percent_decode;
use record::Micros;
use std::ops::RangeInclusive;
use store::query::{
    FILTER_VALUE_BYTES_MAX, FILTER_VALUES_MAX, Filter, PAGE_ITEMS_MAX, PrimitiveStatus, State,
};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Items of a page where no number is given.
pub(crate) const PAGE_ITEMS_DEFAULT: usize = 50;
/// The most pairs of a query.
const PAIRS_MAX: usize = FILTER_VALUES_MAX + 16;
/// The most bytes of a query.
const QUERY_BYTES_MAX: usize = 64 << 10;
/// The longest `cursor`.
const CURSOR_BYTES_MAX: usize = 4 << 10;
/// The longest `q` and `contains`.
pub(crate) const TEXT_BYTES_MAX: usize = 256;
/// The most `param.NAME` of a query.
const PARAMS_MAX: usize = 20;
/// The longest name of a parameter (`mcp_param`).
const PARAM_NAME_BYTES_MAX: usize = 64;
/// The most steps of a timeline.
const STEPS_MAX: usize = 1_000;
/// Steps of a timeline where no number is given.
const STEPS_DEFAULT: usize = 120;
/// The most values of a facet.
pub(crate) const FACET_VALUES_MAX: usize = 500;

/// A form in which a list can be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    #[default]
    Json,
    Csv,
    Ndjson,
}

/// All that can be asked for.
#[derive(Clone, Debug)]
pub(crate) struct Parameters {
    pub(crate) filter: Filter,
    pub(crate) limit: Option<usize>,
    pub(crate) cursor: Option<String>,
    pub(crate) sort: store::query::Sort,
    pub(crate) format: Format,
    pub(crate) with_payloads: bool,
    pub(crate) fields: Vec<String>,
    pub(crate) contains: Option<String>,
    pub(crate) steps: usize,
    pub(crate) statuses: Vec<PrimitiveStatus>,
    /// Kind and name of a primitive.
    pub(crate) kind: String,
    pub(crate) name: String,
}

impl Parameters {
    fn new() -> Self {
        Self {
            filter: Filter::default(),
            limit: None,
            cursor: None,
            sort: store::query::Sort::Newest,
            format: Format::Json,
            with_payloads: true,
            fields: Vec::new(),
            contains: None,
            steps: STEPS_DEFAULT,
            statuses: Vec::new(),
            kind: String::new(),
            name: String::new(),
        }
    }

    /// Items of a page.
    pub(crate) fn page_items(&self) -> usize {
        self.limit.unwrap_or(PAGE_ITEMS_DEFAULT)
    }

    /// Reads a query, of which an endpoint accepts so much.
    pub(crate) fn read(query: &[u8], accepts: &[Accepts]) -> Result<Self, Problem> {
        if query.len() > QUERY_BYTES_MAX {
            return Err(Problem::parameter(
                "",
                format!("the query has over {QUERY_BYTES_MAX} bytes"),
            ));
        }
        let mut parameters = Self::new();
        let mut seen: Vec<String> = Vec::new();
        let mut values = 0;
        for pair in query.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            if seen.len() == PAIRS_MAX {
                return Err(Problem::parameter(
                    "",
                    format!("there are over {PAIRS_MAX} parameters"),
                ));
            }
            let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at(equals);
            let name = decoded(name).ok_or_else(|| {
                Problem::parameter(&String::from_utf8_lossy(name), "its name is not UTF-8 text")
            })?;
            let Some(parameter) = table::parameter(&name, accepts) else {
                return Err(unknown(&name, accepts));
            };
            let value = decoded(value.strip_prefix(b"=").unwrap_or_default())
                .ok_or_else(|| Problem::parameter(&name, "its value is not UTF-8 text"))?;
            if !parameter.is_list && seen.contains(&name) {
                return Err(Problem::parameter(&name, "it is there more than once"));
            }
            values += 1;
            if values > FILTER_VALUES_MAX {
                let detail = format!("there are over {FILTER_VALUES_MAX} values in all");
                return Err(Problem::parameter(&name, detail));
            }
            parameters.take(&name, value)?;
            seen.push(name);
        }
        let Filter { from, to, .. } = parameters.filter;
        if let (Some(from), Some(to)) = (from, to)
            && from >= to
        {
            return Err(Problem::parameter("to", "it must be later than from"));
        }
        if accepts.contains(&Accepts::Named) {
            for (name, value) in [("kind", &parameters.kind), ("name", &parameters.name)] {
                if value.is_empty() {
                    return Err(Problem::parameter(name, "it has to be there"));
                }
            }
        }
        Ok(parameters)
    }

    fn take(&mut self, name: &str, value: String) -> Result<(), Problem> {
        if value.len() > FILTER_VALUE_BYTES_MAX {
            let detail = format!("it has over {FILTER_VALUE_BYTES_MAX} bytes");
            return Err(Problem::parameter(name, detail));
        }
        let filter = &mut self.filter;
        match name {
            "from" => filter.from = Some(time_of(name, &value)?),
            "to" => filter.to = Some(time_of(name, &value)?),
            "server" => filter.server.push(value),
            "session_id" => filter.session_id.push(value),
            "id_source" => filter.id_source.push(one_of(name, value, table::ID_SOURCES)?),
            "state" => {
                let state = State::ALL.into_iter().find(|state| state.as_str() == value);
                let states = State::ALL.map(State::as_str);
                filter.state.push(state.ok_or_else(|| not_one_of(name, &value, &states))?);
            }
            "user" => filter.user.push(value),
            "role" => filter.role.push(value),
            "client" => filter.client.push(value),
            "address" => filter.address.push(value),
            "request_id" => filter.request_id.push(value),
            "method" => filter.method.push(value),
            "primitive" => filter.primitive.push(value),
            "outcome" => filter.outcome.push(one_of(name, value, &table::outcomes())?),
            "status" => {
                let status = number_of(name, &value, 100..=599)?;
                filter.status.push(u16::try_from(status).unwrap_or_default());
            }
            "attack" => filter.attack.push(one_of(name, value, table::ATTACKS)?),
            "control" => filter.control.push(value),
            "action" => filter.action.push(one_of(name, value, table::ACTIONS)?),
            "q" => filter.q = Some(text_of(name, value)?).filter(|text| !text.is_empty()),
            "limit" => self.limit = Some(number_of(name, &value, 1..=PAGE_ITEMS_MAX)?),
            "cursor" if value.len() > CURSOR_BYTES_MAX => {
                return Err(Problem::parameter(name, "it is longer than any cursor"));
            }
            "cursor" => self.cursor = Some(value).filter(|cursor| !cursor.is_empty()),
            "sort" => {
                self.sort = match one_of(name, value, table::SORTS)?.as_str() {
                    "duration" => store::query::Sort::Duration,
                    "bytes" => store::query::Sort::Bytes,
                    _ => store::query::Sort::Newest,
                }
            }
            "format" => {
                self.format = match one_of(name, value, table::FORMATS)?.as_str() {
                    "csv" => Format::Csv,
                    "ndjson" => Format::Ndjson,
                    _ => Format::Json,
                }
            }
            "payloads" => self.with_payloads = one_of(name, value, table::SWITCH)? == "true",
            "field" => self.fields.push(field_of(name, value)?),
            "contains" => self.contains = Some(text_of(name, value)?).filter(|it| !it.is_empty()),
            "primitive_status" => {
                let known = PrimitiveStatus::ALL.into_iter().find(|it| it.as_str() == value);
                let words = PrimitiveStatus::ALL.map(PrimitiveStatus::as_str);
                self.statuses.push(known.ok_or_else(|| not_one_of(name, &value, &words))?);
            }
            "kind" => self.kind = one_of(name, value, table::PRIMITIVE_KINDS)?,
            "name" => self.name = value,
            "steps" => self.steps = number_of(name, &value, 1..=STEPS_MAX)?,
            _ => return self.take_param(name, value),
        }
        Ok(())
    }

    /// `param.NAME`
    fn take_param(&mut self, name: &str, value: String) -> Result<(), Problem> {
        let param = name.strip_prefix("param.").unwrap_or_default();
        if !is_param_name(param) {
            return Err(Problem::parameter(name, "it is not the name of an mcp_param"));
        }
        let params = &mut self.filter.param;
        if let Some((_, values)) = params.iter_mut().find(|(there, _)| there == param) {
            values.push(value);
        } else if params.len() < PARAMS_MAX {
            params.push((param.to_owned(), vec![value]));
        } else {
            let detail = format!("there are over {PARAMS_MAX} different param. filters");
            return Err(Problem::parameter(name, detail));
        }
        Ok(())
    }
}

fn is_param_name(name: &str) -> bool {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    !name.is_empty() && name.len() <= PARAM_NAME_BYTES_MAX && name.bytes().all(is_name)
}

fn unknown(name: &str, accepts: &[Accepts]) -> Problem {
    let known: Vec<&str> = table::parameters(accepts).map(|parameter| parameter.name).collect();
    let detail = match known.as_slice() {
        [] => "nothing is asked here with parameters".to_owned(),
        known => format!("it is not one of {}", known.join(", ")),
    };
    Problem::parameter(name, detail)
}

/// `application/x-www-form-urlencoded`, and nothing that is not UTF-8.
fn decoded(bytes: &[u8]) -> Option<String> {
    let spaced: Vec<u8> =
        bytes.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).decode_utf8().ok().map(|text| text.into_owned())
}

fn time_of(name: &str, value: &str) -> Result<Micros, Problem> {
    let refused = || {
        let detail = format!(
            "\"{}\" is not a time of RFC 3339, as 2026-11-22T09:14:03Z (a \"+\" is written %2B)",
            shown(value)
        );
        Problem::parameter(name, detail)
    };
    let at = OffsetDateTime::parse(value, &Rfc3339).map_err(|_| refused())?;
    Micros::try_from(at.unix_timestamp_nanos() / 1_000).map_err(|_| refused())
}

fn number_of(name: &str, value: &str, range: RangeInclusive<usize>) -> Result<usize, Problem> {
    let is_plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse().ok().filter(|number| is_plain && range.contains(number));
    number.ok_or_else(|| {
        let (low, high) = (range.start(), range.end());
        Problem::parameter(
            name,
            format!("\"{}\" is not a number from {low} to {high}", shown(value)),
        )
    })
}

fn text_of(name: &str, value: String) -> Result<String, Problem> {
    if value.len() > TEXT_BYTES_MAX {
        return Err(Problem::parameter(name, format!("it has over {TEXT_BYTES_MAX} bytes")));
    }
    Ok(value)
}

fn one_of(name: &str, value: String, known: &[&str]) -> Result<String, Problem> {
    if known.contains(&value.as_str()) { Ok(value) } else { Err(not_one_of(name, &value, known)) }
}

fn not_one_of(name: &str, value: &str, known: &[&str]) -> Problem {
    let detail = format!("\"{}\" is not one of {}", shown(value), known.join(", "));
    Problem::parameter(name, detail)
}

/// The name of a filter that has facets.
fn field_of(name: &str, value: String) -> Result<String, Problem> {
    if value.strip_prefix("param.").is_some_and(is_param_name) {
        return Ok(value);
    }
    one_of(name, value, table::FIELDS)
}

#[cfg(test)]
mod tests;
