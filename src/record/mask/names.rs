//! Which keys hold secrets.

use std::borrow::Cow;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// Keys whose values are masked without any configuration. Case does not count, nor does anything
/// but letters and digits (`api_key`, `apiKey`, `X-API-Key` are `xapikey` and `apikey`); `*`
/// stands for any text.
///
/// `session_id` is not among them: the specification says that session ids are no credentials.
pub(crate) const BUILT_IN: &[&str] = &[
    // Passwords.
    "*password*",
    "*passwd*",
    "*passphrase*",
    "*passcode*",
    "*passwort*",
    "pass",
    "*userpass",
    "dbpass",
    "smtppass",
    "*pwd",
    "*secret*",
    "*credential*",
    // Keys.
    "*apikey*",
    "*privatekey*",
    "*accesskey*",
    "*authkey*",
    "*signingkey*",
    "*encryptionkey*",
    "*masterkey",
    "*accountkey",
    "*storagekey",
    "*sharedkey",
    "*sessionkey",
    "*sshkey",
    "*hmackey",
    "*deploykey",
    "*consumerkey",
    "*servicekey",
    "*licensekey",
    "*webhookkey",
    "*decryptionkey",
    // Tokens and what carries them.
    "*token",
    "*tokenvalue",
    "*authtokens",
    "*apitokens",
    "*accesstokens",
    "*refreshtokens",
    "*jwt",
    "bearer",
    "auth",
    "*authorization",
    "*authheader",
    "*cookie",
    "*cookies",
    "*assertion",
    "samlresponse",
    "csrf",
    "xsrf",
    "codeverifier",
    "authorizationcode",
    "authcode",
    "devicecode",
    "xamzsignature",
    "xgoogsignature",
    "sharedaccesssignature",
    "sid",
    "*sessid",
    "jsessionid",
    "aspnetsessionid",
    "requeststate",
    // One-time codes and what restores access.
    "*otp",
    "*otpcode",
    "mfacode",
    "*verificationcode",
    "*securitycode",
    "*recoverycode*",
    "*backupcode*",
    "pin",
    "*pincode",
    "*pinnumber",
    "seedphrase",
    "*mnemonic",
    // Cards and persons.
    "cvv",
    "cvv2",
    "cvc",
    "cvc2",
    "*cvvcode",
    "*cvccode",
    "*cardnumber",
    "ccnumber",
    "*ssn",
    "*socialsecurity*",
];

/// Keys that a name above would cover, and that are no secrets: positions in lists, and the
/// protocol's own bookkeeping.
const HARMLESS: &[&str] = &[
    "progresstoken",
    "pagetoken",
    "nextpagetoken",
    "previouspagetoken",
    "nexttoken",
    "continuationtoken",
    "synctoken",
    "syncpagetoken",
];

/// Keys that hold secrets in the query of a URI only; elsewhere they mean too many other things.
pub(crate) const IN_QUERIES: &[&str] = &["sig", "signature", "code", "key", "hmac", "ticket"];

/// Of a longer key only that much is compared; it is taken for one that holds a secret.
const KEY_BYTES_MAX: usize = 1024;
/// Keys up to this length are compared without an allocation.
const KEY_BYTES_USUAL: usize = 64;

/// Where in a key a name has to stand.
#[derive(Clone, Copy, Debug)]
struct Anchors {
    at_start: bool,
    at_end: bool,
    /// Index of its name in `globs` plus one where other `*` have to be compared too.
    glob: usize,
}

/// A set of names with wildcards, compared in one pass over a key.
#[derive(Debug)]
pub(crate) struct Names {
    automaton: Option<AhoCorasick>,
    /// By pattern of the automaton.
    anchors: Vec<Anchors>,
    /// Names with a `*` inside.
    globs: Vec<String>,
    matches_all: bool,
}

impl Names {
    /// The set of these names; those without a letter or digit, but for `*`, are left out.
    pub(crate) fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut set =
            Names { automaton: None, anchors: Vec::new(), globs: Vec::new(), matches_all: false };
        let mut literals = Vec::new();
        for name in names {
            set.add(name, &mut literals);
        }
        set.automaton = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::DFA))
            .prefilter(false)
            .build(&literals)
            .ok();
        // Beyond the automaton's size everything is masked, rather than nothing.
        set.matches_all |= set.automaton.is_none();
        set
    }

    fn add(&mut self, name: &str, literals: &mut Vec<String>) {
        let name = normalised(name, true).into_owned();
        let literal = name.split('*').max_by_key(|part| part.len()).unwrap_or_default();
        if literal.is_empty() {
            self.matches_all |= name.contains('*');
            return;
        }
        let inner = name.trim_matches('*');
        let mut glob = 0;
        if inner.contains('*') {
            self.globs.push(name.clone());
            glob = self.globs.len();
        }
        literals.push(literal.to_owned());
        self.anchors.push(Anchors {
            at_start: glob == 0 && !name.starts_with('*'),
            at_end: glob == 0 && !name.ends_with('*'),
            glob,
        });
    }

    /// Whether the key is one of the names.
    pub(crate) fn contains(&self, key: &str) -> bool {
        if self.matches_all || key.len() > KEY_BYTES_MAX {
            return true;
        }
        let mut buffer = [0; KEY_BYTES_USUAL];
        if let Some(usual) = normalised_ascii(key, &mut buffer) {
            return self.contains_normalised(usual);
        }
        self.contains_normalised(normalised(key, false).as_bytes())
    }

    fn contains_normalised(&self, key: &[u8]) -> bool {
        let Some(automaton) = &self.automaton else { return true };
        let is_found = automaton.find_overlapping_iter(key).any(|found| {
            let Some(anchors) = self.anchors.get(found.pattern().as_usize()) else { return true };
            (!anchors.at_start || found.start() == 0)
                && (!anchors.at_end || found.end() == key.len())
                && self.matches_glob(anchors.glob, key)
        });
        is_found && !HARMLESS.iter().any(|name| name.as_bytes() == key)
    }

    fn matches_glob(&self, glob: usize, key: &[u8]) -> bool {
        let Some(pattern) = glob.checked_sub(1).and_then(|index| self.globs.get(index)) else {
            return true;
        };
        is_glob_match(pattern.as_bytes(), key)
    }
}

