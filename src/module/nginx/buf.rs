//! Buffer chains.

use nginx_sys::{ngx_buf_t, ngx_chain_t};

/// One buffer of a chain.
pub(crate) struct Piece<'a> {
    /// Its bytes, where they are in memory; empty for flushes and the like.
    pub(crate) bytes: &'a [u8],
    /// Bytes it stands for that are in a file only.
    pub(crate) unseen: u64,
    /// Whether it ends the body.
    pub(crate) is_last: bool,
}

/// Gives each buffer of a chain to `f`.
///
/// # Safety
/// `chain` is null or a chain as nginx passes it to a filter.
#[inline]
pub(crate) unsafe fn pieces<'a>(mut chain: *const ngx_chain_t, mut f: impl FnMut(Piece<'a>)) {
    // SAFETY: nginx's chains end with null, and their buffers are valid while a filter runs.
    while let Some(link) = unsafe { chain.as_ref() } {
        // SAFETY: as above.
        if let Some(buf) = unsafe { link.buf.as_ref() } {
            // SAFETY: as above.
            f(unsafe { piece(buf) });
        }
        chain = link.next;
    }
}

/// # Safety
/// `buf` is a valid buffer; `'a` ends before the filter returns.
#[inline]
unsafe fn piece<'a>(buf: &ngx_buf_t) -> Piece<'a> {
    let is_last = buf.last_buf() != 0;
    let is_memory = buf.temporary() != 0 || buf.memory() != 0 || buf.mmap() != 0;
    if is_memory {
        let len = (buf.last as usize).saturating_sub(buf.pos as usize);
        if len == 0 {
            return Piece { bytes: &[], unseen: 0, is_last };
        }
        // SAFETY: pos..last is the buffer's content.
        let bytes = unsafe { std::slice::from_raw_parts(buf.pos, len) };
        return Piece { bytes, unseen: 0, is_last };
    }
    let unseen = if buf.in_file() != 0 {
        u64::try_from(buf.file_last.saturating_sub(buf.file_pos)).unwrap_or(0)
    } else {
        0
    };
    Piece { bytes: &[], unseen, is_last }
}
