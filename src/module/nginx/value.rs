//! Complex values: text with `$variables`.

use nginx_sys::{
    NGX_OK, ngx_conf_t, ngx_http_compile_complex_value, ngx_http_compile_complex_value_t,
    ngx_http_complex_value, ngx_http_complex_value_t, ngx_http_request_t, ngx_int_t, ngx_str_t,
};

/// A compiled complex value. It lives in the configuration's pool, as long as the configuration.
#[derive(Clone)]
pub(crate) struct Value(Compiled);

#[derive(Clone)]
enum Compiled {
    /// No variable in it: the text itself.
    Constant(Box<[u8]>),
    /// The value as nginx compiled it.
    Complex(ngx_http_complex_value_t),
}

impl Value {
    /// Compiles `text`. `None` where nginx refuses it; it has logged why.
    ///
    /// # Safety
    /// `cf` is the configuration context nginx passed, and `text` lives in its pool.
    pub(crate) unsafe fn compile(cf: *mut ngx_conf_t, text: ngx_str_t) -> Option<Self> {
        // SAFETY: all-zero is valid for these C structures of pointers and numbers.
        let mut value: ngx_http_complex_value_t = unsafe { std::mem::zeroed() };
        // SAFETY: as above.
        let mut compile: ngx_http_compile_complex_value_t = unsafe { std::mem::zeroed() };
        let mut text = text;
        compile.cf = cf;
        compile.value = &raw mut text;
        compile.complex_value = &raw mut value;
        // SAFETY: the structure is filled in as nginx's own slot function does.
        if unsafe { ngx_http_compile_complex_value(&raw mut compile) } != NGX_OK as ngx_int_t {
            return None;
        }
        if value.lengths.is_null() {
            // SAFETY: nginx filled in `value.value`, whose bytes live in the pool.
            let bytes = unsafe { bytes(&value.value) };
            return Some(Self(Compiled::Constant(bytes.into())));
        }
        Some(Self(Compiled::Complex(value)))
    }

    /// Evaluates it and gives the bytes, which live as long as the request. Empty on failure.
    ///
    /// # Safety
    /// `r` is a live request, and the configuration that holds this value is still there.
    pub(crate) unsafe fn evaluate(&self, r: *mut ngx_http_request_t) -> &[u8] {
        match &self.0 {
            Compiled::Constant(text) => text,
            Compiled::Complex(value) => {
                let mut out = ngx_str_t::empty();
                let value = std::ptr::from_ref(value).cast_mut();
                // SAFETY: nginx only reads the compiled value; the result lives in the request's
                // pool or in a variable of the request.
                if unsafe { ngx_http_complex_value(r, value, &raw mut out) } != NGX_OK as ngx_int_t
                {
                    return &[];
                }
                // SAFETY: nginx filled `out` in.
                unsafe { bytes(&out) }
            }
        }
    }
}

/// The bytes of an nginx string.
///
/// # Safety
/// It is a string nginx made, and its bytes live as long as `'a` says.
pub(crate) unsafe fn bytes<'a>(text: &ngx_str_t) -> &'a [u8] {
    if text.len == 0 || text.data.is_null() {
        return &[];
    }
    // SAFETY: by the caller's promise.
    unsafe { std::slice::from_raw_parts(text.data, text.len) }
}
