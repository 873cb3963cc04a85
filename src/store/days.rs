//! The day files a writer has open: today's, and the neighbours while they are needed.

use crate::Sync;
use crate::day::{Day, Mode};
use crate::directory::{DAY_US, Directory, FileIdentity, identity_of};
use crate::failure::Failure;
use record::Micros;

/// A day other than the present one is closed after this time without use, so that it can be
/// finished (docs/operations.md), in microseconds.
const CLOSE_AFTER_US: i64 = 60_000_000;

/// For this time after midnight the day before is still written often, in microseconds.
const STRAGGLERS_US: i64 = 120_000_000;

/// The open days.
#[derive(Debug)]
pub(crate) struct Days {
    pub(crate) directory: Directory,
    sync: Sync,
    open: Vec<Day>,
}

impl Days {
    /// None open yet.
    pub(crate) fn new(directory: Directory, sync: Sync) -> Self {
        Self { directory, sync, open: Vec::new() }
    }

    /// An open day.
    pub(crate) fn open_mut(&mut self, day: i32) -> Option<&mut Day> {
        self.open.iter_mut().find(|open| open.day == day)
    }

    /// Which file the day is: the open one, or what is there now.
    pub(crate) fn identity(&self, day: i32) -> Option<FileIdentity> {
        match self.open.iter().find(|open| open.day == day) {
            Some(open) => Some(open.identity),
            None => identity_of(&self.directory.day_file(day)).ok(),
        }
    }

    /// All open days.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Day> {
        self.open.iter_mut()
    }

    /// The day's file, opened. `None`: there is none, and `mode` does not make one.
    pub(crate) fn open(
        &mut self,
        day: i32,
        mode: Mode,
        now: Micros,
    ) -> Result<Option<&mut Day>, Failure> {
        // Two looks, because the borrow of a found day would last through the opening.
        if !self.open.iter().any(|open| open.day == day) {
            match Day::open(&self.directory, day, mode, self.sync, now)? {
                Some(opened) => self.open.push(opened),
                None => return Ok(None),
            }
        }
        Ok(self.open_mut(day))
    }

    /// The day's file, with a transaction open on it. Days from the present one on are made if
    /// they are missing, and so is the day before, whose exchanges may still be coming in.
    pub(crate) fn begin(
        &mut self,
        day: i32,
        present_day: i32,
        now: Micros,
    ) -> Result<Option<&mut Day>, Failure> {
        let mode = if day >= present_day { Mode::Present } else { Mode::Existing };
        match self.open(day, mode, now)? {
            Some(open) => {
                open.begin(now)?;
                Ok(Some(open))
            }
            None => Ok(None),
        }
    }

    /// Undoes what is open.
    pub(crate) fn rollback(&mut self) {
        for day in self.open.iter_mut().filter(|day| day.in_transaction) {
            day.rollback();
        }
    }

    /// Closes a day's file; the next use opens what is there then.
    pub(crate) fn close(&mut self, day: i32) {
        self.open.retain(|open| open.day != day);
    }

    /// Closes all.
    pub(crate) fn close_all(&mut self) {
        self.open.clear();
    }

    /// Closes past days that still have a WAL, some minutes after midnight. Lookups of continued
    /// sessions would keep them open otherwise, and an open file cannot be finished.
    pub(crate) fn close_unfinished(&mut self, present_day: i32, now: Micros) {
        if now.rem_euclid(DAY_US) > STRAGGLERS_US {
            self.open.retain(|open| open.day >= present_day || !open.has_wal);
        }
    }

    /// Closes days that are not the present one and were not used for a while.
    pub(crate) fn close_idle(&mut self, present_day: i32, now: Micros) {
        self.open.retain(|open| {
            open.day == present_day || now.saturating_sub(open.used_at) < CLOSE_AFTER_US
        });
    }

    /// Days whose path leads to another file than the one that is open, or to none.
    pub(crate) fn lost(&self) -> Vec<i32> {
        self.open.iter().filter(|open| !open.is_same()).map(|open| open.day).collect()
    }
}
