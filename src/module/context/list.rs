//! Lists of contexts that any of them can leave at once.

use super::Context;

/// The place of a context that is not in the list.
pub(super) const NOWHERE: usize = usize::MAX;

/// A list. Each context knows its place in it, in the field that `place` names.
///
/// Contexts leave it before they go (`Context::end`), so that those in it are alive.
pub(crate) struct List {
    contexts: Vec<*mut Context>,
    place: fn(&mut Context) -> &mut usize,
}

impl List {
    /// All open exchanges.
    pub(crate) fn open() -> Self {
        Self { contexts: Vec::new(), place: |context| &mut context.open_at }
    }

    /// Streams with bytes that are not handed over yet.
    pub(crate) fn dirty() -> Self {
        Self { contexts: Vec::new(), place: |context| &mut context.dirty_at }
    }

    /// Adds a context, if it is not in it.
    #[inline]
    pub(crate) fn add(&mut self, context: &mut Context) {
        let place = (self.place)(context);
        if *place == NOWHERE {
            *place = self.contexts.len();
            self.contexts.push(context);
        }
    }

    /// Takes a context out, if it is in it. The last one takes its place.
    #[inline]
    pub(crate) fn remove(&mut self, context: &mut Context) {
        let at = std::mem::replace((self.place)(context), NOWHERE);
        if at >= self.contexts.len() {
            return;
        }
        self.contexts.swap_remove(at);
        if let Some(moved) = self.contexts.get(at) {
            // SAFETY: contexts in the list are alive. The one that left is not in it any more, so
            // this is another.
            unsafe { *(self.place)(&mut **moved) = at };
        }
    }

    /// Takes out all that are in it now.
    ///
    /// # Safety
    /// None of them is borrowed.
    pub(crate) unsafe fn take_all(&mut self) -> Vec<*mut Context> {
        let contexts = std::mem::take(&mut self.contexts);
        for context in &contexts {
            // SAFETY: contexts in the list are alive, and not borrowed by the caller's promise.
            unsafe { *(self.place)(&mut **context) = NOWHERE };
        }
        contexts
    }
}
