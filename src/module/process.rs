//! A worker process: its writer thread, its timer, its end.

use crate::conf::{MainConf, StoreConf};
use crate::context::Context;
use crate::filter;
use crate::gate;
use crate::handover::Link;
use crate::nginx::{Timer, log};
use crate::thread;
use crate::worker::{Progress, Worker};
use crate::writer::{self, Threads, Writing, writer_name};
use crate::zone::{self, Counter, Shared, Slot};
use exchange::Snapshot;
use nginx_sys::{
    NGX_LOG_ERR, NGX_LOG_NOTICE, ngx_cycle, ngx_event_t, ngx_log_t, ngx_msec_t, ngx_terminate,
};
use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The writer's stack: its work is not recursive.
const STACK_BYTES: usize = 2 << 20;
/// What an ending worker gives its writer to empty the queue, and what it waits beyond that for a last
/// transaction.
const QUIT_MAX: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(1));
/// The same after a fast stop: nginx's master kills workers that have not ended 1.55 seconds after it
/// (`ngx_master_process_cycle`), and their counts with them.
const STOP_MAX: (Duration, Duration) = (Duration::from_millis(750), Duration::from_millis(750));
/// How long a worker that starts waits for the tools that controls judge by.
const TOOLS_WAIT_MAX: Duration = Duration::from_secs(2);
/// How often at least the event loop takes over what the writer has for it.
const TICK_MS_MAX: usize = 200;
/// The shortest time between two lines about dropped exchanges.
const SAY_DROPS_MS: usize = 1_000;

/// What `exit_process` needs to end a worker.
struct Process {
    threads: Option<Threads>,
    link: Arc<Link>,
    shared: &'static Shared,
    slot: &'static Slot,
    timer: Box<Timer>,
    period_ms: ngx_msec_t,
    said_drops_at: ngx_msec_t,
    progress: Progress,
    main: *const MainConf,
    /// Time since the streams were handed over, in milliseconds.
    since_flush_ms: ngx_msec_t,
    flush_ms: ngx_msec_t,
}

static mut PROCESS: Option<Process> = None;

/// Starts a worker's writer and timer. Traffic is served whatever becomes of it.
///
/// # Safety
/// In a worker's `init_process`, once.
pub(crate) unsafe fn start(main: &MainConf, store: &StoreConf, log: *mut ngx_log_t) {
    // SAFETY: the zone of the configuration in force.
    let Some(shared) = (unsafe { zone::shared(store.zone) }) else { return };
    let seed = random();
    let Some(slot) = shared.claim(seed) else {
        // SAFETY: the event loop's thread.
        unsafe { log!(NGX_LOG_ERR, log, "mcp_sessions: no room in the zone, nothing is recorded") };
        return;
    };
    let (sender, queue) = crossbeam_channel::bounded(Link::QUEUE_MAX);
    let link = Arc::new(Link::new());
    let writing = Writing {
        link: Arc::clone(&link),
        queue,
        shared,
        slot,
        settings: settings(store, seed),
        flush: Duration::from_millis(store.flush_ms),
        queue_bytes_max: store.queue_bytes_max,
        uses_tools: main.uses_tools,
    };
    if main.uses_tools {
        // The event loop waits for them: no work for a thread of the lowest priority.
        link.hurry();
    }
    let threads = match writer::start(writing, spawn) {
        Ok(threads) => threads,
        Err(error) => {
            shared.release(slot);
            // SAFETY: the event loop's thread.
            unsafe {
                log!(NGX_LOG_ERR, log, "mcp_sessions: no writer, nothing is recorded: {error}")
            };
            return;
        }
    };
    let (memory, bytes) = (main.memory_bytes_max, store.queue_bytes_max);
    Worker::start(Arc::clone(&link), sender, slot, memory, bytes, seed);
    if main.uses_tools {
        wait_for_tools(&link, main);
    }
    let flush_ms = usize::try_from(store.flush_ms).unwrap_or(SAY_DROPS_MS);
    let period_ms = flush_ms.min(TICK_MS_MAX);
    // A worker that ends does not wait for it.
    let mut timer = Timer::new(Some(tick), true);
    // SAFETY: the event loop's thread, which alone uses it.
    unsafe {
        timer.set(period_ms);
        PROCESS = Some(Process {
            threads: Some(threads),
            link,
            shared,
            slot,
            timer,
            period_ms,
            said_drops_at: 0,
            progress: Progress::default(),
            main,
            since_flush_ms: 0,
            flush_ms,
        });
    }
}

/// Starts a worker that has controls and no store: what they object to goes to the error log alone.
///
/// # Safety
/// As `start`.
pub(crate) unsafe fn start_without_store(main: &MainConf) {
    let (sender, _) = crossbeam_channel::bounded(1);
    let link = Arc::new(Link::new());
    Worker::start(link, sender, Slot::unshared(), main.memory_bytes_max, 0, random());
    // SAFETY: the event loop's thread, and no other borrow alive.
    if let Some(worker) = unsafe { Worker::get() } {
        worker.has_writer = false;
    }
}

