//! An exchange while it is being read: its calls, their answers, what else was seen.

use crate::arena::{Arena, Text};
use crate::attack::{AttackDraft, EvidenceDraft};
use crate::listing::{Asked, ItemDraft, ListingDraft};
use crate::session::Endpoint;
use crate::verdict::Verdict;
use protocol::{PrimitiveKind, RpcId};
use record::{CallRef, Coverage, Outcome};

/// What a call is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A request: an answer with its id is due.
    Request,
    /// A notification.
    Notification,
    /// The client's answer to a request of the server.
    Posted,
    /// A body, or an element of a batch, that could not be read as a message.
    Unread,
    /// The messages of a batch beyond the limit.
    LeftOut,
}

/// Arguments or a result, as they are stored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    pub(crate) json: Text,
    pub(crate) truncated: bool,
}

/// What is stored with a call and not needed any more once it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft {
    pub(crate) method: Text,
    pub(crate) primitive: Option<(PrimitiveKind, Text)>,
    pub(crate) arguments: Option<Kept>,
    pub(crate) bytes_in: u64,
    pub(crate) coverage: Coverage,
    /// The protocol version the message itself claims.
    pub(crate) version: Text,
    /// Hash of the `requestState` it brings back; 0 for none.
    pub(crate) state: u64,
    /// It brings `inputResponses` or `requestState`: a further round of a call.
    pub(crate) is_retry: bool,
}

impl Draft {
    /// A call of which nothing is known.
    pub(crate) fn empty() -> Self {
        Draft {
            method: Text::default(),
            primitive: None,
            arguments: None,
            bytes_in: 0,
            coverage: Coverage::Full,
            version: Text::default(),
            state: 0,
            is_retry: false,
        }
    }
}

/// What is needed of a call until its answer is there; small, since open streams keep it.
#[derive(Clone, Debug)]
pub(crate) struct Awaited {
    pub(crate) kind: Kind,
    pub(crate) rpc_id: RpcId,
    /// The token of its progress notifications, where several calls share the exchange.
    pub(crate) token: RpcId,
    pub(crate) is_modern: bool,
    /// `mcp_skip` names its method: it is followed but not stored.
    pub(crate) is_skipped: bool,
    /// `tools/call`, whose results may say `isError`.
    pub(crate) is_tool: bool,
    /// The list that it asks for.
    pub(crate) lists: Option<Asked>,
    pub(crate) notifications: u32,
    /// Hashes of method and primitive and of the arguments, by which rounds find each other.
    /// Only of stateless calls.
    pub(crate) subject: u64,
    pub(crate) arguments: u64,
    /// Where it was stored, if it was stored before its answer.
    pub(crate) stored: Option<CallRef>,
    /// Index of its answer among [`Work::answers`].
    pub(crate) answer: Option<u32>,
}

impl Awaited {
    pub(crate) fn new(kind: Kind, rpc_id: RpcId) -> Self {
        Awaited {
            kind,
            rpc_id,
            token: RpcId::None,
            is_modern: false,
            is_skipped: false,
            is_tool: false,
            lists: None,
            notifications: 0,
            subject: 0,
            arguments: 0,
            stored: None,
            answer: None,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.answer.is_none()
    }
}

/// The answer to a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnswerDraft {
    pub(crate) outcome: Outcome,
    pub(crate) result: Option<Kept>,
    pub(crate) error_code: Option<i64>,
    pub(crate) error_message: Option<Text>,
    pub(crate) bytes_out: u64,
    pub(crate) coverage: Coverage,
    /// Hash of the `requestState` of an `input_required` result; 0 for none.
    pub(crate) state: u64,
    /// Fingerprint of the stream event it came in; 0 for none.
    pub(crate) event: u64,
}

impl AnswerDraft {
    /// An answer of which only the outcome is known.
    pub(crate) fn bare(outcome: Outcome, coverage: Coverage) -> Self {
        AnswerDraft {
            outcome,
            result: None,
            error_code: None,
            error_message: None,
            bytes_out: 0,
            coverage,
            state: 0,
            event: 0,
        }
    }
}

