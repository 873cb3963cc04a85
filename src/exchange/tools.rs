//! What tools are listed for a location.

use control::catalogue::{Catalogue, Tools};
use control::schema::Budget;
use control::{CallFacts, Control, ControlKind, Judgement, Subject, ToolsOf, Unjudged};
use std::sync::Arc;

/// The tools of all locations, as they were learned at one time.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The tools of every MCP server.
    pub catalogue: Catalogue,
    /// By number of location: the MCP servers that were learned under it.
    pub servers: Vec<Vec<String>>,
}

/// The tools that calls of a location are held against: those of every MCP server that was learned
/// under it. As a rule it is one; but no other spelling of host or path leads past them.
#[derive(Clone, Copy, Debug)]
pub struct ToolsHere<'s> {
    snapshot: Option<&'s Snapshot>,
    location: usize,
}

impl<'s> ToolsHere<'s> {
    /// Those of a location; without a snapshot nothing is known of any.
    #[must_use]
    pub fn new(snapshot: Option<&'s Arc<Snapshot>>, location: usize) -> Self {
        Self { snapshot: snapshot.map(|it| &**it), location }
    }

    fn tools(self) -> impl Iterator<Item = &'s Tools> {
        let snapshot = self.snapshot;
        let servers = snapshot.and_then(|it| it.servers.get(self.location)).into_iter().flatten();
        servers.filter_map(move |server| snapshot?.catalogue.tools(server))
    }

    /// Lets a control judge a call. Where MCP servers of one location list a tool of one name in
    /// different ways, one that takes the call is enough.
    pub(crate) fn judge(
        self,
        control: &Control,
        call: &CallFacts<'_>,
        subject: &Subject<'_>,
        budget: &mut Budget,
    ) -> Judgement {
        if control.kind() != ControlKind::ToolSchema {
            return control.judge(call, subject, ToolsOf(None), budget);
        }
        if self.snapshot.is_none() {
            let is_covered = control.covers(call.method, call.primitive);
            return match is_covered {
                true => Judgement::Unjudged(Unjudged::NoSchema),
                false => Judgement::NotCovered,
            };
        }
        let mut all = self.tools();
        let (first, others) = (all.next(), all.next().is_some());
        if !others {
            return control.judge(call, subject, ToolsOf(first), budget);
        }
        if !control.covers(call.method, call.primitive) {
            return Judgement::NotCovered;
        }
        let name = call.primitive.unwrap_or_default();
        let mut found: Option<Judgement> = None;
        for tools in self.tools().filter(|tools| tools.get(name).is_some()) {
            let judgement = control.judge(call, subject, ToolsOf(Some(tools)), budget);
            if judgement == Judgement::Allowed {
                return judgement;
            }
            found.get_or_insert(judgement);
        }
        // Of a server whose tools had no room nothing can be said.
        let any = self.tools().find(|tools| !tools.is_complete()).or_else(|| self.tools().next());
        found.unwrap_or_else(|| match any {
            Some(tools) if !tools.is_complete() => Judgement::Unjudged(Unjudged::SchemaCost),
            any => control.judge(call, subject, ToolsOf(any), budget),
        })
    }
}
