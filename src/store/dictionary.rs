//! Dictionaries: what repeats from call to call is stored once a day and referred to by number.

use rusqlite::{Connection, OptionalExtension, params};
use rustc_hash::FxHashMap;
use std::hash::{DefaultHasher, Hasher};

/// The most numbers a writer remembers of one dictionary; at the bound it begins anew.
const CACHE_ENTRIES_MAX: usize = 65_536;
/// The most different kinds of call that a day names. What is beyond keeps its words in the call.
pub(crate) const KINDS_MAX: i64 = 100_000;
/// The most different actors that a day names. What is beyond keeps its words in the call.
pub(crate) const ACTORS_MAX: i64 = 500_000;

/// Hashes that outsiders cannot aim at: SipHash whose state was fed with the store's secret key.
#[derive(Clone, Debug)]
pub(crate) struct Keyed(DefaultHasher);

impl Keyed {
    /// With a key.
    pub(crate) fn new(key: &[u8]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(key);
        Self(hasher)
    }

    /// Begins a hash.
    pub(crate) fn begin(&self) -> Hashing {
        Hashing(self.0.clone())
    }
}

/// A hash being made.
#[derive(Debug)]
pub(crate) struct Hashing(DefaultHasher);

impl Hashing {
    /// Adds text; its length keeps neighbours apart.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.0.write(text.as_bytes());
        self.0.write_u64(text.len() as u64);
        self
    }

    /// Adds a number.
    pub(crate) fn number(&mut self, number: i64) -> &mut Self {
        self.0.write_u64(number.cast_unsigned());
        self
    }

    /// The hash.
    pub(crate) fn finish(&self) -> u64 {
        self.0.finish()
    }
}

/// Numbers by hash, bounded.
#[derive(Debug, Default)]
pub(crate) struct Numbers(FxHashMap<u64, i64>);

impl Numbers {
    /// The number remembered for a hash.
    pub(crate) fn get(&self, hash: u64) -> Option<i64> {
        self.0.get(&hash).copied()
    }

    /// Remembers a number.
    pub(crate) fn put(&mut self, hash: u64, number: i64) {
        if self.0.len() >= CACHE_ENTRIES_MAX {
            self.0.clear();
        }
        self.0.insert(hash, number);
    }

    /// Forgets all: after a rollback, numbers given in it are void.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Who and from where, of an exchange; one row of `actors`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActorFields<'a> {
    pub(crate) user: &'a str,
    pub(crate) roles: &'a str,
    pub(crate) verified: &'static str,
    pub(crate) credential: i64,
    pub(crate) client: &'a str,
    pub(crate) client_version: &'a str,
    pub(crate) address: &'a str,
    pub(crate) user_agent: &'a str,
    /// A JSON object.
    pub(crate) params: &'a str,
    /// Which of these were learned earlier in the session: the `CARRIED_…` bits.
    pub(crate) carried: i64,
}

impl ActorFields<'_> {
    fn hash(&self, keyed: &Keyed) -> u64 {
        let mut hashing = keyed.begin();
        hashing.text(self.user).text(self.roles).text(self.verified).number(self.credential);
        hashing.text(self.client).text(self.client_version).text(self.address);
        hashing.text(self.user_agent).text(self.params).number(self.carried);
        hashing.finish()
    }

    /// Its number in the day, found or given. `None` where the day names no more.
    pub(crate) fn number(
        &self,
        keyed: &Keyed,
        numbers: &mut Numbers,
        connection: &Connection,
    ) -> rusqlite::Result<Option<i64>> {
        let hash = self.hash(keyed);
        if let Some(number) = numbers.get(hash) {
            return Ok(Some(number));
        }
        let row = params![
            hash.cast_signed(),
            self.user,
            self.roles,
            self.verified,
            self.credential,
            self.client,
            self.client_version,
            self.address,
            self.user_agent,
            self.params,
            self.carried
        ];
        let found = connection
            .prepare_cached(
                "SELECT actor FROM actors WHERE hash = ?1 AND user = ?2 AND roles = ?3 AND \
                 verified = ?4 AND credential = ?5 AND client = ?6 AND client_version = ?7 AND \
                 address = ?8 AND user_agent = ?9 AND params = ?10 AND carried = ?11",
            )?
            .query_row(row, |row| row.get::<_, i64>(0))
            .optional()?;
        let number = match found {
            Some(number) => number,
            None if is_full(connection, "SELECT max(actor) FROM actors", ACTORS_MAX)? => {
                return Ok(None);
            }
            None => connection
                .prepare_cached(
                    "INSERT INTO actors (hash, user, roles, verified, credential, client, \
                     client_version, address, user_agent, params, carried) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                )?
                .insert(row)?,
        };
        numbers.put(hash, number);
        Ok(Some(number))
    }
}

