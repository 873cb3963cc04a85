//! Secrets that are told by their own shape: tokens of known issuers, JWTs, private keys,
//! credentials of HTTP and of URLs.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Input, MatchKind};
use memchr::memmem;

use super::signs::{Signs, each_long_word, word_start};
use super::spans::Spans;

/// What may follow the beginning of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// At least so many letters, digits, `_` and `-`.
    Word(usize),
    /// The same, and nothing but these before it that could make it a part of a usual word.
    OwnWord(usize),
    /// At least so many letters, digits, `_`, `-`, and `.`, `/`, `:`, `=`, `+`.
    Path(usize),
    /// At least so many upper-case letters and digits.
    Upper(usize),
    /// At least so many hexadecimal digits, as a word of its own.
    Hex(usize),
    /// RFC 7515 §3.1: segments of base64url with dots between them.
    Jwt,
    /// RFC 7468: a block with its label.
    Pem,
}

use Shape::{Hex, Jwt, OwnWord, Path, Pem, Upper, Word};

/// How secrets begin, as their issuers document it. Of two that begin alike the longer is first.
const BEGINNINGS: &[(&str, Shape)] = &[
    ("eyJ", Jwt),
    (PEM_BEGIN, Pem),
    // Amazon Web Services.
    ("AKIA", Upper(12)),
    ("ASIA", Upper(12)),
    ("ABIA", Upper(12)),
    ("ACCA", Upper(12)),
    // GitHub, GitLab.
    ("ghp_", Word(16)),
    ("gho_", Word(16)),
    ("ghu_", Word(16)),
    ("ghs_", Word(16)),
    ("ghr_", Word(16)),
    ("github_pat_", Word(16)),
    ("glpat-", Word(12)),
    ("gldt-", OwnWord(12)),
    ("glrt-", OwnWord(12)),
    // Slack, Discord, Telegram.
    ("xoxb-", Word(8)),
    ("xoxp-", Word(8)),
    ("xoxa-", Word(8)),
    ("xoxr-", Word(8)),
    ("xoxs-", Word(8)),
    ("xoxc-", Word(8)),
    ("xoxd-", Path(8)),
    ("xoxe", Path(16)),
    ("xapp-", Word(8)),
    ("hooks.slack.com/", Path(12)),
    ("/api/webhooks/", Path(16)),
    ("api.telegram.org/bot", Path(8)),
    // Google.
    ("AIza", Word(20)),
    ("ya29.", Path(16)),
    ("GOCSPX-", Word(12)),
    // Models.
    ("sk-ant-", Word(8)),
    ("sk-proj-", Word(8)),
    ("sk-or-", OwnWord(12)),
    ("sk-", OwnWord(16)),
    ("gsk_", OwnWord(16)),
    ("xai-", OwnWord(16)),
    ("pplx-", OwnWord(16)),
    ("hf_", OwnWord(16)),
    ("r8_", OwnWord(16)),
    ("tvly-", OwnWord(12)),
    // Payment.
    ("sk_live_", Word(8)),
    ("sk_test_", Word(8)),
    ("rk_live_", Word(8)),
    ("rk_test_", Word(8)),
    ("whsec_", Word(8)),
    ("sq0atp-", Word(12)),
    ("sq0csp-", Word(12)),
    // Hosting, packages, mail.
    ("npm_", OwnWord(20)),
    ("pypi-", OwnWord(20)),
    ("rubygems_", OwnWord(20)),
    ("dop_v1_", Word(16)),
    ("shpat_", Word(12)),
    ("shpss_", Word(12)),
    ("glsa_", OwnWord(16)),
    ("hvs.", Path(16)),
    ("dapi", Hex(32)),
    ("PMAK-", Word(16)),
    ("lin_api_", Word(12)),
    ("SG.", Path(20)),
    ("SK", Hex(32)),
    ("ATATT3", Path(16)),
    ("AGE-SECRET-KEY-1", Word(16)),
];

const PEM_BEGIN: &str = "-----BEGIN";

static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let beginnings = BEGINNINGS.iter().map(|(beginning, _)| beginning);
    AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(beginnings).ok()
});

