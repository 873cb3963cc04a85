//! One transaction of lists.

use super::limits::{
    CATALOG_BYTES_MAX, CHANGES_AN_HOUR_MAX, Counts, DIFFER_DAYS, LISTS_MAX, LeftOut,
    PRIMITIVES_MAX, SERVER_BYTES_MAX, VERSION_BYTES, VERSIONS_MAX,
};
use super::pending::{Item, Keys, KnownItem, Memory, Pending, SEEN_EVERY_US};
use super::sql;
use crate::directory::DAY_US;
use record::Micros;
use rusqlite::{Connection, OptionalExtension, params};
use rustc_hash::FxHashMap;

/// Items of one transaction.
const ITEMS_A_SLICE: usize = 512;
/// How long a version that was replaced for some users stays in force for others, where lists differ
/// per user and nobody lists it any more, in microseconds.
const UNLISTED_IN_FORCE_US: i64 = DAY_US;
/// How long nothing new is looked at where there is no room, in microseconds.
const FULL_PAUSE_US: i64 = 600_000_000;
/// How often it is written down that another user saw a version, where lists differ per user, in
/// microseconds.
const SEEN_BY_OTHERS_EVERY_US: i64 = 600_000_000;
const HOUR_US: i64 = DAY_US / 24;

/// A server's row.
struct ServerRow {
    server: i64,
    bytes: i64,
    differs: bool,
}

/// A primitive's row.
struct PrimitiveRow {
    primitive: i64,
    version: i64,
    last_seen_at: Micros,
    hour: i64,
    changes: i64,
}

/// One transaction at work.
pub(super) struct Slice<'c> {
    pub(super) connection: &'c Connection,
    now: Micros,
    /// What is in force has changed.
    pub(super) changed: bool,
    pub(super) left_out: Counts,
    /// What is to be remembered once it is committed.
    pub(super) known: Vec<(u64, KnownItem)>,
    /// How many primitives of a kind there are.
    counts: FxHashMap<u64, i64>,
    /// Bytes of the whole catalogue.
    total: Option<i64>,
}

impl<'c> Slice<'c> {
    /// A transaction that was begun.
    pub(super) fn new(connection: &'c Connection, now: Micros) -> Self {
        Self {
            connection,
            now,
            changed: false,
            left_out: Counts::default(),
            known: Vec::new(),
            counts: FxHashMap::default(),
            total: None,
        }
    }

    /// Writes as many items of a list as fit. Returns how many, and whether that was all.
    pub(super) fn list(
        &mut self,
        pending: &Pending,
        keys: &Keys<'_>,
        memory: &mut Memory,
    ) -> rusqlite::Result<(usize, bool)> {
        let mut server = self.server(pending)?;
        if !pending.is_noted && self.differs(pending, server.server)? {
            self.connection
                .prepare_cached(sql::SET_DIFFER)?
                .execute((server.server, pending.at))?;
            self.changed |= !server.differs;
            server.differs = true;
        }
        memory.know_differing(keys.server, server.differs);
        let mut count = 0;
        for item in pending.items.iter().take(ITEMS_A_SLICE) {
            self.item(pending, item, keys, &mut server, memory)?;
            count += 1;
        }
        Ok((count, count == pending.items.len()))
    }

    fn server(&self, pending: &Pending) -> rusqlite::Result<ServerRow> {
        self.connection.prepare_cached(sql::ADD_SERVER)?.execute((&pending.server, pending.at))?;
        self.connection.prepare_cached(sql::SERVER)?.query_row([&pending.server], |row| {
            let differ_at: Option<Micros> = row.get(2)?;
            Ok(ServerRow {
                server: row.get(0)?,
                bytes: row.get(1)?,
                differs: differ_at.is_some_and(|at| is_differing(at, self.now)),
            })
        })
    }

    /// Notes the page, and says whether it shows that lists differ per user: somebody else saw
    /// another page between two times that this one was seen.
    fn differs(&self, pending: &Pending, server: i64) -> rusqlite::Result<bool> {
        let Some(page) = pending.page else { return Ok(false) };
        let page = page.cast_signed();
        let listed_for = pending.listed_for.cast_signed();
        let print = pending.content.cast_signed();
        let place = (server, pending.kind, pending.is_template, page);
        let since: Option<Micros> = self
            .connection
            .prepare_cached(sql::NOTE_LIST)?
            .query_row(
                params![place.0, place.1, place.2, place.3, listed_for, print, pending.at],
                |row| row.get(0),
            )
            .optional()?;
        self.connection.prepare_cached(sql::TRIM_LISTS)?.execute((server, LISTS_MAX))?;
        let Some(since) = since else { return Ok(false) };
        self.connection.prepare_cached(sql::OTHER_LIST)?.query_row(
            params![place.0, place.1, place.2, place.3, listed_for, print, since, pending.at],
            |row| row.get(0),
        )
    }

