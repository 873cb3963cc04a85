//! What the server sent: answers to the exchange's calls and to others, its own requests.

use crate::arena::{Arena, Text};
use crate::draft::{AnswerDraft, Awaited, Draft, Kept, Kind, Output, Work};
use crate::limits::{ERROR_MESSAGE_BYTES_MAX, OUTPUTS_MAX, VERSION_BYTES_MAX};
use crate::listing::Asked;
use crate::request::{fill, hash, push_client, window};
use crate::session::Endpoint;
use crate::{CaptureLevel, Rules, listing};
use protocol::{Event, Message, MessageKind, ResultType, RpcId, Scanner, Value};
use record::{Coverage, HashKey, Outcome};

/// Keeps a value as the configuration says.
pub(crate) fn keep(
    value: Value<'_>,
    level: CaptureLevel,
    arena: &mut Arena,
    rules: &Rules,
) -> Option<Kept> {
    let limit = rules.capture.limit_bytes;
    let mut truncated = false;
    let json = arena.append(|out| {
        truncated = match level {
            CaptureLevel::Masked => rules.mask.masked(value, limit, out),
            CaptureLevel::Shape => record::shape(value, limit, out),
            CaptureLevel::Unmasked => record::unmasked(value, limit, out),
            CaptureLevel::Off => false,
        };
    });
    (level != CaptureLevel::Off).then_some(Kept { json, truncated })
}

/// Reads a response of either direction.
pub(crate) fn answer_of(
    message: &Message<'_>,
    size: u64,
    coverage: Coverage,
    arena: &mut Arena,
    rules: &Rules,
) -> AnswerDraft {
    let coverage = match coverage {
        Coverage::Full if !message.is_complete() => Coverage::Truncated,
        coverage => coverage,
    };
    let mut answer = AnswerDraft::bare(outcome_of(message), coverage);
    answer.bytes_out = size;
    if let Some(error) = message.error {
        answer.error_code = error.get("code").and_then(|code| code.as_i64());
        let text = error.get("message").and_then(|text| text.as_str());
        answer.error_message = text.map(|text| push_error(arena, rules, &text));
        return answer;
    }
    let Some(result) = message.result else { return answer };
    match answer.outcome {
        Outcome::ToolError => {
            answer.error_message = error_text(result).map(|text| push_error(arena, rules, &text));
        }
        Outcome::InputRequired => {
            answer.state = protocol::request_state(result).map_or(0, |state| hash(state.raw()));
        }
        _ => {}
    }
    answer.result = keep(result, rules.capture.results, arena, rules);
    answer
}

/// What a response says came of its call.
pub(crate) fn outcome_of(message: &Message<'_>) -> Outcome {
    match message.result {
        _ if message.error.is_some() => Outcome::RpcError,
        Some(result) if protocol::is_error(result) => Outcome::ToolError,
        Some(result) if protocol::result_type(result) == ResultType::InputRequired => {
            Outcome::InputRequired
        }
        _ => Outcome::Ok,
    }
}

/// The text that a failed tool gives as its result: the first of `content[].text`.
fn error_text<'a>(result: Value<'a>) -> Option<std::borrow::Cow<'a, str>> {
    result.get("content")?.items().find_map(|item| item.get("text")?.as_str())
}

fn push_error(arena: &mut Arena, rules: &Rules, text: &str) -> Text {
    let masked = rules.mask.text(window(text, ERROR_MESSAGE_BYTES_MAX));
    arena.push_capped(&masked, ERROR_MESSAGE_BYTES_MAX)
}

/// Whether what has the members of a response is one, and not for example an OAuth error
/// (`{"error": "invalid_token"}`). Of a message that is cut, the version may be what is missing.
fn is_json_rpc(message: &Message<'_>) -> bool {
    message.is_jsonrpc_2()
        || !message.is_complete()
        || message.error.is_some_and(|error| error.get("code").is_some())
}

/// Where an answer is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    /// The JSON body of an answer to a POST.
    Json,
    /// The event stream that answers a POST.
    PostStream,
    /// The event stream that a GET opened.
    GetStream,
}

/// Reads what the server sent into `work`.
pub(crate) struct AnswerReader<'r> {
    pub(crate) work: &'r mut Work,
    pub(crate) rules: &'r Rules,
    pub(crate) key: &'r HashKey,
    pub(crate) channel: Channel,
    /// What tells the ids of this session's events from those of others; 0 where they are not
    /// remembered.
    pub(crate) scope: u64,
    /// Whether all of the stream was seen up to here.
    pub(crate) seen: Coverage,
}

