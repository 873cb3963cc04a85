//! What one worker's event loop keeps: recycled captures, the queue to the writer, open streams.
//!
//! There is one per worker process, made by `init_process` and used by the event loop's thread
//! alone. It never calls back into nginx, so that a borrow of it cannot be entered twice.

use crate::clock::Clock;
use crate::context::List;
use crate::handover::Link;
use crate::zone::{Counter, Side, Slot};
use crossbeam_channel::{Sender, TrySendError};
use exchange::{Capture, Part, Snapshot};
use record::Reason;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Captures kept at hand without asking the writer's side.
const AT_HAND_MAX: usize = 64;
/// Captures in the whole recycling that are kept when traffic has calmed.
const SPARE_MAX: usize = 512;
/// Captures freed by one tick of the timer, so that calming costs no pause.
const FREED_PER_TICK_MAX: usize = 256;

/// Looks, one a flush interval, after which a writer that does not move is behind: its own interval
/// and the timer's may just miss each other once.
const IDLE_LOOKS_MAX: u32 = 2;

static WORKER: AtomicPtr<Worker> = AtomicPtr::new(null_mut());

/// The event loop's side of a worker.
pub(crate) struct Worker {
    link: Arc<Link>,
    queue: Sender<Box<Capture>>,
    slot: &'static Slot,
    // Boxed as they travel: moving a capture itself would copy hundreds of bytes.
    #[expect(clippy::vec_box)]
    at_hand: Vec<Box<Capture>>,
    /// Bytes of captures being filled.
    open_bytes: usize,
    memory_bytes_max: usize,
    queue_bytes_max: usize,
    last_stream: u64,
    request_ids: RequestIds,
    /// Time.
    pub(crate) clock: Clock,
    /// Exchanges that have not ended.
    pub(crate) open: List,
    /// Those of them that are event streams with bytes that are not handed over yet.
    pub(crate) dirty: List,
    /// Drops since the last line about them.
    unsaid_drops: u64,
    /// The tools that controls judge by.
    tools: Option<Arc<Snapshot>>,
}

impl Worker {
    /// Makes it, for this process.
    pub(crate) fn start(
        link: Arc<Link>,
        queue: Sender<Box<Capture>>,
        slot: &'static Slot,
        memory_bytes_max: usize,
        queue_bytes_max: usize,
        seed: u64,
    ) {
        let worker = Box::new(Self {
            link,
            queue,
            slot,
            at_hand: Vec::with_capacity(AT_HAND_MAX),
            open_bytes: 0,
            memory_bytes_max,
            queue_bytes_max,
            last_stream: 0,
            request_ids: RequestIds::new(seed),
            clock: Clock::default(),
            open: List::open(),
            dirty: List::dirty(),
            unsaid_drops: 0,
            tools: None,
        });
        WORKER.store(Box::into_raw(worker), Ordering::Release);
    }

    /// The worker of this process. `None` before it started and after it ended, and in processes
    /// that handle no requests.
    ///
    /// # Safety
    /// The event loop's thread, and no other borrow of it alive.
    #[inline]
    pub(crate) unsafe fn get<'a>() -> Option<&'a mut Self> {
        // SAFETY: made by `start` from a box; by the caller's promise not borrowed elsewhere.
        unsafe { WORKER.load(Ordering::Relaxed).as_mut() }
    }

    /// Ends it: the queue closes behind what is in it.
    ///
    /// # Safety
    /// As `get`.
    pub(crate) unsafe fn stop() {
        let worker = WORKER.swap(null_mut(), Ordering::AcqRel);
        if !worker.is_null() {
            // SAFETY: made by `start` from a box, and nobody can find it any more.
            drop(unsafe { Box::from_raw(worker) });
        }
    }

    /// An empty capture; `None` where the worker's memory is used up.
    #[inline]
    pub(crate) fn take_capture(&mut self) -> Option<Box<Capture>> {
        if !self.has_memory_for(size_of::<Capture>()) {
            return None;
        }
        let capture = self.at_hand.pop().or_else(|| self.link.recycled.pop());
        Some(capture.unwrap_or_default())
    }

    /// Takes a capture back that is not handed over.
    pub(crate) fn give_back(&mut self, mut capture: Box<Capture>) {
        capture.clear(Link::KEEP_BYTES_MAX);
        if self.at_hand.len() < AT_HAND_MAX {
            self.at_hand.push(capture);
        }
    }

    /// Whether captures may grow by this much.
    #[inline]
    pub(crate) fn has_memory_for(&self, bytes: usize) -> bool {
        let queued = self.link.queued_bytes.load(Ordering::Relaxed);
        self.open_bytes.saturating_add(queued).saturating_add(bytes) <= self.memory_bytes_max
    }

    /// Keeps account of a capture being filled, which held `before` bytes and holds `now`.
    #[inline]
    pub(crate) fn account(&mut self, before: usize, now: usize) {
        self.open_bytes = self.open_bytes.saturating_sub(before).saturating_add(now);
    }

    /// A number for a stream of parts.
    pub(crate) fn next_stream(&mut self) -> u64 {
        self.last_stream += 1;
        self.last_stream
    }

