//! Block directives of lines of our own: `mcp_acl "title" { … }`.

use super::line::{Line, Wrong, wrong};
use crate::guard::guard;
use crate::nginx::bytes;
use nginx_sys::{
    ngx_command_t, ngx_conf_include, ngx_conf_parse, ngx_conf_t, ngx_log_error_core, ngx_str_t,
    ngx_uint_t,
};
use std::ffi::{c_char, c_void};
use std::ptr::null_mut;

/// A line of a block, and the file it stands in.
pub(super) struct BlockLine {
    pub(super) line: control::Line,
    /// The file as nginx names it; with `include` not always the block's own.
    pub(super) file: String,
}

/// What is collected of a block.
#[derive(Default)]
struct Collected {
    lines: Vec<BlockLine>,
    is_not_text: bool,
}

/// Reads the lines up to the block's end.
pub(super) fn lines(line: &Line<'_>) -> Result<Vec<BlockLine>, Wrong> {
    let cf = line.cf();
    let mut collected = Collected::default();
    // SAFETY: as nginx's own `types { … }` does: the context is put back as it was.
    let parsed = unsafe {
        let saved = *cf;
        (*cf).handler = Some(collect);
        (*cf).handler_conf = (&raw mut collected).cast();
        let parsed = ngx_conf_parse(cf, null_mut());
        *cf = saved;
        parsed
    };
    if !parsed.is_null() {
        return Err(Wrong::Logged);
    }
    if collected.is_not_text {
        return Err(wrong!("has a line that is not UTF-8 text: write it in UTF-8"));
    }
    Ok(collected.lines)
}

/// nginx calls it for each line of the block.
unsafe extern "C" fn collect(
    cf: *mut ngx_conf_t,
    command: *mut ngx_command_t,
    conf: *mut c_void,
) -> *mut c_char {
    guard(super::NGX_CONF_ERROR, || {
        // SAFETY: nginx passes its context, whose arguments are strings, and what `lines` gave it.
        let (words, file, number, collected) = unsafe {
            let words: &[ngx_str_t] = (*(*cf).args).as_slice();
            if words.first().is_some_and(|name| bytes(name) == b"include") {
                return ngx_conf_include(cf, command, conf);
            }
            let file = &*(*cf).conf_file;
            let name = String::from_utf8_lossy(bytes(&file.file.name)).into_owned();
            (words, name, file.line, &mut *conf.cast::<Collected>())
        };
        let mut texts = Vec::with_capacity(words.len());
        for word in words {
            // SAFETY: a string of the configuration's pool.
            match std::str::from_utf8(unsafe { bytes(word) }) {
                Ok(text) => texts.push(text.to_owned()),
                Err(_) => collected.is_not_text = true,
            }
        }
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        collected.lines.push(BlockLine { line: control::Line { number, words: texts }, file });
        null_mut()
    })
}

/// Logs what is wrong with a line of a block, with its file and line, which nginx has left behind.
pub(super) fn say(line: &Line<'_>, level: u32, said: &str, file: &str, number: u32) {
    let text = format!("{said} in {file}:{number}");
    let mut text = ngx_str_t { len: text.len(), data: text.as_ptr().cast_mut() };
    // SAFETY: nginx's context has a log; `%V` takes a pointer to a string, which nginx only reads.
    unsafe {
        ngx_log_error_core(level as ngx_uint_t, (*line.cf()).log, 0, c"%V".as_ptr(), &raw mut text);
    }
}
