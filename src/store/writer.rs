//! The writer: one a worker, one transaction a batch.

use crate::batch::Batch;
use crate::catalog::Catalog;
use crate::days::Days;
use crate::dictionary::Keyed;
use crate::directory::{Directory, FileIdentity, day_of, identity_of};
use crate::failure::Failure;
use crate::page::Page;
use crate::upkeep::Rounds;
use crate::{BeginError, Committed, Notice, OpenError, Settings, WRITER_BYTES_MAX};
use record::{HashKey, Micros, Reason};

/// How often directory and catalogue are compared with their paths, in microseconds.
const LOOK_EVERY_US: i64 = 1_000_000;

/// Writes the days of one worker.
#[derive(Debug)]
pub struct Writer {
    pub(crate) settings: Settings,
    pub(crate) catalog: Catalog,
    pub(crate) keyed: Keyed,
    pub(crate) days: Days,
    /// The last batch's memory, for the next.
    pub(crate) page: Page,
    pub(crate) notices: Vec<Notice>,
    pub(crate) rounds: Rounds,
    resets: u64,
    looked_at: Micros,
    /// Whether the directory or the catalogue is gone, and could not be opened anew yet.
    is_lost: bool,
}

impl Writer {
    /// Opens the store; makes the directory and the catalogue where they are missing. Day files
    /// are opened by the first batch that needs them.
    pub fn open(mut settings: Settings, now: Micros) -> Result<Self, OpenError> {
        while settings.writer.len() > WRITER_BYTES_MAX {
            settings.writer.pop();
        }
        let what = settings.path.display().to_string();
        let directory = Directory::open(&settings.path)
            .map_err(|error| OpenError::from(Failure::io(&what, &error)))?;
        let mut notices = Vec::new();
        let catalog = open_catalog(&directory, &mut notices)?;
        let keyed = Keyed::new(&catalog.key());
        let days = Days::new(directory, settings.sync);
        Ok(Self {
            settings,
            catalog,
            keyed,
            days,
            page: Page::default(),
            notices,
            rounds: Rounds::default(),
            resets: 0,
            looked_at: now,
            is_lost: false,
        })
    }

    /// The key of fingerprints and group ids: random, made with the store, the same for all its
    /// writers.
    #[must_use]
    pub fn fingerprint_key(&self) -> HashKey {
        HashKey::new(self.catalog.key())
    }

    /// How often a day file had to be given up (it was replaced, deleted or damaged). When it
    /// grows, `CallRef`s of before are void: forget them.
    #[must_use]
    pub fn resets(&self) -> u64 {
        self.resets
    }

