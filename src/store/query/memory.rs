//! What settled days add up to, kept in memory.
//!
//! A past day does not change any more, so what all of its calls add up to is counted once, for all
//! settled days of a question together. A sum is used only for exactly the days it was made of, each
//! of them the same file as then, last written at the same time. All other days (today, one that is
//! not finished yet, one that the range cuts) are counted anew with every question.

use super::Reader;
use super::answer::Warning;
use super::filter::{Filter, Scope};
use super::limits::{DayError, Limits, QueryError};
use super::parts::View;
use super::selection::Selection;
use crate::directory::day_of;
use record::Micros;
use rusqlite::Connection;
use rustc_hash::FxHashMap;
use std::any::Any;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// The most bytes of all sums, about.
const BYTES_MAX: usize = 64 << 20;
/// The most sums: questions times views times filters by server.
const SUMS_MAX: usize = 64;
/// The most days whose bounds are remembered; then they are found anew.
const DAYS_MAX: usize = 4_096;
/// A file written more recently may change without its times changing: they are that coarse.
const QUIET: Duration = Duration::from_secs(2);

/// Sums of days that do not change any more. Copies are one; readers of one store share it.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Shelf>>);

#[derive(Debug, Default)]
struct Shelf {
    bounds: FxHashMap<i32, (Stamp, Bounds)>,
    /// The one used last comes last.
    sums: Vec<Kept>,
    /// When a day was last looked up.
    used_at: Option<Instant>,
}

#[derive(Debug)]
struct Kept {
    question: Question,
    days: Vec<(i32, Stamp)>,
    sums: Arc<dyn Any + Send + Sync>,
    bytes: usize,
}

/// What was summed up, besides the days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) list: &'static str,
    /// Which facets.
    pub(crate) names: Vec<String>,
    server: Vec<String>,
    scope: Scope,
}

/// Which file it is, and when it was last written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Between which times everything of a day lies.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    first_at: Micros,
    last_at: Micros,
    /// After it, no session of the day is open.
    idle_at: Micros,
}

/// What days add up to.
pub(crate) trait Sums: Send + Sync + 'static {
    /// Adds another day's.
    fn merge(&mut self, other: Self);
    /// How much memory it takes, about.
    fn bytes(&self) -> usize;
}

/// The answer of all days, in two parts.
#[derive(Debug)]
pub(crate) struct Summed<T> {
    pub(crate) settled: Arc<T>,
    pub(crate) live: T,
}

impl Memory {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // It holds copies of what is on disk: a panic elsewhere has not broken it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get<T: Sums>(&self, question: &Question, days: &[(i32, Stamp)]) -> Option<Arc<T>> {
        let mut shelf = self.shelf();
        let is_it = |kept: &Kept| kept.question == *question && kept.days == days;
        let at = shelf.sums.iter().position(is_it)?;
        let kept = shelf.sums.remove(at);
        let sums = Arc::clone(&kept.sums);
        shelf.sums.push(kept);
        sums.downcast().ok()
    }

    fn keep<T: Sums>(&self, question: Question, days: Vec<(i32, Stamp)>, sums: &Arc<T>) {
        let bytes = sums.bytes();
        if bytes > BYTES_MAX {
            return;
        }
        let mut shelf = self.shelf();
        // The days of a question change once a day, or when the range changes.
        shelf.sums.retain(|kept| kept.question != question || kept.days != days);
        let sums = Arc::<T>::clone(sums);
        shelf.sums.push(Kept { question, days, sums, bytes });
        while shelf.sums.len() > SUMS_MAX
            || shelf.sums.iter().map(|kept| kept.bytes).sum::<usize>() > BYTES_MAX
        {
            shelf.sums.remove(0);
        }
    }

    fn bounds(&self, day: i32, stamp: Stamp) -> Option<Bounds> {
        let mut shelf = self.shelf();
        shelf.used_at = Some(Instant::now());
        shelf.bounds.get(&day).filter(|(of, _)| *of == stamp).map(|(_, bounds)| *bounds)
    }

    fn keep_bounds(&self, day: i32, stamp: Stamp, bounds: Bounds) {
        let mut shelf = self.shelf();
        if shelf.bounds.len() >= DAYS_MAX {
            shelf.bounds.clear();
        }
        shelf.bounds.insert(day, (stamp, bounds));
    }

    /// Gives all of it up if nobody has used it for this time.
    pub fn rest(&self, after: Duration) {
        let mut shelf = self.shelf();
        if shelf.used_at.is_some_and(|at| at.elapsed() >= after) {
            *shelf = Shelf::default();
        }
    }

    /// How many sums there are.
    #[must_use]
    pub fn sums(&self) -> usize {
        self.shelf().sums.len()
    }
}

