//! Exports: whole lists as CSV or as lines of JSON, page by page.

use super::{Next, Piece, Work, put};
use crate::answer::Head;
use crate::csv::{self, Row};
use crate::parameters::Format;
use crate::table::Asks;
use store::query::{Limits, PageRequest, QueryError, Reader, Warning};

/// Rows read in one step.
const ROWS: usize = 200;
/// Rows with payloads.
const HEAVY_ROWS: usize = 16;

impl Work {
    pub(super) fn export(
        &mut self,
        reader: &mut Reader,
        limits: &Limits<'_>,
    ) -> Result<Piece, QueryError> {
        let is_first = !self.progress.has_begun;
        let cursor =
            if is_first { self.parameters.cursor.clone() } else { self.progress.cursor.take() };
        let mut bytes = Vec::new();
        let (next, warnings) = match self.asks {
            Asks::Sessions => {
                let page = PageRequest { limit: ROWS, cursor: cursor.as_deref() };
                let list = reader.sessions(&self.parameters.filter, page, limits)?;
                self.put_rows(&mut bytes, is_first, &list.items)?;
                (list.next, list.warnings)
            }
            Asks::Attacks => {
                let page = PageRequest { limit: ROWS, cursor: cursor.as_deref() };
                let list = reader.attacks(&self.parameters.filter, page, limits)?;
                self.put_rows(&mut bytes, is_first, &list.items)?;
                (list.next, list.warnings)
            }
            _ => {
                let with_payloads = self.parameters.with_payloads;
                let limit = if with_payloads { HEAVY_ROWS } else { ROWS };
                let page = PageRequest { limit, cursor: cursor.as_deref() };
                let (filter, sort) = (&self.parameters.filter, self.parameters.sort);
                let list = reader.calls(filter, sort, page, with_payloads, limits)?;
                self.put_rows(&mut bytes, is_first, &list.items)?;
                (list.next, list.warnings)
            }
        };
        let head = is_first.then(|| self.export_head(&warnings));
        let is_last = next.is_none();
        self.progress.cursor = next;
        Ok(Piece { head, bytes, next: if is_last { Next::End } else { Next::Step } })
    }

    fn put_rows<T: Row>(
        &self,
        bytes: &mut Vec<u8>,
        is_first: bool,
        rows: &[T],
    ) -> Result<(), QueryError> {
        if self.parameters.format == Format::Csv {
            return csv::put(bytes, is_first, rows)
                .map_err(|error| QueryError::Failed(format!("a row is no CSV ({error})")));
        }
        for row in rows {
            put(bytes, row)?;
            bytes.push(b'\n');
        }
        Ok(())
    }

    fn export_head(&self, warnings: &[Warning]) -> Head {
        let is_csv = self.parameters.format == Format::Csv;
        let (media_type, ending) =
            if is_csv { (csv::MEDIA_TYPE, "csv") } else { ("application/x-ndjson", "ndjson") };
        let name = match self.asks {
            Asks::Sessions => "sessions",
            Asks::Attacks => "attacks",
            _ => "calls",
        };
        let mut head = Head::data(200, media_type);
        head.add("Content-Disposition", format!("attachment; filename=\"mcp-{name}.{ending}\""));
        let missing: Vec<&str> =
            warnings.iter().map(|warning| warning.day.as_deref().unwrap_or("catalogue")).collect();
        if !missing.is_empty() {
            // A file has no place for them.
            head.add("Mcp-Sessions-Missing", missing.join(", "));
        }
        head
    }
}
