//! Session parts as a writer remembers them between batches.

use record::{Exchange, IdSource, Micros, Verified};
use rusqlite::{Connection, OptionalExtension, Row};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// The most parts of a day a writer remembers; at the bound it begins anew.
const PARTS_MAX: usize = 32_768;
/// The most bytes of parameters that are carried over.
const CARRIED_PARAMS_BYTES_MAX: usize = 8_192;

/// Bits of `actors.carried`: learned earlier in the session, not said by this exchange.
pub(crate) const CARRIED_USER: i64 = 1;
pub(crate) const CARRIED_ROLES: i64 = 2;
pub(crate) const CARRIED_CLIENT: i64 = 4;
pub(crate) const CARRIED_PARAMS: i64 = 8;
pub(crate) const CARRIED_REVISION: i64 = 16;

/// What a session has said of itself so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Learned {
    pub(crate) user: String,
    pub(crate) roles: String,
    pub(crate) verified: Verified,
    pub(crate) credential: i64,
    pub(crate) client: String,
    pub(crate) client_version: String,
    pub(crate) address: String,
    pub(crate) user_agent: String,
    pub(crate) params: BTreeMap<String, String>,
    pub(crate) protocol_version: String,
    pub(crate) server_info: String,
    pub(crate) server_version: String,
}

impl Learned {
    /// Takes what an exchange says that was not known. Returns whether there was anything.
    pub(crate) fn take(&mut self, exchange: &Exchange<'_>) -> bool {
        let identity = &exchange.identity;
        let mut is_new = false;
        if self.user.is_empty() && !identity.user.is_empty() {
            identity.user.clone_into(&mut self.user);
            identity.roles.clone_into(&mut self.roles);
            self.verified = identity.verified;
            is_new = true;
        }
        if self.roles.is_empty() && !identity.roles.is_empty() && self.user == identity.user {
            identity.roles.clone_into(&mut self.roles);
            is_new = true;
        }
        if self.credential == 0 && identity.credential != 0 {
            self.credential = identity.credential.cast_signed();
            is_new = true;
        }
        for (known, said) in [
            (&mut self.address, exchange.address),
            (&mut self.user_agent, exchange.user_agent),
            (&mut self.protocol_version, exchange.protocol_version),
        ] {
            if known.is_empty() && !said.is_empty() {
                said.clone_into(known);
                is_new = true;
            }
        }
        for (name, version, said) in [
            (&mut self.client, &mut self.client_version, &exchange.client),
            (&mut self.server_info, &mut self.server_version, &exchange.server_info),
        ] {
            if name.is_empty() && !said.name.is_empty() {
                said.name.clone_into(name);
                said.version.clone_into(version);
                is_new = true;
            }
        }
        if !identity.params.is_empty() {
            is_new |= self.take_params(exchange);
        }
        is_new
    }

    /// Adds what another has learned later. What is known stays: the first word counts.
    pub(crate) fn add(&mut self, later: Learned) {
        if self.user.is_empty() {
            self.user = later.user;
            self.roles = later.roles;
            self.verified = later.verified;
        } else if self.roles.is_empty() && self.user == later.user {
            self.roles = later.roles;
        }
        if self.credential == 0 {
            self.credential = later.credential;
        }
        for (known, said) in [
            (&mut self.address, later.address),
            (&mut self.user_agent, later.user_agent),
            (&mut self.protocol_version, later.protocol_version),
        ] {
            if known.is_empty() {
                *known = said;
            }
        }
        if self.client.is_empty() {
            (self.client, self.client_version) = (later.client, later.client_version);
        }
        if self.server_info.is_empty() {
            (self.server_info, self.server_version) = (later.server_info, later.server_version);
        }
        let sizes = self.params.iter().map(|(name, value)| name.len() + value.len());
        let mut bytes: usize = sizes.sum();
        for (name, value) in later.params {
            bytes = bytes.saturating_add(name.len() + value.len());
            if bytes > CARRIED_PARAMS_BYTES_MAX {
                break;
            }
            self.params.entry(name).or_insert(value);
        }
    }

    fn take_params(&mut self, exchange: &Exchange<'_>) -> bool {
        let mut is_new = false;
        let mut bytes: usize =
            self.params.iter().map(|(name, value)| name.len() + value.len()).sum();
        for param in exchange.identity.params {
            bytes = bytes.saturating_add(param.name.len() + param.value.len());
            if bytes > CARRIED_PARAMS_BYTES_MAX {
                break;
            }
            if !self.params.contains_key(param.name) {
                self.params.insert(param.name.to_owned(), param.value.to_owned());
                is_new = true;
            }
        }
        is_new
    }

    /// Whether a later look into the file may add what another worker learned.
    pub(crate) fn is_complete(&self) -> bool {
        !self.user.is_empty() && !self.client.is_empty() && !self.protocol_version.is_empty()
    }
}

