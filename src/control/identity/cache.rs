//! Tokens that were judged before: clients send the same one with every request.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::{Claims, KeySet, Requirements, TokenError, verify};

/// Longer tokens are judged each time: they would push out many others.
const CACHED_TOKEN_BYTES_MAX: usize = 8 * 1024;
/// Bytes of tokens that are kept at most; their claims take up to a few times that.
const CACHED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A token, and the keys and requirements it was judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Judged<'t> {
    scope: u64,
    token: Cow<'t, str>,
}

impl Hash for Judged<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.scope.hash(state);
        self.token.hash(state);
    }
}

type Judgement = Result<Arc<Claims>, TokenError>;

/// A bounded cache of judgements, the oldest of which makes room for the next. Every operation
/// takes constant time but for reading the token, so it may be used on the event loop; tokens are
/// compared as a whole, and hashed with a random key.
#[derive(Debug)]
pub struct TokenCache {
    valid: Shelf,
    /// Apart from the valid ones, so that invented tokens do not push them out.
    forged: Shelf,
}

impl TokenCache {
    /// A cache of up to this many valid tokens, and an eighth as many forged ones. Allocates
    /// nothing until it is used.
    #[must_use]
    pub fn new(entries_max: usize) -> Self {
        TokenCache { valid: Shelf::new(entries_max), forged: Shelf::new(entries_max / 8) }
    }

    /// As [`verify`], remembering the answer. `scope` stands for the keys and requirements: it must
    /// be another number for others, and for the same keys once their file has changed.
    ///
    /// Times are compared anew with each call, whatever is remembered.
    ///
    /// # Errors
    ///
    /// Why the token does not count.
    pub fn verify(
        &mut self,
        token: &str,
        scope: u64,
        keys: &KeySet,
        requirements: &Requirements,
        now_secs: i64,
    ) -> Result<Arc<Claims>, TokenError> {
        if let Some(judgement) =
            self.valid.get(token, scope).or_else(|| self.forged.get(token, scope))
        {
            let claims = judgement?;
            claims.check(requirements, now_secs)?;
            return Ok(claims);
        }
        let judgement = verify(token, keys, requirements, now_secs).map(Arc::new);
        // What time will change is not remembered, nor what is found out as fast as looked up.
        match &judgement {
            Ok(_) => self.valid.insert(token, scope, judgement.clone()),
            Err(TokenError::Signature) => self.forged.insert(token, scope, judgement.clone()),
            Err(_) => {}
        }
        judgement
    }

    /// How many tokens are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.valid.judgements.len() + self.forged.judgements.len()
    }

    /// Whether no token is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[derive(Debug)]
struct Shelf {
    entries_max: usize,
    bytes: usize,
    judgements: HashMap<Judged<'static>, Judgement>,
    /// In the order in which they came.
    order: VecDeque<Judged<'static>>,
}

impl Shelf {
    fn new(entries_max: usize) -> Self {
        Shelf { entries_max, bytes: 0, judgements: HashMap::new(), order: VecDeque::new() }
    }

    fn get(&self, token: &str, scope: u64) -> Option<Judgement> {
        // A map of owned keys serves as one of borrowed keys.
        fn lookup<'t>(
            judgements: &HashMap<Judged<'t>, Judgement>,
            key: &Judged<'t>,
        ) -> Option<Judgement> {
            judgements.get(key).cloned()
        }
        lookup(&self.judgements, &Judged { scope, token: Cow::Borrowed(token) })
    }

    fn insert(&mut self, token: &str, scope: u64, judgement: Judgement) {
        if self.entries_max == 0 || token.len() > CACHED_TOKEN_BYTES_MAX {
            return;
        }
        while self.order.len() >= self.entries_max || self.bytes + token.len() > CACHED_BYTES_MAX {
            let Some(oldest) = self.order.pop_front() else { break };
            self.judgements.remove(&oldest);
            self.bytes -= oldest.token.len();
        }
        let key = Judged { scope, token: Cow::Owned(token.to_owned()) };
        self.bytes += token.len();
        self.order.push_back(key.clone());
        self.judgements.insert(key, judgement);
    }
}
