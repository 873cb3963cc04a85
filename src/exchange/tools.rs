//! What tools are listed for a location.

use control::catalogue::Tools;
use control::schema::Budget;
use control::{CallFacts, Control, Judgement, Subject, ToolsOf};

/// The tools that calls of a location are held against: those of every MCP server that was learned
/// under it. As a rule it is one.
#[derive(Clone, Debug, Default)]
pub struct ToolsHere;

impl ToolsHere {
    /// Lets a control judge a call.
    pub(crate) fn judge(
        &self,
        control: &Control,
        call: &CallFacts<'_>,
        subject: &Subject<'_>,
        budget: &mut Budget,
    ) -> Judgement {
        let tools: Option<&Tools> = None;
        control.judge(call, subject, ToolsOf(tools), budget)
    }
}

/// The tools of all locations, as they were learned at one time.
#[derive(Clone, Debug, Default)]
pub struct Snapshot;

impl Snapshot {
    /// Those of a location.
    #[must_use]
    pub fn here(&self, _location: usize) -> ToolsHere {
        ToolsHere
    }
}