/// Ends the writer: it empties the queue first, within its bound.
///
/// # Safety
/// In a worker's `exit_process`.
pub(crate) unsafe fn stop() {
    // The event loop's thread alone uses it.
    let place = &raw mut PROCESS;
    // SAFETY: so there is no other reference.
    let process = unsafe { (*place).take() };
    let Some(mut process) = process else { return };
    // SAFETY: as above.
    unsafe {
        end_exchanges();
        Worker::stop();
    }
    // SAFETY: a flag of nginx, read on its own thread.
    let (within, grace) = if unsafe { ngx_terminate } != 0 { STOP_MAX } else { QUIT_MAX };
    process.link.end(within);
    let Some(threads) = process.threads.take() else { return };
    let end_by = Instant::now() + within + grace;
    threads.wake();
    while !threads.are_finished() && Instant::now() < end_by {
        std::thread::sleep(Duration::from_millis(1));
    }
    // SAFETY: the cycle's log is there until the process ends.
    let log = unsafe { (*ngx_cycle).log };
    // SAFETY: as above.
    unsafe { write_lines(&process.link, log) };
    if threads.are_finished() {
        threads.join();
        process.shared.release(process.slot);
        return;
    }
    // It hangs in the file system. Its slot is swept by the next writer, which counts as killed what
    // it leaves. The module stays mapped (`-z nodelete`), so that the thread may go on until the
    // process ends.
    // SAFETY: as above.
    unsafe { log!(NGX_LOG_ERR, log, "mcp_sessions: the writer did not end in time") };
}

fn settings(store: &StoreConf, seed: u64) -> store::Settings {
    store::Settings {
        path: store.path.clone(),
        retention_days: store.retention_days,
        size_bytes_max: store.size_bytes_max,
        free_bytes_min: store.free_bytes_min,
        sync: if store.sync_full { store::Sync::Full } else { store::Sync::Normal },
        writer: writer_name(seed),
    }
}

/// Starts a thread of the writer.
fn spawn(name: &str, run: Box<dyn FnOnce() + Send>) -> std::io::Result<JoinHandle<()>> {
    thread::spawn(name, STACK_BYTES, run)
}

/// A number that no other writer has.
pub(crate) fn random() -> u64 {
    let mut bytes = [0; 8];
    let is_read = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    let number = u64::from_ne_bytes(bytes);
    if is_read.is_ok() && number != 0 {
        return number;
    }
    let now = crate::clock::wall_us().unsigned_abs();
    now.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(std::process::id())
}

/// nginx calls it once a flush interval.
unsafe extern "C" fn tick(_event: *mut ngx_event_t) {
    crate::guard::guard((), || {
        // SAFETY: the event loop's thread; the event is part of the process's timer.
        unsafe {
            let log = (*ngx_cycle).log;
            let place = &raw mut PROCESS;
            let Some(process) = (*place).as_mut() else { return };
            take_tools(&process.link, &*process.main);
            process.timer.set(process.period_ms);
            process.since_flush_ms += process.period_ms;
            write_lines(&process.link, log);
            if process.since_flush_ms < process.flush_ms {
                return;
            }
            process.since_flush_ms = 0;
            hand_over_streams();
            if let Some(worker) = Worker::get() {
                worker.free_spare();
                worker.look_at_writer(&mut process.progress);
                worker.count(Counter::Panics, crate::guard::take_caught());
                say_drops(worker, &mut process.said_drops_at, log);
            }
        }
    });
}

/// Takes tools that the writer has read, if there are any.
fn take_tools(link: &Link, main: &MainConf) {
    let Some(built) = link.built.pop() else { return };
    let servers = main.servers_by_location(built.servers);
    let snapshot = Arc::new(Snapshot { catalogue: built.catalogue, servers });
    // SAFETY: the event loop's thread, and no other borrow alive.
    if let Some(worker) = unsafe { Worker::get() } {
        worker.set_tools(snapshot);
    }
}

/// Waits for the writer to read the tools, so that the first calls are judged by them. Without them
/// calls are unjudged until they are there.
fn wait_for_tools(link: &Link, main: &MainConf) {
    let until = Instant::now() + TOOLS_WAIT_MAX;
    while !link.has_looked() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(1));
    }
    take_tools(link, main);
}

/// Hands over what open streams have brought since the last tick.
///
/// # Safety
/// The event loop's thread.
unsafe fn hand_over_streams() {
    // SAFETY: contexts leave the list before they go.
    unsafe {
        let Some(worker) = Worker::get() else { return };
        for stream in worker.dirty.take_all() {
            Context::hand_over_piece(stream, worker);
        }
    }
}

/// Ends the exchanges that are still open when the worker ends: their connections go with it, and
/// nginx does not run the log phase for them.
///
/// # Safety
/// The event loop's thread.
unsafe fn end_exchanges() {
    // SAFETY: contexts leave the list before they go, and with them lives the request. Values are
    // evaluated as in the log phase.
    unsafe {
        let open = Worker::get().map(|worker| worker.open.take_all());
        for context in open.unwrap_or_default() {
            filter::finish(crate::nginx::Request::new((*context).r), context);
        }
    }
}

/// # Safety
/// The event loop's thread, and a live log.
unsafe fn say_drops(worker: &mut Worker, said_at: &mut ngx_msec_t, log: *mut ngx_log_t) {
    // SAFETY: nginx's clock, read on its own thread.
    let now = unsafe { nginx_sys::ngx_current_msec };
    if now.wrapping_sub(*said_at) < SAY_DROPS_MS {
        return;
    }
    let n = worker.take_unsaid_drops();
    if n > 0 {
        *said_at = now;
        // SAFETY: by the caller's promise.
        unsafe {
            log!(
                NGX_LOG_NOTICE,
                log,
                "mcp_sessions: {n} exchanges not recorded: the queue or the memory is full"
            );
        }
    }
}

/// # Safety
/// The event loop's thread, and a live log.
unsafe fn write_lines(link: &Link, log: *mut ngx_log_t) {
    // SAFETY: by the caller's promise.
    unsafe { gate::log::write(link, log) };
    while let Some(line) = link.next_line() {
        // SAFETY: by the caller's promise.
        unsafe { log!(line.level, log, "{}", line.text) };
    }
}