    /// Begins a batch. Waits at most 50 ms for another writer.
    pub fn begin(&mut self, now: Micros) -> Result<Batch<'_>, BeginError> {
        self.look(now);
        if let Some(message) = self.rounds.full.clone() {
            return Err(BeginError::Failed { reason: Reason::DiskFull, message });
        }
        let present_day = day_of(now);
        match self.begin_day(present_day, now) {
            Ok(()) => {}
            Err(failure) if failure.is_busy => return Err(BeginError::Busy),
            Err(failure) => {
                self.failed(&failure);
                return Err(BeginError::Failed {
                    reason: failure.reason,
                    message: failure.message,
                });
            }
        }
        let page = std::mem::take(&mut self.page);
        Ok(Batch {
            writer: self,
            page,
            now,
            present_day,
            last_day: present_day,
            committed: Committed::default(),
            failure: None,
        })
    }

    fn begin_day(&mut self, day: i32, now: Micros) -> Result<(), Failure> {
        let identity = self.days.identity(day);
        match self.days.begin(day, day, now).map(|_| ()) {
            Err(failure) if failure.is_damage => {
                self.set_aside(day, identity, &failure);
                self.days.begin(day, day, now).map(|_| ())
            }
            begun => begun,
        }
    }

    /// Compares the open files with their paths: a commit into a file that was deleted, replaced or
    /// moved away by another worker succeeds without a word.
    pub(crate) fn look(&mut self, now: Micros) {
        for day in self.days.lost() {
            let name = self.days.directory.day_file(day);
            self.days.close(day);
            self.resets += 1;
            self.warn(format!("{} was removed or replaced; it is opened anew", name.display()));
        }
        if now.saturating_sub(self.looked_at).abs() < LOOK_EVERY_US {
            return;
        }
        self.looked_at = now;
        if self.days.directory.is_same() && self.catalog.is_same() {
            self.is_lost = false;
            return;
        }
        let is_new = !std::mem::replace(&mut self.is_lost, true);
        if is_new {
            let path = self.settings.path.display();
            self.warn(format!("{path} was removed or replaced; it is opened anew"));
        }
        self.days.close_all();
        self.resets += 1;
        match self.reopen() {
            Ok(()) => self.is_lost = false,
            // While it lasts, every batch that fails tells.
            Err(failure) if is_new => self.warn(failure.message),
            Err(_) => {}
        }
    }

    fn reopen(&mut self) -> Result<(), Failure> {
        let directory = Directory::open(&self.settings.path)
            .map_err(|error| Failure::io(&self.settings.path.display().to_string(), &error))?;
        // The key stays the one that this worker's fingerprints were made with; other workers take
        // the new one. Sessions that both see may be split until a reload.
        let mut catalog = Catalog::open(&directory)?;
        catalog.inherit(&mut self.catalog);
        self.catalog = catalog;
        self.days = Days::new(directory, self.settings.sync);
        self.rounds.forget();
        Ok(())
    }

    /// Draws the consequences of a failure: whatever is open may be the reason.
    pub(crate) fn failed(&mut self, failure: &Failure) {
        self.days.rollback();
        if failure.is_damage {
            let damaged: Vec<(i32, FileIdentity)> = self
                .days
                .iter_mut()
                .filter(|day| failure.message.contains(&*day.path.display().to_string()))
                .map(|day| (day.day, day.identity))
                .collect();
            for (day, identity) in damaged {
                self.set_aside(day, Some(identity), failure);
            }
        } else if failure.reason == Reason::StoreFailed && !failure.is_busy {
            // Look at once: a directory that went away shows as an I/O error first.
            self.looked_at = Micros::MIN / 2;
            self.days.close_all();
        }
    }

    /// Moves a damaged day out of the way, so that the next batch begins a new file; unless another
    /// worker has done so, and a sound file is in its place already.
    fn set_aside(&mut self, day: i32, identity: Option<FileIdentity>, failure: &Failure) {
        self.resets += 1;
        let path = self.days.directory.day_file(day);
        let moved = self.days.directory.lock().and_then(|_lock| {
            if identity != identity_of(&path).ok() {
                return Ok(None);
            }
            self.days.directory.move_aside(&path).map(Some)
        });
        self.days.close(day);
        match moved {
            Ok(Some(target)) => self.warn(format!("{failure}; moved to {}", target.display())),
            Ok(None) => {}
            Err(error) => self.warn(format!("{failure}; and it cannot be moved away: {error}")),
        }
    }

    /// Writes lists that wait into the catalogue. Returns whether what is in force has changed.
    pub(crate) fn learn(&mut self, now: Micros) -> bool {
        match self.catalog.learn(now) {
            Ok(has_changed) => has_changed,
            Err(failure) => {
                if failure.is_damage {
                    self.set_catalog_aside(&failure);
                } else {
                    self.warn(failure.message);
                }
                false
            }
        }
    }

    /// What the catalogue needs besides. Returns whether what is in force has changed.
    pub(crate) fn look_after_catalog(&mut self, is_keeper: bool, now: Micros) -> bool {
        let has_learned = self.learn(now);
        self.catalog.count_left_out();
        let has_forgotten = is_keeper && self.catalog.forget(&self.days.directory, now);
        has_learned || has_forgotten
    }

    /// Moves a catalogue that shows itself damaged out of the way, as a day. Its servers and lists
    /// are learned anew.
    fn set_catalog_aside(&mut self, failure: &Failure) {
        let (path, identity) = self.catalog.place();
        let moved = self.days.directory.lock().and_then(|_lock| {
            match identity_of(&path).ok() == Some(identity) {
                true => self.days.directory.move_aside(&path).map(Some),
                // Another worker was faster.
                false => Ok(None),
            }
        });
        match moved {
            Ok(Some(target)) => self.warn(format!("{failure}; moved to {}", target.display())),
            Ok(None) => {}
            Err(error) => {
                return self.warn(format!("{failure}; and it cannot be moved away: {error}"));
            }
        }
        match Catalog::open(&self.days.directory) {
            Ok(mut catalog) => {
                catalog.inherit(&mut self.catalog);
                self.catalog = catalog;
            }
            // The next look finds that the file is not there, and tries again.
            Err(failure) => self.warn(failure.message),
        }
    }

    /// Something for the error log. Said again and again, it is logged once a round of upkeep.
    pub(crate) fn warn(&mut self, text: String) {
        let notice = Notice::warning(text);
        if self.notices.len() < NOTICES_MAX && !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }
}

/// The most notices that wait for the next upkeep; further ones are dropped.
const NOTICES_MAX: usize = 32;

fn open_catalog(directory: &Directory, notices: &mut Vec<Notice>) -> Result<Catalog, Failure> {
    match Catalog::open(directory) {
        Err(failure) if failure.is_damage => {
            let path = directory.file("catalog.db");
            let lock = directory.lock();
            // Another worker may have been faster.
            let failure = match Catalog::open(directory) {
                Err(failure) if failure.is_damage => failure,
                opened => return opened,
            };
            let moved = lock
                .and_then(|_lock| directory.move_aside(&path))
                .map_err(|error| Failure::io(&path.display().to_string(), &error))?;
            notices.push(Notice::warning(format!("{failure}; moved to {}", moved.display())));
            Catalog::open(directory)
        }
        opened => opened,
    }
}

impl From<Failure> for OpenError {
    fn from(failure: Failure) -> Self {
        Self { reason: failure.reason, message: failure.message }
    }
}
