//! A day's calls one after the other, for programs that look at all of them.

use super::answer::Warning;
use super::id::CallId;
use super::limits::{DayError, Limits, QueryError};
use super::{Filter, Reader};
use crate::directory::day_name;
use record::Micros;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Calls that are read in one transaction: some 50 ms.
const CALLS_A_STEP: i64 = 20_000;

macro_rules! select_calls {
    ($arguments:literal) => {
        concat!(
            "SELECT call, part, actor, kind, at, flags, extra, ",
            $arguments,
            " FROM call_rows WHERE call > ?1 AND call <= ?2 ORDER BY call LIMIT ?3"
        )
    };
}

/// A day on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDay {
    /// Days since the epoch.
    pub number: i32,
    /// `YYYY-MM-DD`.
    pub name: String,
}

impl StoredDay {
    /// The name of the day with a number.
    #[must_use]
    pub fn name_of(number: i32) -> String {
        day_name(number)
    }
}

/// What any call of a day says of who acts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Some call has a user.
    pub users: bool,
    /// Some call has roles.
    pub roles: bool,
    /// The names of the parameters that some call has.
    pub params: BTreeSet<String>,
}

/// Who calls: what many calls have in common. Empty text: none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScannedActor {
    /// The user, as it is stored.
    pub user: String,
    /// A JSON array of strings, or empty.
    pub roles: String,
    /// The client's name.
    pub client: String,
    /// The client's address.
    pub address: String,
    /// `User-Agent`.
    pub user_agent: String,
    /// `mcp_param` values, a JSON object, or empty.
    pub params: String,
    /// What of it the call's own request did not say.
    pub carried: Carried,
}

/// What was learned earlier in the session, and not said by the call's own request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// The user.
    pub user: bool,
    /// The roles.
    pub roles: bool,
    /// The client.
    pub client: bool,
    /// Some of the parameters.
    pub params: bool,
}

/// What is called: what many calls have in common. Empty text: none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScannedKind {
    /// `client` or `server`.
    pub direction: String,
    /// The HTTP method.
    pub http_method: String,
    /// The JSON-RPC method.
    pub method: String,
    /// The name of the primitive.
    pub primitive: Option<String>,
    /// How much of the request was seen.
    pub coverage_request: String,
}

/// A call.
#[derive(Clone, Debug)]
pub struct ScannedCall<'a> {
    /// Its id in the API.
    pub id: CallId,
    /// When it began.
    pub at: Micros,
    /// The MCP server.
    pub server: &'a Rc<str>,
    /// The session.
    pub session_id: &'a str,
    /// Numbers of actor and kind within the day: calls with the same are alike in both. `None`
    /// for calls that hold words of their own, since the day had no more room for them elsewhere.
    pub numbers: Option<(i64, i64)>,
    /// Who calls.
    pub actor: &'a ScannedActor,
    /// What is called.
    pub kind: &'a ScannedKind,
    /// The arguments as they are stored, if they are asked for.
    pub arguments: Option<&'a str>,
    /// The arguments were cut when they were stored.
    pub arguments_truncated: bool,
    /// The arguments were given up for room.
    pub payloads_shed: bool,
}

#[derive(Debug)]
struct Part {
    server: Rc<str>,
    session_id: String,
}

/// What the numbers of a day stand for, as far as they were looked up.
#[derive(Debug)]
struct Names {
    servers: FxHashMap<i64, Rc<str>>,
    parts: FxHashMap<i64, Part>,
    actors: FxHashMap<i64, ScannedActor>,
    kinds: FxHashMap<i64, ScannedKind>,
    /// The highest numbers looked up, of the tables in this order.
    seen: [i64; 4],
}