/// A session part.
#[derive(Debug)]
pub(crate) struct PartState {
    /// Its row.
    pub(crate) part: i64,
    /// Number of its server.
    pub(crate) server: i64,
    /// Its session's id.
    pub(crate) session_id: String,
    /// Whether it is a `none` session: failed probes and refused logins.
    pub(crate) is_probing: bool,
    /// Its idle time.
    pub(crate) idle_us: i64,
    /// When it was last heard of, as far as this writer knows.
    pub(crate) last_at: Micros,
    /// Whether it was seen to end.
    pub(crate) is_ended: bool,
    /// What it has said of itself.
    pub(crate) learned: Learned,
    /// When that was read from the file.
    pub(crate) read_at: Micros,
    /// The last exchange's identity by hash, and the actor it made.
    pub(crate) last_actor: Option<(u64, i64)>,
}

/// Remembered parts, by row and by key.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    by_key: FxHashMap<u64, i64>,
    by_part: FxHashMap<i64, PartState>,
}

impl Parts {
    /// The part under a key.
    pub(crate) fn find(&self, key: u64) -> Option<i64> {
        self.by_key.get(&key).copied().filter(|part| self.by_part.contains_key(part))
    }

    /// A part by its row.
    pub(crate) fn get_mut(&mut self, part: i64) -> Option<&mut PartState> {
        self.by_part.get_mut(&part)
    }

    /// Remembers a part under a key.
    pub(crate) fn put(&mut self, key: u64, state: PartState) {
        if self.by_part.len() >= PARTS_MAX || self.by_key.len() >= PARTS_MAX * 2 {
            self.clear();
        }
        self.by_key.insert(key, state.part);
        self.by_part.insert(state.part, state);
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.by_key.clear();
        self.by_part.clear();
    }
}

const SELECT: &str = "SELECT p.part, p.server, p.session_id, p.idle_us, p.last_at, \
     p.ended_at IS NOT NULL, p.protocol_version, p.server_info, p.server_version, a.user, a.roles, a.verified, a.credential, a.client, a.client_version, \
     a.address, a.user_agent, a.params, p.id_source = 'none' \
     FROM parts p JOIN actors a ON a.actor = p.actor WHERE ";

/// How a part is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted<'a> {
    /// By its row.
    Part(i64),
    /// By its id and server.
    Session(&'a str, i64),
    /// The HTTP+SSE session of this id, whatever its server.
    Stream(&'a str),
    /// The newest of a group and rule.
    Group(i64, IdSource),
}

/// Reads a part from the file.
pub(crate) fn read(
    connection: &Connection,
    wanted: Wanted<'_>,
    now: Micros,
) -> rusqlite::Result<Option<PartState>> {
    let by = |row: &Row<'_>| state(row, now);
    match wanted {
        Wanted::Part(part) => connection
            .prepare_cached(&format!("{SELECT} p.part = ?1"))?
            .query_row([part], by)
            .optional(),
        Wanted::Session(id, server) => connection
            .prepare_cached(&format!("{SELECT} p.session_id = ?1 AND p.server = ?2"))?
            .query_row((id, server), by)
            .optional(),
        Wanted::Stream(id) => connection
            .prepare_cached(&format!(
                "{SELECT} p.session_id = ?1 AND p.id_source = 'query' ORDER BY p.part DESC LIMIT 1"
            ))?
            .query_row([id], by)
            .optional(),
        Wanted::Group(group, source) => connection
            .prepare_cached(&format!(
                "{SELECT} p.session_group = ?1 AND p.session_group <> 0 AND p.id_source = ?2 \
                 ORDER BY p.part DESC LIMIT 1"
            ))?
            .query_row((group, source.as_str()), by)
            .optional(),
    }
}

fn state(row: &Row<'_>, now: Micros) -> rusqlite::Result<PartState> {
    let verified: String = row.get(11)?;
    let params: String = row.get(17)?;
    let learned = Learned {
        protocol_version: row.get(6)?,
        server_info: row.get(7)?,
        server_version: row.get(8)?,
        user: row.get(9)?,
        roles: row.get(10)?,
        verified: Verified::ALL
            .into_iter()
            .find(|known| known.as_str() == verified)
            .unwrap_or_default(),
        credential: row.get(12)?,
        client: row.get(13)?,
        client_version: row.get(14)?,
        address: row.get(15)?,
        user_agent: row.get(16)?,
        params: serde_json::from_str(&params).unwrap_or_default(),
    };
    Ok(PartState {
        part: row.get(0)?,
        server: row.get(1)?,
        session_id: row.get(2)?,
        is_probing: row.get(18)?,
        idle_us: row.get(3)?,
        last_at: row.get(4)?,
        is_ended: row.get(5)?,
        learned,
        read_at: now,
        last_actor: None,
    })
}
