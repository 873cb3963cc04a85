//! A thread's place in the kernel's schedule.

/// The slice of a thread that keeps its priority: the longest the kernel grants. A thread that asks
/// for long ones lets those with short ones, such as the event loop, in when they wake (EEVDF, Linux
/// 6.12 and newer; older kernels ignore it). SCHED_BATCH on top of it doubled the 99th percentile.
const SLICE_LONG_NS: u64 = 100_000_000;
/// The slice of a low thread: the shortest there is, which is what a thread that wakes has to wait
/// for at most.
const SLICE_SHORT_NS: u64 = 100_000;
/// The lowest nice value there is. SCHED_IDLE is lower still, with a fifth of its share: too little
/// to finish a batch with on a full core, while other workers wait for the day's lock.
const NICE_LOWEST: i32 = 19;

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

/// Lets the calling thread run on what others leave. There is no way back.
pub(super) fn step_back() {
    set(NICE_LOWEST, SLICE_SHORT_NS);
}

/// Leaves the calling thread its share, and lets threads that wait for events go first.
pub(super) fn give_way() {
    // SAFETY: a question about the calling thread.
    let nice = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    set(nice, SLICE_LONG_NS);
}

/// A kernel that refuses leaves the thread as it is, which costs latency and nothing else.
fn set(nice: i32, slice_ns: u64) {
    let attributes = Attributes {
        size: size_of::<Attributes>() as u32,
        policy: libc::SCHED_OTHER as u32,
        nice,
        runtime_ns: slice_ns,
        ..Attributes::default()
    };
    // SAFETY: the kernel reads `size` bytes of a structure that lives through the call.
    let _ = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
}
