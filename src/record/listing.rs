//! What an MCP server says that it offers.

use crate::Micros;
use protocol::PrimitiveKind;

/// A tool, resource, resource template or prompt of a list answer. Text is as the server sent it,
/// within the catalogue's limits, and not masked: a catalogue describes, it holds no values of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listed<'a> {
    /// A tool's or prompt's name, a resource's URI, a template's `uriTemplate`.
    pub name: &'a str,
    /// `title` (or a resource's `name`); empty where there is none.
    pub title: &'a str,
    /// `description`; empty where there is none.
    pub description: &'a str,
    /// `inputSchema` as JSON text, or a prompt's `arguments`; empty where there is none.
    pub input_schema: &'a str,
    /// `outputSchema` as JSON text; empty where there is none.
    pub output_schema: &'a str,
    /// `annotations` as JSON text; empty where there is none.
    pub annotations: &'a str,
    /// `mimeType`; empty where there is none.
    pub mime_type: &'a str,
    /// Whether a limit cut or left out one of these texts. A schema is there as a whole or not at
    /// all.
    pub is_cut: bool,
}

/// A page of a list: the 2xx answer to `tools/list` and its kin.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    /// When it was seen.
    pub at: Micros,
    /// What it lists.
    pub kind: PrimitiveKind,
    /// Whether these are resource templates, which are resources by pattern.
    pub is_templates: bool,
    /// Fingerprint of the credential, or of the user, that it was listed for; 0 for neither. Lists
    /// that differ between them make a server one whose lists differ per user.
    pub listed_for: u64,
    /// Which page it is: 0 the first, else a hash of the cursor it was asked for with. `None` where
    /// the request is not known: the answer came by another connection.
    pub page: Option<u64>,
    /// Fingerprint of the items as they passed: pages that are known cost no look at their items.
    pub fingerprint: u64,
    /// The items.
    pub items: &'a [Listed<'a>],
    /// Items that were left out: over a limit, or without a name.
    pub left_out: u32,
    /// The answer was longer than `mcp_response_limit`: there are no items, it only counts.
    pub is_truncated: bool,
}
