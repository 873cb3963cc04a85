//! What has to be done besides writing: retention, bounds, closing of past days.

use crate::answers;
use crate::day::finish;
use crate::directory::{DayEntry, Directory, day_of, size_of_file, with_suffix};
use crate::failure::Failure;
use crate::shed::{Share, Shedding, Step, has_attacks, is_shed};
use crate::{Notice, Upkeep, Writer};
use record::Micros;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

/// How often the directory is read, in microseconds.
const SCAN_EVERY_US: i64 = 2_000_000;
/// A day is removed when it was found expired twice with this time between: one look at a clock
/// that is wrong for a moment deletes nothing. In microseconds.
const EXPIRED_TWICE_US: i64 = 20_000_000;
/// How often answers whose call did not come are forgotten, in microseconds.
const FORGET_EVERY_US: i64 = 60_000_000;
/// How long such answers wait, in microseconds.
const ANSWER_WAITS_US: i64 = 600_000_000;
/// A past day is finished when it was not written for this time, in microseconds.
const FINISH_AFTER_US: i64 = 120_000_000;
/// The WAL may grow to this while a reader holds it; beyond, every round tries to restart it.
pub(crate) const WAL_BYTES_MAX: u64 = 256 << 20;

/// What a writer remembers between rounds of upkeep.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    /// The lock of the one writer that does the shared work.
    lock: Option<File>,
    scanned_at: Option<Micros>,
    forgot_at: Option<Micros>,
    /// When a day was first found expired.
    expired: BTreeMap<i32, Micros>,
    /// Past days that were left in a state that a reader without write access can open.
    finished: BTreeSet<i32>,
    /// Past days whose payloads are gone already.
    shed: BTreeSet<i32>,
    /// Past days of which only attacks are left.
    reduced: BTreeSet<i32>,
    shedding: Option<Shedding>,
    /// Why nothing may be written now.
    pub(crate) full: Option<String>,
    last: Upkeep,
}

impl Rounds {
    /// For a directory that took the place of another.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}

impl Writer {
    /// Retention, size bounds, closing of past days, and whether the files are still the ones
    /// that were opened. Call it about once a second, between batches, and once at start. It
    /// works in slices of about 50 ms. Expired days are gone 20 to 25 seconds after their time,
    /// or after the start.
    pub fn upkeep(&mut self, now: Micros) -> Upkeep {
        self.look(now);
        let today = day_of(now);
        self.days.close_idle(today, now);
        let mut upkeep = Upkeep::default();
        // A clock that was set back must not put the next scan off.
        let is_due = self
            .rounds
            .scanned_at
            .is_none_or(|scanned_at| (now - scanned_at).abs() >= SCAN_EVERY_US);
        if is_due || self.rounds.shedding.is_some() {
            self.rounds.scanned_at = Some(now);
            self.scan(today, now, &mut upkeep);
        } else {
            let last = &self.rounds.last;
            upkeep = Upkeep {
                is_keeper: last.is_keeper,
                days: last.days,
                bytes: last.bytes,
                wal_bytes: last.wal_bytes,
                free_bytes: last.free_bytes,
                is_full: last.is_full,
                ..Upkeep::default()
            };
        }
        upkeep.catalog_changed = self.look_after_catalog(upkeep.is_keeper, now);
        upkeep.servers_refused = self.catalog.refused();
        upkeep.notices = std::mem::take(&mut self.notices);
        upkeep
    }

    fn scan(&mut self, today: i32, now: Micros, upkeep: &mut Upkeep) {
        upkeep.is_keeper = self.is_keeper();
        let mut days = self.days.directory.days().unwrap_or_default();
        if upkeep.is_keeper {
            self.expire(today, now, &mut days, upkeep);
            self.finish_past(today, now, &days);
            self.restart_wal(today);
            self.forget_answers(today, now);
        }
        let bytes = |days: &[DayEntry]| days.iter().map(|entry| entry.bytes).sum::<u64>();
        upkeep.bytes = bytes(&days);
        upkeep.free_bytes = self.days.directory.free_bytes().unwrap_or(u64::MAX);
        let mut excess = self.excess(upkeep);
        if upkeep.is_keeper && (excess.is_some() || self.rounds.shedding.is_some()) {
            self.shed(today, &days, upkeep);
            days = self.days.directory.days().unwrap_or_default();
            upkeep.bytes = bytes(&days);
            upkeep.free_bytes = self.days.directory.free_bytes().unwrap_or(u64::MAX);
            excess = self.excess(upkeep);
        }
        // Only when there is nothing left to give up is the newest refused.
        let is_last = !days.iter().any(|entry| entry.day < today);
        self.rounds.full = excess.filter(|_| is_last);
        upkeep.is_full = self.rounds.full.is_some();
        upkeep.days = u32::try_from(days.len()).unwrap_or(u32::MAX);
        let wal = with_suffix(&self.days.directory.day_file(today), "-wal");
        upkeep.wal_bytes = size_of_file(&wal);
        self.rounds.last = Upkeep { notices: Vec::new(), ..upkeep.clone() };
    }

