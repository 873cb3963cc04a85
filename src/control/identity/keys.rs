//! Keys that verify tokens: read from a JWKS (RFC 7517) or PEM (RFC 7468) file, each tied to the
//! algorithms it is for.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;
use thiserror::Error;

/// That many keys are tried for a token that does not name its key.
const KEYS_TRIED_MAX: usize = 16;

/// Longer key files are refused.
pub const KEY_FILE_BYTES_MAX: usize = 1024 * 1024;
/// More keys in one file are refused.
const KEYS_MAX: usize = 256;
/// RFC 7518 §3.3 asks for at least that much.
const RSA_BITS_MIN: usize = 2048;
/// What the `rsa` crate verifies with (`RsaPublicKey::MAX_SIZE`).
const RSA_BITS_MAX: usize = 4096;
/// The largest public exponent that the `rsa` crate takes.
const RSA_EXPONENT_MAX: u64 = (1 << 33) - 1;

const RSA_ALGORITHMS: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// Some issuers pad what RFC 7515 §2 says is not padded.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a key file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// More than [`KEY_FILE_BYTES_MAX`].
    #[error("key file is longer than 1 MiB")]
    TooLong,
    /// More keys than are looked at.
    #[error("key file holds more than 256 keys")]
    TooMany,
    /// Neither JSON nor PEM, or broken.
    #[error("neither a JWKS nor a PEM file")]
    Malformed,
    /// A private key has no place in front of a server.
    #[error("private key, where public keys are needed")]
    Private,
    /// A PEM block that is no key of a supported kind.
    #[error("not a public key or certificate of RSA (2048 to 4096 bits), P-256, P-384 or Ed25519")]
    Unsupported,
    /// There are keys, but none that verifies signatures.
    #[error("no key that verifies signatures")]
    NoUsableKey,
}

/// A key, and what it is for.
#[derive(Clone, Debug)]
pub(super) struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

impl Key {
    pub(super) fn has_signed(&self, message: &str, signature: &str, algorithm: Algorithm) -> bool {
        jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.key, algorithm)
            .unwrap_or(false)
    }

    /// The key if it can be used at all: a point that is not on its curve is refused.
    fn checked(self) -> Option<Self> {
        let algorithm = *self.algorithms.first()?;
        jsonwebtoken::crypto::verify("", b"", &self.key, algorithm).ok()?;
        Some(self)
    }
}

/// The keys of a file.
#[derive(Clone, Debug)]
pub struct KeySet {
    keys: Vec<Key>,
    ignored: usize,
}

impl KeySet {
    /// Reads a JWKS, a single JWK, or any number of PEM blocks (`PUBLIC KEY`, `RSA PUBLIC KEY`,
    /// `CERTIFICATE`, of which only the key counts).
    ///
    /// Keys of a JWKS that are not for verifying signatures, or of a kind that is not supported,
    /// are ignored, as RFC 7517 §5 asks.
    ///
    /// # Errors
    ///
    /// Why no key of the file can be used, or why one of its PEM blocks cannot.
    pub fn from_bytes(bytes: &[u8]) -> Result<KeySet, KeyError> {
        if bytes.len() > KEY_FILE_BYTES_MAX {
            return Err(KeyError::TooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| KeyError::Malformed)?;
        let text = text.trim_start_matches('\u{feff}').trim_start();
        let set = if text.starts_with('{') { from_jwks(text)? } else { from_pem(text)? };
        if set.keys.is_empty() { Err(KeyError::NoUsableKey) } else { Ok(set) }
    }

    /// How many keys it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether it has none, which [`KeySet::from_bytes`] refuses.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many keys of the file are not used.
    #[must_use]
    pub const fn ignored(&self) -> usize {
        self.ignored
    }

    pub(super) fn with_algorithm(&self, algorithm: Algorithm) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| key.algorithms.contains(&algorithm))
    }

    /// The keys for this algorithm that may have signed a token which names this key, or none.
    pub(super) fn candidates(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
    ) -> impl Iterator<Item = &Key> {
        let may_be = move |key: &&Key| match (id, &key.id) {
            (Some(id), Some(key_id)) => id == key_id,
            _ => true,
        };
        self.with_algorithm(algorithm).filter(may_be).take(KEYS_TRIED_MAX)
    }
}

fn from_jwks(text: &str) -> Result<KeySet, KeyError> {
    let root: Value = serde_json::from_str(text).map_err(|_| KeyError::Malformed)?;
    let single = std::slice::from_ref(&root);
    let entries = match root.get("keys") {
        Some(Value::Array(entries)) => entries.as_slice(),
        None if root.get("kty").is_some() => single,
        _ => return Err(KeyError::Malformed),
    };
    if entries.len() > KEYS_MAX {
        return Err(KeyError::TooMany);
    }
    let keys: Vec<Key> = entries.iter().filter_map(from_jwk).collect();
    Ok(KeySet { ignored: entries.len() - keys.len(), keys })
}