impl AnswerReader<'_> {
    /// Reads one event of a stream.
    pub(crate) fn event(&mut self, event: &Event<'_>, scanner: &mut Scanner) {
        let marks = &mut self.work.marks;
        let is_first = !std::mem::replace(&mut marks.has_event, true);
        marks.is_resumable |= event.id.is_some();
        if event.name == "endpoint" {
            // Specification 2024-11-05, basic/transports: it is the first event, or none.
            if is_first && self.channel == Channel::GetStream {
                self.work.endpoint = Endpoint::read(event.data.trim_ascii());
                marks.is_proof |= self.work.endpoint.is_some();
            }
            return;
        }
        if !event.is_message() {
            return;
        }
        let id = match event.id {
            Some(id) if self.scope != 0 => {
                self.key.fingerprint(&[b"event", &self.scope.to_le_bytes(), id])
            }
            _ => 0,
        };
        let coverage = if event.truncated { Coverage::Truncated } else { Coverage::Full };
        self.document(event.data, scanner, None, coverage, id);
    }

    /// Reads a JSON document: a message or an array of them. `size` is given where the bytes that
    /// passed are not those of the message.
    pub(crate) fn document(
        &mut self,
        bytes: &[u8],
        scanner: &mut Scanner,
        size: Option<u64>,
        coverage: Coverage,
        event: u64,
    ) {
        let document = match self.channel {
            Channel::Json => scanner.scan_body(bytes),
            // Event streams are UTF-8 (HTML, 9.2.5), for every reader.
            Channel::PostStream | Channel::GetStream => scanner.scan(bytes),
        };
        let messages = protocol::messages(&document);
        let is_batch = messages.is_batch();
        let mut hint = 0;
        for message in messages {
            let whole = size.filter(|_| !is_batch);
            let size = whole.unwrap_or(message.value.raw().len() as u64);
            self.message(&message, size, coverage, event, &mut hint);
        }
    }

    /// `hint` is where the search for the call begins: answers mostly come in order.
    fn message(
        &mut self,
        message: &Message<'_>,
        size: u64,
        coverage: Coverage,
        event: u64,
        hint: &mut usize,
    ) {
        match message.kind {
            MessageKind::Response if is_json_rpc(message) => {
                self.response(message, size, coverage, event, hint);
            }
            MessageKind::Request => self.request(message, size, coverage, event),
            MessageKind::Notification => self.notification(message),
            MessageKind::Response | MessageKind::Invalid => {}
        }
    }

    fn response(
        &mut self,
        message: &Message<'_>,
        size: u64,
        coverage: Coverage,
        event: u64,
        hint: &mut usize,
    ) {
        self.work.marks.has_message = true;
        if let Some(result) = message.result {
            self.work.marks.is_proof = true;
            self.introduction(message, result);
        }
        let id = RpcId::from(message.id);
        // JSON-RPC allows `null` as an id; an error with it may as well mean no request at all.
        let is_named = id.is_usable() || (id == RpcId::Null && message.error.is_none());
        let named = self.position(&id, *hint).filter(|_| is_named);
        let call = named.or_else(|| self.only_candidate(message));
        let is_kept = call.is_some() || message.error.is_some() || self.takes_late();
        if !is_kept {
            return;
        }
        let mut answer = answer_of(message, size, coverage, &mut self.work.arena, self.rules);
        answer.event = event;
        if answer.outcome == Outcome::Ok && answer.coverage == Coverage::Full {
            self.listing(message, call);
        }
        if let Some(index) = call {
            *hint = index + 1;
            let is_tool = self.work.calls.get(index).is_some_and(|call| call.is_tool);
            if is_tool && answer.outcome == Outcome::Ok && answer.coverage != Coverage::Full {
                // Whether it says `isError` is not known.
                answer.outcome = Outcome::Unobserved;
            }
            if answer.coverage == Coverage::Full {
                answer.coverage = self.seen;
            }
            self.work.settle(index, answer);
        } else if id.is_usable() {
            self.output(Output::Late { rpc_id: id, answer });
        } else if message.error.is_some() {
            self.general(answer);
        }
    }

    /// Learns from a list. What a call asked for is known; of an answer whose call is another
    /// connection's, or could not be read, its form says what it is.
    fn listing(&mut self, message: &Message<'_>, call: Option<usize>) {
        let Some(result) = message.result.filter(|_| self.work.marks.is_taken) else { return };
        let known = call.and_then(|index| self.work.calls.get(index));
        let asked = match known.filter(|call| call.kind == Kind::Request) {
            Some(call) => call.lists,
            None => Asked::by_form(result),
        };
        if let Some(asked) = asked {
            listing::read(result, asked, self.work, self.rules, self.key);
        }
    }

    /// An error without an id. In a stream it answers what is open now; in a document it answers
    /// what the rest of the document leaves open.
    fn general(&mut self, answer: AnswerDraft) {
        match self.channel {
            Channel::Json => self.work.general = self.work.general.or(Some(answer)),
            Channel::PostStream => {
                for index in 0..self.work.calls.len() {
                    let call = self.work.calls.get(index);
                    let is_asked = call.is_some_and(|call| {
                        call.is_open() && matches!(call.kind, Kind::Request | Kind::Unread)
                    });
                    if is_asked {
                        self.work.settle(index, answer);
                    }
                }
            }
            Channel::GetStream => {}
        }
    }

    /// Whether answers to calls of other exchanges may come here.
    fn takes_late(&self) -> bool {
        self.channel != Channel::Json && !self.work.marks.is_modern
    }

    /// The open call with this id.
    fn position(&self, id: &RpcId, hint: usize) -> Option<usize> {
        let is_it =
            |call: &Awaited| call.kind == Kind::Request && call.is_open() && call.rpc_id == *id;
        let calls = &self.work.calls;
        let (before, after) = calls.split_at_checked(hint).unwrap_or((calls, &[]));
        let found = after.iter().position(is_it).map(|index| index + hint);
        found.or_else(|| before.iter().position(is_it))
    }

    /// Of a response whose id was not seen (it is cut, or the request could not be read), the call
    /// that it must belong to: the only one there is.
    fn only_candidate(&self, message: &Message<'_>) -> Option<usize> {
        let is_cut = !message.is_complete() && message.id.is_none();
        let is_asked = |call: &Awaited| matches!(call.kind, Kind::Request | Kind::Unread);
        let calls = self.work.calls.iter().enumerate();
        let mut open = calls.filter(|(_, call)| call.is_open() && is_asked(call));
        let (index, call) = open.next().filter(|_| open.next().is_none())?;
        let is_it = match call.kind {
            Kind::Request => is_cut,
            _ => !self.work.marks.is_batch,
        };
        is_it.then_some(index)
    }

    /// What a result says of the server and of the revision agreed on.
    fn introduction(&mut self, message: &Message<'_>, result: Value<'_>) {
        let work = &mut *self.work;
        if work.said.server.0.is_empty()
            && let Some((name, version)) = protocol::server_info(result)
        {
            work.said.server = push_client(&mut work.arena, self.rules, &name, &version);
        }
        if result.get("capabilities").is_some()
            && let Some(version) = protocol::protocol_version(message)
        {
            work.said.version = work.arena.push_capped(&version, VERSION_BYTES_MAX);
        }
    }

    fn request(&mut self, message: &Message<'_>, size: u64, coverage: Coverage, event: u64) {
        self.work.marks.has_message = true;
        let Some(method) = message.method.as_deref() else { return };
        self.work.marks.is_proof |= protocol::is_known(method);
        if self.work.outputs.len() >= OUTPUTS_MAX {
            self.work.left_out += 1;
            return;
        }
        if self.rules.skips(method) {
            return;
        }
        let mut draft = Draft { bytes_in: size, coverage, ..Draft::empty() };
        fill(&mut draft, message, method, &mut self.work.arena, self.rules);
        let rpc_id = RpcId::from(message.id);
        self.output(Output::ServerCall { rpc_id, draft, event });
    }

    fn output(&mut self, output: Output) {
        if self.work.outputs.len() < OUTPUTS_MAX {
            self.work.outputs.push(output);
        } else {
            self.work.left_out += 1;
        }
    }

    /// Counts a notification on the call it belongs to, else on the stream.
    fn notification(&mut self, message: &Message<'_>) {
        self.work.marks.has_message = true;
        self.work.marks.is_proof |= message.method.as_deref().is_some_and(protocol::is_known);
        let calls = &mut self.work.calls;
        let mut open = calls
            .iter()
            .enumerate()
            .filter(|(_, call)| call.is_open() && matches!(call.kind, Kind::Request));
        let first = open.next().map(|(index, _)| index);
        let is_only = open.next().is_none();
        let index = match first {
            Some(_) if !is_only => {
                let token = RpcId::from(protocol::progress_token(message));
                let is_it = |call: &Awaited| call.is_open() && call.token == token;
                calls.iter().position(is_it).filter(|_| token.is_usable()).or(first)
            }
            first => first,
        };
        match index.and_then(|index| calls.get_mut(index)) {
            Some(call) => call.notifications = call.notifications.saturating_add(1),
            None => self.work.notifications = self.work.notifications.saturating_add(1),
        }
    }
}