impl Reader {
    /// The days on disk, the newest first.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    pub fn stored_days(&mut self) -> Result<Vec<StoredDay>, QueryError> {
        let days = self.days_of(&Filter::default())?;
        Ok(days.into_iter().map(|number| StoredDay { number, name: day_name(number) }).collect())
    }

    /// What any call of a day says of who acts. What none says was probably not configured then.
    /// `None`: the day cannot be read; `warnings` says why.
    ///
    /// # Errors
    ///
    /// A limit was reached, or the folder cannot be read.
    pub fn recorded(
        &mut self,
        day: i32,
        limits: &Limits<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Option<Recorded>, QueryError> {
        self.files.ask(day, limits, warnings, |connection| {
            let any = |column: &str| {
                let sql = format!("SELECT EXISTS (SELECT 1 FROM actors WHERE {column} <> '')");
                connection.query_row(&sql, (), |row| row.get::<_, bool>(0))
            };
            let mut recorded =
                Recorded { users: any("user")?, roles: any("roles")?, params: BTreeSet::new() };
            let mut statement = connection.prepare(
                "SELECT DISTINCT p.key FROM actors a, json_each(a.params) p \
                 WHERE json_valid(a.params)",
            )?;
            let mut rows = statement.query(())?;
            while let Some(row) = rows.next()? {
                recorded.params.insert(row.get(0)?);
            }
            Ok(recorded)
        })
    }

    /// Shows the calls of a day that were there when this began, in the order of recording. It is
    /// read in short transactions, so that today's writers are not held up. Returns whether the
    /// day was read to its end; `warnings` says why not.
    ///
    /// # Errors
    ///
    /// A limit was reached, or the folder cannot be read.
    pub fn scan(
        &mut self,
        day: i32,
        with_arguments: bool,
        limits: &Limits<'_>,
        warnings: &mut Vec<Warning>,
        mut each: impl FnMut(&ScannedCall<'_>),
    ) -> Result<bool, QueryError> {
        let sql = if with_arguments { select_calls!("arguments") } else { select_calls!("NULL") };
        let mut names = Names::new();
        let last = self.files.ask(day, limits, warnings, |connection| {
            let last = "SELECT ifnull(max(call), 0) FROM call_rows";
            Ok(connection.query_row(last, (), |row| row.get::<_, i64>(0))?)
        })?;
        let Some(last) = last else { return Ok(false) };
        let mut done = i64::MIN;
        while done < last {
            let scope = &self.scope;
            let step = self.files.ask(day, limits, warnings, |connection| {
                names.learn(connection)?;
                let mut statement = connection.prepare_cached(sql)?;
                let mut rows = statement.query([done, last, CALLS_A_STEP])?;
                let mut reached = last;
                let mut count = 0;
                while let Some(row) = rows.next()? {
                    count += 1;
                    let call = row.get(0)?;
                    if count == CALLS_A_STEP {
                        reached = call;
                    }
                    show(row, day, call, &names, scope, &mut each)?;
                }
                Ok(reached)
            })?;
            let Some(reached) = step else { return Ok(false) };
            done = reached;
        }
        Ok(true)
    }
}

fn show(
    row: &Row<'_>,
    day: i32,
    call: i64,
    names: &Names,
    scope: &super::Scope,
    each: &mut impl FnMut(&ScannedCall<'_>),
) -> Result<(), DayError> {
    let (part, actor, kind): (i64, i64, i64) = (row.get(1)?, row.get(2)?, row.get(3)?);
    let flags: i64 = row.get(5)?;
    // A row whose part or words are missing is damage that SQLite does not see.
    let found = (names.parts.get(&part), names.actors.get(&actor), names.kinds.get(&kind));
    let (Some(of), Some(who), Some(what)) = found else { return Ok(()) };
    if !scope.has(&of.server) {
        return Ok(());
    }
    let own = match row.get_ref(6)? {
        ValueRef::Text(extra) => Some(with_own_words(who, what, extra)),
        _ => None,
    };
    let arguments = match row.get_ref(7)? {
        ValueRef::Text(text) => std::str::from_utf8(text).ok(),
        _ => None,
    };
    each(&ScannedCall {
        id: CallId { day, part, call },
        at: row.get(4)?,
        server: &of.server,
        session_id: &of.session_id,
        numbers: own.is_none().then_some((actor, kind)),
        actor: own.as_ref().map_or(who, |(actor, _)| actor),
        kind: own.as_ref().map_or(what, |(_, kind)| kind),
        arguments,
        arguments_truncated: flags & super::call::ARGUMENTS_TRUNCATED != 0,
        payloads_shed: flags & super::call::PAYLOADS_SHED != 0,
    });
    Ok(())
}

/// Actor and kind of a call that holds words of its own.
fn with_own_words(
    actor: &ScannedActor,
    kind: &ScannedKind,
    extra: &[u8],
) -> (ScannedActor, ScannedKind) {
    let extra: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(extra).unwrap_or_default();
    let (mut actor, mut kind) = (actor.clone(), kind.clone());
    let put = |name: &str, into: &mut String| {
        if let Some(text) = extra.get(name).and_then(serde_json::Value::as_str) {
            text.clone_into(into);
        }
    };
    put("user", &mut actor.user);
    put("roles", &mut actor.roles);
    put("client", &mut actor.client);
    put("address", &mut actor.address);
    put("user_agent", &mut actor.user_agent);
    put("http_method", &mut kind.http_method);
    put("method", &mut kind.method);
    if let Some(primitive) = &mut kind.primitive {
        put("primitive", primitive);
    }
    (actor, kind)
}

impl Names {
    fn new() -> Self {
        Self {
            servers: FxHashMap::default(),
            parts: FxHashMap::default(),
            actors: FxHashMap::default(),
            kinds: FxHashMap::default(),
            // Of the actors, 0 is one that stands for those that found no room.
            seen: [-1; 4],
        }
    }

    /// Looks up what has come since the last time.
    fn learn(&mut self, connection: &Connection) -> Result<(), DayError> {
        let Self { servers, parts, actors, kinds, seen } = self;
        let [server, part, actor, kind] = seen;
        let sql = "SELECT server, name FROM servers WHERE server > ?1";
        learn(connection, sql, server, |number, row| {
            servers.insert(number, Rc::from(row.get::<_, String>(1)?));
            Ok(())
        })?;
        let sql = "SELECT part, server, session_id FROM parts WHERE part > ?1";
        learn(connection, sql, part, |number, row| {
            if let Some(server) = servers.get(&row.get(1)?) {
                parts.insert(number, Part { server: server.clone(), session_id: row.get(2)? });
            }
            Ok(())
        })?;
        let sql = "SELECT actor, user, roles, client, address, user_agent, params, carried \
                   FROM actors WHERE actor > ?1";
        learn(connection, sql, actor, |number, row| {
            let bits: i64 = row.get(7)?;
            let actor = ScannedActor {
                user: row.get(1)?,
                roles: row.get(2)?,
                client: row.get(3)?,
                address: row.get(4)?,
                user_agent: row.get(5)?,
                params: row.get(6)?,
                carried: Carried {
                    user: bits & crate::part::CARRIED_USER != 0,
                    roles: bits & crate::part::CARRIED_ROLES != 0,
                    client: bits & crate::part::CARRIED_CLIENT != 0,
                    params: bits & crate::part::CARRIED_PARAMS != 0,
                },
            };
            actors.insert(number, actor);
            Ok(())
        })?;
        let sql = "SELECT kind, direction, http_method, method, primitive, coverage_request \
                   FROM kinds WHERE kind > ?1";
        learn(connection, sql, kind, |number, row| {
            let kind = ScannedKind {
                direction: row.get(1)?,
                http_method: row.get(2)?,
                method: row.get(3)?,
                primitive: row.get(4)?,
                coverage_request: row.get(5)?,
            };
            kinds.insert(number, kind);
            Ok(())
        })?;
        Ok(())
    }
}

/// Reads rows with numbers above `seen`, which becomes the highest.
fn learn(
    connection: &Connection,
    sql: &str,
    seen: &mut i64,
    mut take: impl FnMut(i64, &Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([*seen])?;
    while let Some(row) = rows.next()? {
        let number = row.get(0)?;
        take(number, row)?;
        *seen = number.max(*seen);
    }
    Ok(())
}
