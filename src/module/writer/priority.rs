//! The writer's place in the kernel's schedule: behind the event loop of its own core.
//!
//! Lowering its priority is a trap: a thread without privileges can never raise it again, and on a
//! core that is full a low one starves until the queue overflows. So it keeps its share of the
//! core, and asks to be served in long slices instead: a thread with short ones, the event loop,
//! is then let in as soon as it wakes (EEVDF, Linux 6.12 and newer; older kernels ignore the
//! slice). SCHED_BATCH on top of it doubled the 99th percentile of a full core.

/// The longest slice the kernel grants.
const SLICE_NS: u64 = 100_000_000;

/// `struct sched_attr` in its first form (include/uapi/linux/sched/types.h).
#[repr(C)]
#[derive(Default)]
struct Attributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime_ns: u64,
    deadline_ns: u64,
    period_ns: u64,
}

/// Makes the calling thread give way to threads that wait for events. A kernel that refuses leaves
/// it as it is, which costs latency under full load and nothing else.
pub(super) fn give_way() {
    // SAFETY: a question about the calling thread.
    let nice = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    let attributes = Attributes {
        size: size_of::<Attributes>() as u32,
        policy: libc::SCHED_OTHER as u32,
        nice,
        runtime_ns: SLICE_NS,
        ..Attributes::default()
    };
    // SAFETY: the kernel reads `size` bytes of a structure that lives through the call.
    let _ = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
}
