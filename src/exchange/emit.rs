//! Drafts to records, into the sink.

use crate::attack::AttackDraft;
use crate::draft::{AnswerDraft, Awaited, Draft, Kept, Output, Work};
use crate::event_ids::EventIds;
use crate::listing;
use record::{
    Answer, Attack, Call, CallRef, Coverage, Direction, Event, EventKind, Exchange, HashKey,
    Micros, Outcome, PartRef, Payload, Primitive, Sink,
};

/// Tells the sink what was read.
pub(crate) struct Emitter<'e> {
    pub(crate) sink: &'e mut dyn Sink,
    pub(crate) part: PartRef,
    /// The part is that of the event stream that announced the id.
    pub(crate) is_in_stream: bool,
    pub(crate) event_ids: &'e mut EventIds,
    pub(crate) reading: Reading<'e>,
}

/// What was read, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'e> {
    pub(crate) exchange: &'e Exchange<'e>,
    pub(crate) work: &'e Work,
    pub(crate) key: &'e HashKey,
    /// [`crate::context::Context::scope`].
    pub(crate) scope: u64,
    /// Now.
    pub(crate) at: Micros,
    /// Now, in microseconds since the exchange's first byte.
    pub(crate) now_us: u64,
    /// To the first event of the answer's stream.
    pub(crate) first_event_us: Option<u64>,
}

impl Emitter<'_> {
    /// Stores the exchange's own calls; those that wait for their answer go to `stored`.
    pub(crate) fn calls(&mut self, stored: &mut Vec<(usize, CallRef)>) {
        let reading = self.reading;
        let work = reading.work;
        for (index, (call, draft)) in work.calls.iter().zip(&work.drafts).enumerate() {
            let attacks = reading.attacks(index);
            if call.is_skipped && attacks.is_empty() {
                continue;
            }
            let answer = reading.answer(call, work.answer(call));
            self.remember(work.answer(call));
            let record =
                reading.call(Direction::Client, &call.rpc_id, draft, reading.exchange.at, answer);
            let continues = reading.continues(call, draft);
            let record = Call { continues, attacks: &attacks, ..record };
            if let Some(reference) = self.sink.call(self.part, reading.exchange, &record) {
                stored.push((index, reference));
            }
        }
    }

    /// Counts what controls made of the request.
    pub(crate) fn judged(&mut self) {
        let verdict = &self.reading.work.verdict;
        for tally in &verdict.tallies {
            if let Some(controls) = verdict.sets.get(usize::from(tally.set)) {
                self.sink.judged(self.part, &controls.reference(tally.who), tally.judged);
            }
        }
    }

    /// Completes the calls that an earlier part stored and this one answered.
    pub(crate) fn completions(&mut self) {
        let reading = self.reading;
        let work = reading.work;
        for call in &work.calls {
            let (Some(reference), Some(answer)) = (call.stored, work.answer(call)) else {
                continue;
            };
            self.remember(Some(answer));
            // Another connection may bring, or have brought, what this one did not.
            if answer.outcome != Outcome::Pending {
                let answer = reading.answer(call, Some(answer));
                self.sink.complete(reference, &answer);
            }
        }
    }

    /// Requests of the server, answers to calls of other exchanges, in the order they came.
    pub(crate) fn outputs(&mut self) {
        let reading = self.reading;
        let work = reading.work;
        for output in &work.outputs {
            match output {
                Output::ServerCall { rpc_id, draft, event } => {
                    if !self.event_ids.is_new(*event) {
                        continue;
                    }
                    let pending =
                        reading.payload(&AnswerDraft::bare(Outcome::Pending, Coverage::Unobserved));
                    let call = reading.call(Direction::Server, rpc_id, draft, reading.at, pending);
                    self.sink.call(self.part, reading.exchange, &call);
                }
                Output::Late { rpc_id, answer } => {
                    if self.event_ids.is_new(answer.event) {
                        let answer = reading.payload(answer);
                        self.sink.answer(self.part, Direction::Client, rpc_id, &answer);
                    }
                }
            }
        }
    }

    /// What lists say that the MCP server offers.
    pub(crate) fn listings(&mut self) {
        listing::emit(self.sink, self.reading.exchange, self.reading.work, self.reading.at);
    }

    /// What the client posted for the server's requests, and what it cancelled. To be called where
    /// the server took it.
    pub(crate) fn posted(&mut self) {
        let reading = self.reading;
        let work = reading.work;
        for (rpc_id, answer) in &work.posted {
            let answer = reading.payload(answer);
            self.sink.answer(self.part, Direction::Server, rpc_id, &answer);
        }
        for rpc_id in &work.cancels {
            self.sink.cancel(self.part, rpc_id, reading.at);
        }
    }

    /// Stores an event of the session.
    pub(crate) fn event(&mut self, kind: EventKind, count: u32) {
        let reading = self.reading;
        let is_opening = kind == EventKind::StreamOpened;
        let at = if is_opening { reading.exchange.at } else { reading.at };
        self.sink.event(self.part, reading.exchange, &Event { at, kind, count });
    }

    fn remember(&mut self, answer: Option<&AnswerDraft>) {
        if let Some(answer) = answer {
            self.event_ids.is_new(answer.event);
        }
    }
}

