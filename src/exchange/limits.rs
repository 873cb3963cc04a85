//! Every bound of this crate that is not a directive, in one place.

/// Messages of one batch that are recorded one by one. What is beyond becomes one call without a
/// method, with the number of messages as its arguments: `{"left_out":9000}`.
pub const MESSAGES_MAX: usize = 1000;
/// Server requests and late answers taken from one part of a stream. What is beyond is counted in
/// [`crate::Bounds::messages`].
pub const OUTPUTS_MAX: usize = 10_000;
/// Bytes kept of a method's name.
pub const METHOD_BYTES_MAX: usize = 256;
/// Bytes kept of a primitive's name or URI.
pub const PRIMITIVE_BYTES_MAX: usize = 2048;
/// Bytes kept of an error's message.
pub const ERROR_MESSAGE_BYTES_MAX: usize = 1024;
/// Bytes kept of a client's or a server's name or version, and of a protocol version.
pub const CLIENT_BYTES_MAX: usize = 128;
/// Bytes kept of a protocol version.
pub const VERSION_BYTES_MAX: usize = 32;
/// Bytes kept of a session id; a longer one ends in a hash of the whole.
pub const SESSION_ID_BYTES_MAX: usize = 256;
/// Bytes kept of an MCP server's name; a longer one ends in a hash of the whole.
pub const SERVER_BYTES_MAX: usize = 512;
/// Bytes kept of a user's name.
pub const USER_BYTES_MAX: usize = 256;
/// Roles kept of one request.
pub const ROLES_MAX: usize = 64;
/// Bytes kept of one role.
pub const ROLE_BYTES_MAX: usize = 128;
/// Bytes kept of a context parameter's value.
pub const PARAM_BYTES_MAX: usize = 1024;
/// Bytes kept of `User-Agent`.
pub const USER_AGENT_BYTES_MAX: usize = 256;
/// Bytes kept of a client's address, of a request id and of an HTTP method.
pub const WORD_BYTES_MAX: usize = 64;
/// Open streams that are followed. A further one is recorded by its first part alone.
pub const STREAMS_MAX: usize = 65_536;
/// Streams whose first part is kept back until it is known what they are.
pub const HELD_MAX: usize = 4096;
/// Bytes kept back for all of them together.
pub const HELD_BYTES_MAX: usize = 64 << 20;
/// Bytes of an event stream that are kept back at most, waiting for what it is.
pub const HELD_STREAM_BYTES_MAX: usize = 256 << 10;
/// Ids of stream events that are remembered, so that what is replayed is not recorded twice.
pub const EVENT_IDS_MAX: usize = 8192;
/// Codings that one body may have been put through.
pub const CODINGS_MAX: usize = 3;
/// How many times larger than its bytes so far a compressed event stream may become, beyond the
/// limit for one event.
pub const STREAM_RATIO_MAX: u64 = 100;
/// Items learned from the list answers of one exchange, or of one part of a stream. What is beyond
/// is counted.
pub const LISTED_MAX: usize = 10_000;
/// Bytes of a listed schema. A longer one is left out.
pub const LISTED_SCHEMA_BYTES_MAX: usize = 256 << 10;
/// Bytes kept of a listed description, and of `annotations`, which are left out if longer.
pub const LISTED_DESCRIPTION_BYTES_MAX: usize = 16 << 10;
/// Bytes kept of a listed title.
pub const LISTED_TITLE_BYTES_MAX: usize = 1024;
/// Bytes kept of a listed MIME type.
pub const LISTED_MIME_BYTES_MAX: usize = 256;
/// Bytes of one value that a variable takes from a request or its answer.
pub const VIEW_VALUE_BYTES_MAX: usize = 64 << 10;
/// Messages of one batch that controls judge one by one. A longer batch is unjudged.
pub const BATCH_JUDGED_MAX: usize = 100;
/// Objections to one request that are kept.
pub const DENIALS_MAX: usize = 200;
/// Bytes kept of each text of an attack.
pub const ATTACK_TEXT_BYTES_MAX: usize = 4096;
/// Attacks on one request that carry it as evidence; it is the same for all.
pub const EVIDENCES_MAX: usize = 8;
/// Steps that all judgements of one request may take together: a millisecond or two.
pub const JUDGE_STEPS_MAX: u64 = 200_000;
/// Roles of one request that controls judge by.
pub const ROLES_JUDGED_MAX: usize = 10_000;