/// Adds the secrets in a text. `is_cut`: its end is missing, so what reaches it counts though it
/// is too short.
pub(crate) fn find(text: &str, signs: Signs, is_cut: bool, spans: &mut Spans) {
    if signs.has_colon {
        for found in memmem::find_iter(text.as_bytes(), b"://") {
            let candidate = Candidate { text, is_cut, start: found, end: found + 3 };
            candidate.userinfo().into_iter().for_each(|range| spans.add(range));
        }
    }
    if signs.has_dashes {
        for found in memmem::find_iter(text.as_bytes(), PEM_BEGIN) {
            let end = found + PEM_BEGIN.len();
            let candidate = Candidate { text, is_cut, start: found, end };
            candidate.pem().into_iter().for_each(|range| spans.add(range));
        }
    }
    if signs.has_long_word {
        each_long_word(text.as_bytes(), |word| find_in_word(text, word, is_cut, spans));
    }
    if is_cut {
        find_in_word(text, word_start(text.as_bytes(), 0, text.len())..text.len(), is_cut, spans);
    }
    if signs.has_scheme {
        for space in memchr::memchr_iter(b' ', text.as_bytes()) {
            let candidate = Candidate { text, is_cut, start: space, end: space + 1 };
            candidate.after_scheme(space).into_iter().for_each(|range| spans.add(range));
        }
    }
}

fn find_in_word(text: &str, word: Range<usize>, is_cut: bool, spans: &mut Spans) {
    let Some(search) = SEARCH.as_ref() else { return spans.add(word) };
    for found in search.find_iter(Input::new(text).range(word)) {
        let shape = BEGINNINGS.get(found.pattern().as_usize()).map(|(_, shape)| *shape);
        let candidate = Candidate { text, is_cut, start: found.start(), end: found.end() };
        if let Some(range) = shape.and_then(|shape| candidate.range(shape)) {
            spans.add(range);
        }
    }
}

/// A place where a secret may begin.
#[derive(Clone, Copy)]
struct Candidate<'t> {
    text: &'t str,
    is_cut: bool,
    start: usize,
    /// Where its beginning ends.
    end: usize,
}

