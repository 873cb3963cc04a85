//! What is said to the catalogue.

/// `max`: another worker may have written a later one.
pub(super) const ADD_SERVER: &str = "INSERT INTO servers (name, first_seen_at, last_seen_at) \
     VALUES (?1, ?2, ?2) ON CONFLICT (name) DO NOTHING";
pub(super) const SERVER: &str =
    "SELECT server, bytes, lists_differ_at FROM servers WHERE name = ?1";
pub(super) const SET_DIFFER: &str = "UPDATE servers SET lists_differ_at = ?2 WHERE server = ?1 \
     AND ifnull(lists_differ_at, 0) < ?2 - 3600000000";
pub(super) const NOTE_LIST: &str = "INSERT INTO lists (server, kind, is_template, page, \
     listed_for, fingerprint, since, seen_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7) \
     ON CONFLICT DO UPDATE SET since = iif(fingerprint = ?6, since, ?7), fingerprint = ?6, \
     seen_at = max(seen_at, ?7) RETURNING since";
/// A tenth at a time.
pub(super) const TRIM_LISTS: &str = "DELETE FROM lists WHERE server = ?1 AND \
     (SELECT count(*) FROM lists WHERE server = ?1) > ?2 AND (server, kind, is_template, page, \
     listed_for) IN (SELECT server, kind, is_template, page, listed_for FROM lists \
     WHERE server = ?1 ORDER BY seen_at LIMIT ?2 / 10)";
pub(super) const OTHER_LIST: &str = "SELECT EXISTS (SELECT 1 FROM lists WHERE server = ?1 \
     AND kind = ?2 AND is_template = ?3 AND page = ?4 AND listed_for <> ?5 AND fingerprint <> ?6 \
     AND seen_at > ?7 AND seen_at < ?8)";
pub(super) const COUNT: &str = "SELECT count(*) FROM primitives \
     WHERE server = ?1 AND kind = ?2 AND is_template = ?3";
pub(super) const PRIMITIVE: &str = "SELECT primitive, version, last_seen_at, hour, changes \
     FROM primitives WHERE server = ?1 AND kind = ?2 AND is_template = ?3 AND name = ?4";
pub(super) const ADD_PRIMITIVE: &str = "INSERT INTO primitives (server, kind, is_template, name, \
     version, first_seen_at, last_seen_at, hour, changes) VALUES (?1, ?2, ?3, ?4, 0, ?5, ?5, ?6, 0)";
pub(super) const SEE_PRIMITIVE: &str =
    "UPDATE primitives SET last_seen_at = max(last_seen_at, ?2) WHERE primitive = ?1";
pub(super) const CHANGE_PRIMITIVE: &str = "UPDATE primitives SET \
     last_seen_at = max(last_seen_at, ?2), changed_at = ?2, hour = ?3, changes = ?4 \
     WHERE primitive = ?1";
pub(super) const SEE_VERSION: &str = "UPDATE versions SET \
     last_seen_at = max(last_seen_at, ?2), listed_for = ?3 WHERE version = ?1";
pub(super) const IN_FORCE: &str = "SELECT version, last_seen_at, listed_for FROM versions \
     WHERE primitive = ?1 AND hash = ?2 AND (version = ?3 OR ?4 AND replaced_at IS NULL) \
     ORDER BY version DESC LIMIT 1";
pub(super) const REPLACE: &str = "UPDATE versions SET replaced_at = ?3 WHERE primitive = ?1 \
     AND version <> ?2 AND replaced_at IS NULL \
     AND (NOT ?4 OR listed_for = ?5 OR last_seen_at < ?6)";
pub(super) const SET_VERSION: &str = "UPDATE primitives SET version = \
     (SELECT max(version) FROM versions WHERE primitive = ?1 AND replaced_at IS NULL) \
     WHERE primitive = ?1";
pub(super) const ADD_VERSION: &str = "INSERT INTO versions (primitive, hash, seen_at, \
     last_seen_at, replaced_at, listed_for, title, description, input_schema, output_schema, \
     annotations, mime_type, is_cut, bytes) \
     VALUES (?1, ?2, ?3, ?3, NULL, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
pub(super) const TRIM_VERSIONS: &str = "DELETE FROM versions WHERE version IN \
     (SELECT version FROM versions WHERE primitive = ?1 ORDER BY version DESC LIMIT -1 OFFSET ?2) \
     AND replaced_at IS NOT NULL RETURNING bytes";
pub(super) const ADD_LEFT_OUT: &str = "INSERT INTO left_out (reason, count) VALUES (?1, ?2) \
     ON CONFLICT (reason) DO UPDATE SET count = count + ?2";
pub(super) const NEXT_GENERATION: &str =
    "UPDATE meta SET value = value + 1 WHERE key = 'generation'";