/// What a stream brought besides the answers to its own request.
#[derive(Clone, Debug)]
pub(crate) enum Output {
    /// A request of the server.
    ServerCall { rpc_id: RpcId, draft: Draft, event: u64 },
    /// An answer to a client's request that came by another connection.
    Late { rpc_id: RpcId, answer: AnswerDraft },
}

/// What an exchange says of its two ends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said {
    pub(crate) client: (Text, Text),
    pub(crate) server: (Text, Text),
    /// The revision: negotiated, else claimed.
    pub(crate) version: Text,
}

/// Everything read of the exchange, or the part, at hand. Used again for the next one.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) arena: Arena,
    /// The exchange's own calls.
    pub(crate) calls: Vec<Awaited>,
    /// Parallel to `calls`; empty where they were stored with an earlier part.
    pub(crate) drafts: Vec<Draft>,
    pub(crate) answers: Vec<AnswerDraft>,
    /// Answers that the client posted to requests of the server.
    pub(crate) posted: Vec<(RpcId, AnswerDraft)>,
    /// Ids of requests that the client cancelled.
    pub(crate) cancels: Vec<RpcId>,
    pub(crate) outputs: Vec<Output>,
    /// List answers, and the items of all of them.
    pub(crate) listings: Vec<ListingDraft>,
    pub(crate) items: Vec<ItemDraft>,
    pub(crate) said: Said,
    /// A JSON-RPC error without an id: it answers whatever was not answered.
    pub(crate) general: Option<AnswerDraft>,
    /// Server notifications that belong to no call of this exchange.
    pub(crate) notifications: u32,
    /// Server messages beyond [`crate::limits::OUTPUTS_MAX`].
    pub(crate) left_out: u64,
    /// What an `endpoint` event announced.
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) marks: Marks,
    /// What controls say of the request.
    pub(crate) verdict: Verdict,
    pub(crate) attacks: Vec<AttackDraft>,
    pub(crate) evidence: Option<EvidenceDraft>,
}

/// Things seen, each once or more.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks {
    /// A control blocked the request: the answer is nginx's.
    pub(crate) is_blocked: bool,
    /// A request that claims the stateless era.
    pub(crate) is_modern: bool,
    /// A batch.
    pub(crate) is_batch: bool,
    /// Nothing but an id in the path speaks for MCP: it is recorded if a stream announced that.
    pub(crate) needs_stream: bool,
    /// `initialize`.
    pub(crate) has_initialize: bool,
    /// `server/discover`.
    pub(crate) has_discover: bool,
    /// A JSON-RPC message in the answer.
    pub(crate) has_message: bool,
    /// An event of any kind in the answer.
    pub(crate) has_event: bool,
    /// Something that only an MCP server says.
    pub(crate) is_proof: bool,
    /// An event with an id: the stream can be resumed elsewhere.
    pub(crate) is_resumable: bool,
    /// The status was 2xx.
    pub(crate) is_taken: bool,
}

/// Elements of each kind for which room is kept from one exchange to the next.
const KEPT_MAX: usize = 1024;

fn empty<T>(list: &mut Vec<T>) {
    list.clear();
    if list.capacity() > KEPT_MAX {
        *list = Vec::new();
    }
}

impl Work {
    /// Forgets the exchange before.
    pub(crate) fn clear(&mut self) {
        self.arena.clear();
        empty(&mut self.calls);
        empty(&mut self.drafts);
        empty(&mut self.answers);
        empty(&mut self.posted);
        empty(&mut self.cancels);
        empty(&mut self.outputs);
        empty(&mut self.listings);
        empty(&mut self.items);
        self.said = Said::default();
        self.general = None;
        self.notifications = 0;
        self.left_out = 0;
        self.endpoint = None;
        self.marks = Marks::default();
        self.verdict.clear();
        empty(&mut self.attacks);
        self.evidence = None;
    }

    /// Settles a call.
    pub(crate) fn settle(&mut self, call: usize, answer: AnswerDraft) {
        let index = u32::try_from(self.answers.len()).ok();
        if let Some(call) = self.calls.get_mut(call) {
            call.answer = index;
            self.answers.push(answer);
        }
    }

    /// The answer of a call.
    pub(crate) fn answer(&self, call: &Awaited) -> Option<&AnswerDraft> {
        self.answers.get(call.answer? as usize)
    }
}
