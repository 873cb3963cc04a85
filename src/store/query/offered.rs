//! What the catalogue says of primitives.

use super::Reader;
use super::answer::{Call, List, Warning};
use super::filter::Filter;
use super::id::Time;
use super::limits::{Limits, QueryError};
use super::primitives::TEMPLATE;
use super::summary::{CatalogSummary, LeftOutCount, PrimitiveTexts, PrimitiveVersion};
use crate::catalog::is_differing;
use record::Micros;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap};

/// Bytes of the versions that a history shows.
const HISTORY_BYTES_MAX: usize = 8 << 20;

/// Whether a catalogue is new enough to know lists.
pub(crate) fn has_lists(catalog: &Connection) -> rusqlite::Result<bool> {
    let version: i64 = catalog.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    Ok(version >= 2)
}

/// A primitive that was listed.
#[derive(Clone, Debug)]
pub(crate) struct Offered {
    pub(crate) kind: String,
    pub(crate) is_template: bool,
    pub(crate) name: String,
    pub(crate) version: i64,
    pub(crate) first_seen_at: Micros,
    pub(crate) last_seen_at: Micros,
    pub(crate) changed_at: Option<Micros>,
    pub(crate) versions: u64,
    pub(crate) in_force: u64,
}

/// What a server offers.
pub(crate) fn offered(catalog: &Connection, server: &str) -> rusqlite::Result<Vec<Offered>> {
    catalog
        .prepare(
            "SELECT p.kind, p.is_template, p.name, p.version, p.first_seen_at, p.last_seen_at, \
             p.changed_at, count(*), sum(v.replaced_at IS NULL) \
             FROM servers s JOIN primitives p ON p.server = s.server \
             JOIN versions v ON v.primitive = p.primitive WHERE s.name = ?1 GROUP BY p.primitive",
        )?
        .query_map([server], |row| {
            Ok(Offered {
                kind: row.get(0)?,
                is_template: row.get(1)?,
                name: row.get(2)?,
                version: row.get(3)?,
                first_seen_at: row.get(4)?,
                last_seen_at: row.get(5)?,
                changed_at: row.get(6)?,
                versions: row.get::<_, i64>(7)?.cast_unsigned(),
                in_force: row.get::<_, i64>(8)?.cast_unsigned(),
            })
        })?
        .collect()
}

/// The texts of a version, as they are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Texts {
    title: String,
    description: String,
    input_schema: String,
    output_schema: String,
    annotations: String,
    mime_type: String,
    is_cut: bool,
}

const TEXTS: &str =
    "title, description, input_schema, output_schema, annotations, mime_type, is_cut";

impl Texts {
    fn read(row: &Row<'_>, from: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            title: row.get(from)?,
            description: row.get(from + 1)?,
            input_schema: row.get(from + 2)?,
            output_schema: row.get(from + 3)?,
            annotations: row.get(from + 4)?,
            mime_type: row.get(from + 5)?,
            is_cut: row.get(from + 6)?,
        })
    }

    fn bytes(&self) -> usize {
        [&self.title, &self.description, &self.input_schema, &self.output_schema]
            .into_iter()
            .chain([&self.annotations, &self.mime_type])
            .map(String::len)
            .sum()
    }

    /// What differs from another version, by the names of the API.
    fn changed(&self, before: &Self) -> Vec<&'static str> {
        [
            ("title", self.title == before.title),
            ("description", self.description == before.description),
            ("mime_type", self.mime_type == before.mime_type),
            ("input_schema", self.input_schema == before.input_schema),
            ("output_schema", self.output_schema == before.output_schema),
            ("annotations", self.annotations == before.annotations),
        ]
        .into_iter()
        .filter(|(_, is_same)| !is_same)
        .map(|(name, _)| name)
        .collect()
    }
}

impl From<Texts> for PrimitiveTexts {
    fn from(texts: Texts) -> Self {
        let text = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            title: text(texts.title),
            description: text(texts.description),
            mime_type: text(texts.mime_type),
            input_schema: json(texts.input_schema),
            output_schema: json(texts.output_schema),
            annotations: json(texts.annotations),
            cut: texts.is_cut,
        }
    }
}

/// JSON as it was listed; as a string where it is none that every reader can take: servers send
/// what they like.
fn json(text: String) -> Option<Box<RawValue>> {
    if text.is_empty() {
        return None;
    }
    match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(_) => RawValue::from_string(text).ok(),
        Err(_) => serde_json::value::to_raw_value(&text).ok(),
    }
}

