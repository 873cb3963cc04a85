//! What there is to object to in a request's form.

/// Objections that are listed of one request.
pub const OBJECTIONS_MAX: usize = 16;
/// Bytes of what was found that an objection repeats.
const FOUND_BYTES_MAX: usize = 256;

/// What a request broke. One word each, for records and for the log.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Not JSON (RFC 8259).
    Syntax,
    /// The body ended inside the document, or was not read further.
    Truncated,
    /// Something stands behind the document: a second one, say.
    Trailing,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// UTF-16 or UTF-32.
    WideEncoding,
    /// A byte order mark.
    ByteOrderMark,
    /// A comment.
    Comment,
    /// A byte below 0x20 in a string.
    ControlInString,
    /// `NaN` or an infinity.
    NonFinite,
    /// A number that JSON has no place for, such as `01`.
    BadNumber,
    /// An escape of half a surrogate pair.
    LoneSurrogate,
    /// Deeper than the scanner's limit.
    TooDeep,
    /// More values than the scanner's limit.
    TooManyValues,
    /// A string that holds a document of its own.
    Wrapped,
    /// A request on a line of its own within the document: whoever passes a body on to a server that
    /// reads line by line (MCP's stdio transport) passes on that request.
    OwnLine,
    /// A media type that is not JSON.
    ContentType,
    /// A charset that is not UTF-8.
    Charset,
    /// Several codings one on another, or one that is not known.
    ContentEncoding,
    /// A member twice: in the envelope or anywhere in `params`.
    DuplicateKey,
    /// A member that differs from one the protocol names by case, Unicode folding, separators, a
    /// NUL or other invisible characters only.
    FoldedKey,
    /// `__proto__`, `constructor` or `prototype` in the envelope or in `params`.
    PrototypeKey,
    /// `jsonrpc` does not say `"2.0"`.
    Version,
    /// No request, notification or response: members are missing, or exclude each other.
    NotAMessage,
    /// `id` is neither a string nor a number nor null.
    Id,
    /// `method` is not a string.
    Method,
    /// `params` is not an object.
    Params,
    /// A primitive's name, URI or id is not a string.
    Name,
    /// A method, name, URI or id with control characters, or with space around it.
    HiddenInName,
    /// A primitive is named in two ways at once.
    AmbiguousName,
    /// A batch where the revision has none, or with `initialize` in it.
    Batch,
    /// A header contradicts the body, or another of the same name.
    HeaderMismatch,
}

impl Rule {
    /// All, in the order of their declaration.
    pub const ALL: [Rule; 31] = [
        Rule::Syntax,
        Rule::Truncated,
        Rule::Trailing,
        Rule::NotUtf8,
        Rule::WideEncoding,
        Rule::ByteOrderMark,
        Rule::Comment,
        Rule::ControlInString,
        Rule::NonFinite,
        Rule::BadNumber,
        Rule::LoneSurrogate,
        Rule::TooDeep,
        Rule::TooManyValues,
        Rule::Wrapped,
        Rule::OwnLine,
        Rule::ContentType,
        Rule::Charset,
        Rule::ContentEncoding,
        Rule::DuplicateKey,
        Rule::FoldedKey,
        Rule::PrototypeKey,
        Rule::Version,
        Rule::NotAMessage,
        Rule::Id,
        Rule::Method,
        Rule::Params,
        Rule::Name,
        Rule::HiddenInName,
        Rule::AmbiguousName,
        Rule::Batch,
        Rule::HeaderMismatch,
    ];

    /// The rule's word, such as `duplicate_key`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Rule::Syntax => "syntax",
            Rule::Truncated => "truncated",
            Rule::Trailing => "trailing",
            Rule::NotUtf8 => "not_utf8",
            Rule::WideEncoding => "wide_encoding",
            Rule::ByteOrderMark => "byte_order_mark",
            Rule::Comment => "comment",
            Rule::ControlInString => "control_in_string",
            Rule::NonFinite => "non_finite",
            Rule::BadNumber => "bad_number",
            Rule::LoneSurrogate => "lone_surrogate",
            Rule::TooDeep => "too_deep",
            Rule::TooManyValues => "too_many_values",
            Rule::Wrapped => "wrapped",
            Rule::OwnLine => "own_line",
            Rule::ContentType => "content_type",
            Rule::Charset => "charset",
            Rule::ContentEncoding => "content_encoding",
            Rule::DuplicateKey => "duplicate_key",
            Rule::FoldedKey => "folded_key",
            Rule::PrototypeKey => "prototype_key",
            Rule::Version => "version",
            Rule::NotAMessage => "not_a_message",
            Rule::Id => "id",
            Rule::Method => "method",
            Rule::Params => "params",
            Rule::Name => "name",
            Rule::HiddenInName => "hidden_in_name",
            Rule::AmbiguousName => "ambiguous_name",
            Rule::Batch => "batch",
            Rule::HeaderMismatch => "header_mismatch",
        }
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One objection to a request's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// What was broken.
    pub rule: Rule,
    /// Where: a JSON pointer (RFC 6901) into the body, `header NAME`, or empty for the body.
    pub point: String,
    /// What would have been right, in words or as JSON.
    pub expected: String,
    /// What stands there, as in the request, and cut after 256 bytes: unmasked.
    pub found: String,
}

/// Collects objections up to a number. Costs nothing as long as there is none.
pub(super) struct Objections {
    list: Vec<Objection>,
    max: usize,
}

impl Objections {
    pub(super) const fn at_most(max: usize) -> Self {
        Objections { list: Vec::new(), max }
    }

    pub(super) fn is_full(&self) -> bool {
        self.list.len() >= self.max
    }

    #[cold]
    pub(super) fn add(&mut self, rule: Rule, point: String, expected: &str, found: &[u8]) {
        if !self.is_full() {
            let expected = expected.to_owned();
            self.list.push(Objection { rule, point, expected, found: bounded(found) });
        }
    }

    pub(super) fn into_list(self) -> Vec<Objection> {
        self.list
    }
}

/// The beginning of the text; bytes that are not UTF-8 become U+FFFD.
pub(super) fn bounded(text: &[u8]) -> String {
    if text.len() <= FOUND_BYTES_MAX {
        return String::from_utf8_lossy(text).into_owned();
    }
    // A character has at most four bytes, so the cut goes back by three at most.
    let is_boundary = |end: &usize| text.get(*end).is_none_or(|byte| byte & 0xc0 != 0x80);
    let end = (FOUND_BYTES_MAX - 3..=FOUND_BYTES_MAX).rev().find(is_boundary);
    let kept = text.get(..end.unwrap_or(FOUND_BYTES_MAX)).unwrap_or_default();
    format!("{}…", String::from_utf8_lossy(kept))
}