    fn is_keeper(&mut self) -> bool {
        if self.rounds.lock.is_none() {
            self.rounds.lock = self
                .days
                .directory
                .lock_file("upkeep.lock")
                .ok()
                .filter(|file| file.try_lock().is_ok());
        }
        self.rounds.lock.is_some()
    }

    /// Why there is too much in the store, if there is.
    fn excess(&self, upkeep: &Upkeep) -> Option<String> {
        let (max, min) = (self.settings.size_bytes_max, self.settings.free_bytes_min);
        if max > 0 && upkeep.bytes > max {
            return Some(format!("the day files have {} bytes, max_size is {max}", upkeep.bytes));
        }
        if min > 0 && upkeep.free_bytes < min {
            let free = upkeep.free_bytes;
            return Some(format!("the file system has {free} bytes free, min_free is {min}"));
        }
        None
    }

    fn expire(&mut self, today: i32, now: Micros, days: &mut Vec<DayEntry>, upkeep: &mut Upkeep) {
        let kept = i32::try_from(self.settings.retention_days).unwrap_or(i32::MAX);
        let oldest = today.saturating_sub(kept);
        let is_expired = |entry: &DayEntry| entry.day < oldest && entry.modified_at <= now;
        self.rounds
            .expired
            .retain(|day, _| days.iter().any(|entry| entry.day == *day && is_expired(entry)));
        days.retain(|entry| {
            if !is_expired(entry) {
                return true;
            }
            let first = *self.rounds.expired.entry(entry.day).or_insert(now);
            if now - first < EXPIRED_TWICE_US {
                return true;
            }
            self.days.close(entry.day);
            match self.days.directory.remove_day(entry.day) {
                Ok(()) => {
                    upkeep.days_expired += 1;
                    false
                }
                Err(error) => {
                    let path = self.days.directory.day_file(entry.day);
                    self.notices.push(Notice::warning(format!("{}: {error}", path.display())));
                    true
                }
            }
        });
    }

    /// Leaves past days in a state that a reader without write access can open.
    fn finish_past(&mut self, today: i32, now: Micros, days: &[DayEntry]) {
        // A clock that was set back makes a past day the present one again, which is written.
        self.rounds.finished.retain(|day| *day < today);
        for entry in days.iter().filter(|entry| entry.day < today) {
            let is_quiet = now.saturating_sub(entry.modified_at) > FINISH_AFTER_US;
            // One that is about to be removed is left alone.
            if self.rounds.finished.contains(&entry.day)
                || self.rounds.expired.contains_key(&entry.day)
                || !is_quiet
                || self.days.open_mut(entry.day).is_some()
            {
                continue;
            }
            // Another worker may have it open still; the next round tries again.
            if finish(&self.days.directory.day_file(entry.day)).is_ok() {
                self.rounds.finished.insert(entry.day);
            }
        }
    }

    /// A reader that stays keeps the WAL from being used anew; once it is gone, this ends the
    /// growth at once instead of at the next quiet moment.
    fn restart_wal(&mut self, today: i32) {
        let Some(day) = self.days.open_mut(today) else { return };
        if size_of_file(&with_suffix(&day.path, "-wal")) > WAL_BYTES_MAX {
            day.restart_wal();
        }
    }

    fn forget_answers(&mut self, today: i32, now: Micros) {
        if self.rounds.forgot_at.is_some_and(|at| (now - at).abs() < FORGET_EVERY_US) {
            return;
        }
        self.rounds.forgot_at = Some(now);
        if let Some(day) = self.days.open_mut(today) {
            // A lock held elsewhere only puts it off.
            let _ = answers::forget(day, now.saturating_sub(ANSWER_WAITS_US));
        }
    }

