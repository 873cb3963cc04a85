//! The body of a request that nginx has read: the very bytes that would go on.

use crate::context::{self, Found};
use crate::nginx::Request;
use nginx_sys::{ngx_buf_t, ngx_chain_t};
use std::borrow::Cow;

/// How much of a temporary file is read at a time.
const READ_BYTES: usize = 64 << 10;

/// A body, up to a limit.
pub(super) struct Bytes<'r> {
    pub(super) bytes: Cow<'r, [u8]>,
    /// Whether that is all of it.
    pub(super) is_whole: bool,
    /// How many bytes are beyond.
    pub(super) beyond: u64,
}

/// Whether a request has a body that nobody has read.
pub(super) fn is_to_be_read(r: Request<'_>) -> bool {
    let inner = r.inner();
    let has_body = inner.headers_in.chunked() != 0 || inner.headers_in.content_length_n > 0;
    has_body && inner.request_body.is_null() && inner.discard_body() == 0
}

/// The body as nginx keeps it, up to `limit` bytes: in one piece of memory as a rule, else
/// collected from several or from the temporary file, of which the filter has mostly kept a copy.
pub(super) fn of(r: Request<'_>, limit: usize) -> Bytes<'_> {
    // SAFETY: a live request's body is null or what nginx has read.
    let chain = unsafe { r.inner().request_body.as_ref() }.map(|body| body.bufs);
    let pieces = chain.map(pieces).unwrap_or_default();
    let total: u64 = pieces.iter().map(Piece::len).sum();
    let kept = usize::try_from(total).map_or(limit, |total| total.min(limit));
    if let [Piece::Memory(bytes)] = pieces.as_slice() {
        let bytes = bytes.get(..kept).unwrap_or_default();
        return whole_of(Cow::Borrowed(bytes), total);
    }
    if let Some(copy) = copy_of(r, total, limit) {
        return whole_of(Cow::Owned(copy), total);
    }
    let mut out = Vec::with_capacity(kept);
    for piece in &pieces {
        let room = kept - out.len();
        match piece {
            Piece::Memory(bytes) => out.extend_from_slice(bytes.get(..room).unwrap_or(bytes)),
            Piece::File { fd, from, to } => read(*fd, *from, *to, room, &mut out),
        }
        if out.len() >= kept {
            break;
        }
    }
    whole_of(Cow::Owned(out), total)
}

fn whole_of(bytes: Cow<'_, [u8]>, total: u64) -> Bytes<'_> {
    let beyond = total.saturating_sub(bytes.len() as u64);
    Bytes { bytes, is_whole: beyond == 0, beyond }
}

/// What the filter has kept, if that is all of the body: it spares reading a file.
fn copy_of(r: Request<'_>, total: u64, limit: usize) -> Option<Vec<u8>> {
    let Found::Context(context) = context::find(r) else { return None };
    // SAFETY: a context of this live request, borrowed nowhere else.
    let body = unsafe { &(*context).capture()?.request };
    let is_all = body.lost == 0 && body.bytes.len() as u64 == total && body.bytes.len() <= limit;
    is_all.then(|| body.bytes.clone())
}

enum Piece<'r> {
    Memory(&'r [u8]),
    File { fd: i32, from: i64, to: i64 },
}

impl Piece<'_> {
    fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { from, to, .. } => u64::try_from(to.saturating_sub(*from)).unwrap_or(0),
        }
    }
}

fn pieces<'r>(mut chain: *mut ngx_chain_t) -> Vec<Piece<'r>> {
    let mut pieces = Vec::new();
    // SAFETY: nginx's chain of what it has read ends with null; its buffers live as long as the
    // request.
    while let Some(link) = unsafe { chain.as_ref() } {
        // SAFETY: as above.
        pieces.extend(unsafe { link.buf.as_ref() }.and_then(|buf| unsafe { piece(buf) }));
        chain = link.next;
    }
    pieces
}

/// # Safety
/// A buffer of the request's body, for as long as `'r`.
unsafe fn piece<'r>(buf: &ngx_buf_t) -> Option<Piece<'r>> {
    if buf.temporary() != 0 || buf.memory() != 0 || buf.mmap() != 0 {
        let len = (buf.last as usize).saturating_sub(buf.pos as usize);
        // SAFETY: pos..last is the buffer's content.
        return (len > 0)
            .then(|| Piece::Memory(unsafe { std::slice::from_raw_parts(buf.pos, len) }));
    }
    // SAFETY: a buffer in a file names it.
    let file = unsafe { buf.file.as_ref() }.filter(|_| buf.in_file() != 0)?;
    Some(Piece::File { fd: file.fd, from: buf.file_pos, to: buf.file_last })
}

/// Appends what a file holds, at most `room` bytes; less where it cannot be read.
fn read(fd: i32, from: i64, to: i64, room: usize, out: &mut Vec<u8>) {
    let wanted = usize::try_from(to.saturating_sub(from)).unwrap_or(0).min(room);
    let (mut at, mut left) = (from, wanted);
    let mut buffer = vec![0; READ_BYTES.min(wanted)];
    while left > 0 {
        let len = buffer.len().min(left);
        // SAFETY: the buffer has room for as many bytes; nginx's descriptor is open.
        let read = unsafe { libc::pread(fd, buffer.as_mut_ptr().cast(), len, at) };
        let Some(read) = usize::try_from(read).ok().filter(|read| *read > 0) else { return };
        out.extend_from_slice(buffer.get(..read).unwrap_or_default());
        left -= read.min(left);
        at += i64::try_from(read).unwrap_or(0);
    }
}
