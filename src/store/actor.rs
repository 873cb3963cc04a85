//! Who acts in a part, as numbers of the day's `actors`.

use crate::day::Day;
use crate::dictionary::{ActorFields, Keyed};
use crate::failure::Failure;
use crate::part::{
    CARRIED_CLIENT, CARRIED_PARAMS, CARRIED_REVISION, CARRIED_ROLES, CARRIED_USER, Learned,
};
use record::Exchange;
use std::collections::BTreeMap;

/// What an exchange says of who acts, as one number.
pub(crate) fn identity_hash(keyed: &Keyed, exchange: &Exchange<'_>) -> u64 {
    let identity = &exchange.identity;
    let mut hashing = keyed.begin();
    hashing.text(identity.user).text(identity.roles).number(identity.verified as i64);
    hashing.number(identity.credential.cast_signed());
    hashing.text(exchange.client.name).text(exchange.client.version).text(exchange.address);
    hashing.text(exchange.user_agent).text(exchange.protocol_version);
    hashing.text(exchange.server_info.name);
    for param in identity.params {
        hashing.text(param.name).text(param.value);
    }
    hashing.finish()
}

/// The actor of a whole part: what it has said of itself.
pub(crate) fn learned_actor(
    day: &mut Day,
    keyed: &Keyed,
    learned: &Learned,
) -> Result<i64, Failure> {
    let params = params_json(learned.params.iter().map(|(name, value)| (&**name, &**value)));
    let fields = ActorFields {
        user: &learned.user,
        roles: &learned.roles,
        verified: learned.verified.as_str(),
        credential: learned.credential,
        client: &learned.client,
        client_version: &learned.client_version,
        address: &learned.address,
        user_agent: &learned.user_agent,
        params: &params,
        carried: 0,
    };
    match number_of(day, keyed, &fields)? {
        Some(actor) => Ok(actor),
        None => overflow_actor(day),
    }
}

/// The actor of one exchange: what it says, and what is carried over.
pub(crate) fn exchange_actor(
    day: &mut Day,
    keyed: &Keyed,
    exchange: &Exchange<'_>,
    learned: &Learned,
) -> Result<Option<i64>, Failure> {
    let identity = &exchange.identity;
    let mut carried = 0;
    let (mut user, mut roles, mut client) = (identity.user, identity.roles, exchange.client);
    if user.is_empty() && !learned.user.is_empty() {
        user = &learned.user;
        carried |= CARRIED_USER;
    }
    if roles.is_empty() && !learned.roles.is_empty() && user == learned.user {
        roles = &learned.roles;
        carried |= CARRIED_ROLES;
    }
    if client.name.is_empty() && !learned.client.is_empty() {
        client = record::Client { name: &learned.client, version: &learned.client_version };
        carried |= CARRIED_CLIENT;
    }
    if exchange.protocol_version.is_empty() && !learned.protocol_version.is_empty() {
        carried |= CARRIED_REVISION;
    }
    let mut params: BTreeMap<&str, &str> =
        identity.params.iter().map(|param| (param.name, param.value)).collect();
    for (name, value) in &learned.params {
        if !params.contains_key(name.as_str()) {
            params.insert(name, value);
            carried |= CARRIED_PARAMS;
        }
    }
    let params = params_json(params.into_iter());
    let fields = ActorFields {
        user,
        roles,
        verified: identity.verified.as_str(),
        credential: identity.credential.cast_signed(),
        client: client.name,
        client_version: client.version,
        address: exchange.address,
        user_agent: exchange.user_agent,
        params: &params,
        carried,
    };
    number_of(day, keyed, &fields)
}

/// The actor of calls whose own words stand in the call, because the day names no more actors.
pub(crate) fn overflow_actor(day: &Day) -> Result<i64, Failure> {
    day.connection
        .prepare_cached(
            "INSERT INTO actors (actor, hash, user, roles, verified, credential, client, \
             client_version, address, user_agent, params, carried) \
             VALUES (0, 0, '', '', '', 0, '', '', '', '', '{}', 0) ON CONFLICT (actor) DO NOTHING",
        )
        .and_then(|mut statement| statement.execute(()))
        .map(|_| 0)
        .map_err(|error| day.failure(&error))
}

fn number_of(
    day: &mut Day,
    keyed: &Keyed,
    fields: &ActorFields<'_>,
) -> Result<Option<i64>, Failure> {
    let Day { actors, connection, path, .. } = day;
    fields
        .number(keyed, actors, connection)
        .map_err(|error| Failure::sqlite(&path.display().to_string(), &error))
}

fn params_json<'a>(params: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let params: BTreeMap<&str, &str> = params.collect();
    if params.is_empty() {
        return "{}".to_owned();
    }
    serde_json::to_string(&params).unwrap_or_else(|_| "{}".to_owned())
}
