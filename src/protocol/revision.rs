//! The revisions of the MCP specification, and the two eras they fall into.

use std::fmt;

use crate::message::{Message, MessageKind};
use crate::meta::{META_PROTOCOL_VERSION, meta};

/// A published revision. Later ones are greater.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Revision {
    /// A pre-release that the TypeScript SDK still lists.
    V2024_10_07,
    /// HTTP+SSE.
    V2024_11_05,
    /// Streamable HTTP, with batches.
    V2025_03_26,
    /// Streamable HTTP without batches; the `MCP-Protocol-Version` header.
    V2025_06_18,
    /// Priming events, tasks (experimental).
    V2025_11_25,
    /// Stateless: no sessions, no `initialize`, no GET.
    V2026_07_28,
}

impl Revision {
    /// All, the oldest first.
    pub const ALL: [Revision; 6] = [
        Revision::V2024_10_07,
        Revision::V2024_11_05,
        Revision::V2025_03_26,
        Revision::V2025_06_18,
        Revision::V2025_11_25,
        Revision::V2026_07_28,
    ];

    /// The revision that goes by this name.
    pub fn parse(text: &str) -> Option<Revision> {
        Revision::ALL.into_iter().find(|revision| revision.as_str() == text)
    }

    /// Its name, as in `protocolVersion`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Revision::V2024_10_07 => "2024-10-07",
            Revision::V2024_11_05 => "2024-11-05",
            Revision::V2025_03_26 => "2025-03-26",
            Revision::V2025_06_18 => "2025-06-18",
            Revision::V2025_11_25 => "2025-11-25",
            Revision::V2026_07_28 => "2026-07-28",
        }
    }

    /// The era it belongs to.
    pub const fn era(self) -> Era {
        match self {
            Revision::V2026_07_28 => Era::Modern,
            _ => Era::Legacy,
        }
    }

    /// Whether a server has to take batches (only 2025-03-26 says so).
    pub const fn has_batches(self) -> bool {
        matches!(self, Revision::V2025_03_26)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Specification 2026-07-28, basic/versioning: before and after sessions were abolished.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Era {
    /// 2026-07-28 and later.
    Modern,
    /// 2025-11-25 and earlier.
    Legacy,
}

impl Era {
    /// The era of a version name. A date that is not known counts by its order; a name that is no
    /// date claims the modern mechanism.
    pub fn of_version(version: &str) -> Era {
        if is_date(version) && version < Revision::V2026_07_28.as_str() {
            Era::Legacy
        } else {
            Era::Modern
        }
    }
}

/// Whether the text has the form `YYYY-MM-DD` of all version names so far.
pub(crate) fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// The era of a message sent by a client, by the body-primary rule of the official SDKs
/// (typescript-sdk, core-internal/src/shared/inboundClassification.ts): a request belongs to the
/// era of the version it claims in `params._meta`, without a claim to the legacy one; `header`
/// (`MCP-Protocol-Version`) decides only for a notification without a claim.
pub fn era(message: &Message<'_>, header: Option<&str>) -> Era {
    let claim = meta(message, META_PROTOCOL_VERSION).and_then(|claim| claim.as_str());
    match (claim, message.kind, header) {
        (Some(version), MessageKind::Request | MessageKind::Notification, _) => {
            Era::of_version(&version)
        }
        (None, MessageKind::Notification, Some(version)) => Era::of_version(version),
        _ => Era::Legacy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scanner;

    #[test]
    fn every_revision_is_known_by_its_name_and_in_order() {
        for revision in Revision::ALL {
            assert_eq!(Revision::parse(revision.as_str()), Some(revision));
        }
        assert!(Revision::ALL.is_sorted());
        assert_eq!(Revision::parse("2025-11-26"), None);
    }

    fn era_of(json: &str, header: Option<&str>) -> Era {
        era(&Message::new(Scanner::new().scan(json.as_bytes()).root().unwrap()), header)
    }

    #[test]
    fn the_claim_in_the_body_decides_the_era() {
        let modern = r#"{"method":"initialize","id":1,"params":{"_meta":
            {"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
        assert_eq!(era_of(modern, None), Era::Modern);
        assert_eq!(era_of(modern, Some("2025-11-25")), Era::Modern);
        let old = r#"{"method":"tools/list","id":1,"params":{"_meta":
            {"io.modelcontextprotocol/protocolVersion":"2025-06-18"}}}"#;
        assert_eq!(era_of(old, Some("2026-07-28")), Era::Legacy);
    }

    #[test]
    fn without_a_claim_only_a_notification_goes_by_its_header() {
        let request = r#"{"method":"tools/list","id":1}"#;
        assert_eq!(era_of(request, Some("2026-07-28")), Era::Legacy);
        let notification = r#"{"method":"notifications/cancelled"}"#;
        assert_eq!(era_of(notification, Some("2026-07-28")), Era::Modern);
        assert_eq!(era_of(notification, None), Era::Legacy);
        assert_eq!(era_of(r#"{"id":1,"result":{}}"#, Some("2026-07-28")), Era::Legacy);
    }

    #[test]
    fn an_unknown_version_counts_by_its_date() {
        assert_eq!(Era::of_version("2027-01-31"), Era::Modern);
        assert_eq!(Era::of_version("2025-09-01"), Era::Legacy);
        assert_eq!(Era::of_version("draft"), Era::Modern);
    }
}
