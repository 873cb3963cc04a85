//! What a token says.

use std::borrow::Cow;

use serde_json::Value;

use super::{Requirements, TokenError};

/// The claims of a token: a JSON object.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    object: Value,
    expires_at: Option<i64>,
    not_before: Option<i64>,
}

impl Claims {
    pub(super) fn new(object: Value) -> Result<Self, TokenError> {
        let expires_at = time(&object, "exp")?;
        let not_before = time(&object, "nbf")?;
        Ok(Claims { object, expires_at, not_before })
    }

    /// `exp` in seconds since the Unix epoch, rounded down; `None`: it does not expire.
    #[must_use]
    pub const fn expires_at(&self) -> Option<i64> {
        self.expires_at
    }

    /// A top-level claim.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.object.get(name)
    }

    /// What a JSON pointer (RFC 6901) leads to in the claims.
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<&Value> {
        self.object.pointer(pointer)
    }

    /// A top-level claim as text: strings as they are, numbers, booleans, arrays and objects as
    /// JSON text; `None` for `null` too.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(claim_text).map(Cow::into_owned)
    }

    /// [`Claims::text`] of what a JSON pointer leads to.
    #[must_use]
    pub fn pointer_text(&self, pointer: &str) -> Option<String> {
        self.pointer(pointer).and_then(claim_text).map(Cow::into_owned)
    }

    /// Whether the claims count at this time and for these requirements.
    pub(super) fn check(
        &self,
        requirements: &Requirements,
        now_secs: i64,
    ) -> Result<(), TokenError> {
        let leeway = i64::try_from(requirements.leeway_secs).unwrap_or(i64::MAX);
        if self.expires_at.is_some_and(|at| now_secs >= at.saturating_add(leeway)) {
            return Err(TokenError::Expired);
        }
        if self.not_before.is_some_and(|at| now_secs.saturating_add(leeway) < at) {
            return Err(TokenError::NotYetValid);
        }
        let is = |claim: Option<&Value>, expected: &str| {
            claim.and_then(Value::as_str).is_some_and(|text| text == expected)
        };
        if requirements.iss.as_ref().is_some_and(|iss| !is(self.get("iss"), iss)) {
            return Err(TokenError::Issuer);
        }
        let has_audience = |expected: &str| match self.get("aud") {
            Some(Value::Array(list)) => list.iter().any(|entry| is(Some(entry), expected)),
            claim => is(claim, expected),
        };
        if requirements.aud.as_ref().is_some_and(|aud| !has_audience(aud)) {
            return Err(TokenError::Audience);
        }
        Ok(())
    }
}

fn claim_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(Cow::Borrowed(text)),
        other => Some(Cow::Owned(other.to_string())),
    }
}

/// RFC 7519 §2, NumericDate: seconds, with fractions allowed. What is out of range is as far away
/// as a number can say.
fn time(object: &Value, name: &str) -> Result<Option<i64>, TokenError> {
    match object.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) => {
            let seconds = number.as_i64().or_else(|| number.as_f64().map(|at| at.floor() as i64));
            seconds.map(Some).ok_or(TokenError::BadTime)
        }
        Some(_) => Err(TokenError::BadTime),
    }
}
