//! What the lines of all kinds of controls have in common.

use crate::control::ControlKind;
use crate::lines::{Line, LineError, Warnings, shown};
use crate::pattern::Patterns;
use record::Mode;
use std::collections::HashMap;

/// Names that `methods`, `primitives`, `tools` and `except` of one control list: so few that all of
/// them can be compared within one judgement's budget.
pub const NAMES_MAX: usize = 50_000;
/// Different texts with `$variables` in one control: each is evaluated for every call it covers.
pub const VALUES_MAX: usize = 256;

/// Variables that say of a batch what its first call is.
const OF_FIRST_CALL: [&str; 3] = ["$mcp_method", "$mcp_primitive", "$mcp_rpc_id"];

/// A control that is being read.
#[derive(Debug)]
pub(crate) struct Reading {
    kind: ControlKind,
    pub(crate) mode: Option<(Mode, u32)>,
    pub(crate) methods: Option<Patterns>,
    pub(crate) primitives: Option<Patterns>,
    pub(crate) excepted: Option<Patterns>,
    pub(crate) values: Values,
    pub(crate) warnings: Warnings,
    names: usize,
}

impl Reading {
    pub(crate) fn new(kind: ControlKind) -> Self {
        Reading {
            kind,
            mode: None,
            methods: None,
            primitives: None,
            excepted: None,
            values: Values::default(),
            warnings: Warnings::default(),
            names: 0,
        }
    }

    /// Takes a line that says what is covered or how strictly; false for a line of the kind's own
    /// rules.
    pub(crate) fn take(&mut self, line: &Line) -> Result<bool, LineError> {
        use ControlKind::{Acl, ToolSchema, Verify};
        match (line.name(), self.kind) {
            ("mode", _) => self.take_mode(line)?,
            ("except", _) => self.take_names(line)?,
            ("methods", Acl | Verify) => self.take_names(line)?,
            ("primitives", Acl | Verify) | ("tools", ToolSchema) => self.take_names(line)?,
            ("allow" | "deny", Acl)
            | ("require" | "require_scope", Verify)
            | ("unknown_arguments" | "undefined_tools" | "grace", ToolSchema) => return Ok(false),
            _ => return Err(line.wrong(self.misplaced(line.name()))),
        }
        Ok(true)
    }

    fn misplaced(&self, name: &str) -> String {
        use ControlKind::{Acl, ToolSchema, Verify};
        let here = self.kind.directive();
        let takes = format!("{here} takes {}", self.kind.lines());
        match (name, self.kind) {
            ("methods", ToolSchema) => {
                format!("\"methods\" does not belong here: {here} covers tools/call, leave it out")
            }
            ("primitives", ToolSchema) => {
                format!("\"primitives\" does not belong here: write tools in {here}")
            }
            ("tools", _) => format!("\"tools\" does not belong here: write primitives in {here}"),
            ("allow" | "deny", _) => {
                format!("\"{name}\" belongs in {}: {takes}", Acl.directive())
            }
            ("require" | "require_scope", _) => {
                format!("\"{name}\" belongs in {}: {takes}", Verify.directive())
            }
            ("unknown_arguments" | "undefined_tools" | "grace", _) => {
                format!("\"{name}\" belongs in {}: {takes}", ToolSchema.directive())
            }
            _ => format!("unknown line {}: write {}", shown(name), self.kind.lines()),
        }
    }

    fn take_mode(&mut self, line: &Line) -> Result<(), LineError> {
        let what = "off, monitoring or block";
        let word = line.one(what)?;
        let mode = Mode::ALL
            .into_iter()
            .find(|mode| mode.as_str() == word)
            .ok_or_else(|| line.wrong(format!("invalid mode {}: write {what}", shown(word))))?;
        once(self.mode.map(|(_, number)| number), line)?;
        self.mode = Some((mode, line.number));
        Ok(())
    }

    fn take_names(&mut self, line: &Line) -> Result<(), LineError> {
        let what = line.name();
        if line.rest().is_empty() {
            return Err(line.wrong(format!(
                "\"{what}\" names none: write names, with \"*\" for any text, or leave the line out"
            )));
        }
        let names = match what {
            "methods" => &mut self.methods,
            "except" => &mut self.excepted,
            _ => &mut self.primitives,
        };
        let names = names.get_or_insert_default();
        for name in line.rest() {
            if name.is_empty() {
                return Err(line.wrong(format!(
                    "\"{what}\" has an empty name: write a name, or \"*\" for any"
                )));
            }
            self.names += 1;
            if self.names > NAMES_MAX {
                return Err(line.wrong(format!(
                    "more than {NAMES_MAX} names in one control: write fewer, with \"*\", or two controls"
                )));
            }
            if !names.add(name) {
                self.warnings
                    .add(Some(line.number), || format!("\"{what}\" names {} twice", shown(name)));
            }
        }
        Ok(())
    }

    /// The index of a text with `$variables` among the control's values.
    pub(crate) fn value(&mut self, text: &str, line: &Line) -> Result<usize, LineError> {
        if let Some(index) = self.values.indexes.get(text) {
            return Ok(*index);
        }
        if let Some(name) = OF_FIRST_CALL.into_iter().find(|name| text.contains(name)) {
            self.warnings.add(Some(line.number), || {
                format!(
                    "of a batch, {name} speaks of the first call only, so that a later one gets past: \
                     write methods, primitives or except"
                )
            });
        }
        let index = self.values.indexes.len();
        if index == VALUES_MAX {
            return Err(line.wrong(format!(
                "more than {VALUES_MAX} different variables in one control: write a map of \
                 them, or two controls"
            )));
        }
        self.values.indexes.insert(text.to_owned(), index);
        Ok(index)
    }
}

/// Texts with `$variables`, each once.
#[derive(Debug, Default)]
pub(crate) struct Values {
    indexes: HashMap<String, usize>,
}

impl Values {
    pub(crate) fn into_vec(self) -> Vec<String> {
        let mut texts: Vec<_> = self.indexes.into_iter().collect();
        texts.sort_unstable_by_key(|(_, index)| *index);
        texts.into_iter().map(|(text, _)| text).collect()
    }
}

/// Refuses a line whose like was there before.
pub(crate) fn once(before: Option<u32>, line: &Line) -> Result<(), LineError> {
    match before {
        None => Ok(()),
        Some(number) => Err(line
            .wrong(format!("\"{}\" is said in line {number} already: write it once", line.name()))),
    }
}
