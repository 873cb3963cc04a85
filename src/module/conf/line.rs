//! One directive of nginx.conf as it was written, and what can be wrong with it.

use crate::nginx::{Value, bytes};
use nginx_sys::{
    NGX_ERROR, NGX_LOG_EMERG, NGX_LOG_WARN, ngx_conf_full_name, ngx_conf_log_error, ngx_conf_t,
    ngx_http_conf_ctx_t, ngx_http_core_loc_conf_t, ngx_http_core_module, ngx_http_request_t,
    ngx_int_t, ngx_parse_offset, ngx_parse_time, ngx_str_t, ngx_uint_t, off_t,
};
use std::ffi::OsStr;
use std::fmt;
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Why a directive is refused.
pub(crate) enum Wrong {
    /// It stands twice on one level.
    Duplicate,
    /// A sentence that says what to write instead.
    Said(String),
    /// nginx has logged why already.
    Logged,
}

/// Refuses a directive with a formatted sentence.
macro_rules! wrong {
    ($($said:tt)*) => { $crate::conf::line::Wrong::Said(format!($($said)*)) };
}
pub(crate) use wrong;

/// Where a directive stands, for what can only be checked once everything is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    file: String,
    line: usize,
}

impl Place {
    /// Where nginx is reading now.
    ///
    /// # Safety
    /// `cf` is the configuration context nginx passed.
    unsafe fn of(cf: *mut ngx_conf_t) -> Self {
        // SAFETY: nginx keeps the current file's structure for as long as it reads it.
        unsafe {
            let Some(file) = (*cf).conf_file.as_ref() else { return Self::default() };
            let name = String::from_utf8_lossy(bytes(&file.file.name)).into_owned();
            Self { file: name, line: file.line }
        }
    }
}

impl Place {
    /// The file as nginx names it.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// The line's number.
    pub(crate) fn line(&self) -> u32 {
        u32::try_from(self.line).unwrap_or(u32::MAX)
    }

    /// The file without its folder, and the line.
    pub(crate) fn short(&self) -> String {
        let name = self.file.rsplit('/').next().unwrap_or_default();
        format!("{name}:{}", self.line)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A directive's words.
pub(crate) struct Line<'a> {
    cf: *mut ngx_conf_t,
    name: &'a str,
    words: &'a [ngx_str_t],
}

impl<'a> Line<'a> {
    /// The directive that nginx has just read.
    ///
    /// # Safety
    /// `cf` is the configuration context nginx passed to a directive's handler.
    pub(crate) unsafe fn new(cf: *mut ngx_conf_t) -> Self {
        // SAFETY: nginx fills `args` with strings, the first of which is the directive's name.
        let words: &'a [ngx_str_t] = unsafe { (*(*cf).args).as_slice() };
        let (name, words) = match words.split_first() {
            // SAFETY: the name lives in the configuration's pool.
            Some((name, words)) => (unsafe { bytes(name) }, words),
            None => (&[][..], words),
        };
        Self { cf, name: std::str::from_utf8(name).unwrap_or_default(), words }
    }

    /// The configuration context.
    pub(crate) fn cf(&self) -> *mut ngx_conf_t {
        self.cf
    }

    /// Its name.
    pub(crate) fn name(&self) -> &'a str {
        self.name
    }

    /// Where it stands.
    pub(crate) fn place(&self) -> Place {
        // SAFETY: the context is nginx's and valid while the directive is handled.
        unsafe { Place::of(self.cf) }
    }

    /// The words after the name.
    pub(crate) fn words(&self) -> impl Iterator<Item = Word<'a>> + use<'a> {
        // SAFETY: nginx's strings live in the configuration's pool, which outlives the line.
        self.words.iter().map(|word| Word { raw: *word, bytes: unsafe { bytes(word) } })
    }

    /// The word at `index` after the name; nginx has checked how many there are.
    pub(crate) fn word(&self, index: usize) -> Result<Word<'a>, Wrong> {
        self.words().nth(index).ok_or_else(|| wrong!("takes more parameters"))
    }

    /// Whether its only parameter is `off`.
    pub(crate) fn is_off(&self) -> bool {
        self.words.len() == 1 && self.words().all(|word| word.bytes == b"off")
    }

    /// Compiles a value that may hold variables.
    pub(crate) fn value(&self, word: Word<'a>) -> Result<Value, Wrong> {
        // SAFETY: the context is nginx's, and the word lives in its pool.
        unsafe { Value::compile(self.cf, word.raw) }.ok_or(Wrong::Logged)
    }

    /// Compiles a text that may hold variables.
    pub(crate) fn value_of(&self, text: &str) -> Result<Value, Wrong> {
        // SAFETY: the context is nginx's, and the text is copied into its pool.
        let value = unsafe {
            ngx_str_t::from_bytes((*self.cf).pool, text.as_bytes())
                .and_then(|text| Value::compile(self.cf, text))
        };
        value.ok_or(Wrong::Logged)
    }

    /// A file or directory; a relative one is below nginx's prefix, or with `beside_conf` beside
    /// nginx.conf.
    pub(crate) fn path(&self, word: &Word<'a>, beside_conf: bool) -> Result<PathBuf, Wrong> {
        if word.bytes.is_empty() {
            return Err(wrong!("has an empty path: write the path of a file or directory"));
        }
        let mut name = word.raw;
        // SAFETY: the cycle is nginx's; the full name is allocated from its pool.
        let full = unsafe {
            let cycle = (*self.cf).cycle;
            if ngx_conf_full_name(cycle, &raw mut name, ngx_uint_t::from(beside_conf))
                == NGX_ERROR as ngx_int_t
            {
                return Err(Wrong::Logged);
            }
            bytes(&name)
        };
        Ok(PathBuf::from(OsStr::from_bytes(full)))
    }

    /// Makes a function answer the requests of this location.
    pub(crate) fn handle_content(
        &self,
        handler: unsafe extern "C" fn(*mut ngx_http_request_t) -> ngx_int_t,
    ) {
        // SAFETY: the context of a location holds the core module's configuration of it.
        unsafe {
            let ctx = (*self.cf).ctx.cast::<ngx_http_conf_ctx_t>();
            let core = (*(*ctx).loc_conf.add(ngx_http_core_module.ctx_index))
                .cast::<ngx_http_core_loc_conf_t>();
            (*core).handler = Some(handler);
        }
    }

    /// Logs a warning with file and line.
    pub(crate) fn warn(&self, said: &str) {
        self.log(NGX_LOG_WARN, said);
    }

    /// Logs why it is refused, with file and line.
    pub(crate) fn refuse(&self, said: &str) {
        self.log(NGX_LOG_EMERG, said);
    }

    fn log(&self, level: u32, said: &str) {
        // SAFETY: the context is nginx's.
        unsafe { log(self.cf, level, &format!("\"{}\" {said}", self.name)) };
    }
}