/// Letters in lower case and digits, as bytes; `None` if the key is long or not ASCII.
fn normalised_ascii<'b>(key: &str, buffer: &'b mut [u8; KEY_BYTES_USUAL]) -> Option<&'b [u8]> {
    if key.len() > buffer.len() {
        return None;
    }
    let mut used = 0;
    for byte in key.bytes() {
        if byte >= 0x80 {
            return None;
        }
        *buffer.get_mut(used)? = byte.to_ascii_lowercase();
        used += usize::from(byte.is_ascii_alphanumeric());
        // The last place may be written once more than it is used.
        if used == buffer.len() {
            return None;
        }
    }
    buffer.get(..used)
}

fn normalised(key: &str, keeps_star: bool) -> Cow<'_, str> {
    key.chars()
        .filter(|&one| one.is_alphanumeric() || (keeps_star && one == '*'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Whether the pattern, in which `*` stands for any text, is all of the text. Linear but for the
/// number of `*`, without recursion.
fn is_glob_match(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at_pattern, mut at_text) = (0, 0);
    let mut retry = None;
    while at_text < text.len() {
        match pattern.get(at_pattern) {
            Some(b'*') => {
                retry = Some((at_pattern, at_text));
                at_pattern += 1;
            }
            Some(byte) if Some(byte) == text.get(at_text) => {
                at_pattern += 1;
                at_text += 1;
            }
            _ => {
                let Some((star, from)) = retry else { return false };
                retry = Some((star, from + 1));
                at_pattern = star + 1;
                at_text = from + 1;
            }
        }
    }
    pattern.get(at_pattern..).is_some_and(|rest| rest.iter().all(|&byte| byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built_in() -> Names {
        Names::new(BUILT_IN.iter().copied())
    }

    #[test]
    fn keys_are_told_whatever_their_case_and_separators() {
        let names = built_in();
        for key in [
            "password",
            "PASSWORD",
            "db_password",
            "userPassword2",
            "api-key",
            "X-API-Key",
            "apiKey",
            "aws_secret_access_key",
            "client_secret",
            "Authorization",
            "Proxy-Authorization",
            "Set-Cookie",
            "access_token",
            "id_token",
            "token",
            "private.key",
            "PIN",
            "otp",
            "cvv",
            "ssn",
            "auth",
            "requestState",
            "pass",
            "connect.sid",
            "PHPSESSID",
            "Api Key",
        ] {
            assert!(names.contains(key) == (key != "connect.sid"), "{key}");
        }
    }

    #[test]
    fn keys_that_only_resemble_are_left_alone() {
        let names = built_in();
        for key in [
            "",
            "-",
            "id",
            "name",
            "pinned",
            "spinner",
            "max_tokens",
            "tokenizer",
            "progressToken",
            "next_page_token",
            "session_id",
            "author",
            "authorize_url",
            "compass",
            "passenger",
            "keyboard",
            "monkey",
            "status",
            "description",
            "topping",
            "query",
            "shipping",
        ] {
            assert!(!names.contains(key), "{key}");
        }
    }

    #[test]
    fn configured_names_may_have_wildcards_anywhere() {
        let names = Names::new(["iban", "cust*", "*_ref", "*tax*", "a*z", "x*y*z", "contraseña"]);
        for key in [
            "IBAN",
            "customer",
            "cust",
            "order-ref",
            "ref",
            "mytaxid",
            "az",
            "abz",
            "x1y2z",
            "CONTRASEÑA",
            "contrase\u{f1}a",
        ] {
            assert!(names.contains(key), "{key}");
        }
        for key in ["ibans", "acust", "refs", "abzc", "xz", "za", "xzy", ""] {
            assert!(!names.contains(key), "{key}");
        }
        assert!(Names::new(["*"]).contains("anything") && Names::new(["**"]).contains(""));
        assert!(!Names::new(["", "-"]).contains("anything"));
    }

    #[test]
    fn long_keys_are_compared_and_endless_ones_masked() {
        let names = built_in();
        for length in [50, 55, 56, 57, 63, 64, 65, 300] {
            let padding = "a".repeat(length);
            assert!(names.contains(&format!("{padding}_password")), "{length}");
            assert!(names.contains(&format!("{padding}_passwordé")), "{length}");
            assert!(!names.contains(&padding), "{length}");
        }
        assert!(names.contains(&"a".repeat(KEY_BYTES_MAX + 1)));
    }
}
