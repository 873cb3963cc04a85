//! Text of the exchange being read, in one buffer that is used again for the next.

use std::borrow::Cow;

/// A piece of an [`Arena`]'s text. Empty means absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text {
    start: u32,
    len: u32,
}

impl Text {
    /// Whether there is no text.
    pub(crate) fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// Capacity that is kept for the next exchange, in bytes.
const KEPT_BYTES_MAX: usize = 256 * 1024;

/// Bytes as text; what is not UTF-8 becomes U+FFFD. The library's function of this name looks at
/// every byte, also where a quick check of the whole would do.
pub(crate) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// One buffer of text. Records borrow from it on their way to the sink.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arena(String);

impl Arena {
    /// Appends a text.
    pub(crate) fn push(&mut self, text: &str) -> Text {
        self.append(|out| out.push_str(text))
    }

    /// Appends a text, cut at a character boundary to at most `bytes_max`.
    pub(crate) fn push_capped(&mut self, text: &str, bytes_max: usize) -> Text {
        self.push(capped(text, bytes_max))
    }

    /// Lets `write` append. It must not touch what is there.
    pub(crate) fn append(&mut self, write: impl FnOnce(&mut String)) -> Text {
        let start = self.0.len();
        write(&mut self.0);
        let len = self.0.len().saturating_sub(start);
        match (u32::try_from(start), u32::try_from(len)) {
            (Ok(start), Ok(len)) => Text { start, len },
            // Limits on every text keep the buffer far below 4 GiB.
            _ => Text::default(),
        }
    }

    /// The text of a piece.
    pub(crate) fn get(&self, text: Text) -> &str {
        let start = text.start as usize;
        self.0.get(start..start.saturating_add(text.len as usize)).unwrap_or_default()
    }

    /// Empties it and gives back what one large exchange needed.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
        if self.0.capacity() > KEPT_BYTES_MAX {
            self.0 = String::new();
        }
    }

    /// Bytes of memory it holds.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.0.capacity()
    }

    /// Gives back what is not used.
    pub(crate) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }
}

/// The beginning of a text, cut at a character boundary to at most `bytes_max`.
pub(crate) fn capped(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let end = (0..=bytes_max).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}