impl Candidate<'_> {
    fn range(self, shape: Shape) -> Option<Range<usize>> {
        match shape {
            Word(min) => self.run(min, is_word),
            OwnWord(min) => self.own().run(min, is_word),
            Path(min) => self.run(min, is_path),
            Upper(min) => self.run(min, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()),
            Hex(digits) => {
                let range = self.own().run(digits, |byte| byte.is_ascii_hexdigit())?;
                let after = self.text.as_bytes().get(range.end);
                (!after.is_some_and(u8::is_ascii_alphanumeric)).then_some(range)
            }
            Jwt => self.jwt(),
            Pem => self.pem(),
        }
    }

    /// The candidate, with no room for anything if it begins within a word.
    fn own(self) -> Self {
        let before = self.start.checked_sub(1).and_then(|at| self.text.as_bytes().get(at));
        let is_own = !before.is_some_and(u8::is_ascii_alphanumeric);
        if is_own { self } else { Candidate { is_cut: false, end: self.text.len(), ..self } }
    }

    fn rest(&self) -> &[u8] {
        self.text.as_bytes().get(self.end..).unwrap_or_default()
    }

    fn reaches_cut(&self, end: usize) -> bool {
        self.is_cut && end == self.text.len()
    }

    fn run(self, min: usize, belongs: impl Fn(u8) -> bool) -> Option<Range<usize>> {
        let length = run_bytes(self.rest(), belongs);
        let end = self.end + length;
        (length >= min || self.reaches_cut(end)).then_some(self.start..end)
    }

    fn jwt(self) -> Option<Range<usize>> {
        let length = run_bytes(self.rest(), |byte| is_word(byte) || byte == b'.' || byte == b'=');
        let end = self.end + length;
        let token = self.text.get(self.start..end)?;
        let mut segments = token.split('.');
        let is_header = segments.next().is_some_and(|header| header.len() >= 8);
        let has_payload = segments.next().is_some_and(|payload| payload.len() >= 4);
        ((is_header && has_payload) || self.reaches_cut(end)).then_some(self.start..end)
    }

    fn pem(self) -> Option<Range<usize>> {
        const LABEL_BYTES_MAX: usize = 64;
        let rest = self.rest();
        let Some(label_end) = memmem::find(rest.get(..LABEL_BYTES_MAX).unwrap_or(rest), b"-----")
        else {
            let is_cut_label = self.is_cut && rest.len() < LABEL_BYTES_MAX;
            return is_cut_label.then_some(self.start..self.text.len());
        };
        let (label, body) = rest.split_at_checked(label_end)?;
        memmem::find(label, b"PRIVATE KEY")?;
        let end = memmem::find(body, b"-----END").map_or(self.text.len(), |at| {
            let footer = self.end + label_end + at + "-----END".len();
            let footer_bytes = self.text.as_bytes().get(footer..).unwrap_or_default();
            memmem::find(footer_bytes, b"-----").map_or(self.text.len(), |at| footer + at + 5)
        });
        Some(self.start..end)
    }

    /// What follows the name of an authentication scheme and the space at `space`.
    fn after_scheme(self, space: usize) -> Option<Range<usize>> {
        let word = self.text.as_bytes().get(..space)?;
        let ends_with = |scheme: &str| {
            let from = word.len().checked_sub(scheme.len());
            let end = from.and_then(|from| word.get(from..));
            end.is_some_and(|end| end.eq_ignore_ascii_case(scheme.as_bytes()))
        };
        if ends_with("bearer") {
            return self.bearer();
        }
        if ends_with("basic") { self.basic() } else { None }
    }

    /// RFC 6750 §2.1.
    fn bearer(self) -> Option<Range<usize>> {
        let token = self.credentials();
        let text = self.text.get(token.clone())?;
        let next = self.text.as_bytes().get(token.end);
        // A challenge (`Bearer realm="…"`), not a credential.
        let is_parameter = text.ends_with('=') && matches!(next, Some(b'"' | b'\\' | b'\''));
        let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
        let is_token =
            text.len() >= 8 || (text.len() >= 4 && has_digit) || self.reaches_cut(token.end);
        (is_token && !is_parameter && !is_usual_word(text)).then_some(token)
    }

    /// RFC 7617 §2.
    fn basic(self) -> Option<Range<usize>> {
        let token = self.credentials();
        let text = self.text.get(token.clone())?;
        let has_colon = decoded_base64(text.as_bytes()).contains(&b':');
        (has_colon || (self.reaches_cut(token.end) && !text.is_empty())).then_some(token)
    }

    /// RFC 9110 §11.2, `token68`.
    fn credentials(self) -> Range<usize> {
        let spaces = run_bytes(self.rest(), |byte| byte == b' ');
        let start = self.end + spaces;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        start..start + run_bytes(rest, |byte| is_path(byte) && byte != b':' || byte == b'~')
    }

    /// RFC 3986 §3.2.1, what stands between `://` and `@`: the password, or, of what is not well formed, what might be one.
    fn userinfo(self) -> Option<Range<usize>> {
        let length = run_bytes(self.rest(), |byte| !byte.is_ascii_whitespace() && !is_quote(byte));
        let authority = self.rest().get(..length)?;
        let colon = memchr::memchr(b':', authority)?;
        if memchr::memchr3(b'/', b'?', b'#', authority).is_some_and(|end| end < colon) {
            return None;
        }
        let password = authority.get(colon + 1..)?;
        let digits = run_bytes(password, |byte| byte.is_ascii_digit());
        let is_port = matches!(password.get(digits), Some(b'/' | b'?' | b'#'));
        // Without its `@` it may be a port, or the password that the end cut.
        let is_cut = self.reaches_cut(self.end + length) && digits < password.len();
        let end = match memchr::memrchr(b'@', password) {
            Some(_) if is_port => return None,
            Some(at) => at,
            None if is_cut && !is_port => password.len(),
            None => return None,
        };
        let start = self.end + colon + 1;
        Some(start..start + end)
    }
}

fn run_bytes(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|&byte| !belongs(byte)).unwrap_or(bytes.len())
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

const fn is_path(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'.' | b'/' | b':' | b'=' | b'+' | b'%')
}

const fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\')
}

/// Words that follow "bearer" in sentences.
fn is_usual_word(text: &str) -> bool {
    const BEGINNINGS: [&str; 6] = ["auth", "credential", "require", "realm", "scheme", "challenge"];
    let is_word = text.len() <= 16 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_one_of =
        |word: &str| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    is_word && BEGINNINGS.iter().any(|word| is_one_of(word))
}

/// The bytes that base64 of either alphabet stands for, up to where it is none.
fn decoded_base64(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for &byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            decoded.push((bits >> count) as u8);
        }
    }
    decoded
}