/// Texts of these versions in their order, as many as the bytes allow; at least one. A version
/// that is not there has empty texts.
pub(crate) fn texts_of(
    catalog: &Connection,
    versions: &[i64],
    bytes_max: usize,
) -> rusqlite::Result<Vec<Texts>> {
    let mut found = Vec::new();
    let mut bytes = 0;
    if !has_lists(catalog)? {
        return Ok(vec![Texts::default(); versions.len()]);
    }
    let mut statement =
        catalog.prepare(&format!("SELECT {TEXTS} FROM versions WHERE version = ?1"))?;
    for version in versions {
        let texts = match version {
            0 => Texts::default(),
            version => statement
                .query_row([version], |row| Texts::read(row, 0))
                .optional()?
                .unwrap_or_default(),
        };
        bytes += texts.bytes();
        if bytes > bytes_max && !found.is_empty() {
            break;
        }
        found.push(texts);
    }
    Ok(found)
}

impl Reader {
    /// The versions of one primitive, the newest first, as many as are kept.
    pub fn history(
        &mut self,
        id: &str,
        kind: &str,
        name: &str,
        limits: &Limits<'_>,
    ) -> Result<List<PrimitiveVersion>, QueryError> {
        limits.check()?;
        let filter = self.filter_of(id, &Filter::default())?;
        let server = filter.server.first().cloned().unwrap_or_default();
        let mut warnings = Vec::new();
        let found =
            self.files.ask_catalog(&mut warnings, |catalog| versions(catalog, &server, kind, name));
        let found = found.unwrap_or_default();
        if found.is_empty() && warnings.is_empty() {
            return Err(QueryError::NotFound);
        }
        let mut items = Vec::new();
        let mut bytes = 0;
        for (at, (times, texts)) in found.iter().enumerate() {
            bytes += texts.bytes();
            if bytes > HISTORY_BYTES_MAX && !items.is_empty() {
                let message = "older versions are too large to be shown".to_owned();
                warnings.push(Warning { day: None, message });
                break;
            }
            let before = found.get(at + 1).map(|(_, texts)| texts);
            items.push(PrimitiveVersion {
                seen_at: Time(times.0),
                last_seen_at: Time(times.1),
                replaced_at: times.2.map(Time),
                texts: texts.clone().into(),
                changed: before.map(|before| texts.changed(before)).unwrap_or_default(),
            });
        }
        Ok(List { items, next: None, warnings })
    }

    /// Says of calls to tools whether a list has them, with one question to the catalogue.
    pub(crate) fn tell_listed(&self, calls: &mut [Call], warnings: &mut Vec<Warning>) {
        let mut tools: Vec<(String, String)> = calls.iter().filter_map(tool_of).collect();
        tools.sort_unstable();
        tools.dedup();
        if tools.is_empty() {
            return;
        }
        let found = self.files.ask_catalog(warnings, |catalog| tools_listed(catalog, &tools));
        let Some(found) = found else { return };
        for call in calls {
            call.listed = tool_of(call).and_then(|tool| found.get(&tool).copied());
        }
    }

    /// What the catalogue holds, and what had no room in it. `None`: there is none.
    pub fn catalog(&mut self) -> (Option<CatalogSummary>, Vec<Warning>) {
        let mut warnings = Vec::new();
        let found = self.files.ask_catalog(&mut warnings, catalog_summary);
        (found, warnings)
    }
}

/// When a version was first and last seen, and replaced.
type Times = (Micros, Micros, Option<Micros>);

fn versions(
    catalog: &Connection,
    server: &str,
    kind: &str,
    name: &str,
) -> rusqlite::Result<Vec<(Times, Texts)>> {
    if !has_lists(catalog)? {
        return Ok(Vec::new());
    }
    let is_template = kind == TEMPLATE;
    let kind = if is_template { "resource" } else { kind };
    catalog
        .prepare(&format!(
            "SELECT v.seen_at, v.last_seen_at, v.replaced_at, {TEXTS} FROM servers s \
             JOIN primitives p ON p.server = s.server JOIN versions v ON v.primitive = p.primitive \
             WHERE s.name = ?1 AND p.kind = ?2 AND p.is_template = ?3 AND p.name = ?4 \
             ORDER BY v.version DESC"
        ))?
        .query_map((server, kind, is_template, name), |row| {
            Ok(((row.get(0)?, row.get(1)?, row.get(2)?), Texts::read(row, 3)?))
        })?
        .collect()
}

fn catalog_summary(catalog: &Connection) -> rusqlite::Result<CatalogSummary> {
    let count = |sql: &str| catalog.query_row(sql, (), |row| row.get::<_, i64>(0));
    let servers = count("SELECT count(*) FROM servers")?.cast_unsigned();
    if !has_lists(catalog)? {
        return Ok(CatalogSummary { servers, ..CatalogSummary::default() });
    }
    Ok(CatalogSummary {
        servers,
        primitives: count("SELECT count(*) FROM primitives")?.cast_unsigned(),
        versions: count("SELECT count(*) FROM versions")?.cast_unsigned(),
        bytes: count("SELECT ifnull(sum(bytes), 0) FROM servers")?.cast_unsigned(),
        left_out: catalog
            .prepare("SELECT reason, count FROM left_out ORDER BY reason")?
            .query_map((), |row| {
                Ok(LeftOutCount {
                    reason: row.get(0)?,
                    count: row.get::<_, i64>(1)?.cast_unsigned(),
                })
            })?
            .collect::<rusqlite::Result<_>>()?,
    })
}

