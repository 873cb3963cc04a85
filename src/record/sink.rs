//! Where records go. `exchange` calls it, `store` implements it; tests collect with it.

use crate::{Answer, Call, ControlRef, Direction, Event, Exchange, Judged, Listing};
use protocol::RpcId;

/// A session part, as the sink numbers it. Valid within one batch; ask again in the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PartRef(pub u64);

/// A call that was stored before its answer came. Valid as long as the sink's day file is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallRef {
    /// Days since the Unix epoch: the day file that holds it.
    pub day: i32,
    /// Its row there.
    pub row: i64,
}

/// Whether the sink may ask to see an exchange again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// It may: another worker may be about to write what this exchange belongs to.
    MayWait,
    /// It may not: the time for that is over.
    Decide,
}

/// Where an exchange belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// To this session part.
    Part(PartRef),
    /// To this session part, which is that of the event stream that announced the id.
    Stream(PartRef),
    /// Nowhere: there is no such stream, and nothing is to be recorded without it.
    Nowhere,
    /// Not known yet: its server has not answered as one, or its stream is not known. Nothing was
    /// written; offer the exchange again after the next batches.
    Later,
}

/// Takes records. Failures are the sink's own: it remembers them and reports at the batch's end.
pub trait Sink {
    /// Finds or opens the session part of an exchange, counts its bytes there, and remembers what
    /// it says of the session (user, client, revision, parameters, address).
    fn place(&mut self, exchange: &Exchange<'_>, patience: Patience) -> Place;

    /// Stores a call. Returns a reference where its outcome is `Pending`, so that the same exchange
    /// can complete it later.
    fn call(&mut self, part: PartRef, exchange: &Exchange<'_>, call: &Call<'_>) -> Option<CallRef>;

    /// Completes a call of this very exchange in place.
    fn complete(&mut self, call: CallRef, answer: &Answer<'_>);

    /// Completes the pending call of this session and direction that has this id, whichever
    /// connection or worker it came by. If it is not stored yet, the answer is kept until it is.
    fn answer(&mut self, part: PartRef, direction: Direction, rpc_id: &RpcId, answer: &Answer<'_>);

    /// The client cancelled the pending call of this session with this id.
    fn cancel(&mut self, part: PartRef, rpc_id: &RpcId, at: crate::Micros);

    /// Stores an event of the session.
    fn event(&mut self, part: PartRef, exchange: &Exchange<'_>, event: &Event);

    /// Counts what a control made of a call of this part.
    fn judged(&mut self, part: PartRef, control: &ControlRef<'_>, judged: Judged);

    /// Learns what the MCP server of this exchange offers. The exchange need not have been placed:
    /// what `mcp_skip` leaves out is learned from all the same.
    fn listed(&mut self, exchange: &Exchange<'_>, listing: &Listing<'_>);
}
