//! Lists. Items with arguments and results may be large, so a page of them is read in several steps.

use super::{Next, Piece, Progress, Subject, Work, put};
use crate::answer::{Head, JSON};
use crate::table::Asks;
use store::query::{Limits, List, PageRequest, QueryError, Reader};

/// Items with payloads read in one step: with `mcp_capture limit=1m`, 32 MB at the most.
const HEAVY_ITEMS_MAX: usize = 16;

impl Work {
    pub(super) fn list(
        &mut self,
        reader: &mut Reader,
        limits: &Limits<'_>,
    ) -> Result<Piece, QueryError> {
        let wanted = self.parameters.page_items();
        let is_first = !self.progress.has_begun;
        let cursor =
            if is_first { self.parameters.cursor.clone() } else { self.progress.cursor.take() };
        let left = wanted.saturating_sub(self.progress.items);
        let is_of_calls = matches!(self.asks, Asks::Calls | Asks::SessionCalls);
        let is_heavy = self.parameters.with_payloads && is_of_calls;
        let limit = if is_heavy { left.min(HEAVY_ITEMS_MAX) } else { left };
        let page = PageRequest { limit, cursor: cursor.as_deref() };
        let mut bytes = Vec::new();
        if is_first {
            bytes.extend_from_slice(b"{\"items\":[");
        }
        let read = match (self.asks, &self.subject) {
            (Asks::Sessions, _) => {
                let list = reader.sessions(&self.parameters.filter, page, limits);
                list.and_then(|list| put_items(&mut bytes, is_first, list))
            }
            (Asks::Attacks, _) => {
                let list = reader.attacks(&self.parameters.filter, page, limits);
                list.and_then(|list| put_items(&mut bytes, is_first, list))
            }
            (_, Subject::Part(part)) => {
                let payloads = self.parameters.with_payloads;
                let list =
                    reader.session_calls(*part, &self.parameters.filter, page, payloads, limits);
                list.and_then(|list| put_items(&mut bytes, is_first, list))
            }
            _ => {
                let (filter, sort) = (&self.parameters.filter, self.parameters.sort);
                let list = reader.calls(filter, sort, page, self.parameters.with_payloads, limits);
                list.and_then(|list| put_items(&mut bytes, is_first, list))
            }
        };
        let Page { items, next, warnings } = read?;
        let progress = &mut self.progress;
        progress.items += items;
        for warning in warnings {
            if !progress.warnings.contains(&warning) {
                progress.warnings.push(warning);
            }
        }
        let is_whole = next.is_none() || progress.items >= wanted || items == 0;
        progress.cursor = next;
        let head = is_first.then(|| Head::data(200, JSON));
        if !is_whole {
            return Ok(Piece { head, bytes, next: Next::Step });
        }
        let Progress { cursor, warnings, .. } = progress;
        bytes.extend_from_slice(b"],\"next\":");
        put(&mut bytes, cursor)?;
        if !warnings.is_empty() {
            bytes.extend_from_slice(b",\"warnings\":");
            put(&mut bytes, warnings)?;
        }
        bytes.push(b'}');
        Ok(Piece { head, bytes, next: Next::End })
    }
}

/// What a page was, besides its items.
struct Page {
    items: usize,
    next: Option<String>,
    warnings: Vec<store::query::Warning>,
}

fn put_items<T: serde::Serialize>(
    into: &mut Vec<u8>,
    is_first: bool,
    list: List<T>,
) -> Result<Page, QueryError> {
    for (index, item) in list.items.iter().enumerate() {
        if index > 0 || !is_first {
            into.push(b',');
        }
        put(into, item)?;
    }
    Ok(Page { items: list.items.len(), next: list.next, warnings: list.warnings })
}
