//! Every bound of the catalogue, and what it kept out.

/// The most primitives of one kind (templates are a kind of their own) of an MCP server.
pub const PRIMITIVES_MAX: i64 = 10_000;
/// The most versions kept of a primitive. The oldest goes first.
pub const VERSIONS_MAX: i64 = 20;
/// The most changes of one primitive that are written in an hour.
pub const CHANGES_AN_HOUR_MAX: i64 = 6;
/// The most bytes of all versions of one MCP server.
pub const SERVER_BYTES_MAX: i64 = 32 << 20;
/// The most bytes of all versions of the catalogue.
pub const CATALOG_BYTES_MAX: i64 = 128 << 20;
/// The most bytes of lists that wait to be written.
pub const PENDING_BYTES_MAX: usize = 8 << 20;
/// The most rows kept of an MCP server to tell whether its lists differ per user.
pub const LISTS_MAX: i64 = 1_000;
/// How long what is neither listed nor called is remembered, in days.
pub const FORGOTTEN_AFTER_DAYS: i64 = 30;
/// How long lists that were seen to differ per user count as such, in days.
pub const DIFFER_DAYS: i64 = 7;

/// What a row of `versions` weighs besides its texts, roughly.
pub(crate) const VERSION_BYTES: i64 = 128;

/// Why something is not in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LeftOut {
    /// There are [`crate::SERVERS_MAX`] MCP servers already.
    Servers,
    /// A list answer was longer than `mcp_response_limit`.
    Truncated,
    /// An item of a list had no name, or a list too many items.
    Items,
    /// An item of the same name followed in the same list.
    Duplicates,
    /// A text or a schema was over its limit; the item is there without it.
    Text,
    /// There are [`PRIMITIVES_MAX`] of this kind already.
    Primitives,
    /// The primitive has changed [`CHANGES_AN_HOUR_MAX`] times in this hour.
    Changes,
    /// [`SERVER_BYTES_MAX`] or [`CATALOG_BYTES_MAX`] is reached.
    Bytes,
    /// [`PENDING_BYTES_MAX`] is reached: the catalogue cannot be written.
    Pending,
}

impl LeftOut {
    /// Every reason, in the order of its number.
    pub const ALL: [Self; 9] = [
        Self::Servers,
        Self::Truncated,
        Self::Items,
        Self::Duplicates,
        Self::Text,
        Self::Primitives,
        Self::Changes,
        Self::Bytes,
        Self::Pending,
    ];

    /// The word used in the database and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Servers => "servers",
            Self::Truncated => "truncated",
            Self::Items => "items",
            Self::Duplicates => "duplicates",
            Self::Text => "text",
            Self::Primitives => "primitives",
            Self::Changes => "changes",
            Self::Bytes => "bytes",
            Self::Pending => "pending",
        }
    }
}

/// Counts by reason that were not written down yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts([u64; LeftOut::ALL.len()]);

impl Counts {
    /// Counts.
    pub(crate) fn add(&mut self, reason: LeftOut, count: u64) {
        if let Some(sum) = self.0.get_mut(reason as usize) {
            *sum = sum.saturating_add(count);
        }
    }

    /// Adds others'.
    pub(crate) fn add_all(&mut self, other: &Self) {
        for (reason, count) in other.iter() {
            self.add(reason, count);
        }
    }

    /// Those that are not 0.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (LeftOut, u64)> {
        LeftOut::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }
}
