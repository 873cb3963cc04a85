//! A control: what it covers, its mode, and its rules.

use crate::acl::Acl;
use crate::enforcement::Enforcement;
use crate::judge::{CallFacts, Judgement, Subject, ToolsOf, Unjudged, Unknown};
use crate::lines::{Line, LineError, Warning, capped, shown};
use crate::pattern::Patterns;
use crate::reading::{Reading, Values};
use crate::schema::Budget;
use crate::verify::Verify;
use record::{AttackKind, Mode};

/// The most bytes of a title.
pub const TITLE_BYTES_MAX: usize = 200;
/// Lines of one control: so few that all of them can be looked at within one judgement's budget.
pub const LINES_MAX: usize = 50_000;
/// Steps that finding out whether a control covers a call may take: less than a millisecond.
const COVERS_STEPS_MAX: u64 = 60_000;

/// The kinds of controls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ControlKind {
    /// An ACL policy.
    Acl,
    /// A request verification.
    Verify,
    /// A tool input schema enforcement.
    ToolSchema,
}

impl ControlKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Acl, Self::Verify, Self::ToolSchema];

    /// The directive that makes one.
    #[must_use]
    pub const fn directive(self) -> &'static str {
        match self {
            Self::Acl => "mcp_acl",
            Self::Verify => "mcp_verify",
            Self::ToolSchema => "mcp_tool_schema",
        }
    }

    /// The type of its attacks.
    #[must_use]
    pub const fn attack_kind(self) -> AttackKind {
        match self {
            Self::Acl => AttackKind::AclViolation,
            Self::Verify => AttackKind::VerificationFailure,
            Self::ToolSchema => AttackKind::InvalidToolCall,
        }
    }

    /// The lines that its block takes, for messages.
    pub(crate) const fn lines(self) -> &'static str {
        match self {
            Self::Acl => "methods, primitives, except, allow, deny or mode",
            Self::Verify => "methods, primitives, except, require, require_scope or mode",
            Self::ToolSchema => "tools, except, unknown_arguments, undefined_tools, grace or mode",
        }
    }
}

/// A mitigation control. Plain data: any thread may judge by it.
#[derive(Debug)]
pub struct Control {
    kind: ControlKind,
    title: String,
    place: String,
    text: String,
    mode: Option<Mode>,
    methods: Option<Patterns>,
    primitives: Option<Patterns>,
    /// Primitives that it leaves to others.
    excepted: Option<Patterns>,
    values: Vec<String>,
    rules: Rules,
}

#[derive(Debug)]
enum Rules {
    Acl(Box<Acl>),
    Verify(Verify),
    ToolSchema(Enforcement),
}

