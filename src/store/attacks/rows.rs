//! The rows of a batch's attacks.

use super::{AttackGroup, Words};
use crate::page::{CallRow, MINUTE_US, Page, Span, Touched};
use rusqlite::{Connection, OptionalExtension, params};
use rustc_hash::FxHashMap;

/// The most rows of attacks in a day. Beyond it, an attack is counted in the newest row of its
/// session part and control.
const ATTACKS_A_DAY_MAX: i64 = 1_000_000;
/// The most bytes of evidence in a day. Beyond it, attacks are stored without.
const EVIDENCE_A_DAY_BYTES_MAX: i64 = 512 << 20;

const FIND: &str = "SELECT attack FROM attack_rows \
     WHERE part = ?1 AND control = ?2 AND hash = ?3 AND at >= ?4 AND at < ?5";
const FIND_LIKE: &str = "SELECT max(attack) FROM attack_rows WHERE part = ?1 AND control = ?2";
const INSERT: &str = "INSERT INTO attack_rows (attack, at, last_at, count, call, part, server, \
     actor, kind, control, hash, action, detail, point, expected, found, evidence) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
const ADD: &str = "UPDATE attack_rows SET count = count + ?2, last_at = max(last_at, ?3) \
     WHERE attack = ?1";
const INSERT_CALL: &str = "INSERT OR IGNORE INTO attack_calls (call, attack) VALUES (?1, ?2)";
const INSERT_EVIDENCE: &str =
    "INSERT INTO evidence (line, headers, body, truncated) VALUES (?1, ?2, ?3, ?4)";
const ADD_EVIDENCE_BYTES: &str = "INSERT INTO meta (key, value) VALUES ('evidence_bytes', ?1) \
     ON CONFLICT (key) DO UPDATE SET value = value + ?1 RETURNING value";
const UPSERT_TALLY: &str = "INSERT INTO control_tallies (control, server, allowed, denied, \
     blocked, unjudged, unjudged_blocked, last_attack_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET allowed = allowed + ?3, \
     denied = denied + ?4, blocked = blocked + ?5, unjudged = unjudged + ?6, \
     unjudged_blocked = unjudged_blocked + ?7, \
     last_attack_at = max(ifnull(last_attack_at, ?8), ifnull(?8, last_attack_at))";
const UPSERT_MINUTE: &str = "INSERT INTO attack_minutes (minute, server, attacks) \
     VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET attacks = attacks + ?3";

/// Writes a batch's attacks of a day, and what controls made of its calls. `numbers`: of the
/// calls by their places in the page. Returns how many attacks and requests found no room.
pub(crate) fn write(
    connection: &Connection,
    day: i32,
    page: &Page,
    numbers: &FxHashMap<usize, i64>,
) -> rusqlite::Result<(u64, u64)> {
    let attacks = &page.attacks;
    if attacks.groups.is_empty() && attacks.tallies.is_empty() {
        return Ok((0, 0));
    }
    let mut upsert = connection.prepare_cached(UPSERT_TALLY)?;
    for ((_, control, server), tally) in attacks.tallies.iter().filter(|((of, ..), _)| *of == day) {
        upsert.execute(params![
            control,
            server,
            tally.allowed,
            tally.denied,
            tally.blocked,
            tally.unjudged,
            tally.unjudged_blocked,
            tally.last_attack_at
        ])?;
    }
    let mut upsert = connection.prepare_cached(UPSERT_MINUTE)?;
    for ((_, minute, server), count) in attacks.minutes.iter().filter(|((of, ..), _)| *of == day) {
        upsert.execute((minute, server, count))?;
    }
    Writing::new(connection, day, page, numbers)?.write()
}

/// The rows of a day being written.
struct Writing<'a> {
    connection: &'a Connection,
    day: i32,
    page: &'a Page,
    numbers: &'a FxHashMap<usize, i64>,
    next: i64,
    /// The row of each group.
    rows: Vec<Option<i64>>,
    /// The newest row of a part and control, where it was looked for.
    like: FxHashMap<(i64, i64), Option<i64>>,
    /// The rows of evidence that were written.
    evidence: FxHashMap<usize, Option<i64>>,
    attacks_left_out: u64,
    evidence_left_out: u64,
}

impl<'a> Writing<'a> {
    fn new(
        connection: &'a Connection,
        day: i32,
        page: &'a Page,
        numbers: &'a FxHashMap<usize, i64>,
    ) -> rusqlite::Result<Self> {
        let newest: Option<i64> = connection
            .prepare_cached("SELECT max(attack) FROM attack_rows")?
            .query_row((), |row| row.get(0))?;
        Ok(Self {
            connection,
            day,
            page,
            numbers,
            next: newest.unwrap_or(0) + 1,
            rows: Vec::with_capacity(page.attacks.groups.len()),
            like: FxHashMap::default(),
            evidence: FxHashMap::default(),
            attacks_left_out: 0,
            evidence_left_out: 0,
        })
    }

