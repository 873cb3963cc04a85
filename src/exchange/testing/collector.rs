//! A sink that keeps everything as text, folding what comes later into the calls it belongs to.

use protocol::RpcId;
use record::{
    Answer, Call, CallRef, Direction, Event, Exchange, IdSource, Micros, Outcome, PartRef,
    Patience, Place, Sink, Unannounced,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A call, its words and its answer's.
#[derive(Debug)]
struct Kept {
    session: u64,
    direction: Direction,
    rpc_id: RpcId,
    words: String,
    answer: String,
    is_pending: bool,
    continued_as: Option<u64>,
}

#[derive(Debug, Default)]
struct Session {
    key: String,
    client: String,
    server: String,
    version: String,
    user: String,
    roles: String,
    params: String,
    is_open: bool,
    is_proven: bool,
    bytes_in: u64,
    bytes_out: u64,
    exchanges: u64,
}

/// Collects records.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    sessions: Vec<Session>,
    calls: Vec<Kept>,
    events: Vec<(u64, String)>,
    waiting: Vec<(u64, Direction, RpcId, String)>,
    streams: BTreeMap<String, u64>,
    listings: Vec<String>,
    /// While this is not 0, `place` asks for patience.
    pub(crate) delays: u32,
}

impl Collector {
    /// Every session with its calls and events. Times are left out.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        for (index, session) in self.sessions.iter().enumerate() {
            let index = index as u64;
            let _ = writeln!(out, "{}", session.words());
            for call in self.calls.iter().filter(|call| call.session == index) {
                let _ = writeln!(out, "  {} -> {}", call.words, call.answer);
            }
            for (_, event) in self.events.iter().filter(|(session, _)| *session == index) {
                let _ = writeln!(out, "  {event}");
            }
        }
        for (session, direction, id, answer) in &self.waiting {
            let _ = writeln!(out, "unmatched in {session}: {direction:?} {id} {answer}");
        }
        out
    }

    /// What was learned from lists, a line for each and one for each item.
    pub(crate) fn learned(&self) -> String {
        self.listings.concat()
    }

    /// How many calls there are.
    pub(crate) fn calls(&self) -> usize {
        self.calls.len()
    }

    fn find(&mut self, session: u64, direction: Direction, id: &RpcId) -> Option<&mut Kept> {
        self.calls.iter_mut().find(|call| {
            call.is_pending
                && call.session == session
                && call.direction == direction
                && call.rpc_id == *id
        })
    }

    fn linked(&self, fingerprint: u64) -> String {
        let found = self.calls.iter().rposition(|call| call.continued_as == Some(fingerprint));
        found.map_or_else(|| " continues ?".to_owned(), |index| format!(" continues #{index}"))
    }
}

impl Session {
    fn words(&self) -> String {
        let mut out = self.key.clone();
        for (name, value) in [
            ("client", &self.client),
            ("info", &self.server),
            ("version", &self.version),
            ("user", &self.user),
            ("roles", &self.roles),
            ("params", &self.params),
        ] {
            if !value.trim().is_empty() {
                let _ = write!(out, " {name}={value}");
            }
        }
        let open = if self.is_open { "" } else { " unopened" };
        let proven = if self.is_proven { "" } else { " unproven" };
        let _ = write!(out, "{open}{proven} in={} out={}", self.bytes_in, self.bytes_out);
        out
    }

    fn learn(&mut self, exchange: &Exchange<'_>) {
        let set = |field: &mut String, value: String| {
            if !value.trim().is_empty() {
                *field = value;
            }
        };
        let named = |client: record::Client<'_>| format!("{} {}", client.name, client.version);
        set(&mut self.client, named(exchange.client));
        set(&mut self.server, named(exchange.server_info));
        set(&mut self.version, exchange.protocol_version.to_owned());
        set(&mut self.user, exchange.identity.user.to_owned());
        set(&mut self.roles, exchange.identity.roles.to_owned());
        let params = exchange.identity.params.iter();
        set(&mut self.params, params.map(|p| format!("{}={};", p.name, p.value)).collect());
        self.is_open |= exchange.session.opens;
        self.is_proven |= exchange.server.is_proven;
        self.bytes_in += exchange.bytes_in;
        self.bytes_out += exchange.bytes_out;
        self.exchanges += 1;
    }
}

fn answer_words(answer: &Answer<'_>) -> String {
    let mut out = answer.outcome.as_str().to_owned();
    if let Some(code) = answer.error_code {
        let _ = write!(out, " {code}");
    }
    if let Some(message) = answer.error_message {
        let _ = write!(out, " {message:?}");
    }
    if let Some(result) = answer.result {
        let cut = if result.truncated { "…" } else { "" };
        let _ = write!(out, " {}{cut}", result.json);
    }
    if answer.notifications > 0 {
        let _ = write!(out, " n={}", answer.notifications);
    }
    let _ = write!(out, " [{} {}]", answer.coverage.as_str(), answer.bytes_out);
    out
}

