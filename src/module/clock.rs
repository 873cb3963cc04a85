//! Time on the event loop: two reads of the monotonic clock a call, and none of the wall clock.

use crate::nginx::Request;
use nginx_sys::ngx_timeofday;
use record::Micros;

/// The monotonic clock, in microseconds.
#[inline]
pub(crate) fn monotonic_us() -> u64 {
    read(libc::CLOCK_MONOTONIC)
}

/// The wall clock, in microseconds since the Unix epoch.
pub(crate) fn wall_us() -> Micros {
    i64::try_from(read(libc::CLOCK_REALTIME)).unwrap_or(0)
}

#[inline]
fn read(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure is ours.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    let (seconds, nanos) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    seconds.unwrap_or(0) * 1_000_000 + nanos.unwrap_or(0) / 1_000
}

/// nginx's clock is cached: a request that seems younger than this began now.
const JUST_NOW_US: i64 = 2_000;

/// Turns monotonic time into wall clock time, with the offset as it was at most a second ago.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset_us: i64,
    until_us: u64,
}

impl Clock {
    /// How long an offset is taken for true, in microseconds.
    const FRESH_US: u64 = 1_000_000;

    /// The wall clock at a moment of the monotonic clock, which is now or was just now.
    #[inline]
    pub(crate) fn wall_at(&mut self, monotonic: u64) -> Micros {
        if monotonic >= self.until_us {
            self.offset_us = wall_us() - signed(monotonic_us());
            self.until_us = monotonic + Self::FRESH_US;
        }
        self.offset_us + signed(monotonic)
    }

    /// When a request began: on the wall clock, and on the monotonic one, by which its duration is
    /// measured. How long ago that was says nginx's own clock alone: a wall clock that was set in
    /// the meantime would make it days.
    pub(crate) fn began(&mut self, r: Request<'_>) -> (Micros, u64) {
        let now = monotonic_us();
        let wall = self.wall_at(now);
        let nginx = ngx_timeofday();
        let (seconds, millis) = (r.inner().start_sec, r.inner().start_msec);
        let ago = at_us(nginx.sec, nginx.msec) - at_us(seconds, millis);
        if ago < JUST_NOW_US {
            return (wall, now);
        }
        (wall - ago, now.saturating_sub(ago.unsigned_abs()))
    }
}

fn at_us(seconds: i64, millis: usize) -> Micros {
    seconds * 1_000_000 + i64::try_from(millis).unwrap_or(0) * 1_000
}

fn signed(us: u64) -> i64 {
    i64::try_from(us).unwrap_or(0)
}
