//! Stands in for the judging of schemas until it is there.

/// Steps a judgement may still take.
#[derive(Debug)]
pub struct Budget {
    steps_left: u64,
}

impl Budget {
    /// That many steps.
    #[must_use]
    pub fn new(steps: u64) -> Self {
        Budget { steps_left: steps }
    }

    /// Takes steps; false if there are not so many left.
    pub fn spend(&mut self, steps: u64) -> bool {
        match self.steps_left.checked_sub(steps) {
            Some(left) => self.steps_left = left,
            None => {
                self.steps_left = 0;
                return false;
            }
        }
        true
    }
}

/// What becomes of arguments that the schema does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownArguments {
    /// What the schema says.
    #[default]
    Schema,
    /// They are refused at the root of `arguments`.
    Deny,
}

/// What a schema thinks of arguments.
#[derive(Debug)]
pub enum SchemaVerdict {
    /// Nothing to object.
    Valid,
    /// It objects.
    Invalid(Violation),
    /// Judging costs too much.
    Unjudged,
}

/// An objection of a schema.
#[derive(Debug)]
pub struct Violation {
    /// JSON pointer into the arguments.
    pub pointer: String,
    /// The keyword that objects.
    pub keyword: String,
    /// What it wants.
    pub expected: String,
    /// What there is.
    pub found: String,
}

/// The tools of an MCP server.
#[derive(Debug, Default)]
pub struct Tools;

impl Tools {
    /// The tool of a name.
    #[must_use]
    pub fn get(&self, _name: &str) -> Option<&Tool> {
        None
    }
}

/// A tool.
#[derive(Debug)]
pub struct Tool;

impl Tool {
    /// What its schema thinks of arguments.
    #[must_use]
    pub fn judge(
        &self,
        _arguments: Option<protocol::Value<'_>>,
        _unknown: UnknownArguments,
        _grace_us: record::Micros,
        _now: record::Micros,
        _budget: &mut Budget,
    ) -> SchemaVerdict {
        SchemaVerdict::Unjudged
    }
}
