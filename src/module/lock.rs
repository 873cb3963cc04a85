//! The store's lock: a second nginx on the same store would count, bound and expire it against the
//! first.
//!
//! The master holds an exclusive `flock` on the store's directory; nothing inside is touched. The
//! lock belongs to the open directory, which workers inherit and which a binary upgrade hands on:
//! the descriptor is not closed on exec, and the new master finds it among those it was started
//! with. It ends with the last process of the instance.

use crate::conf::MainConf;
use crate::nginx::log;
use nginx_sys::{
    NGX_LOG_EMERG, NGX_LOG_WARN, ngx_core_conf_t, ngx_core_module, ngx_cycle_t, ngx_log_t,
    ngx_test_config,
};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Mutex;

/// Descriptors that may have been inherited lie below this.
const INHERITED_FD_MAX: i32 = 4096;

/// A store's directory that this process holds.
struct Held {
    device: u64,
    inode: u64,
    /// Dropping it closes it without unlocking: workers that are still ending share the lock.
    _directory: File,
}

/// What this master holds: one store, or two between a reload's beginning and its end.
static HELD: Mutex<Vec<Held>> = Mutex::new(Vec::new());

/// Takes the lock of the configuration's store, making its directory if it is not there. `false`
/// where another nginx has it, or the directory cannot be made; the reason is logged.
///
/// # Safety
/// The master's thread, with the configuration read to its end; `log` is live.
pub(crate) unsafe fn take(main: &MainConf, log: *mut ngx_log_t) -> bool {
    // SAFETY: plain data of nginx, written before the configuration is read.
    if unsafe { ngx_test_config } != 0 {
        return true;
    }
    let Some(store) = &main.store else { return true };
    // SAFETY: by the caller's promise.
    let owner = unsafe { worker_user(store.cycle) };
    match hold(&store.path, owner) {
        Ok(true) => true,
        Ok(false) => {
            let path = store.path.display();
            // SAFETY: by the caller's promise.
            unsafe {
                log!(NGX_LOG_EMERG, log, "\"mcp_sessions_store\" {path} is in use by another nginx")
            };
            false
        }
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            let path = store.path.display();
            // SAFETY: by the caller's promise.
            unsafe {
                log!(NGX_LOG_WARN, log, "\"mcp_sessions_store\" {path} cannot be locked: {error}")
            };
            true
        }
        Err(error) => {
            let path = store.path.display();
            // SAFETY: by the caller's promise.
            unsafe { log!(NGX_LOG_EMERG, log, "\"mcp_sessions_store\" {path}: {error}") };
            false
        }
    }
}

/// Lets go of the stores that no configuration uses any more. Workers of the configuration before
/// may still hold theirs, since the lock is shared with them.
pub(crate) fn keep_only(path: Option<&Path>) {
    let current = path.and_then(|path| open(path).ok()).and_then(|file| file.metadata().ok());
    let Ok(mut held) = HELD.lock() else { return };
    held.retain(|held| {
        current.as_ref().is_some_and(|now| now.ino() == held.inode && now.dev() == held.device)
    });
}

fn hold(path: &Path, owner: Option<(u32, u32)>) -> io::Result<bool> {
    let directory = match open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(path, owner)?;
            open(path)?
        }
        directory => directory?,
    };
    let (device, inode) = directory.metadata().map(|meta| (meta.dev(), meta.ino()))?;
    let Ok(mut held) = HELD.lock() else { return Ok(false) };
    if held.iter().any(|held| (held.device, held.inode) == (device, inode)) {
        return Ok(true);
    }
    let directory = match try_lock(&directory) {
        Ok(true) => directory,
        Ok(false) => match inherited(device, inode) {
            Some(directory) => directory,
            None => return Ok(false),
        },
        Err(error) => return Err(io::Error::new(io::ErrorKind::Unsupported, error)),
    };
    survive_exec(&directory);
    held.push(Held { device, inode, _directory: directory });
    Ok(true)
}

fn open(path: &Path) -> io::Result<File> {
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    File::options().read(true).custom_flags(flags).open(path)
}

/// Makes the directory for the workers, as nginx does for its temporary paths.
fn make(path: &Path, owner: Option<(u32, u32)>) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)?;
    let Some((user, group)) = owner else { return Ok(()) };
    std::os::unix::fs::fchown(open(path)?, Some(user), Some(group))
}

fn try_lock(directory: &File) -> io::Result<bool> {
    // SAFETY: a descriptor that is open.
    if unsafe { libc::flock(directory.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
        return Ok(true);
    }
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        error => Err(error),
    }
}

/// Looks for the directory among the descriptors this process was started with: after a binary
/// upgrade the old master's is there, and its lock with it.
fn inherited(device: u64, inode: u64) -> Option<File> {
    (3..INHERITED_FD_MAX).find_map(|fd| {
        // SAFETY: all-zero is valid for this C structure.
        let mut stat: libc::stat = unsafe { std::mem::zeroed() };
        // SAFETY: fstat answers for any number, open or not.
        if unsafe { libc::fstat(fd, &raw mut stat) } != 0 {
            return None;
        }
        if (stat.st_dev, stat.st_ino) != (device, inode) {
            return None;
        }
        // SAFETY: it is open, and is put back where it turns out to be someone else's.
        let file = unsafe { File::from_raw_fd(fd) };
        if try_lock(&file).unwrap_or(false) {
            return Some(file);
        }
        let _ = file.into_raw_fd();
        None
    })
}

fn survive_exec(directory: &File) {
    // SAFETY: a descriptor that is open; clearing its flags only keeps it open on exec.
    unsafe { libc::fcntl(directory.as_raw_fd(), libc::F_SETFD, 0) };
}

/// The user and group of the workers, where this process can give files away.
///
/// # Safety
/// The cycle's configuration is read to its end.
unsafe fn worker_user(cycle: *mut ngx_cycle_t) -> Option<(u32, u32)> {
    // SAFETY: only a question.
    if unsafe { libc::geteuid() } != 0 {
        return None;
    }
    // SAFETY: the core module's configuration stands at its index, as `ngx_get_conf` finds it.
    unsafe {
        let core = (*cycle).conf_ctx.add(ngx_core_module.index).read().cast::<ngx_core_conf_t>();
        let core = core.as_ref()?;
        let (user, group) = (core.user, core.group);
        (user != u32::MAX && group != u32::MAX).then_some((user, group))
    }
}