impl Control {
    /// Reads a control's block.
    ///
    /// `place` is file and line of the directive (`nginx.conf:17`), `text` the control as it stands
    /// in the configuration; both are only kept. What is probably not meant comes as warnings.
    ///
    /// # Errors
    ///
    /// The first line that is wrong, with what to write instead.
    pub fn parse(
        kind: ControlKind,
        title: &str,
        place: &str,
        text: &str,
        lines: &[Line],
    ) -> Result<(Control, Vec<Warning>), LineError> {
        check_title(kind, title)?;
        let mut reading = Reading::new(kind);
        if let Some(line) = lines.get(LINES_MAX) {
            return Err(line.wrong(format!(
                "one line more than the {LINES_MAX} that a control may have: write two controls"
            )));
        }
        let mut rest = Vec::new();
        for line in lines {
            if !reading.take(line)? {
                rest.push(line);
            }
        }
        let rules = match kind {
            ControlKind::Acl => Rules::Acl(Box::new(Acl::read(&rest, &mut reading)?)),
            ControlKind::Verify => Rules::Verify(Verify::read(&rest, &mut reading)?),
            ControlKind::ToolSchema => Rules::ToolSchema(Enforcement::read(&rest)?),
        };
        let Reading { mode, methods, primitives, excepted, values, warnings, .. } = reading;
        let control = Control {
            kind,
            title: title.to_owned(),
            place: place.to_owned(),
            text: text.to_owned(),
            mode: mode.map(|(mode, _)| mode),
            methods,
            primitives,
            excepted,
            values: Values::into_vec(values),
            rules,
        };
        Ok((control, warnings.into_vec()))
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> ControlKind {
        self.kind
    }

    /// Its title, unique within its kind.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// File and line of its directive.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The control as it stands in the configuration.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The mode it asks for; `None` if it takes that of its level.
    #[must_use]
    pub fn own_mode(&self) -> Option<Mode> {
        self.mode
    }

    /// The mode it has where the level's is `level`: never stricter than that.
    #[must_use]
    pub fn mode_at(&self, level: Mode) -> Mode {
        self.mode.map_or(level, |mode| mode.min(level))
    }

    /// Texts with `$variables` whose values it judges by, each once: [`Subject::values`] are theirs,
    /// in this order.
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// Whether it has to do with calls of this method and primitive. True also where a primitive of
    /// a hostile length keeps that from being known.
    #[must_use]
    pub fn covers(&self, method: &str, primitive: Option<&str>) -> bool {
        self.coverage(method, primitive, &mut Budget::new(COVERS_STEPS_MAX)).unwrap_or(true)
    }

    /// `None` if the budget does not suffice to know.
    fn coverage(&self, method: &str, primitive: Option<&str>, budget: &mut Budget) -> Option<bool> {
        if matches!(self.rules, Rules::ToolSchema(_)) && method != Enforcement::METHOD {
            return Some(false);
        }
        if let Some(methods) = &self.methods
            && !methods.matches(method, budget)?
        {
            return Some(false);
        }
        let Some(primitive) = primitive else { return Some(self.primitives.is_none()) };
        if let Some(primitives) = &self.primitives
            && !primitives.matches(primitive, budget)?
        {
            return Some(false);
        }
        match &self.excepted {
            Some(excepted) => excepted.matches(primitive, budget).map(|is_excepted| !is_excepted),
            None => Some(true),
        }
    }

    /// What it says of a call. Takes steps from `budget`, and never more.
    #[must_use]
    pub fn judge(
        &self,
        call: &CallFacts<'_>,
        subject: &Subject<'_>,
        tools: ToolsOf<'_>,
        budget: &mut Budget,
    ) -> Judgement {
        self.judge_partly(call, subject, Unknown::default(), tools, budget)
    }

    /// As [`Control::judge`], where some of what it judges by is not known: unjudged where the
    /// verdict depends on that.
    #[must_use]
    pub fn judge_partly(
        &self,
        call: &CallFacts<'_>,
        subject: &Subject<'_>,
        unknown: Unknown<'_>,
        tools: ToolsOf<'_>,
        budget: &mut Budget,
    ) -> Judgement {
        match self.coverage(call.method, call.primitive, budget) {
            Some(true) => {}
            Some(false) => return Judgement::NotCovered,
            None => return Judgement::Unjudged(Unjudged::Budget),
        }
        match &self.rules {
            Rules::Acl(acl) => acl.judge(subject, unknown, budget),
            Rules::Verify(verify) => verify.judge(subject, unknown, &self.values, budget),
            Rules::ToolSchema(enforcement) => enforcement.judge(call, tools, budget),
        }
    }
}

fn check_title(kind: ControlKind, title: &str) -> Result<(), LineError> {
    let directive = kind.directive();
    let message = if title.trim().is_empty() {
        format!("\"{directive}\" has no title: write {directive} \"what it is for\" {{ … }}")
    } else if title.len() > TITLE_BYTES_MAX {
        format!(
            "the title {} is longer than {TITLE_BYTES_MAX} bytes: write a shorter one",
            shown(&capped(title, 40))
        )
    } else if title.chars().any(char::is_control) {
        format!("the title {} has control characters: write it without them", shown(title))
    } else {
        return Ok(());
    };
    Err(LineError { line: None, message })
}
