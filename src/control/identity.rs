//! JSON Web Tokens (RFC 7519): whose they are, and whether that is true.
//!
//! Signatures are `jsonwebtoken`'s work. Which key and algorithm may be used, and when a token is
//! valid, is decided here: by the keys, never by what the token asks for, and by the time that is
//! passed in.

mod cache;
mod claims;
mod keys;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::Value;
use thiserror::Error;

pub use cache::TokenCache;
pub use claims::Claims;
pub use keys::{KEY_FILE_BYTES_MAX, KeyError, KeySet};

/// Longer tokens are not looked at. nginx's own buffers take less (`large_client_header_buffers`).
pub const TOKEN_BYTES_MAX: usize = 64 * 1024;

/// What is asked of a token besides its signature and its times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    /// `iss` must be this.
    pub iss: Option<String>,
    /// `aud` must be this, or a list with it.
    pub aud: Option<String>,
    /// That many seconds `exp` may have passed, or `nbf` be to come.
    pub leeway_secs: u64,
}

/// Why a token does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// There is none.
    #[error("no token")]
    Empty,
    /// More than [`TOKEN_BYTES_MAX`].
    #[error("token too long")]
    TooLong,
    /// Five parts: encrypted (RFC 7516), so nothing can be said of it.
    #[error("token is encrypted, not signed")]
    NotSigned,
    /// Not three parts of base64url with a JSON object each in the first two.
    #[error("malformed token")]
    Malformed,
    /// `alg` is `none`, unknown, or none that a configured key is for.
    #[error("algorithm not allowed by the keys")]
    Algorithm,
    /// `crit` names extensions, none of which is understood (RFC 7515 §4.1.11).
    #[error("token needs an unknown extension")]
    Critical,
    /// `kid` names no configured key.
    #[error("unknown key")]
    UnknownKey,
    /// No key made this signature.
    #[error("wrong signature")]
    Signature,
    /// `exp` has passed.
    #[error("token expired")]
    Expired,
    /// `nbf` is to come.
    #[error("token not yet valid")]
    NotYetValid,
    /// `exp` or `nbf` is no number.
    #[error("time claim is no number")]
    BadTime,
    /// `iss` is another, or there is none.
    #[error("wrong issuer")]
    Issuer,
    /// `aud` is another, or there is none.
    #[error("wrong audience")]
    Audience,
}

/// The parts of a token.
struct Token<'t> {
    header: Value,
    claims: Claims,
    /// What is signed.
    message: &'t str,
    signature: &'t str,
}

impl<'t> Token<'t> {
    fn read(token: &'t str) -> Result<Self, TokenError> {
        if token.is_empty() {
            return Err(TokenError::Empty);
        }
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::TooLong);
        }
        let mut parts = token.split('.');
        let (header, payload, signature) = match (parts.next(), parts.next(), parts.next()) {
            (Some(header), Some(payload), Some(signature)) => (header, payload, signature),
            _ => return Err(TokenError::Malformed),
        };
        match parts.count() {
            0 => {}
            2 => return Err(TokenError::NotSigned),
            _ => return Err(TokenError::Malformed),
        }
        let message = token.get(..header.len() + 1 + payload.len()).unwrap_or_default();
        let claims = Claims::new(object(payload)?)?;
        Ok(Token { header: object(header)?, claims, message, signature })
    }

    fn header_text(&self, name: &str) -> Option<&str> {
        self.header.get(name)?.as_str()
    }
}

/// The JSON object of a part. Of a name that occurs twice the last counts (RFC 7519 §4).
fn object(part: &str) -> Result<Value, TokenError> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)?;
    let value: Value = serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)?;
    if value.is_object() { Ok(value) } else { Err(TokenError::Malformed) }
}

/// Verifies a token at the time `now_secs` (seconds since the Unix epoch).
///
/// The algorithm has to be one that the key is for: HMAC with `oct` keys only, RSA with RSA keys,
/// and so on, and the key's own `alg` where it has one. A token that names its key (`kid`) is
/// verified with keys of that name, or with keys that have no name. A token without `exp` does
/// not expire, as with nginx's own `auth_jwt`; `iat` is not looked at.
///
/// # Errors
///
/// Why the token does not count.
pub fn verify(
    token: &str,
    keys: &KeySet,
    requirements: &Requirements,
    now_secs: i64,
) -> Result<Claims, TokenError> {
    let token = Token::read(token)?;
    let algorithm: Algorithm =
        token.header_text("alg").and_then(|name| name.parse().ok()).ok_or(TokenError::Algorithm)?;
    if token.header.get("crit").is_some() {
        return Err(TokenError::Critical);
    }
    // What costs little comes first: a signature takes a thousand times as long.
    token.claims.check(requirements, now_secs)?;
    let mut has_key = false;
    let is_signed = keys.candidates(algorithm, token.header_text("kid")).any(|key| {
        has_key = true;
        key.has_signed(token.message, token.signature, algorithm)
    });
    if is_signed {
        return Ok(token.claims);
    }
    Err(if has_key {
        TokenError::Signature
    } else if keys.with_algorithm(algorithm).next().is_some() {
        TokenError::UnknownKey
    } else {
        TokenError::Algorithm
    })
}

/// What a token says, without any proof that it is true: not its signature, not its times.
///
/// # Errors
///
/// `Empty`, `TooLong`, `NotSigned`, `Malformed`, `BadTime`.
pub fn decode_unverified(token: &str) -> Result<Claims, TokenError> {
    Token::read(token).map(|token| token.claims)
}

#[cfg(test)]
mod tests;
