//! `mcp_jwt_key_file`: keys, and their replacement when the file changes.

use crate::nginx::{Request, log};
use control::{KEY_FILE_BYTES_MAX, KeyError, KeySet};
use nginx_sys::{NGX_LOG_ERR, NGX_LOG_NOTICE, ngx_time};
use std::cell::{Cell, RefCell};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;

/// Numbers the sets of keys that this process has read, since judgements of one do not hold for
/// another.
static LAST_SCOPE: AtomicU64 = AtomicU64::new(0);

/// Why a file gives no keys.
#[derive(Debug, Error)]
pub(crate) enum ReadError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Keys(#[from] KeyError),
}

/// What tells one content of the file from another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    modified_s: i64,
    modified_ns: i64,
}

impl Stamp {
    fn of(file: &Metadata) -> Self {
        Self {
            inode: file.ino(),
            bytes: file.len(),
            modified_s: file.mtime(),
            modified_ns: file.mtime_nsec(),
        }
    }
}

struct Loaded {
    keys: Arc<KeySet>,
    scope: u64,
    stamp: Stamp,
}

/// A file of keys. It belongs to one configuration and is used by the event loop alone.
pub(crate) struct KeyFile {
    path: PathBuf,
    loaded: RefCell<Loaded>,
    /// When the file was looked at, in seconds since the Unix epoch.
    checked_at: Cell<i64>,
    /// The content that was refused last: it is told once.
    refused: Cell<Option<Stamp>>,
}

impl KeyFile {
    /// Reads it.
    ///
    /// # Errors
    /// It cannot be read, or holds no usable key.
    pub(crate) fn read(path: PathBuf) -> Result<Self, ReadError> {
        let loaded = load(&path)?;
        Ok(Self {
            path,
            loaded: RefCell::new(loaded),
            checked_at: Cell::new(0),
            refused: Cell::new(None),
        })
    }

    /// How many keys of it are of no use.
    pub(crate) fn ignored(&self) -> usize {
        self.loaded.borrow().keys.ignored()
    }

    /// The keys, and the number of this content. The file is looked at once a second at most; one
    /// that gives no keys leaves those that are there.
    pub(crate) fn current(&self, r: Request<'_>) -> (Arc<KeySet>, u64) {
        let now = ngx_time();
        if self.checked_at.replace(now) != now {
            self.refresh(r);
        }
        let loaded = self.loaded.borrow();
        (Arc::clone(&loaded.keys), loaded.scope)
    }

    fn refresh(&self, r: Request<'_>) {
        // A file that is not there has a stamp of its own.
        let stamp = std::fs::metadata(&self.path).map(|file| Stamp::of(&file)).unwrap_or_default();
        if stamp == self.loaded.borrow().stamp || self.refused.get() == Some(stamp) {
            return;
        }
        let path = self.path.display();
        // SAFETY: a live request has a connection with a log; the event loop's thread.
        let log = unsafe { (*r.inner().connection).log };
        match load(&self.path) {
            Ok(loaded) => {
                let count = loaded.keys.len();
                self.loaded.replace(loaded);
                self.refused.set(None);
                // SAFETY: as above.
                unsafe {
                    log!(NGX_LOG_NOTICE, log, "\"mcp_jwt_key_file\" {path} changed: {count} keys");
                }
            }
            Err(error) => {
                self.refused.set(Some(stamp));
                // SAFETY: as above.
                unsafe {
                    log!(
                        NGX_LOG_ERR,
                        log,
                        "\"mcp_jwt_key_file\" {path} changed and gives no keys, those before stay: \
                         {error}"
                    );
                }
            }
        }
    }
}

fn load(path: &Path) -> Result<Loaded, ReadError> {
    // A pipe in the file's place must not hold the event loop up.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file").into());
    }
    let stamp = Stamp::of(&metadata);
    let mut bytes = Vec::new();
    // One more byte than allowed: the set of keys then says that it is too long.
    let bytes_max = u64::try_from(KEY_FILE_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    file.take(bytes_max).read_to_end(&mut bytes)?;
    let keys = Arc::new(KeySet::from_bytes(&bytes)?);
    let scope = LAST_SCOPE.fetch_add(1, Ordering::Relaxed) + 1;
    Ok(Loaded { keys, scope, stamp })
}
