//! Who owns sessions: fingerprints of both, in a table of a fixed size.

use record::HashKey;
use std::sync::atomic::{AtomicU64, Ordering};

/// Sessions whose owners are remembered.
const OWNERS_MAX: usize = 16_384;
/// Places that are looked at for one session.
const PROBES_MAX: usize = 8;

/// The table. Reading and writing need no lock: a place that two workers write at once holds a pair
/// that fits nobody, or one of the two.
#[repr(C)]
pub(crate) struct Owners {
    /// What the fingerprints are made with, so that no client can choose them.
    seed: AtomicU64,
    places: [Place; OWNERS_MAX],
}

#[repr(C)]
struct Place {
    session: AtomicU64,
    /// The user's fingerprint, mixed with the session's: a torn pair fits nobody.
    user: AtomicU64,
}

impl Owners {
    /// Chooses the seed, once.
    pub(super) fn seed(&self, seed: u64) {
        self.seed.store(seed, Ordering::Relaxed);
    }

    fn key(&self) -> HashKey {
        HashKey::from_secret(&self.seed.load(Ordering::Relaxed).to_le_bytes())
    }

    /// A user's fingerprint.
    pub(crate) fn user(&self, user: &[u8]) -> u64 {
        self.key().fingerprint(&[b"user", user]).max(1)
    }

    fn session(&self, session: &[u8]) -> u64 {
        self.key().fingerprint(&[b"session", session]).max(1)
    }

    fn probes(&self, session: u64) -> impl Iterator<Item = &Place> {
        let first = usize::try_from(session % OWNERS_MAX as u64).unwrap_or(0);
        (0..PROBES_MAX).filter_map(move |step| self.places.get((first + step) % OWNERS_MAX))
    }

    /// The fingerprint of a session's owner.
    pub(crate) fn find(&self, session: &[u8]) -> Option<u64> {
        let session = self.session(session);
        let place =
            self.probes(session).find(|it| it.session.load(Ordering::Acquire) == session)?;
        let user = place.user.load(Ordering::Acquire);
        // Another session may have taken the place in between.
        (place.session.load(Ordering::Acquire) == session && user != 0).then_some(user ^ session)
    }

    /// Gives a session an owner, if it has none.
    pub(crate) fn claim(&self, session: &[u8], user: &[u8]) {
        if self.find(session).is_some() {
            return;
        }
        let (session, user) = (self.session(session), self.user(user));
        let free = self.probes(session).find(|it| it.session.load(Ordering::Relaxed) == 0);
        // Without a free place one of the probed ones is taken, a different one for each session.
        let step = usize::try_from(session >> 32).unwrap_or(0) % PROBES_MAX;
        let Some(place) = free.or_else(|| self.probes(session).nth(step)) else { return };
        place.user.store(0, Ordering::Release);
        place.session.store(session, Ordering::Release);
        place.user.store(user ^ session, Ordering::Release);
    }
}