/// Logs a sentence about the configuration; nginx adds the file and the line it is reading.
///
/// # Safety
/// `cf` is the configuration context nginx passed.
pub(crate) unsafe fn log(cf: *mut ngx_conf_t, level: u32, said: &str) {
    let mut text = ngx_str_t { len: said.len(), data: said.as_ptr().cast_mut() };
    // SAFETY: `%V` takes a pointer to a string, which nginx only reads.
    unsafe { ngx_conf_log_error(level as ngx_uint_t, cf, 0, c"%V".as_ptr(), &raw mut text) };
}

/// A parameter of a directive.
#[derive(Clone, Copy)]
pub(crate) struct Word<'a> {
    raw: ngx_str_t,
    bytes: &'a [u8],
}

impl<'a> Word<'a> {
    /// Its bytes.
    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Its text.
    pub(crate) fn text(&self) -> Result<&'a str, Wrong> {
        let text = std::str::from_utf8(self.bytes);
        text.map_err(|_| wrong!("has a parameter that is not UTF-8 text: write it in UTF-8"))
    }

    /// The rest after `name=`, if it begins so.
    pub(crate) fn option(&self, name: &str) -> Option<Self> {
        self.bytes.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        self.after(name.len() + 1)
    }

    /// What is left after its first `skipped` bytes.
    pub(crate) fn after(&self, skipped: usize) -> Option<Self> {
        let bytes = self.bytes.get(skipped..)?;
        // SAFETY: the string has at least that many bytes.
        let data = unsafe { self.raw.data.add(skipped) };
        Some(Self { raw: ngx_str_t { len: bytes.len(), data }, bytes })
    }

    /// A size within bounds, as nginx writes sizes (`k`, `m`, `g`).
    pub(crate) fn size(&self, name: &str, bounds: RangeInclusive<u64>) -> Result<u64, Wrong> {
        let mut raw = self.raw;
        // SAFETY: nginx's parser only reads the string.
        let size = unsafe { ngx_parse_offset(&raw mut raw) };
        u64::try_from(size)
            .ok()
            .filter(|size| size_of::<off_t>() == 8 && bounds.contains(size))
            .ok_or_else(|| {
                let (low, high) = (size_text(*bounds.start()), size_text(*bounds.end()));
                let said = String::from_utf8_lossy(self.bytes);
                wrong!("has an invalid {name} \"{said}\": write a size from {low} to {high}")
            })
    }

    /// A time within bounds (both in milliseconds), as nginx writes times.
    pub(crate) fn time_ms(&self, name: &str, bounds: RangeInclusive<u64>) -> Result<u64, Wrong> {
        let mut raw = self.raw;
        // SAFETY: nginx's parser only reads the string.
        let time = unsafe { ngx_parse_time(&raw mut raw, 0) };
        u64::try_from(time).ok().filter(|time| bounds.contains(time)).ok_or_else(|| {
            let (low, high) = (time_text(*bounds.start()), time_text(*bounds.end()));
            let said = String::from_utf8_lossy(self.bytes);
            wrong!("has an invalid {name} \"{said}\": write a time from {low} to {high}")
        })
    }

    /// An unknown parameter, and those there are.
    pub(crate) fn unknown(&self, known: &str) -> Wrong {
        wrong!("has an invalid parameter \"{self}\": write {known}")
    }
}

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.bytes))
    }
}

/// As nginx writes sizes.
fn size_text(bytes: u64) -> String {
    let units = [(1 << 30, "g"), (1 << 20, "m"), (1 << 10, "k")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit)) {
        Some((unit, letter)) => format!("{}{letter}", bytes / unit),
        None => bytes.to_string(),
    }
}

/// As nginx writes times.
fn time_text(ms: u64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];
    match units.into_iter().find(|(unit, _)| ms >= *unit && ms.is_multiple_of(*unit)) {
        Some((unit, letter)) => format!("{}{letter}", ms / unit),
        None if ms == 0 => "0".to_owned(),
        None => format!("{ms}ms"),
    }
}

/// Sets what may be said once on a level.
pub(crate) fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), Wrong> {
    if slot.is_some() {
        return Err(Wrong::Duplicate);
    }
    *slot = Some(value);
    Ok(())
}