/// What a call is, in all that lists are filtered by; one row of `kinds`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KindFields<'a> {
    pub(crate) direction: &'static str,
    pub(crate) http_method: &'a str,
    pub(crate) status: u16,
    pub(crate) method: &'a str,
    pub(crate) primitive: Option<(&'static str, &'a str)>,
    pub(crate) outcome: &'static str,
    pub(crate) error_code: Option<i64>,
    pub(crate) coverage_request: &'static str,
    pub(crate) coverage_response: &'static str,
    pub(crate) protocol_version: &'a str,
    /// The controls that object, one for each attack: their numbers in order, with commas between.
    pub(crate) attacks: &'a str,
}

impl KindFields<'_> {
    fn hash(&self, keyed: &Keyed) -> u64 {
        let mut hashing = keyed.begin();
        hashing.text(self.direction).text(self.http_method).number(i64::from(self.status));
        let (primitive_kind, primitive) = self.primitive.unwrap_or_default();
        hashing.text(self.method).text(primitive_kind).text(primitive).text(self.outcome);
        hashing.number(self.error_code.unwrap_or(i64::MIN));
        hashing.text(self.coverage_request).text(self.coverage_response);
        hashing.text(self.protocol_version);
        if !self.attacks.is_empty() {
            hashing.text(self.attacks);
        }
        hashing.finish()
    }

    /// Its number in the day, found or given. `None` where the day names `max` already.
    pub(crate) fn number(
        &self,
        keyed: &Keyed,
        numbers: &mut Numbers,
        connection: &Connection,
        max: i64,
    ) -> rusqlite::Result<Option<i64>> {
        let hash = self.hash(keyed);
        if let Some(number) = numbers.get(hash) {
            return Ok(Some(number));
        }
        let (primitive_kind, primitive) = self.primitive.unzip();
        let row = params![
            hash.cast_signed(),
            self.direction,
            self.http_method,
            self.status,
            self.method,
            primitive_kind,
            primitive,
            self.outcome,
            self.error_code,
            self.coverage_request,
            self.coverage_response,
            self.protocol_version,
            self.attacks
        ];
        let found = connection
            .prepare_cached(
                "SELECT kind FROM kinds WHERE hash = ?1 AND direction = ?2 AND http_method = ?3 \
                 AND status = ?4 AND method = ?5 AND primitive_kind IS ?6 AND primitive IS ?7 AND \
                 outcome = ?8 AND error_code IS ?9 AND coverage_request = ?10 AND \
                 coverage_response = ?11 AND protocol_version = ?12 AND attacks = ?13",
            )?
            .query_row(row, |row| row.get::<_, i64>(0))
            .optional()?;
        let number = match found {
            Some(number) => number,
            None if is_full(connection, "SELECT max(kind) FROM kinds", max)? => {
                return Ok(None);
            }
            None => connection
                .prepare_cached(
                    "INSERT INTO kinds (hash, direction, http_method, status, method, \
                     primitive_kind, primitive, outcome, error_code, coverage_request, \
                     coverage_response, protocol_version, attacks) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
                )?
                .insert(row)?,
        };
        numbers.put(hash, number);
        Ok(Some(number))
    }
}

fn is_full(connection: &Connection, newest: &str, max: i64) -> rusqlite::Result<bool> {
    let newest: Option<i64> = connection.prepare_cached(newest)?.query_row((), |row| row.get(0))?;
    Ok(newest.unwrap_or(0) >= max)
}