    fn item(
        &mut self,
        pending: &Pending,
        item: &Item,
        keys: &Keys<'_>,
        server: &mut ServerRow,
        memory: &mut Memory,
    ) -> rusqlite::Result<()> {
        let group = server.differs.then_some(pending.listed_for);
        let key = keys.item(&item.name, group);
        let mut known = KnownItem {
            hash: item.hash,
            fresh_until: self.now.saturating_add(SEEN_EVERY_US),
            quiet_until: Micros::MIN,
        };
        let row = self
            .connection
            .prepare_cached(sql::PRIMITIVE)?
            .query_row((server.server, pending.kind, pending.is_template, &item.name), |row| {
                Ok(PrimitiveRow {
                    primitive: row.get(0)?,
                    version: row.get(1)?,
                    last_seen_at: row.get(2)?,
                    hour: row.get(3)?,
                    changes: row.get(4)?,
                })
            })
            .optional()?;
        match row {
            None => {
                if !self.add(pending, item, keys, server, memory)? {
                    return Ok(());
                }
            }
            Some(row) => {
                if !self.see(pending, item, server, &row)? {
                    known.quiet_until = (pending.at.div_euclid(HOUR_US) + 1) * HOUR_US;
                    known.fresh_until = known.quiet_until;
                    // What is in force is not known here: any text but this one is a change.
                    known.hash = item.hash.wrapping_add(1);
                }
            }
        }
        self.known.push((key, known));
        Ok(())
    }

    /// A primitive that is new. `false`: there is no room.
    fn add(
        &mut self,
        pending: &Pending,
        item: &Item,
        keys: &Keys<'_>,
        server: &mut ServerRow,
        memory: &mut Memory,
    ) -> rusqlite::Result<bool> {
        let count = match self.counts.get(&keys.kind) {
            Some(count) => *count,
            None => self
                .connection
                .prepare_cached(sql::COUNT)?
                .query_row((server.server, pending.kind, pending.is_template), |row| row.get(0))?,
        };
        let is_full = count >= PRIMITIVES_MAX;
        if is_full || !self.has_room(server, item)? {
            let reason = if is_full { LeftOut::Primitives } else { LeftOut::Bytes };
            self.left_out.add(reason, 1);
            memory.know_full(keys.kind, self.now.saturating_add(FULL_PAUSE_US));
            self.counts.insert(keys.kind, count);
            return Ok(false);
        }
        self.counts.insert(keys.kind, count + 1);
        let hour = pending.at.div_euclid(HOUR_US);
        let primitive = self.connection.prepare_cached(sql::ADD_PRIMITIVE)?.insert(params![
            server.server,
            pending.kind,
            pending.is_template,
            item.name,
            pending.at,
            hour
        ])?;
        self.add_version(pending, item, server, primitive)?;
        Ok(true)
    }

    /// A primitive that is there. `false`: it changes too often.
    fn see(
        &mut self,
        pending: &Pending,
        item: &Item,
        server: &mut ServerRow,
        row: &PrimitiveRow,
    ) -> rusqlite::Result<bool> {
        let in_force = self.in_force(row, item.hash, server.differs)?;
        if let Some((version, last_seen_at, listed_for)) = in_force {
            let unseen_us = pending.at.saturating_sub(last_seen_at.min(row.last_seen_at));
            let is_other = listed_for != pending.listed_for.cast_signed();
            let is_due = unseen_us >= SEEN_EVERY_US
                || server.differs && is_other && unseen_us >= SEEN_BY_OTHERS_EVERY_US;
            if is_due {
                let listed_for = pending.listed_for.cast_signed();
                self.connection
                    .prepare_cached(sql::SEE_PRIMITIVE)?
                    .execute((row.primitive, pending.at))?;
                self.connection
                    .prepare_cached(sql::SEE_VERSION)?
                    .execute((version, pending.at, listed_for))?;
            }
            if server.differs || is_due {
                self.replace(row.primitive, version, pending, server.differs)?;
            }
            return Ok(true);
        }
        let hour = pending.at.div_euclid(HOUR_US);
        let changes = if row.hour == hour { row.changes } else { 0 };
        if changes >= CHANGES_AN_HOUR_MAX {
            self.left_out.add(LeftOut::Changes, 1);
            return Ok(false);
        }
        self.trim_versions(row.primitive, VERSIONS_MAX - 1, server)?;
        if !self.has_room(server, item)? {
            // What is in force counts more than what was.
            self.trim_versions(row.primitive, 1, server)?;
        }
        if !self.has_room(server, item)? {
            self.left_out.add(LeftOut::Bytes, 1);
            return Ok(false);
        }
        let version = self.add_version(pending, item, server, row.primitive)?;
        self.replace(row.primitive, version, pending, server.differs)?;
        self.connection.prepare_cached(sql::CHANGE_PRIMITIVE)?.execute((
            row.primitive,
            pending.at,
            hour,
            changes + 1,
        ))?;
        Ok(true)
    }

