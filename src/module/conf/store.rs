//! Directives of the http level: the store, memory, the key of hashes.

use super::line::{Line, Word, Wrong, once, wrong};
use super::{MainConf, zone_bytes_min};
use crate::zone;
use nginx_sys::{ngx_cycle_t, ngx_shared_memory_add, ngx_shm_zone_t, ngx_str_t};
use record::HashKey;
use std::path::PathBuf;

const ZONE_NAME: &[u8] = b"mcp_sessions";
const ZONE_BYTES: usize = 4 << 20;
const ZONE_BYTES_MAX: u64 = 1 << 30;
const RETENTION_DAYS: u32 = 7;
const DAY_MS: u64 = 86_400_000;
const RETENTION_DAYS_MAX: u64 = 365;
const SIZE_BYTES_MAX: u64 = 20 << 30;
const FREE_BYTES_MIN: u64 = 1 << 30;
const DISK_BYTES_MAX: u64 = 1 << 50;
const FLUSH_MS: u64 = 200;
const QUEUE_BYTES_MAX: usize = 64 << 20;
const QUEUE_BYTES_LEAST: u64 = 1 << 20;
const QUEUE_BYTES_MOST: u64 = 16 << 30;
const MEMORY_BYTES_LEAST: u64 = 1 << 20;
const MEMORY_BYTES_MOST: u64 = 64 << 30;
/// Fewer bytes could be tried out.
const SECRET_BYTES_MIN: usize = 16;
/// A file of secrets is no bigger.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// `mcp_sessions_store`.
pub(crate) struct StoreConf {
    /// The store's directory.
    pub(crate) path: PathBuf,
    /// The shared memory of the counters; `crate::zone::init` prepares it.
    pub(crate) zone: *mut ngx_shm_zone_t,
    /// Whole days kept besides today.
    pub(crate) retention_days: u32,
    /// 0: no bound.
    pub(crate) size_bytes_max: u64,
    /// 0: no bound.
    pub(crate) free_bytes_min: u64,
    /// The longest a record waits for its transaction.
    pub(crate) flush_ms: u64,
    /// Of a worker's queue to its writer.
    pub(crate) queue_bytes_max: usize,
    /// `sync=full`.
    pub(crate) sync_full: bool,
    /// The configuration's cycle, whose core settings say who the workers are.
    pub(crate) cycle: *mut ngx_cycle_t,
}

/// The parameters of `mcp_sessions_store`, each at most once.
#[derive(Default)]
struct Parameters<'a> {
    zone: Option<(&'a [u8], usize)>,
    retention: Option<u32>,
    max_size: Option<u64>,
    min_free: Option<u64>,
    flush: Option<u64>,
    queue: Option<usize>,
    sync: Option<bool>,
}

impl<'a> Parameters<'a> {
    fn take(&mut self, word: Word<'a>) -> Result<(), Wrong> {
        let is_new = if let Some(zone) = word.option("zone") {
            self.zone.replace(zone_of(zone)?).is_none()
        } else if let Some(time) = word.option("retention") {
            self.retention.replace(days(time)?).is_none()
        } else if let Some(size) = word.option("max_size") {
            self.max_size.replace(size.size("max_size", 0..=DISK_BYTES_MAX)?).is_none()
        } else if let Some(size) = word.option("min_free") {
            self.min_free.replace(size.size("min_free", 0..=DISK_BYTES_MAX)?).is_none()
        } else if let Some(time) = word.option("flush") {
            self.flush.replace(time.time_ms("flush", 10..=10_000)?).is_none()
        } else if let Some(size) = word.option("queue") {
            let size = size.size("queue", QUEUE_BYTES_LEAST..=QUEUE_BYTES_MOST)?;
            self.queue.replace(bytes_of(size)).is_none()
        } else if let Some(sync) = word.option("sync") {
            let is_full = match sync.bytes() {
                b"normal" => false,
                b"full" => true,
                _ => {
                    return Err(wrong!("has an invalid sync \"{sync}\": write normal or full"));
                }
            };
            self.sync.replace(is_full).is_none()
        } else {
            return Err(word.unknown(
                "zone=name:size, retention=, max_size=, min_free=, flush=, queue= or \
                 sync=normal|full after the path",
            ));
        };
        if is_new { Ok(()) } else { Err(wrong!("has \"{word}\" twice: write it once")) }
    }
}