impl Sink for Collector {
    fn place(&mut self, exchange: &Exchange<'_>, patience: Patience) -> Place {
        if patience == Patience::MayWait && self.delays > 0 {
            self.delays -= 1;
            return Place::Later;
        }
        let mut claim = exchange.session;
        let joined = claim.joins_stream.then(|| self.streams.get(claim.id).copied()).flatten();
        match claim.unannounced {
            Unannounced::By(rule) if joined.is_none() => claim.source = rule,
            Unannounced::Dropped if joined.is_none() => return Place::Nowhere,
            _ => {}
        }
        let id = match claim.source {
            IdSource::Derived | IdSource::None => format!("{:08x}", claim.group as u32),
            _ => claim.id.to_owned(),
        };
        let key = format!("{} {} {id}", exchange.server.name, claim.source.as_str());
        let found = joined
            .map(|index| index as usize)
            .or_else(|| self.sessions.iter().position(|session| session.key == key));
        let index = found.unwrap_or_else(|| {
            self.sessions.push(Session { key, ..Session::default() });
            self.sessions.len() - 1
        });
        if claim.source == IdSource::Query && !claim.joins_stream {
            self.streams.insert(claim.id.to_owned(), index as u64);
        }
        self.sessions[index].learn(exchange);
        match joined {
            Some(_) => Place::Stream(PartRef(index as u64)),
            None => Place::Part(PartRef(index as u64)),
        }
    }

    fn call(&mut self, part: PartRef, exchange: &Exchange<'_>, call: &Call<'_>) -> Option<CallRef> {
        let mut words = match call.direction {
            Direction::Client => format!("{} {}", exchange.http_method, exchange.status),
            Direction::Server => "server".to_owned(),
        };
        let _ = write!(words, " #{}", call.rpc_id);
        let _ = write!(words, " {}", call.method.escape_debug());
        if let Some(primitive) = call.primitive {
            let name = primitive.name.escape_debug();
            let _ = write!(words, " {}:{name}", primitive.kind.as_str());
        }
        if let Some(arguments) = call.arguments {
            let cut = if arguments.truncated { "…" } else { "" };
            let _ = write!(words, " {}{cut}", arguments.json);
        }
        let _ = write!(words, " [{} {}]", call.coverage.as_str(), call.bytes_in);
        if let Some(fingerprint) = call.continues {
            words.push_str(&self.linked(fingerprint));
        }
        let is_pending = call.answer.outcome == Outcome::Pending;
        let mut kept = Kept {
            session: part.0,
            direction: call.direction,
            rpc_id: call.rpc_id.clone(),
            words,
            answer: answer_words(&call.answer),
            is_pending,
            continued_as: call.answer.continued_as,
        };
        let waiting = self.waiting.iter().position(|(session, direction, id, _)| {
            is_pending && *session == part.0 && *direction == call.direction && id == call.rpc_id
        });
        if let Some(index) = waiting {
            let (.., answer) = self.waiting.remove(index);
            kept.answer = answer;
            kept.is_pending = false;
        }
        let is_waited_for = kept.is_pending;
        self.calls.push(kept);
        is_waited_for.then(|| CallRef { day: 1, row: self.calls.len() as i64 - 1 })
    }

    fn complete(&mut self, call: CallRef, answer: &Answer<'_>) {
        let call = &mut self.calls[call.row as usize];
        if call.is_pending {
            call.answer = answer_words(answer);
            call.is_pending = answer.outcome == Outcome::Pending;
            call.continued_as = answer.continued_as;
        }
    }

    fn answer(&mut self, part: PartRef, direction: Direction, rpc_id: &RpcId, answer: &Answer<'_>) {
        let words = answer_words(answer);
        match self.find(part.0, direction, rpc_id) {
            Some(call) => {
                call.answer = words;
                call.is_pending = false;
            }
            None => self.waiting.push((part.0, direction, rpc_id.clone(), words)),
        }
    }

    fn cancel(&mut self, part: PartRef, rpc_id: &RpcId, _at: Micros) {
        match self.find(part.0, Direction::Client, rpc_id) {
            Some(call) => {
                call.answer = "cancelled".to_owned();
                call.is_pending = false;
            }
            None => {
                let words = "cancelled".to_owned();
                self.waiting.push((part.0, Direction::Client, rpc_id.clone(), words));
            }
        }
    }

    fn judged(&mut self, _: record::PartRef, _: &record::ControlRef<'_>, _: record::Judged) {}

    fn listed(&mut self, exchange: &Exchange<'_>, listing: &record::Listing<'_>) {
        let server = exchange.server;
        let mut out = format!("{} {}", server.name, listing.kind.as_str());
        let page = listing.page.map(|page| if page == 0 { "first" } else { "later" });
        let _ = write!(out, " page={}", page.unwrap_or("?"));
        for (word, is_so) in [
            (" templates", listing.is_templates),
            (" truncated", listing.is_truncated),
            (" unproven", !server.is_proven && !server.is_named),
            (" for somebody", listing.listed_for != 0),
        ] {
            out.push_str(if is_so { word } else { "" });
        }
        if listing.left_out > 0 {
            let _ = write!(out, " left out {}", listing.left_out);
        }
        out.push('\n');
        for item in listing.items {
            let cut = if item.is_cut { " cut" } else { "" };
            let _ = writeln!(
                out,
                "  {} | {} | {} | {} | {} | {} | {}{cut}",
                item.name.escape_debug(),
                item.title.escape_debug(),
                item.description.escape_debug(),
                item.input_schema,
                item.output_schema,
                item.annotations,
                item.mime_type
            );
        }
        self.listings.push(out);
    }

    fn event(&mut self, part: PartRef, _: &Exchange<'_>, event: &Event) {
        let count = if event.count > 0 { format!(" {}", event.count) } else { String::new() };
        self.events.push((part.0, format!("{}{count}", event.kind.as_str())));
    }
}