/// MCP server and name of the tool that a call is for.
fn tool_of(call: &Call) -> Option<(String, String)> {
    let primitive = call.primitive.as_ref().filter(|it| it.kind == "tool")?;
    Some((call.server.clone(), primitive.name.clone()))
}

/// Of servers and names of tools: whether a list has them. What is asked of a server that has
/// listed no tool is left out.
fn tools_listed(
    catalog: &Connection,
    tools: &[(String, String)],
) -> rusqlite::Result<HashMap<(String, String), bool>> {
    let mut found = HashMap::new();
    if !has_lists(catalog)? {
        return Ok(found);
    }
    let rows = vec!["(?, ?, ?)"; tools.len()].join(", ");
    // Asked in this order: the tools that are wanted are few, those that are listed may be many.
    let mut statement = catalog.prepare(&format!(
        "WITH wanted (number, server, name) AS (VALUES {rows}) SELECT w.number, \
         EXISTS (SELECT 1 FROM primitives p WHERE p.server = s.server AND p.kind = 'tool' \
         AND p.is_template = 0 AND p.name = w.name) \
         FROM wanted w CROSS JOIN servers s ON s.name = w.server \
         WHERE EXISTS (SELECT 1 FROM primitives p WHERE p.server = s.server AND p.kind = 'tool')"
    ))?;
    let values = tools.iter().zip(0_i64..).flat_map(|((server, name), number)| {
        [Value::Integer(number), Value::Text(server.clone()), Value::Text(name.clone())]
    });
    let mut rows = statement.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        let tool = usize::try_from(number).ok().and_then(|number| tools.get(number));
        if let Some(tool) = tool {
            found.insert(tool.clone(), row.get(1)?);
        }
    }
    Ok(found)
}

/// What the catalogue knows of a server, besides its name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) seen: Option<(Micros, Micros)>,
    pub(crate) lists_differ: bool,
    pub(crate) tools: u64,
    pub(crate) resources: u64,
    pub(crate) prompts: u64,
}

impl Known {
    /// Whether the server has listed anything.
    pub(crate) fn lists_any(&self) -> bool {
        self.tools + self.resources + self.prompts > 0
    }
}

/// All servers that the catalogue knows.
pub(crate) fn known_servers(
    catalog: &Connection,
    now: Micros,
) -> rusqlite::Result<BTreeMap<String, Known>> {
    let has_lists = has_lists(catalog)?;
    let differ_at = if has_lists { "lists_differ_at" } else { "NULL" };
    let mut known = BTreeMap::new();
    let mut names: BTreeMap<i64, String> = BTreeMap::new();
    let mut statement = catalog.prepare(&format!(
        "SELECT server, name, first_seen_at, last_seen_at, {differ_at} FROM servers"
    ))?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(1)?;
        let differ_at: Option<Micros> = row.get(4)?;
        names.insert(row.get(0)?, name.clone());
        let seen = Some((row.get(2)?, row.get(3)?));
        let lists_differ = differ_at.is_some_and(|at| is_differing(at, now));
        known.insert(name, Known { seen, lists_differ, ..Known::default() });
    }
    if !has_lists {
        return Ok(known);
    }
    let mut statement =
        catalog.prepare("SELECT server, kind, count(*) FROM primitives GROUP BY server, kind")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let (server, kind, count): (i64, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let Some(server) = names.get(&server).and_then(|name| known.get_mut(name)) else {
            continue;
        };
        let sum = match kind.as_str() {
            "tool" => &mut server.tools,
            "prompt" => &mut server.prompts,
            _ => &mut server.resources,
        };
        *sum += count.cast_unsigned();
    }
    Ok(known)
}

/// How many of these primitives a server does not list.
pub(crate) fn unlisted<'n>(
    catalog: &Connection,
    server: &str,
    names: impl Iterator<Item = &'n (String, String)>,
) -> rusqlite::Result<u64> {
    if !has_lists(catalog)? {
        return Ok(names.count() as u64);
    }
    let mut statement = catalog.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM servers s JOIN primitives p ON p.server = s.server \
         WHERE s.name = ?1 AND p.kind = ?2 AND p.is_template = 0 AND p.name = ?3)",
    )?;
    let mut count = 0;
    for (kind, name) in names {
        let is_listed: bool = statement.query_row((server, kind, name), |row| row.get(0))?;
        count += u64::from(!is_listed);
    }
    Ok(count)
}
