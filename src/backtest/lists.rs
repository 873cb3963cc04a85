//! The tools that MCP servers list, as the store knows them.

use control::ToolsOf;

/// Where the tools of an MCP server come from.
pub(crate) trait Lists {
    /// Those of the server of this name.
    fn tools(&self, server: &str) -> ToolsOf<'_>;
}

/// No server has ever listed a tool.
#[derive(Debug)]
pub(crate) struct NoLists;

impl Lists for NoLists {
    fn tools(&self, _server: &str) -> ToolsOf<'_> {
        ToolsOf(None)
    }
}