/// `mcp_sessions_store path [zone=name:size] …`
pub(super) fn store(line: &Line<'_>, main: &mut MainConf) -> Result<(), Wrong> {
    if main.store.is_some() {
        return Err(Wrong::Duplicate);
    }
    let path = line.path(&line.word(0)?, false)?;
    let mut parameters = Parameters::default();
    for word in line.words().skip(1) {
        parameters.take(word)?;
    }
    let (name, size) = parameters.zone.unwrap_or((ZONE_NAME, ZONE_BYTES));
    let zone = add_zone(line, name, size, main)?;
    main.store = Some(StoreConf {
        path,
        zone,
        retention_days: parameters.retention.unwrap_or(RETENTION_DAYS),
        size_bytes_max: parameters.max_size.unwrap_or(SIZE_BYTES_MAX),
        free_bytes_min: parameters.min_free.unwrap_or(FREE_BYTES_MIN),
        flush_ms: parameters.flush.unwrap_or(FLUSH_MS),
        queue_bytes_max: parameters.queue.unwrap_or(QUEUE_BYTES_MAX),
        sync_full: parameters.sync.unwrap_or(false),
        // SAFETY: the context is nginx's.
        cycle: unsafe { (*line.cf()).cycle },
    });
    Ok(())
}

/// `name:size`
fn zone_of(zone: Word<'_>) -> Result<(&[u8], usize), Wrong> {
    let colon = zone.bytes().iter().position(|byte| *byte == b':').filter(|colon| *colon > 0);
    let (name, size) = colon
        .and_then(|colon| Some((zone.bytes().get(..colon)?, zone.after(colon + 1)?)))
        .ok_or_else(|| {
            wrong!("has an invalid zone \"{zone}\": write zone=name:size, as zone=mcp_sessions:4m")
        })?;
    Ok((name, bytes_of(size.size("zone size", zone_bytes_min()..=ZONE_BYTES_MAX)?)))
}

/// Whole days.
fn days(time: Word<'_>) -> Result<u32, Wrong> {
    let refused = || {
        wrong!(
            "has an invalid retention \"{time}\": write whole days from 1d to {RETENTION_DAYS_MAX}d"
        )
    };
    let ms = time
        .time_ms("retention", DAY_MS..=RETENTION_DAYS_MAX * DAY_MS)
        .ok()
        .filter(|ms| ms % DAY_MS == 0)
        .ok_or_else(refused)?;
    u32::try_from(ms / DAY_MS).map_err(|_| refused())
}

fn add_zone(
    line: &Line<'_>,
    name: &[u8],
    size: usize,
    main: &mut MainConf,
) -> Result<*mut ngx_shm_zone_t, Wrong> {
    // SAFETY: the context is nginx's; the name is copied into its pool, the tag is only compared,
    // and the main configuration lives as long as the zone's use by this configuration.
    unsafe {
        let pool = (*line.cf()).pool;
        let mut name = ngx_str_t::from_bytes(pool, name).ok_or(Wrong::Logged)?;
        let tag = (&raw mut crate::ngx_http_mcp_sessions_module).cast();
        let zone = ngx_shared_memory_add(line.cf(), &raw mut name, size, tag);
        if zone.is_null() {
            return Err(Wrong::Logged);
        }
        (*zone).init = Some(zone::init);
        (*zone).data = std::ptr::from_mut(main).cast();
        Ok(zone)
    }
}

/// `mcp_memory_limit size`
pub(super) fn memory_limit(line: &Line<'_>, main: &mut MainConf) -> Result<(), Wrong> {
    let size = line.word(0)?.size("size", MEMORY_BYTES_LEAST..=MEMORY_BYTES_MOST)?;
    once(&mut main.memory_limit, bytes_of(size))
}

/// `mcp_hash_key_file file`
pub(super) fn hash_key_file(line: &Line<'_>, main: &mut MainConf) -> Result<(), Wrong> {
    if main.hash_key.is_some() {
        return Err(Wrong::Duplicate);
    }
    let path = line.path(&line.word(0)?, true)?;
    let shown = path.display();
    let is_too_big = std::fs::metadata(&path).is_ok_and(|file| file.len() > SECRET_BYTES_MAX);
    if is_too_big {
        return Err(wrong!(
            "file \"{shown}\" is too big to be a key: make one with openssl rand -hex 32"
        ));
    }
    let secret = std::fs::read(&path).map_err(|error| {
        wrong!("file \"{shown}\" cannot be read ({error}): make one with openssl rand -hex 32")
    })?;
    let secret = secret.trim_ascii();
    if secret.len() < SECRET_BYTES_MIN {
        return Err(wrong!(
            "file \"{shown}\" holds less than {SECRET_BYTES_MIN} bytes: make one with openssl rand \
             -hex 32"
        ));
    }
    main.hash_key = Some(HashKey::from_secret(secret));
    Ok(())
}

/// On machines of 32 bits, what does not fit is as good as all there is.
pub(super) fn bytes_of(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}