    /// The number of a request, which its id is made of.
    pub(crate) fn next_request(&mut self) -> u64 {
        self.request_ids.next_number()
    }

    /// An id of the form of nginx's `$request_id`, without its cost.
    pub(crate) fn request_id(&self, request: u64) -> [u8; 32] {
        self.request_ids.id(request)
    }

    /// Counts.
    pub(crate) fn count(&self, counter: Counter, n: u64) {
        self.slot.add(Side::EventLoop, counter, n);
    }

    /// Counts an exchange that is lost before it could be handed over.
    pub(crate) fn drop_exchange(&mut self, reason: Reason) {
        self.slot.add(Side::EventLoop, Counter::Handed, 1);
        self.slot.add_dropped(Side::EventLoop, reason, 1);
        self.unsaid_drops += 1;
    }

    /// Hands a capture over. Gives it back where the queue is full and it is a piece of a stream
    /// that goes on; of an exchange that has ended, it is dropped and counted.
    pub(crate) fn hand_over(&mut self, capture: Box<Capture>) -> Option<Box<Capture>> {
        let ends = matches!(capture.part, Part::Only | Part::Last);
        // The end of what was begun may always come: the writer waits for it.
        let is_begun = capture.part == Part::Last;
        let bytes = Link::weight(&capture);
        let queued = self.link.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        if queued > self.queue_bytes_max / Link::EARLY_SHARE {
            self.link.hurry();
        }
        let refused = if queued > self.queue_bytes_max && !is_begun {
            Some(capture)
        } else {
            match self.queue.try_send(capture) {
                Ok(()) => None,
                Err(TrySendError::Full(capture) | TrySendError::Disconnected(capture)) => {
                    Some(capture)
                }
            }
        };
        let Some(capture) = refused else {
            if ends {
                self.slot.add(Side::EventLoop, Counter::Handed, 1);
            }
            return None;
        };
        self.link.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
        if !ends {
            return Some(capture);
        }
        self.drop_exchange(Reason::QueueFull);
        self.give_back(capture);
        None
    }

    /// Makes the writer hurry where it has got nowhere for some looks, though there is work.
    pub(crate) fn look_at_writer(&self, seen: &mut Progress) {
        let batches = self.link.batches();
        let has_work = batches % 2 == 1 || !self.queue.is_empty();
        if batches != seen.batches || !has_work {
            *seen = Progress { batches, idle_looks: 0 };
            return;
        }
        seen.idle_looks += 1;
        if seen.idle_looks >= IDLE_LOOKS_MAX {
            seen.idle_looks = 0;
            self.link.hurry();
        }
    }

    /// The tools that controls judge by; `None` while none were read.
    pub(crate) fn tools(&self) -> Option<Arc<Snapshot>> {
        self.tools.clone()
    }

    /// Takes other tools. The writer judges by them as well, and frees those before.
    pub(crate) fn set_tools(&mut self, tools: Arc<Snapshot>) {
        let _ = self.link.ready.force_push(Arc::clone(&tools));
        if let Some(old) = self.tools.replace(tools) {
            let _ = self.link.old.push(old);
        }
    }

    /// Exchanges dropped since this was asked last.
    pub(crate) fn take_unsaid_drops(&mut self) -> u64 {
        std::mem::take(&mut self.unsaid_drops)
    }

    /// Frees some of the captures that a burst left behind. The event loop does it, because memory
    /// freed by the writer would make the two wait for each other in the allocator.
    pub(crate) fn free_spare(&mut self) {
        for _ in 0..FREED_PER_TICK_MAX {
            if self.link.recycled.len() <= SPARE_MAX || self.link.recycled.pop().is_none() {
                return;
            }
        }
    }
}

/// What the event loop saw of the writer's progress.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    batches: u64,
    /// Looks since it last moved.
    idle_looks: u32,
}

/// Ids that do not repeat: a counter through a mixing function, from a random start.
struct RequestIds {
    seed: u64,
    counter: u64,
}

impl RequestIds {
    fn new(seed: u64) -> Self {
        Self { seed, counter: 0 }
    }

    fn next_number(&mut self) -> u64 {
        self.counter = self.counter.wrapping_add(1);
        self.counter
    }

    fn id(&self, number: u64) -> [u8; 32] {
        let high = mixed(self.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // The low half alone tells ids of one worker apart, the seed those of different workers.
        let low = mixed(high ^ self.seed.rotate_left(32)).wrapping_add(number);
        let mut id = [0; 32];
        let bytes = high.to_be_bytes().into_iter().chain(low.to_be_bytes());
        for (digits, byte) in id.chunks_exact_mut(2).zip(bytes) {
            let pair = HEX.get(usize::from(byte)).copied().unwrap_or_default();
            digits.copy_from_slice(&pair);
        }
        id
    }
}

/// The finalizer of SplitMix64.
#[inline]
fn mixed(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Two hex digits for each byte.
static HEX: [[u8; 2]; 256] = {
    let digits = *b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while byte < 256 {
        table[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    table
};
