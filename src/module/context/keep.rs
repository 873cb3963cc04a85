//! What is kept of a body that passes.

use crate::worker::Worker;
use exchange::Body;

/// Keeps `bytes` of a body that passes, within its limit and the worker's memory, and says whether
/// there was none. Once something is lost nothing further is kept: so it is always the beginning.
pub(super) fn keep(
    worker: &Worker,
    body: &mut Body,
    bytes: &[u8],
    unseen: u64,
    limit: usize,
) -> bool {
    body.passed += bytes.len() as u64 + unseen;
    let mut room = limit.saturating_sub(body.bytes.len()).min(bytes.len());
    let grows = body.bytes.capacity() - body.bytes.len() < room;
    // A vector may double when it grows.
    let is_refused = grows && !worker.has_memory_for(body.bytes.len() + 2 * room);
    if body.lost > 0 || is_refused {
        room = 0;
    }
    let kept = bytes.get(..room).unwrap_or_default();
    body.bytes.extend_from_slice(kept);
    body.lost += (bytes.len() - kept.len()) as u64 + unseen;
    is_refused
}