    /// Gives up what counts least: payloads of the oldest days; then the oldest days, but for
    /// their attacks; then these, the oldest first.
    fn shed(&mut self, today: i32, days: &[DayEntry], upkeep: &mut Upkeep) {
        if self.rounds.shedding.is_none() {
            self.rounds.shedding = self.next_to_shed(today, days);
        }
        if let Some(mut shedding) = self.rounds.shedding.take() {
            let day = shedding.day();
            match shedding.step(&self.days.directory) {
                Ok(Step::More) => self.rounds.shedding = Some(shedding),
                Ok(Step::Again) => {}
                Ok(Step::Done { calls, share: Share::Payloads }) => {
                    self.rounds.shed.insert(day);
                    upkeep.payloads_shed += calls;
                }
                Ok(Step::Done { share: Share::Calls, .. }) => {
                    self.rounds.reduced.insert(day);
                    upkeep.days_reduced += 1;
                    let path = self.days.directory.day_file(day);
                    self.warn(format!(
                        "{} was reduced to its attacks to keep to max_size and min_free",
                        path.display()
                    ));
                }
                Err(failure) => {
                    // There may not even be room for the smaller copy: give the day up instead.
                    self.warn(format!("a day cannot be made smaller: {failure}"));
                    self.rounds.shed.insert(day);
                    self.rounds.reduced.insert(day);
                }
            }
            return;
        }
        if self.gave_up_a_day(today, days, upkeep) {
            return;
        }
        let Some(oldest) = days.first().filter(|entry| entry.day < today).copied() else {
            return;
        };
        self.remove(oldest.day, upkeep);
    }

    /// Removes the oldest day without attacks, or begins to reduce the oldest one to its attacks.
    /// `false`: there is nothing but attacks.
    fn gave_up_a_day(&mut self, today: i32, days: &[DayEntry], upkeep: &mut Upkeep) -> bool {
        for entry in days.iter().filter(|entry| entry.day < today) {
            if self.rounds.reduced.contains(&entry.day) {
                continue;
            }
            let path = self.days.directory.day_file(entry.day);
            if is_shed(&path, Share::Calls) {
                self.rounds.reduced.insert(entry.day);
                continue;
            }
            if !has_attacks(&path) {
                self.remove(entry.day, upkeep);
                return true;
            }
            self.days.close(entry.day);
            match Shedding::begin(&self.days.directory, entry.day, Share::Calls) {
                Ok(shedding) => {
                    self.rounds.shedding = Some(shedding);
                    return true;
                }
                Err(failure) => self.warn(format!("a day cannot be made smaller: {failure}")),
            }
            self.rounds.reduced.insert(entry.day);
        }
        false
    }

    fn remove(&mut self, day: i32, upkeep: &mut Upkeep) {
        self.days.close(day);
        match self.days.directory.remove_day(day) {
            Ok(()) => {
                upkeep.days_shed += 1;
                let path = self.days.directory.day_file(day);
                self.warn(format!(
                    "{} was removed to keep to max_size and min_free",
                    path.display()
                ));
            }
            Err(error) => self.warn(format!("a day cannot be removed: {error}")),
        }
    }

    fn next_to_shed(&mut self, today: i32, days: &[DayEntry]) -> Option<Shedding> {
        for entry in days.iter().filter(|entry| entry.day < today) {
            if self.rounds.shed.contains(&entry.day) || !self.rounds.finished.contains(&entry.day) {
                continue;
            }
            let path = self.days.directory.day_file(entry.day);
            if is_shed(&path, Share::Payloads) || is_shed(&path, Share::Calls) {
                self.rounds.shed.insert(entry.day);
                continue;
            }
            match Shedding::begin(&self.days.directory, entry.day, Share::Payloads) {
                Ok(shedding) => return Some(shedding),
                Err(failure) => self.warn(format!("arguments and results stay: {failure}")),
            }
            self.rounds.shed.insert(entry.day);
        }
        None
    }
}

impl Directory {
    /// Bytes free on the file system for who is not root.
    pub(crate) fn free_bytes(&self) -> Result<u64, Failure> {
        let found = rustix::fs::statvfs(self.path()).map_err(|error| {
            Failure::io(&self.path().display().to_string(), &std::io::Error::from(error))
        })?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }
}