    /// The version in force with these texts: the newest one, or, where lists differ per user, any.
    fn in_force(
        &self,
        row: &PrimitiveRow,
        hash: i64,
        differs: bool,
    ) -> rusqlite::Result<Option<(i64, Micros, i64)>> {
        self.connection
            .prepare_cached(sql::IN_FORCE)?
            .query_row((row.primitive, hash, row.version, differs), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()
    }

    /// Marks what a version replaces: all others; where lists differ per user, only what was last
    /// seen by the same user, or by nobody for long.
    fn replace(
        &mut self,
        primitive: i64,
        version: i64,
        pending: &Pending,
        differs: bool,
    ) -> rusqlite::Result<()> {
        let unlisted = pending.at.saturating_sub(UNLISTED_IN_FORCE_US);
        let replaced = self.connection.prepare_cached(sql::REPLACE)?.execute(params![
            primitive,
            version,
            pending.at,
            differs,
            pending.listed_for.cast_signed(),
            unlisted
        ])?;
        if replaced > 0 {
            self.changed = true;
            // Where lists differ, an older one may be the newest that is left.
            self.connection.prepare_cached(sql::SET_VERSION)?.execute([primitive])?;
        }
        Ok(())
    }

    fn add_version(
        &mut self,
        pending: &Pending,
        item: &Item,
        server: &mut ServerRow,
        primitive: i64,
    ) -> rusqlite::Result<i64> {
        let bytes = weight(item);
        let version = self.connection.prepare_cached(sql::ADD_VERSION)?.insert(params![
            primitive,
            item.hash,
            pending.at,
            pending.listed_for.cast_signed(),
            item.title,
            item.description,
            item.input_schema,
            item.output_schema,
            item.annotations,
            item.mime_type,
            item.is_cut,
            bytes
        ])?;
        self.connection
            .prepare_cached("UPDATE primitives SET version = ?2 WHERE primitive = ?1")?
            .execute((primitive, version))?;
        self.weigh(server, bytes)?;
        self.changed = true;
        Ok(version)
    }

    /// Deletes the oldest versions beyond `kept`, never one in force.
    fn trim_versions(
        &mut self,
        primitive: i64,
        kept: i64,
        server: &mut ServerRow,
    ) -> rusqlite::Result<()> {
        let freed: i64 = self
            .connection
            .prepare_cached(sql::TRIM_VERSIONS)?
            .query_map((primitive, kept), |row| row.get::<_, i64>(0))?
            .sum::<rusqlite::Result<i64>>()?;
        if freed > 0 {
            self.weigh(server, -freed)?;
        }
        Ok(())
    }

    fn weigh(&mut self, server: &mut ServerRow, bytes: i64) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("UPDATE servers SET bytes = bytes + ?2 WHERE server = ?1")?
            .execute((server.server, bytes))?;
        server.bytes += bytes;
        self.total = self.total.map(|total| total + bytes);
        Ok(())
    }

    fn has_room(&mut self, server: &ServerRow, item: &Item) -> rusqlite::Result<bool> {
        let total = match self.total {
            Some(total) => total,
            None => self
                .connection
                .prepare_cached("SELECT total(bytes) FROM servers")?
                .query_row((), |row| row.get::<_, f64>(0))? as i64,
        };
        self.total = Some(total);
        let bytes = weight(item);
        Ok(server.bytes + bytes <= SERVER_BYTES_MAX && total + bytes <= CATALOG_BYTES_MAX)
    }
}

/// Whether lists that were seen to differ at this time still count as such.
pub(crate) fn is_differing(differ_at: Micros, now: Micros) -> bool {
    now.saturating_sub(differ_at) < DIFFER_DAYS * DAY_US
}

fn weight(item: &Item) -> i64 {
    i64::try_from(item.bytes()).unwrap_or(i64::MAX / 4).saturating_add(VERSION_BYTES)
}
