//! The tools that MCP servers list, as the store's catalogue knows them today.

use control::ToolsOf;
use control::catalogue::Catalogue;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use store::query::Warning;

/// The tools of all MCP servers.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    catalogue: Catalogue,
    /// Why they are not all.
    pub(crate) warning: Option<Warning>,
}

impl Lists {
    /// Those of a store. Without a catalogue that can be read there are none.
    pub(crate) fn read(store: &Path) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        let stored = match store::stored_tools(store, None, now) {
            Ok(stored) => stored.unwrap_or_default(),
            Err(error) => {
                let message = format!("the catalogue: {error}");
                return Lists { warning: Some(Warning { day: None, message }), ..Lists::default() };
            }
        };
        let mut builder = Catalogue::builder();
        for tool in &stored.tools {
            let replaced: Vec<(&str, i64)> =
                tool.replaced.iter().map(|(schema, at)| (schema.as_str(), *at)).collect();
            builder.tool(&tool.server, &tool.name, &tool.input_schema, &replaced);
        }
        Lists { catalogue: builder.build(), warning: None }
    }

    /// Those of the server of this name.
    pub(crate) fn tools(&self, server: &str) -> ToolsOf<'_> {
        ToolsOf(self.catalogue.tools(server))
    }
}