impl Question {
    pub(crate) fn new(
        list: &'static str,
        names: &[String],
        filter: &Filter,
        scope: &Scope,
    ) -> Self {
        let (mut names, mut server) = (names.to_vec(), filter.server.clone());
        names.sort_unstable();
        server.sort_unstable();
        Self { list, names, server, scope: scope.clone() }
    }
}

impl Stamp {
    /// `None`: it is not there, or may be written just now.
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::symlink_metadata(path).ok()?;
        let age = SystemTime::now().duration_since(metadata.modified().ok()?).ok()?;
        (age >= QUIET).then(|| Self {
            file: (metadata.dev(), metadata.ino()),
            bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

impl Bounds {
    fn of(connection: &Connection) -> rusqlite::Result<Self> {
        connection.query_row(
            "SELECT min(started_at), max(last_at), \
             max(CASE WHEN ended_at IS NULL THEN last_at + idle_us END) FROM parts",
            (),
            |row| {
                Ok(Self {
                    first_at: row.get::<_, Option<i64>>(0)?.unwrap_or(i64::MAX),
                    last_at: row.get::<_, Option<i64>>(1)?.unwrap_or(i64::MIN),
                    idle_at: row.get::<_, Option<i64>>(2)?.unwrap_or(i64::MIN),
                })
            },
        )
    }

    /// Whether a question means all of the day, and gets the same answer from now on.
    fn is_settled(&self, filter: &Filter, now: Micros) -> bool {
        filter.from.is_none_or(|from| from <= self.first_at)
            && filter.to.is_none_or(|to| self.last_at < to)
            && self.idle_at < now
    }
}

impl Filter {
    /// Whether only times and servers are filtered by.
    fn is_plain(&self) -> bool {
        let Self { from, to, server, .. } = self;
        *self == Self { from: *from, to: *to, server: server.clone(), ..Self::default() }
    }
}

impl Reader {
    /// What the days of a filter add up to. `count` counts one day; what a day that fails half way
    /// has counted is dropped.
    pub(crate) fn sum_up<T: Sums>(
        &mut self,
        question: Question,
        filter: &Filter,
        limits: &Limits<'_>,
        warnings: &mut Vec<Warning>,
        empty: impl Fn() -> T,
        mut count: impl FnMut(&View<'_>) -> Result<T, DayError>,
    ) -> Result<Summed<T>, QueryError> {
        let (mut live, mut settled_days) = (empty(), Vec::new());
        for day in self.days_of(filter)? {
            if let Some(stamp) = self.settled(day, filter, limits, warnings)? {
                settled_days.push((day, stamp));
            } else if let Some(sums) = self.count_day(day, filter, limits, warnings, &mut count)? {
                live.merge(sums);
            }
        }
        if let Some(settled) = self.memory.get(&question, &settled_days) {
            return Ok(Summed { settled, live });
        }
        let (mut settled, mut is_whole) = (empty(), true);
        let all_day = Filter { from: None, to: None, ..filter.clone() };
        for (day, stamp) in &settled_days {
            match self.count_day(*day, &all_day, limits, warnings, &mut count)? {
                Some(sums) => settled.merge(sums),
                None => is_whole = false,
            }
            is_whole &= Stamp::of(&self.files.path_of(*day)) == Some(*stamp);
        }
        let settled = Arc::new(settled);
        if is_whole && !settled_days.is_empty() {
            self.memory.keep(question, settled_days, &settled);
        }
        Ok(Summed { settled, live })
    }

    fn count_day<T>(
        &mut self,
        day: i32,
        filter: &Filter,
        limits: &Limits<'_>,
        warnings: &mut Vec<Warning>,
        count: &mut impl FnMut(&View<'_>) -> Result<T, DayError>,
    ) -> Result<Option<T>, QueryError> {
        let scope = self.scope.clone();
        self.files.ask(day, limits, warnings, |connection| {
            let selection = Selection::of(connection, filter, &scope)?;
            count(&View::new(connection, day, &selection, limits))
        })
    }

    /// Whether all of a day is asked for and it does not change any more: which file it is.
    fn settled(
        &mut self,
        day: i32,
        filter: &Filter,
        limits: &Limits<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Option<Stamp>, QueryError> {
        if day >= day_of(limits.now) || !filter.is_plain() {
            return Ok(None);
        }
        let Some(stamp) = Stamp::of(&self.files.path_of(day)) else { return Ok(None) };
        let bounds = match self.memory.bounds(day, stamp) {
            Some(bounds) => bounds,
            None => {
                let found = self.files.ask(day, limits, warnings, |it| Ok(Bounds::of(it)?))?;
                let Some(bounds) = found.filter(|_| self.files.is_finished(day)) else {
                    return Ok(None);
                };
                if Stamp::of(&self.files.path_of(day)) == Some(stamp) {
                    self.memory.keep_bounds(day, stamp, bounds);
                }
                bounds
            }
        };
        Ok(bounds.is_settled(filter, limits.now).then_some(stamp))
    }
}
