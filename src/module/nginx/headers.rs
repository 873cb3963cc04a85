//! Header lists.

use super::bytes;
use nginx_sys::{ngx_list_part_t, ngx_list_t, ngx_table_elt_t, ngx_uint_t};

/// A header's name, with nginx's hash of it.
#[derive(Clone, Copy)]
pub(crate) struct HeaderName {
    /// In lower case.
    pub(crate) name: &'static [u8],
    hash: ngx_uint_t,
}

impl HeaderName {
    /// Takes a name in lower case.
    pub(crate) const fn new(name: &'static str) -> Self {
        let name = name.as_bytes();
        let (mut hash, mut rest): (ngx_uint_t, &[u8]) = (0, name);
        // The hash of nginx's `ngx_hash()`, which its header parser keeps with each header.
        while let [byte, tail @ ..] = rest {
            hash = hash.wrapping_mul(31).wrapping_add(*byte as ngx_uint_t);
            rest = tail;
        }
        Self { name, hash }
    }

    /// Whether a request's header has this name.
    #[inline]
    pub(crate) fn is(self, header: &ngx_table_elt_t) -> bool {
        header.hash == self.hash && header.key.len == self.name.len() && self.is_text(header)
    }

    /// Whether an answer's header has this name. Those that came from upstream have their hash;
    /// those that nginx or a module added may have any.
    #[inline]
    pub(crate) fn is_answer(self, header: &ngx_table_elt_t) -> bool {
        header.key.len == self.name.len()
            && (header.hash == self.hash || header.hash == 1)
            && self.is_text(header)
    }

    /// Whether a header has this name, whatever its hash.
    #[inline]
    pub(crate) fn is_text(self, header: &ngx_table_elt_t) -> bool {
        // SAFETY: nginx's headers hold valid strings.
        unsafe { bytes(&header.key) }.eq_ignore_ascii_case(self.name)
    }
}

/// Gives each header to `f`, those that were deleted (hash 0) left out.
///
/// # Safety
/// `list` is a request's list of `ngx_table_elt_t`.
#[inline]
pub(crate) unsafe fn each_header<'a>(list: &'a ngx_list_t, mut f: impl FnMut(&'a ngx_table_elt_t)) {
    let mut part: *const ngx_list_part_t = &raw const list.part;
    // SAFETY: by the caller's promise; parts end with null, and each holds `nelts` headers.
    while let Some(here) = unsafe { part.as_ref() } {
        if here.nelts > 0 {
            // SAFETY: as above.
            let headers = unsafe {
                std::slice::from_raw_parts(here.elts.cast::<ngx_table_elt_t>(), here.nelts)
            };
            headers.iter().filter(|header| header.hash != 0).for_each(&mut f);
        }
        part = here.next;
    }
}
