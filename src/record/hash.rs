//! Keyed hashes and fingerprints: how values are told apart without being kept.

use std::fmt;

/// Hexadecimal digits of [`HashKey::hex`]: 128 bits, so that collisions need no thought.
const HEX_DIGITS: usize = 32;
/// Distinguishes the key made of a secret from every other use of the same secret.
const SECRET_CONTEXT: &str = "mcp sessions for nginx 2026-11-25 hash key";

/// The key of keyed hashes (BLAKE3, keyed mode). Without it neither a hash nor a fingerprint says
/// anything about the value, not even by trying likely values.
#[derive(Clone)]
pub struct HashKey([u8; 32]);

impl HashKey {
    /// A key of 32 random bytes.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The key that a secret of any length stands for: the bytes of `mcp_hash_key_file`, a line
    /// end included. Equal secrets give equal keys on every machine.
    #[must_use]
    pub fn from_secret(secret: &[u8]) -> Self {
        Self(blake3::derive_key(SECRET_CONTEXT, secret))
    }

    /// The keyed hash of a value: 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(&self, value: &[u8]) -> String {
        let hash = blake3::keyed_hash(&self.0, value).to_hex();
        let mut digits = String::from(hash.as_str());
        digits.truncate(HEX_DIGITS);
        digits
    }

    /// A fingerprint of several values in their order, never 0. Where one ends and the next begins
    /// counts: `["ab", "c"]` and `["a", "bc"]` differ.
    #[must_use]
    pub fn fingerprint(&self, parts: &[&[u8]]) -> u64 {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let mut first = [0; 8];
        hasher.finalize_xof().fill(&mut first);
        u64::from_le_bytes(first).max(1)
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_32_digits_and_depends_on_key_and_value() {
        let key = HashKey::new([7; 32]);
        let hash = key.hex(b"alice@example.com");
        assert_eq!(hash.len(), 32);
        assert!(hash.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)));
        assert_eq!(hash, HashKey::new([7; 32]).hex(b"alice@example.com"));
        assert_ne!(hash, key.hex(b"bob@example.com"));
        assert_ne!(hash, HashKey::new([8; 32]).hex(b"alice@example.com"));
    }

    #[test]
    fn a_secret_of_any_length_makes_a_key() {
        let hashes: std::collections::HashSet<_> = [&b""[..], b"a", b"a\n", &[9; 32], &[9; 5000]]
            .map(|secret| {
                let key = HashKey::from_secret(secret);
                assert_eq!(key.hex(b"x"), HashKey::from_secret(secret).hex(b"x"));
                key.hex(b"x")
            })
            .into();
        assert_eq!(hashes.len(), 5);
        assert_ne!(HashKey::from_secret(&[9; 32]).hex(b"x"), HashKey::new([9; 32]).hex(b"x"));
    }

    #[test]
    fn a_fingerprint_knows_where_its_parts_end() {
        let key = HashKey::new([7; 32]);
        let of = |parts: &[&[u8]]| key.fingerprint(parts);
        assert_eq!(of(&[b"ab", b"c"]), of(&[b"ab", b"c"]));
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"abc"]));
        assert_ne!(of(&[]), of(&[b""]));
        assert_ne!(of(&[]), 0);
    }

    #[test]
    fn the_key_is_not_printed() {
        assert_eq!(format!("{:?}", HashKey::new([77; 32])), "HashKey(…)");
    }
}