fn from_jwk(jwk: &Value) -> Option<Key> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let bytes = |name: &str| BASE64URL.decode(text(name)?).ok();
    if text("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    if let Some(operations) = jwk.get("key_ops").and_then(Value::as_array)
        && !operations.iter().any(|operation| operation == "verify")
    {
        return None;
    }
    let (key, algorithms) = match text("kty")? {
        "RSA" => rsa(&bytes("n")?, &bytes("e")?)?,
        "EC" => ec(text("crv")?, &bytes("x")?, &bytes("y")?)?,
        "OKP" if text("crv") == Some("Ed25519") => ed(&bytes("x")?)?,
        "oct" => hmac(&bytes("k")?)?,
        _ => return None,
    };
    let mut algorithms = algorithms.to_vec();
    if let Some(name) = jwk.get("alg") {
        // RFC 9864 names the curve.
        let name = name.as_str().map(|name| if name == "Ed25519" { "EdDSA" } else { name });
        algorithms.retain(|algorithm| name == Some(name_of(*algorithm)));
    }
    Key { id: text("kid").map(str::to_owned), algorithms, key }.checked()
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<(DecodingKey, &'static [Algorithm])> {
    let significant =
        modulus.iter().position(|&byte| byte != 0).and_then(|at| modulus.get(at..))?;
    let bits = significant.len() * 8 - significant.first()?.leading_zeros() as usize;
    let is_odd = significant.last().is_some_and(|last| last % 2 == 1);
    let exponent_value = exponent.iter().fold(0u64, |value, &byte| {
        // A longer one stays too large.
        value.saturating_mul(256).saturating_add(u64::from(byte))
    });
    let is_usable = (RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits)
        && is_odd
        && (3..=RSA_EXPONENT_MAX).contains(&exponent_value)
        && exponent_value % 2 == 1;
    let key = DecodingKey::from_rsa_raw_components(significant, exponent);
    is_usable.then_some((key, RSA_ALGORITHMS))
}

fn ec(curve: &str, x: &[u8], y: &[u8]) -> Option<(DecodingKey, &'static [Algorithm])> {
    let (coordinate_bytes, algorithms): (usize, &[Algorithm]) = match curve {
        "P-256" => (32, &[Algorithm::ES256]),
        "P-384" => (48, &[Algorithm::ES384]),
        _ => return None,
    };
    // SEC 1 §2.3.3: an uncompressed point. Some issuers drop leading zeros.
    let mut point = vec![4];
    for coordinate in [x, y] {
        let zeros = coordinate_bytes.checked_sub(coordinate.len())?;
        point.resize(point.len() + zeros, 0);
        point.extend_from_slice(coordinate);
    }
    Some((DecodingKey::from_ec_der(&point), algorithms))
}

fn ed(point: &[u8]) -> Option<(DecodingKey, &'static [Algorithm])> {
    (point.len() == 32).then(|| (DecodingKey::from_ed_der(point), &[Algorithm::EdDSA][..]))
}

fn hmac(secret: &[u8]) -> Option<(DecodingKey, &'static [Algorithm])> {
    const ALGORITHMS: &[Algorithm] = &[Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
    (!secret.is_empty()).then(|| (DecodingKey::from_secret(secret), ALGORITHMS))
}

/// The name in `alg` (RFC 7518 §3.1).
const fn name_of(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::HS256 => "HS256",
        Algorithm::HS384 => "HS384",
        Algorithm::HS512 => "HS512",
        Algorithm::ES256 => "ES256",
        Algorithm::ES384 => "ES384",
        Algorithm::RS256 => "RS256",
        Algorithm::RS384 => "RS384",
        Algorithm::RS512 => "RS512",
        Algorithm::PS256 => "PS256",
        Algorithm::PS384 => "PS384",
        Algorithm::PS512 => "PS512",
        Algorithm::EdDSA => "EdDSA",
        _ => "",
    }
}

fn from_pem(text: &str) -> Result<KeySet, KeyError> {
    const BEGIN: &str = "-----BEGIN ";
    let mut keys = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(BEGIN) {
        let block = rest.get(at..).unwrap_or_default();
        let next = block.get(BEGIN.len()..).and_then(|after| after.find(BEGIN));
        let end = next.map_or(block.len(), |next| next + BEGIN.len());
        let (block, after) = block.split_at_checked(end).unwrap_or((block, ""));
        if keys.len() == KEYS_MAX {
            return Err(KeyError::TooMany);
        }
        keys.push(from_pem_block(block)?);
        rest = after;
    }
    if keys.is_empty() { Err(KeyError::Malformed) } else { Ok(KeySet { keys, ignored: 0 }) }
}

fn from_pem_block(block: &str) -> Result<Key, KeyError> {
    let label = block.lines().next().unwrap_or_default();
    if label.contains("PRIVATE KEY") {
        return Err(KeyError::Private);
    }
    let (key, algorithms) = rsa_pem(block)
        .or_else(|| ec_pem(block))
        .or_else(|| ed_pem(block))
        .ok_or(KeyError::Unsupported)?;
    let key = Key { id: None, algorithms: algorithms.to_vec(), key };
    key.checked().ok_or(KeyError::Unsupported)
}

fn rsa_pem(block: &str) -> Option<(DecodingKey, &'static [Algorithm])> {
    let key = DecodingKey::from_rsa_pem(block.as_bytes()).ok()?;
    // As numbers, so that their size is known.
    let jwk = Jwk::from_decoding_key(&key, Some(Algorithm::RS256)).ok()?;
    let AlgorithmParameters::RSA(numbers) = jwk.algorithm else { return None };
    rsa(&BASE64URL.decode(numbers.n).ok()?, &BASE64URL.decode(numbers.e).ok()?)
}

fn ec_pem(block: &str) -> Option<(DecodingKey, &'static [Algorithm])> {
    let key = DecodingKey::from_ec_pem(block.as_bytes()).ok()?;
    let (&4, coordinates) = key.try_get_as_bytes().ok()?.split_first()? else { return None };
    let curve = match coordinates.len() {
        64 => "P-256",
        96 => "P-384",
        _ => return None,
    };
    let (x, y) = coordinates.split_at_checked(coordinates.len() / 2)?;
    ec(curve, x, y)
}

fn ed_pem(block: &str) -> Option<(DecodingKey, &'static [Algorithm])> {
    ed(DecodingKey::from_ed_pem(block.as_bytes()).ok()?.try_get_as_bytes().ok()?)
}