    fn write(mut self) -> rusqlite::Result<(u64, u64)> {
        for group in &self.page.attacks.groups {
            let touched = self.page.touched.get(group.touched).filter(|it| it.day == self.day);
            let row = match touched {
                Some(touched) => self.write_group(group, touched)?,
                None => None,
            };
            if touched.is_some() && row.is_none() {
                self.attacks_left_out += group.count.unsigned_abs();
            }
            self.rows.push(row);
        }
        let mut insert = self.connection.prepare_cached(INSERT_CALL)?;
        for (call, group) in &self.page.attacks.calls {
            let row = self.rows.get(*group).copied().flatten();
            if let (Some(call), Some(row)) = (self.numbers.get(call), row) {
                insert.execute((call, row))?;
            }
        }
        Ok((self.attacks_left_out, self.evidence_left_out))
    }

    /// Finds or makes the row of a group.
    fn write_group(
        &mut self,
        group: &AttackGroup,
        touched: &Touched,
    ) -> rusqlite::Result<Option<i64>> {
        let from = group.at.div_euclid(MINUTE_US) * MINUTE_US;
        let key = (touched.part, group.control, group.hash, from, from + MINUTE_US);
        let found: Option<i64> =
            self.connection.prepare_cached(FIND)?.query_row(key, |row| row.get(0)).optional()?;
        let call = group.call.and_then(|call| self.page.rows.get(call).map(|row| (call, row)));
        let row = match (found, call, &group.words) {
            (Some(row), ..) => Some(row),
            (None, Some((call, row)), Some(words)) if self.next <= ATTACKS_A_DAY_MAX => {
                return self.insert(group, touched, (call, row), words).map(Some);
            }
            _ => self.like(touched.part, group.control)?,
        };
        if let Some(row) = row {
            self.connection.prepare_cached(ADD)?.execute((row, group.count, group.last_at))?;
        }
        Ok(row)
    }

    fn insert(
        &mut self,
        group: &AttackGroup,
        touched: &Touched,
        (call, row): (usize, &CallRow),
        words: &Words,
    ) -> rusqlite::Result<i64> {
        let evidence = match words.evidence {
            Some(evidence) => self.write_evidence(evidence)?,
            None => None,
        };
        let attack = self.next;
        self.next += 1;
        self.connection.prepare_cached(INSERT)?.execute(params![
            attack,
            group.at,
            group.last_at,
            group.count,
            self.numbers.get(&call),
            touched.part,
            touched.server,
            row.actor,
            row.kind,
            group.control,
            group.hash,
            group.action.as_str(),
            self.page.get(words.detail),
            self.page.get(words.point),
            self.page.get(words.expected),
            self.page.get(words.found),
            evidence
        ])?;
        self.like.insert((touched.part, group.control), Some(attack));
        Ok(attack)
    }

    fn like(&mut self, part: i64, control: i64) -> rusqlite::Result<Option<i64>> {
        if let Some(known) = self.like.get(&(part, control)) {
            return Ok(*known);
        }
        let found = self
            .connection
            .prepare_cached(FIND_LIKE)?
            .query_row((part, control), |row| row.get(0))?;
        self.like.insert((part, control), found);
        Ok(found)
    }

    fn write_evidence(&mut self, evidence: usize) -> rusqlite::Result<Option<i64>> {
        if let Some(known) = self.evidence.get(&evidence) {
            return Ok(*known);
        }
        let Some(kept) = self.page.attacks.evidence.get(evidence) else { return Ok(None) };
        let text = |span: Span| self.page.get(span).unwrap_or_default();
        let (line, headers, body) = (text(kept.line), text(kept.headers), text(kept.body));
        let bytes = i64::try_from(line.len() + headers.len() + body.len()).unwrap_or(i64::MAX);
        let all: i64 = self
            .connection
            .prepare_cached(ADD_EVIDENCE_BYTES)?
            .query_row([bytes], |row| row.get(0))?;
        let row = if all > EVIDENCE_A_DAY_BYTES_MAX {
            self.connection
                .prepare_cached(ADD_EVIDENCE_BYTES)?
                .query_row([-bytes], |row| row.get::<_, i64>(0))?;
            self.evidence_left_out += 1;
            None
        } else {
            let mut insert = self.connection.prepare_cached(INSERT_EVIDENCE)?;
            Some(insert.insert(params![line, headers, body, kept.truncated])?)
        };
        self.evidence.insert(evidence, row);
        Ok(row)
    }
}
