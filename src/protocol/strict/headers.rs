//! Headers that repeat what the body says (specification 2026-07-28, basic/transports): they are
//! compared with it, never believed.

use super::objection::{Objections, Rule};
use super::params::primitives;
use crate::header::decode_mcp_name;
use crate::json::Value;
use crate::meta::META_PROTOCOL_VERSION;
use crate::revision::Revision;

const METHOD: &str = "header Mcp-Method";
const NAME: &str = "header Mcp-Name";
const VERSION: &str = "header MCP-Protocol-Version";
const NOTHING: &str = "no such header";

/// What a request's headers say. Empty where there is no such header.
#[derive(Copy, Clone, Debug, Default)]
pub struct RequestHeaders<'a> {
    /// `Content-Type`, all occurrences joined with commas.
    pub content_type: &'a [u8],
    /// `Content-Encoding`, all occurrences joined with commas.
    pub content_encoding: &'a [u8],
    /// Every occurrence of `Mcp-Method`.
    pub mcp_method: &'a [&'a [u8]],
    /// Every occurrence of `Mcp-Name`, as sent.
    pub mcp_name: &'a [&'a [u8]],
    /// Every occurrence of `MCP-Protocol-Version`.
    pub protocol_version: &'a [&'a [u8]],
}

impl RequestHeaders<'_> {
    /// A server may take any of several versions.
    pub(super) fn check_repeated(&self, found: &mut Objections) {
        let Some((first, rest)) = self.protocol_version.split_first() else { return };
        for other in rest.iter().filter(|other| other.trim_ascii() != first.trim_ascii()) {
            let first = String::from_utf8_lossy(first);
            found.add(Rule::HeaderMismatch, VERSION.into(), &first, other);
        }
    }

    /// Compares with one message.
    pub(super) fn check_message(
        &self,
        method: Option<&str>,
        params: Option<Value<'_>>,
        found: &mut Objections,
    ) {
        self.check_version(params, found);
        if self.mcp_method.is_empty() && self.mcp_name.is_empty() {
            return;
        }
        for header in self.mcp_method {
            if method.map(str::as_bytes) != Some(header.trim_ascii()) {
                let expected = method.unwrap_or(NOTHING);
                found.add(Rule::HeaderMismatch, METHOD.into(), expected, header);
            }
        }
        let names = method.map(|method| primitives(method, params)).unwrap_or_default();
        for header in self.mcp_name {
            let said = decode_mcp_name(header);
            // One header cannot name several.
            let [name] = &names[..] else {
                found.add(Rule::HeaderMismatch, NAME.into(), NOTHING, header);
                continue;
            };
            if name.name != said {
                found.add(Rule::HeaderMismatch, NAME.into(), &name.name, header);
            }
        }
    }

    fn check_version(&self, params: Option<Value<'_>>, found: &mut Objections) {
        let Some(header) = self.protocol_version.first() else { return };
        let Some(claim) = claim(params).filter(|claim| !claim.is_empty()) else { return };
        if header.trim_ascii() != claim.as_bytes() {
            found.add(Rule::HeaderMismatch, VERSION.into(), &claim, header);
        }
    }

    /// Only 2025-03-26 has batches, and it had no such header; a request without one is of that
    /// revision (specification 2025-06-18, basic/transports, "Protocol Version Header").
    pub(super) fn check_batch(&self, found: &mut Objections) {
        for header in self.protocol_version {
            let version = std::str::from_utf8(header.trim_ascii()).ok().and_then(Revision::parse);
            if !version.is_some_and(Revision::has_batches) {
                found.add(Rule::Batch, VERSION.into(), Revision::V2025_03_26.as_str(), header);
            }
        }
    }

    /// There is a body, and no message in it that they could repeat.
    pub(super) fn check_without_message(&self, found: &mut Objections) {
        for (point, headers) in [(METHOD, self.mcp_method), (NAME, self.mcp_name)] {
            for header in headers {
                found.add(Rule::HeaderMismatch, point.into(), NOTHING, header);
            }
        }
    }
}

/// The version that a message claims in its `params._meta`.
pub(super) fn claim(params: Option<Value<'_>>) -> Option<std::borrow::Cow<'_, str>> {
    params?.get("_meta")?.get(META_PROTOCOL_VERSION)?.as_str()
}