impl<'e> Reading<'e> {
    /// The attacks on one of the exchange's own calls.
    fn attacks(self, call: usize) -> Vec<Attack<'e>> {
        let work = self.work;
        let drafts = work.attacks.iter().enumerate().filter(|(_, draft)| draft.call == call);
        let attacks = drafts.filter_map(|(place, draft)| {
            let evidence = work.evidence.as_ref().filter(|_| AttackDraft::has_evidence(place));
            draft.attack(&work.arena, &work.verdict, work.verdict.at, evidence)
        });
        attacks.collect()
    }

    fn call(
        self,
        direction: Direction,
        rpc_id: &'e protocol::RpcId,
        draft: &Draft,
        at: Micros,
        answer: Answer<'e>,
    ) -> Call<'e> {
        let arena = &self.work.arena;
        let primitive = draft.primitive;
        Call {
            at,
            direction,
            rpc_id,
            method: arena.get(draft.method),
            primitive: primitive.map(|(kind, name)| Primitive { kind, name: arena.get(name) }),
            arguments: draft.arguments.map(|kept| self.kept(kept)),
            bytes_in: draft.bytes_in,
            coverage: draft.coverage,
            continues: None,
            attacks: &[],
            protocol_version: match arena.get(draft.version) {
                "" => self.exchange.protocol_version,
                version => version,
            },
            answer,
        }
    }

    fn kept(self, kept: Kept) -> Payload<'e> {
        Payload { json: self.work.arena.get(kept.json), truncated: kept.truncated }
    }

    /// The answer of one of the exchange's own calls.
    fn answer(self, call: &Awaited, draft: Option<&AnswerDraft>) -> Answer<'e> {
        let pending = AnswerDraft::bare(Outcome::Pending, Coverage::Unobserved);
        let draft = draft.unwrap_or(&pending);
        let is_pending = draft.outcome == Outcome::Pending;
        let continued_as = (draft.outcome == Outcome::InputRequired && call.is_modern)
            .then(|| self.round(call, draft.state));
        Answer {
            duration_us: (!is_pending).then_some(self.now_us),
            first_event_us: self.first_event_us,
            notifications: call.notifications,
            continued_as,
            ..self.payload(draft)
        }
    }

    /// An answer whose call may be in another exchange.
    fn payload(self, draft: &AnswerDraft) -> Answer<'e> {
        Answer {
            at: self.at,
            outcome: draft.outcome,
            result: draft.result.map(|kept| self.kept(kept)),
            error_code: draft.error_code,
            error_message: draft.error_message.map(|text| self.work.arena.get(text)),
            duration_us: None,
            first_event_us: None,
            notifications: 0,
            bytes_out: draft.bytes_out,
            coverage: draft.coverage,
            continued_as: None,
        }
    }

    fn continues(self, call: &Awaited, draft: &Draft) -> Option<u64> {
        (draft.is_retry && call.is_modern).then(|| self.round(call, draft.state))
    }

    /// What ties two rounds together: the same method and primitive and the `requestState` that
    /// the server made, else the same arguments.
    fn round(self, call: &Awaited, state: u64) -> u64 {
        let (kind, tie): (&[u8], u64) = match state {
            0 => (b"arguments", call.arguments),
            state => (b"state", state),
        };
        self.key.fingerprint(&[
            b"round",
            kind,
            &self.scope.to_le_bytes(),
            &call.subject.to_le_bytes(),
            &tie.to_le_bytes(),
        ])
    }
}
