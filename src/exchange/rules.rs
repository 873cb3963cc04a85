//! A location's configuration, as the writer sees it: plain values, frozen at start.

use crate::controls::Controls;
use crate::session::path_session;
use record::{HashKey, Mask};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The most `mcp_param` directives in force in one location.
pub const PARAMS_MAX: usize = 20;

/// How much of arguments or results is kept (`mcp_capture`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureLevel {
    /// Values, with secrets masked.
    Masked,
    /// Structure, types and lengths only.
    Shape,
    /// Nothing.
    Off,
    /// Everything as it came.
    Unmasked,
}

/// `mcp_capture`.
#[derive(Clone, Copy, Debug)]
pub struct CaptureRules {
    /// Of arguments.
    pub arguments: CaptureLevel,
    /// Of results.
    pub results: CaptureLevel,
    /// The most bytes stored of each.
    pub limit_bytes: usize,
}

/// How sessions without an id are grouped (`mcp_session_derive`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Derive {
    /// Server, user or credential or else address and user agent, and the client's name.
    BuiltIn,
    /// By the values of [`crate::Facts::derive_value`].
    Values,
    /// Not at all: such exchanges belong to the `none` sessions.
    Off,
}

/// `mcp_param`.
#[derive(Clone, Debug)]
pub struct ParamRule {
    /// Its name.
    pub name: String,
    /// Whether the value is stored as a keyed hash.
    pub is_hashed: bool,
}

/// A location's configuration for the writer.
#[derive(Debug)]
pub struct Rules {
    /// `mcp_sessions on`. Elsewhere only what controls object to is recorded.
    pub records: bool,
    /// The controls in force; `None` where there are none.
    pub controls: Option<Arc<Controls>>,
    /// `mcp_server_name`.
    pub server_name: Option<String>,
    /// `mcp_session_id … stored=hashed`: session ids are stored as keyed hashes.
    pub session_hashed: bool,
    /// `mcp_session_derive`.
    pub derive: Derive,
    /// `mcp_session_derive idle=`, in microseconds.
    pub idle_us: i64,
    /// `mcp_user … hashed`.
    pub user_hashed: bool,
    /// `mcp_role … separator=`.
    pub role_separator: Option<String>,
    /// `mcp_param`, at most [`PARAMS_MAX`].
    pub params: Vec<ParamRule>,
    /// `mcp_capture`.
    pub capture: CaptureRules,
    /// `mcp_skip`: methods that are not recorded; `*` as wildcard at the end.
    pub skip: Vec<String>,
    /// `mcp_mask` and the built-in list.
    pub mask: Arc<Mask>,
    /// The key of `hashed` values (`mcp_hash_key_file`).
    pub hash_key: Option<HashKey>,
    /// `mcp_body_limit`: the most bytes of a request kept, and the most that decoding may make.
    pub body_bytes_max: usize,
    /// `mcp_response_limit`: the same of an answer, or of one event of a stream.
    pub response_bytes_max: usize,
    /// Paths under which MCP was seen, shared between the writer, which adds, and the event loop,
    /// which asks whether an unreadable body deserves a record.
    pub proven: ProvenPaths,
}

impl Rules {
    /// Whether `mcp_skip` names a method.
    #[must_use]
    pub fn skips(&self, method: &str) -> bool {
        self.skip.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => method.starts_with(beginning),
            None => method == pattern,
        })
    }
}

/// A small set of path fingerprints that both sides read and the writer adds to, without a lock.
#[derive(Debug, Default)]
pub struct ProvenPaths {
    slots: [AtomicU64; 8],
    /// Some of them stand for paths that have a session id in them.
    has_session_paths: AtomicBool,
}

/// Stands in a path's place for the session id in it.
const ANY_ID: &[u8] = b"\0";

impl ProvenPaths {
    /// Adds a path. A full set takes no more: those paths only lose records of unreadable bodies.
    pub fn add(&self, path: &[u8]) {
        self.put(fingerprint(&[path]));
    }

    /// Adds all paths that differ from this one in the session id alone.
    pub(crate) fn add_session_path(&self, path: &[u8]) {
        if let Some(hash) = session_fingerprint(path) {
            self.put(hash);
            self.has_session_paths.store(true, Ordering::Relaxed);
        }
    }

    fn put(&self, hash: u64) {
        for slot in &self.slots {
            match slot.compare_exchange(0, hash, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(there) if there == hash => return,
                Err(_) => {}
            }
        }
    }

    /// Whether nothing was added yet.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.slots.first().is_none_or(|slot| slot.load(Ordering::Relaxed) == 0)
    }

    /// Whether a path was added.
    #[must_use]
    pub fn contains(&self, path: &[u8]) -> bool {
        if self.is_empty() {
            return false;
        }
        self.has(fingerprint(&[path]))
            || self.has_session_paths.load(Ordering::Relaxed)
                && session_fingerprint(path).is_some_and(|hash| self.has(hash))
    }

    fn has(&self, hash: u64) -> bool {
        self.slots.iter().any(|slot| slot.load(Ordering::Relaxed) == hash)
    }
}

fn session_fingerprint(path: &[u8]) -> Option<u64> {
    let id = path_session(path)?;
    Some(fingerprint(&[path.get(..id.start)?, ANY_ID, path.get(id.end..)?]))
}

/// FNV-1a, never 0. A collision costs a superfluous record, no more.
fn fingerprint(parts: &[&[u8]]) -> u64 {
    let hash = parts.iter().copied().flatten().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash.max(1)
}

#[cfg(test)]
mod tests {
    use super::ProvenPaths;

    #[test]
    fn a_path_with_a_session_id_stands_for_those_with_others() {
        let proven = ProvenPaths::default();
        proven.add_session_path(b"/messages");
        assert!(proven.is_empty());
        proven.add(b"/mcp");
        let other = b"/messages/ffffffffffffffff0";
        assert!(proven.contains(b"/mcp") && !proven.contains(other));
        proven.add_session_path(b"/messages/0123456789abcdef");
        assert!(proven.contains(other) && proven.contains(b"/messages/0123456789abcdef"));
        assert!(!proven.contains(b"/messages/") && !proven.contains(b"/other/ffffffffffffffff0"));
    }

    #[test]
    fn a_full_set_takes_no_more() {
        let proven = ProvenPaths::default();
        for number in 0..9 {
            proven.add(format!("/{number}").as_bytes());
        }
        assert!(proven.contains(b"/7") && !proven.contains(b"/8"));
    }
}
