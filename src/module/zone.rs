//! Counters shared by all workers, in shared memory: what was handed over and what became of it.
//!
//! Only atomics live there, so a worker that is killed leaves nothing locked. Each worker owns a
//! [`Slot`]; its event loop and its writer each count on a side of their own, with plain loads and
//! stores. A worker that ends folds its slot into the totals; the slot of one that was killed is
//! swept by the next writer that starts.
//!
//! The identity at any quiet moment: handed = written + unrecorded + dropped + killed + queued.

mod slot;

pub(crate) use slot::{Counter, Side, Slot, Snapshot};

use crate::conf::MainConf;
use crate::guard::guard;
use crate::lock;
use nginx_sys::{
    NGX_ERROR, NGX_LOG_EMERG, NGX_OK, ngx_int_t, ngx_shm_zone_t, ngx_slab_calloc, ngx_slab_pool_t,
};
use slot::{COUNTERS, SLOTS_MAX};
use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering};

/// Changes whenever [`Shared`] does: a reload may find the memory of an older module.
const LAYOUT: u64 = 0x6d63_7073_0000_0002;

/// The shared memory.
#[repr(C)]
pub(crate) struct Shared {
    layout: AtomicU64,
    /// How often a writer has changed what the catalogue holds in force.
    catalog: AtomicU64,
    /// Counters of workers that are gone.
    totals: [AtomicU64; COUNTERS],
    slots: [Slot; SLOTS_MAX],
}

impl Shared {
    /// Counts of all workers, past and present.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for (index, total) in self.totals.iter().enumerate() {
            snapshot.add(index, total.load(Ordering::Relaxed));
        }
        for slot in self.slots.iter().filter(|slot| slot.is_used()) {
            slot.add_to(&mut snapshot);
        }
        snapshot
    }

    /// Transactions of all writers, past and present: grows whenever something was stored.
    pub(crate) fn commits(&self) -> u64 {
        let total = self.totals.get(Counter::Commits as usize);
        let gone = total.map_or(0, |total| total.load(Ordering::Relaxed));
        self.slots
            .iter()
            .filter(|slot| slot.is_used())
            .fold(gone, |sum, slot| sum.wrapping_add(slot.commits()))
    }

    /// How often the catalogue has changed.
    pub(crate) fn catalog(&self) -> u64 {
        self.catalog.load(Ordering::Acquire)
    }

    /// The catalogue has changed: all workers read it anew.
    pub(crate) fn announce_catalog(&self) {
        self.catalog.fetch_add(1, Ordering::Release);
    }

    /// Takes a free slot for this process. `None` where all are taken.
    pub(crate) fn claim(&self, writer: u64) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.claim(writer))
    }

    /// Folds a slot whose worker ends into the totals and frees it.
    pub(crate) fn release(&self, slot: &Slot) {
        slot.fold_into(&self.totals);
        slot.free();
    }

    /// Sweeps the slots of workers that are dead. `committed` says how many exchanges a writer had
    /// committed, as its store remembers it; what it handed over beyond that is `killed`. Returns
    /// how many exchanges were.
    pub(crate) fn sweep(&self, committed: impl Fn(u64) -> Option<u64>) -> u64 {
        let mut killed = 0;
        for slot in self.slots.iter().filter(|slot| slot.take_if_dead()) {
            let lost = slot.settle_dead(committed(slot.writer()));
            killed += lost;
            slot.fold_into(&self.totals);
            if let Some(total) = self.totals.get(Counter::Killed as usize) {
                total.fetch_add(lost, Ordering::Relaxed);
            }
            slot.free();
        }
        killed
    }
}

/// nginx calls it in the master once the whole configuration is read, also by `nginx -t`: makes
/// the zone, or goes on with that of the configuration before; and takes the store's lock. A
/// failure here rejects the configuration, and on reload the old one stays.
pub(crate) unsafe extern "C" fn init(zone: *mut ngx_shm_zone_t, old: *mut c_void) -> ngx_int_t {
    guard(NGX_ERROR as ngx_int_t, || {
        // SAFETY: the directive put the main configuration there, and nginx passes its own zone.
        let is_ready = unsafe {
            let main = (*zone).data.cast::<MainConf>();
            lock::take(&*main, (*zone).shm.log) && prepare(zone, old.cast())
        };
        if is_ready { NGX_OK as ngx_int_t } else { NGX_ERROR as ngx_int_t }
    })
}

/// # Safety
/// `zone` is mapped; `old` is null or what this function left in the zone's `data` before.
unsafe fn prepare(zone: *mut ngx_shm_zone_t, old: *mut Shared) -> bool {
    // SAFETY: by the caller's promise; nginx made the slab pool at the zone's start.
    unsafe {
        let log = (*zone).shm.log;
        if !old.is_null() {
            if (*old).layout.load(Ordering::Relaxed) != LAYOUT {
                crate::nginx::log!(
                    NGX_LOG_EMERG,
                    log,
                    "\"mcp_sessions_store\" zone was made by another version of the module: give \
                     it another name, or restart"
                );
                return false;
            }
            (*zone).data = old.cast();
            return true;
        }
        let slab = (*zone).shm.addr.cast::<ngx_slab_pool_t>();
        let shared = ngx_slab_calloc(slab, size_of::<Shared>()).cast::<Shared>();
        if shared.is_null() {
            crate::nginx::log!(
                NGX_LOG_EMERG,
                log,
                "\"mcp_sessions_store\" zone is too small: {} bytes are needed",
                size_of::<Shared>() + 64 * 1024
            );
            return false;
        }
        (*shared).layout.store(LAYOUT, Ordering::Relaxed);
        (*slab).data = shared.cast();
        (*zone).data = shared.cast();
        true
    }
}

/// The counters of a zone that [`init`] has prepared.
///
/// # Safety
/// The zone belongs to a configuration in force, and is not used after the process has unmapped
/// it: workers never do.
pub(crate) unsafe fn shared(zone: *mut ngx_shm_zone_t) -> Option<&'static Shared> {
    // SAFETY: by the caller's promise; `init` put `Shared` there before any worker started.
    unsafe { zone.as_ref().and_then(|zone| zone.data.cast::<Shared>().as_ref()) }
}
