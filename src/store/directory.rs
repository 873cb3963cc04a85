//! The store's directory: what files there are, and that nothing in it is a link.

use record::Micros;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use time::format_description::well_known::Iso8601;
use time::{Date, Duration};

/// Microseconds of a day.
pub(crate) const DAY_US: i64 = 86_400_000_000;

/// What tells one file from another of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    device: u64,
    inode: u64,
}

/// The directory, by a path whose parents hold no link.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    identity: FileIdentity,
}

/// A day file in the directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DayEntry {
    /// Days since the epoch.
    pub(crate) day: i32,
    /// Bytes on the disk, the WAL included.
    pub(crate) bytes: u64,
    /// When it was last written.
    pub(crate) modified_at: Micros,
}

/// The day of a time, as days since the epoch.
pub(crate) fn day_of(at: Micros) -> i32 {
    i32::try_from(at.div_euclid(DAY_US)).unwrap_or(if at < 0 { i32::MIN } else { i32::MAX })
}

/// `YYYY-MM-DD`. Days beyond the calendar (a broken clock) become its first.
pub(crate) fn day_name(day: i32) -> String {
    let epoch = Date::from_ordinal_date(1970, 1).unwrap_or(Date::MIN);
    let date = epoch.checked_add(Duration::days(i64::from(day))).unwrap_or(epoch);
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// The day that `YYYY-MM-DD` names.
pub(crate) fn day_named(name: &str) -> Option<i32> {
    let date = Date::parse(name, &Iso8601::DATE).ok()?;
    let epoch = Date::from_ordinal_date(1970, 1).ok()?;
    let day = i32::try_from((date - epoch).whole_days()).ok()?;
    // Other spellings of the same date are not our files.
    (day_name(day) == name).then_some(day)
}

/// The identity of what is at a path now; a link is an error.
pub(crate) fn identity_of(path: &Path) -> io::Result<FileIdentity> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.file_type().is_symlink() {
        return Err(io::Error::other("is a symbolic link"));
    }
    Ok(FileIdentity { device: metadata.dev(), inode: metadata.ino() })
}

impl Directory {
    /// Makes the directory if it is missing (its parent has to be there), and remembers it.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        // Links above the store are the administrator's own; below it nothing may be one.
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let name = path.file_name().ok_or_else(|| io::Error::other("names no directory"))?;
        let path = fs::canonicalize(parent)?.join(name);
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        Self::open_made(path)
    }

    /// The directory if it is there.
    pub(crate) fn existing(path: &Path) -> io::Result<Self> {
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let name = path.file_name().ok_or_else(|| io::Error::other("names no directory"))?;
        Self::open_made(fs::canonicalize(parent)?.join(name))
    }

    fn open_made(path: PathBuf) -> io::Result<Self> {
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW)
            .open(&path)?
            .metadata()?;
        let identity = FileIdentity { device: opened.dev(), inode: opened.ino() };
        Ok(Self { path, identity })
    }

    /// Whether the path still leads to the directory that was opened.
    pub(crate) fn is_same(&self) -> bool {
        identity_of(&self.path).is_ok_and(|identity| identity == self.identity)
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The day's file.
    pub(crate) fn day_file(&self, day: i32) -> PathBuf {
        self.path.join(format!("{}.db", day_name(day)))
    }

    /// Makes the file with mode 0600 unless it is there. An existing file is not opened: closing
    /// it would drop the locks that SQLite holds on it in this process.
    pub(crate) fn create(&self, path: &Path) -> io::Result<FileIdentity> {
        match identity_of(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => return found,
        }
        let _lock = self.lock()?;
        match identity_of(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => return found,
        }
        // What is left of a file of this name that was removed. Other workers may have it open
        // still; SQLite would take it for the new file's.
        for suffix in COMPANIONS {
            let _ = fs::remove_file(with_suffix(path, suffix));
        }
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path);
        match made {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => identity_of(path),
        }
    }

    /// A lock file, made if it is missing.
    pub(crate) fn lock_file(&self, name: &str) -> io::Result<File> {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(self.path.join(name))
    }

    /// The lock of whoever makes a file or moves one out of the way, so that no two workers do at
    /// once. Held until it is dropped.
    pub(crate) fn lock(&self) -> io::Result<File> {
        let file = self.lock_file("files.lock")?;
        for _ in 0..LOCK_TRIES_MAX {
            if file.try_lock().is_ok() {
                return Ok(file);
            }
            std::thread::sleep(LOCK_PAUSE);
        }
        Err(io::Error::other("files.lock is held by another process"))
    }

    /// The day files there are, oldest first.
    pub(crate) fn days(&self) -> io::Result<Vec<DayEntry>> {
        let mut days = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let Some(day) =
                name.to_str().and_then(|name| name.strip_suffix(".db")).and_then(day_named)
            else {
                continue;
            };
            let path = self.day_file(day);
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if !metadata.is_file() {
                continue;
            }
            let wal = size_of_file(&with_suffix(&path, "-wal"));
            let modified_at = metadata.mtime().saturating_mul(1_000_000);
            days.push(DayEntry { day, bytes: metadata.len().saturating_add(wal), modified_at });
        }
        days.sort_unstable_by_key(|entry| entry.day);
        Ok(days)
    }

    /// Removes a day's files, those that were moved aside included.
    pub(crate) fn remove_day(&self, day: i32) -> io::Result<()> {
        fs::remove_file(self.day_file(day))?;
        let beginning = format!("{}.db", day_name(day));
        for entry in fs::read_dir(&self.path)?.flatten() {
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(&beginning)) {
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }

    /// Moves a damaged file and what belongs to it out of the way, while [`Directory::lock`] is
    /// held. Returns its new name.
    pub(crate) fn move_aside(&self, path: &Path) -> io::Result<PathBuf> {
        let target = (1..=DAMAGED_MAX)
            .map(|number| with_suffix(path, &format!(".damaged-{number}")))
            .find(|target| fs::symlink_metadata(target).is_err())
            .ok_or_else(|| io::Error::other("too many damaged files are kept already"))?;
        fs::rename(path, &target)?;
        for suffix in COMPANIONS {
            let _ = fs::rename(with_suffix(path, suffix), with_suffix(&target, suffix));
        }
        Ok(target)
    }
}

/// What SQLite keeps beside a database, by its name.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];
/// How often the lock is tried, and the pause between: a second in all. It is held for moments.
const LOCK_TRIES_MAX: u32 = 200;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(5);
/// The most damaged files kept of one day.
const DAMAGED_MAX: u32 = 100;

/// A path with something appended to its name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The bytes of a file; 0 if it is not there.
pub(crate) fn size_of_file(path: &Path) -> u64 {
    fs::symlink_metadata(path).map_or(0, |metadata| metadata.len())
}
