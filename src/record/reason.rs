//! Why something was not recorded, or not as a whole. Every bound of the product counts here.

/// The named reasons of `mcp_status` and of the API's `stats`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reason {
    /// The queue to the writer was full.
    QueueFull,
    /// The worker's memory for captures was used up (`mcp_memory_limit`).
    MemoryLimit,
    /// The disk, or the store's share of it, is full.
    DiskFull,
    /// The day's database could not be written: damaged, removed, not permitted.
    StoreFailed,
    /// The worker ended before the queue was written.
    Shutdown,
    /// A bug was caught.
    Panic,
}

impl Reason {
    /// Every reason, in the order of its number.
    pub const ALL: [Self; 6] = [
        Self::QueueFull,
        Self::MemoryLimit,
        Self::DiskFull,
        Self::StoreFailed,
        Self::Shutdown,
        Self::Panic,
    ];

    /// The word used in `mcp_status` and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::MemoryLimit => "memory_limit",
            Self::DiskFull => "disk_full",
            Self::StoreFailed => "store_failed",
            Self::Shutdown => "shutdown",
            Self::Panic => "panic",
        }
    }
}
