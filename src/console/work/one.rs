//! Answers of one object, and lists that have one page.

use super::{Known, Piece, Subject, Work, put};
use crate::answer::{Answer, Head, JSON};
use crate::table::Asks;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use store::LeftOut;
use store::query::{
    CatalogSummary, DaySummary, FacetRequest, Facets, Found, Limits, List, PAGE_ITEMS_MAX,
    PageRequest, QueryError, Reader, Timeline, Warning,
};

impl Work {
    pub(super) fn one(
        &mut self,
        reader: &mut Reader,
        limits: &Limits<'_>,
    ) -> Result<Piece, QueryError> {
        let parameters = &self.parameters;
        let filter = &parameters.filter;
        match (self.asks, &self.subject) {
            (Asks::Call, Subject::Call(id)) => whole(&reader.call(*id, limits)?),
            (Asks::Attack, Subject::Attack(id)) => whole(&reader.attack(*id, limits)?),
            (Asks::Primitives, Subject::Server(id)) => {
                let limit = parameters.limit.unwrap_or(PAGE_ITEMS_MAX);
                let page = PageRequest { limit, cursor: parameters.cursor.as_deref() };
                whole(&reader.primitives(id, filter, &parameters.statuses, page, limits)?)
            }
            (Asks::History, Subject::Server(id)) => {
                whole(&reader.history(id, &parameters.kind, &parameters.name, limits)?)
            }
            (Asks::Servers, _) => whole(&reader.servers(filter, limits)?),
            (Asks::Agents, _) => whole(&reader.agents(filter, limits)?),
            (Asks::Facets, _) => {
                let request = FacetRequest {
                    names: parameters.fields.clone(),
                    limit: parameters.limit.unwrap_or(0),
                    contains: parameters.contains.clone(),
                };
                whole(&facets(&reader.facets(filter, &request, limits)?)?)
            }
            (Asks::Timeline, _) => {
                let Found { value: Timeline { step_seconds, steps }, warnings } =
                    reader.timeline(filter, parameters.steps, limits)?;
                whole(&TimelineAnswer { step_s: step_seconds, items: steps, warnings })
            }
            (Asks::Stats, _) => {
                let mut days = reader.days(limits)?;
                let (catalog, warnings) = reader.catalog();
                days.warnings.extend(warnings);
                whole(&stats(&self.known, days, catalog))
            }
            _ => Err(QueryError::NotFound),
        }
    }
}

/// A whole answer.
pub(super) fn whole<T: Serialize>(value: &T) -> Result<Piece, QueryError> {
    let mut body = Vec::new();
    put(&mut body, value)?;
    Ok(Answer { head: Head::data(200, JSON), body: Cow::Owned(body) }.into())
}

pub(super) fn object<T: Serialize>(value: &T) -> Result<Map<String, Value>, QueryError> {
    match serde_json::to_value(value) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(QueryError::Failed("an answer is no JSON object".to_owned())),
        Err(error) => Err(QueryError::Failed(format!("an answer is no JSON ({error})"))),
    }
}

#[derive(Serialize)]
struct TimelineAnswer {
    step_s: u64,
    items: Vec<store::query::TimelineStep>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
}

/// Facets as an object: a filter's name, and its values.
fn facets(found: &Found<Facets>) -> Result<Map<String, Value>, QueryError> {
    let mut members = object(found)?;
    members.insert("facets".to_owned(), Value::Object(by_name(&found.value)?));
    Ok(members)
}

pub(super) fn by_name(facets: &Facets) -> Result<Map<String, Value>, QueryError> {
    let mut named = Map::new();
    for facet in &facets.facets {
        let mut members = object(facet)?;
        members.remove("name");
        named.insert(facet.name.clone(), Value::Object(members));
    }
    Ok(named)
}

/// The recorder's counters under the names of `mcp_status`, without what they all begin with, and
/// what is on disk.
fn stats(
    known: &Known,
    days: List<DaySummary>,
    catalog: Option<CatalogSummary>,
) -> Map<String, Value> {
    let parsed = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
    let mut members = Map::new();
    members.insert("version".to_owned(), env!("CARGO_PKG_VERSION").into());
    for (name, value) in parsed(&known.counters) {
        match (name.strip_prefix("exchanges_"), value.as_f64()) {
            (Some(short), _) => members.insert(short.to_owned(), value),
            (None, Some(seconds)) if name == "lag_seconds" => {
                members.insert("lag_ms".to_owned(), ((seconds * 1e6).round() / 1e3).into())
            }
            _ => members.insert(name, value),
        };
    }
    members.insert("bytes".to_owned(), days.items.iter().map(|day| day.bytes).sum::<u64>().into());
    members.insert("days".to_owned(), serde_json::to_value(&days.items).unwrap_or_default());
    members.insert("catalog".to_owned(), catalog_stats(&catalog.unwrap_or_default()));
    members.insert("limits".to_owned(), Value::Object(parsed(&known.limits)));
    if !days.warnings.is_empty() {
        let warnings = serde_json::to_value(&days.warnings).unwrap_or_default();
        members.insert("warnings".to_owned(), warnings);
    }
    members
}

/// What the catalogue holds, what had no room by reason, and the bounds.
fn catalog_stats(catalog: &CatalogSummary) -> Value {
    let left_out: Map<String, Value> = LeftOut::ALL
        .into_iter()
        .map(|reason| {
            let found = catalog.left_out.iter().find(|it| it.reason == reason.as_str());
            (reason.as_str().to_owned(), found.map_or(0, |it| it.count).into())
        })
        .collect();
    json!({
        "servers": catalog.servers,
        "primitives": catalog.primitives,
        "versions": catalog.versions,
        "bytes": catalog.bytes,
        "left_out": left_out,
        "limits": {
            "servers": store::SERVERS_MAX,
            "primitives": store::PRIMITIVES_MAX,
            "versions": store::VERSIONS_MAX,
            "changes_an_hour": store::CHANGES_AN_HOUR_MAX,
            "server_bytes": store::SERVER_BYTES_MAX,
            "bytes": store::CATALOG_BYTES_MAX,
        },
    })
}
