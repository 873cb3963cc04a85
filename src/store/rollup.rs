//! Rollups that do not know sessions: blocks of calls, and loads by server.

use crate::page::{CallRow, Page, RequestKey};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;

/// Calls of a block: numbers `block * 1024` to `block * 1024 + 1023`.
pub(crate) const BLOCK_CALLS: i64 = 1_024;
/// Bytes of a block's filter of request ids: 16 bits a call.
const FILTER_BYTES: usize = 2_048;
/// Bits set for an id. With six of 16 bits a call, one block in a thousand is read in vain.
const FILTER_PROBES: u32 = 6;

const SELECT_BLOCK: &str = "SELECT requests FROM blocks WHERE block = ?1";
const UPSERT_BLOCK: &str = "INSERT INTO blocks (block, first_at, last_at, requests) \
     VALUES (?1, ?2, ?3, ?4) ON CONFLICT (block) DO UPDATE SET first_at = min(first_at, ?2), \
     last_at = max(last_at, ?3), requests = ?4";
const UPSERT_LOAD: &str = "INSERT INTO loads (server, kind, bucket, calls) \
     VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET calls = calls + ?4";
const UPSERT_MINUTE: &str = "INSERT INTO minutes (minute, server, calls, errors) \
     VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET calls = calls + ?3, errors = errors + ?4";

/// The bits of a request id in a block's filter.
pub(crate) fn filter_bits(request_id: &[u8]) -> impl Iterator<Item = usize> {
    // FNV-1a, stirred once more: it is stored, so it must never change.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in request_id {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    let (first, step) = (hash & 0xffff_ffff, hash >> 32 | 1);
    let bits = FILTER_BYTES as u64 * 8;
    (0..FILTER_PROBES).map(move |probe| {
        let bit = first.wrapping_add(step.wrapping_mul(u64::from(probe))) % bits;
        usize::try_from(bit).unwrap_or(0)
    })
}

/// Whether a block's filter may hold a request id; a block without one may hold any.
pub(crate) fn may_hold(requests: Option<&[u8]>, request_id: &[u8]) -> bool {
    let Some(requests) = requests else { return true };
    filter_bits(request_id)
        .all(|bit| requests.get(bit / 8).is_none_or(|byte| byte & (1 << (bit % 8)) != 0))
}

#[derive(Debug)]
struct Block {
    first_at: i64,
    last_at: i64,
    /// All bits of its ids.
    bits: Vec<usize>,
}

/// What a batch adds to the blocks.
#[derive(Debug, Default)]
pub(crate) struct Blocks(BTreeMap<i64, Block>);

impl Blocks {
    /// Adds a call.
    pub(crate) fn add(&mut self, page: &Page, row: &CallRow, call: i64) {
        let block = self.0.entry(call / BLOCK_CALLS).or_insert_with(|| Block {
            first_at: row.at,
            last_at: row.at,
            bits: Vec::new(),
        });
        block.first_at = block.first_at.min(row.at);
        block.last_at = block.last_at.max(row.at);
        match &row.request_id {
            RequestKey::Bytes(bytes) => block.bits.extend(filter_bits(bytes)),
            RequestKey::Text(span) => {
                block
                    .bits
                    .extend(page.get(*span).into_iter().flat_map(|id| filter_bits(id.as_bytes())));
            }
        }
    }

    /// Writes them.
    pub(crate) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut select = connection.prepare_cached(SELECT_BLOCK)?;
        let mut upsert = connection.prepare_cached(UPSERT_BLOCK)?;
        for (number, block) in &self.0 {
            let there: Option<Option<Vec<u8>>> =
                select.query_row([number], |row| row.get(0)).optional()?;
            let requests = match there {
                // A block of a migrated file may hold ids that its filter does not know.
                Some(None) => None,
                Some(Some(requests)) => Some(requests),
                None => Some(vec![0; FILTER_BYTES]),
            };
            let requests = requests.map(|mut requests| {
                for bit in &block.bits {
                    if let Some(byte) = requests.get_mut(bit / 8) {
                        *byte |= 1 << (bit % 8);
                    }
                }
                requests
            });
            upsert.execute(params![number, block.first_at, block.last_at, requests])?;
        }
        Ok(())
    }
}

/// Notes who was seen in which part.
pub(crate) fn write_part_actors(
    connection: &Connection,
    day: i32,
    page: &Page,
) -> rusqlite::Result<()> {
    let mut insert = connection
        .prepare_cached("INSERT OR IGNORE INTO part_actors (actor, part) VALUES (?1, ?2)")?;
    for (_, actor, part) in page.part_actors.iter().filter(|(of, ..)| *of == day) {
        insert.execute((actor, part))?;
    }
    Ok(())
}

/// Adds to `loads` and `minutes`.
pub(crate) fn write_loads(connection: &Connection, day: i32, page: &Page) -> rusqlite::Result<()> {
    let mut loads: Vec<_> =
        page.loads.by_kind.iter().filter(|((of, ..), calls)| *of == day && **calls != 0).collect();
    loads.sort_unstable();
    let mut upsert = connection.prepare_cached(UPSERT_LOAD)?;
    for ((_, server, kind, bucket), calls) in loads {
        upsert.execute((server, kind, bucket, calls))?;
    }
    let mut minutes: Vec<_> = page
        .loads
        .by_minute
        .iter()
        .filter(|((of, ..), sums)| *of == day && **sums != (0, 0))
        .collect();
    minutes.sort_unstable();
    let mut upsert = connection.prepare_cached(UPSERT_MINUTE)?;
    for ((_, minute, server), (calls, errors)) in minutes {
        upsert.execute((minute, server, calls, errors))?;
    }
    Ok(())
}
