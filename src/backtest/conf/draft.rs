//! A draft, read as nginx reads it, as far as controls are concerned.

use super::ConfError;
use super::files::{Files, Included, shown, wrong};
use super::level::{Level, LevelKind, Matcher};
use super::tokens::{Token, Tokens};
use control::{Control, ControlKind, Line};
use regex::RegexBuilder;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Blocks and includes within one another.
const DEPTH_MAX: usize = 32;
/// Words of one directive.
const WORDS_MAX: usize = 100_000;
/// Controls of a draft.
const CONTROLS_MAX: usize = 10_000;
/// Compiled size of a location's regular expression, in bytes.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// What the reader of a draft should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// What.
    pub(crate) message: String,
    /// File and line.
    pub(crate) place: String,
}

/// A draft.
#[derive(Debug)]
pub(crate) struct Draft {
    /// In the order of the files.
    pub(crate) controls: Vec<Control>,
    pub(crate) notes: Vec<Note>,
    pub(super) levels: Vec<Level>,
    /// Whether it is more than a part of a configuration: it has an `http` block.
    pub(super) is_whole: bool,
}

/// A directive and what ends it.
struct Statement {
    words: Vec<String>,
    line: u32,
    is_block: bool,
}

struct Reader {
    draft: Draft,
    files: Files,
    titles: HashSet<(ControlKind, String)>,
    depth: usize,
}

impl Draft {
    /// Reads a file: a whole nginx.conf, or a part of one.
    ///
    /// # Errors
    ///
    /// The first thing in it that is wrong, as far as it is looked at.
    pub(crate) fn read(path: &Path) -> Result<Draft, ConfError> {
        let draft = Draft {
            controls: Vec::new(),
            notes: Vec::new(),
            levels: vec![Level::new(None, LevelKind::Draft)],
            is_whole: false,
        };
        let files = Files::of(path);
        let mut reader = Reader { draft, files, titles: HashSet::new(), depth: 0 };
        reader.file(path, 0, |message| wrong(path, 0, message))?;
        reader.draft.settle(path)
    }

    /// Checks what can be known at the end only.
    fn settle(self, path: &Path) -> Result<Draft, ConfError> {
        if self.controls.is_empty() {
            let message = "there is no mcp_acl, mcp_verify or mcp_tool_schema: write the controls \
                           to be tried";
            return Err(wrong(path, 0, message.to_owned()));
        }
        for level in &self.levels {
            let (Some(index), true) = (level.controls.first(), self.is_whole) else { continue };
            if matches!(level.kind, LevelKind::Draft | LevelKind::Http)
                && let Some(control) = self.controls.get(*index)
            {
                let (file, line) = control.place().rsplit_once(':').unwrap_or_default();
                return Err(ConfError {
                    message: format!(
                        "\"{}\" is not allowed here: write it in a server or location block",
                        control.kind().directive()
                    ),
                    file: file.to_owned(),
                    line: line.parse().unwrap_or_default(),
                });
            }
        }
        Ok(self)
    }
}

impl Reader {
    fn file(
        &mut self,
        path: &Path,
        level: usize,
        fail: impl FnOnce(String) -> ConfError,
    ) -> Result<(), ConfError> {
        let bytes = match self.files.read(path) {
            Ok(bytes) => bytes,
            Err(message) => return Err(fail(message)),
        };
        let mut tokens = Tokens::new(&bytes);
        let is_closed = self.level(&mut tokens, &bytes, path, level)?;
        if is_closed {
            return Err(wrong(path, tokens.line(), "unexpected \"}\"".to_owned()));
        }
        Ok(())
    }

    /// Reads what a level says, up to its end. Returns whether that was a brace.
    fn level(
        &mut self,
        tokens: &mut Tokens<'_>,
        text: &[u8],
        path: &Path,
        level: usize,
    ) -> Result<bool, ConfError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            let message = format!("more than {DEPTH_MAX} blocks or includes in one another");
            return Err(wrong(path, tokens.line(), message));
        }
        let is_closed = loop {
            let began = tokens.at();
            match statement(tokens, path)? {
                Ok(statement) if statement.is_block => {
                    self.block(&statement, tokens, text, began, path, level)?;
                }
                Ok(statement) => self.directive(&statement, path, level)?,
                Err(is_closed) => break is_closed,
            }
        };
        self.depth -= 1;
        Ok(is_closed)
    }

    fn directive(
        &mut self,
        statement: &Statement,
        path: &Path,
        level: usize,
    ) -> Result<(), ConfError> {
        let words = &statement.words;
        let name = words.first().map_or("", String::as_str);
        if name == "include" {
            let [_, pattern] = words.as_slice() else {
                let message = "\"include\" takes one file or pattern".to_owned();
                return Err(wrong(path, statement.line, message));
            };
            return self.include(pattern, statement, path, level);
        }
        if kind_of(name).is_some() {
            let message = format!("\"{name}\" has no block: write {name} \"title\" {{ … }}");
            return Err(wrong(path, statement.line, message));
        }
        if let Some(level) = self.draft.levels.get_mut(level) {
            match (&mut level.kind, name) {
                (LevelKind::Server { names }, "server_name") => {
                    names.extend(words.iter().skip(1).map(|name| name.to_lowercase()));
                }
                _ => level.said.take(words),
            }
        }
        Ok(())
    }

    fn include(
        &mut self,
        pattern: &str,
        statement: &Statement,
        path: &Path,
        level: usize,
    ) -> Result<(), ConfError> {
        let fail = |message| wrong(path, statement.line, message);
        match self.files.included(pattern).map_err(fail)? {
            Included::Missing => {
                let message = format!("\"{pattern}\" is not there, so what it says is left out");
                self.note(path, statement.line, message);
            }
            Included::Paths(paths) => {
                for included in paths {
                    self.file(&included, level, fail)?;
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, path: &Path, line: u32, message: String) {
        self.draft.notes.push(Note { message, place: format!("{}:{line}", shown(path)) });
    }

    fn block(
        &mut self,
        statement: &Statement,
        tokens: &mut Tokens<'_>,
        text: &[u8],
        began: usize,
        path: &Path,
        level: usize,
    ) -> Result<(), ConfError> {
        let name = statement.words.first().map_or("", String::as_str);
        if let Some(kind) = kind_of(name) {
            return self.control(kind, statement, tokens, (text, began), path, level);
        }
        if name.ends_with("_by_lua_block") {
            return tokens.skip_block().map_err(|message| wrong(path, statement.line, message));
        }
        let kind = match name {
            "http" => {
                self.draft.is_whole = true;
                LevelKind::Http
            }
            "server" => LevelKind::Server { names: Vec::new() },
            "location" => LevelKind::Location(self.matcher(statement, path)?),
            "if" | "limit_except" => LevelKind::Condition,
            _ => return skip(tokens, path),
        };
        let inner = self.draft.levels.len();
        self.draft.levels.push(Level::new(Some(level), kind));
        if !self.level(tokens, text, path, inner)? {
            let message = format!("\"{name}\" has no end: write the \"}}\" that is missing");
            return Err(wrong(path, statement.line, message));
        }
        Ok(())
    }

    fn matcher(&mut self, statement: &Statement, path: &Path) -> Result<Matcher, ConfError> {
        let words: Vec<&str> = statement.words.iter().skip(1).map(String::as_str).collect();
        let (sign, text) = match words.as_slice() {
            [sign @ ("=" | "^~" | "~" | "~*"), text] => (*sign, *text),
            // nginx takes the sign without a blank as well.
            [word] => ["=", "^~", "~*", "~"]
                .into_iter()
                .find_map(|sign| word.strip_prefix(sign).map(|text| (sign, text)))
                .unwrap_or(("", word)),
            _ => {
                let message = "\"location\" takes a path, after a sign if need be".to_owned();
                return Err(wrong(path, statement.line, message));
            }
        };
        Ok(match sign {
            "=" => Matcher::Exact(text.to_owned()),
            "~" | "~*" => {
                let regex = RegexBuilder::new(text)
                    .case_insensitive(sign == "~*")
                    .size_limit(REGEX_BYTES_MAX)
                    .build();
                if regex.is_err() {
                    let message = format!(
                        "the location {text} cannot be understood here: it is taken to match nothing"
                    );
                    self.note(path, statement.line, message);
                }
                Matcher::Regex(regex.ok())
            }
            _ if text.starts_with('@') => Matcher::Named,
            _ => Matcher::Prefix { text: text.to_owned(), is_final: sign == "^~" },
        })
    }

    /// Reads the lines of a control, with the file of each. Returns whether a brace ended them.
    fn lines(
        &mut self,
        tokens: &mut Tokens<'_>,
        path: &Path,
        lines: &mut Vec<Line>,
        files: &mut Vec<PathBuf>,
    ) -> Result<bool, ConfError> {
        loop {
            let Statement { words, line, is_block } = match statement(tokens, path)? {
                Ok(statement) => statement,
                Err(is_closed) => return Ok(is_closed),
            };
            let fail = |message| wrong(path, line, message);
            if is_block {
                return Err(fail("unexpected \"{\"".to_owned()));
            }
            let pattern = match words.as_slice() {
                [name, pattern] if name == "include" => pattern,
                _ => {
                    lines.push(Line { number: line, words });
                    files.push(path.to_owned());
                    continue;
                }
            };
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                let message = format!("more than {DEPTH_MAX} blocks or includes in one another");
                return Err(fail(message));
            }
            let Included::Paths(paths) = self.files.included(pattern).map_err(fail)? else {
                return Err(fail(format!("\"{pattern}\" is not there")));
            };
            for included in paths {
                let bytes = self.files.read(&included).map_err(fail)?;
                let mut inner = Tokens::new(&bytes);
                if self.lines(&mut inner, &included, lines, files)? {
                    let message = "unexpected \"}\"".to_owned();
                    return Err(wrong(&included, inner.line(), message));
                }
            }
            self.depth -= 1;
        }
    }

    fn control(
        &mut self,
        kind: ControlKind,
        statement: &Statement,
        tokens: &mut Tokens<'_>,
        (text, began): (&[u8], usize),
        path: &Path,
        level: usize,
    ) -> Result<(), ConfError> {
        let directive = kind.directive();
        let fail = |message| Err(wrong(path, statement.line, message));
        let [_, title] = statement.words.as_slice() else {
            return fail(format!(
                "\"{directive}\" takes one title: write {directive} \"title\" {{ … }}"
            ));
        };
        let is_condition = |level: &Level| matches!(level.kind, LevelKind::Condition);
        if self.draft.levels.get(level).is_some_and(is_condition) {
            return fail(format!(
                "\"{directive}\" is not allowed here: write it in a server or location block"
            ));
        }
        if self.draft.controls.len() == CONTROLS_MAX {
            return fail(format!("more than {CONTROLS_MAX} controls"));
        }
        let mut lines = Vec::new();
        let mut files = Vec::new();
        if !self.lines(tokens, path, &mut lines, &mut files)? {
            return fail(format!("\"{directive}\" has no end: write the \"}}\" that is missing"));
        }
        let text = text.get(began..tokens.at()).unwrap_or_default();
        let text = String::from_utf8_lossy(text).trim().to_owned();
        let place = format!("{}:{}", shown(path), statement.line);
        let (control, warnings) =
            Control::parse(kind, title, &place, &text, &lines).map_err(|error| {
                let (file, line) = file_of(error.line, &lines, &files, path, statement.line);
                wrong(file, line, error.message)
            })?;
        if !self.titles.insert((kind, title.clone())) {
            return fail(format!(
                "another {directive} has the title \"{title}\": write another one"
            ));
        }
        for warning in warnings {
            let (file, line) = file_of(warning.line, &lines, &files, path, statement.line);
            let note = Note { message: warning.message, place: format!("{}:{line}", shown(file)) };
            self.draft.notes.push(note);
        }
        if let Some(level) = self.draft.levels.get_mut(level) {
            level.controls.push(self.draft.controls.len());
        }
        self.draft.controls.push(control);
        Ok(())
    }
}

/// The file of a line of a control, and its number.
fn file_of<'p>(
    number: Option<u32>,
    lines: &[Line],
    files: &'p [PathBuf],
    path: &'p Path,
    directive: u32,
) -> (&'p Path, u32) {
    let Some(number) = number else { return (path, directive) };
    let found = lines.iter().zip(files).find(|(line, _)| line.number == number);
    (found.map_or(path, |(_, file)| file), number)
}

fn kind_of(name: &str) -> Option<ControlKind> {
    ControlKind::ALL.into_iter().find(|kind| kind.directive() == name)
}

/// The next directive; the inner error is the end, and whether it is a brace.
fn statement(tokens: &mut Tokens<'_>, path: &Path) -> Result<Result<Statement, bool>, ConfError> {
    let mut words = Vec::new();
    let mut began = None;
    loop {
        let line = tokens.line();
        let token = tokens.next().map_err(|message| wrong(path, line, message))?;
        let unexpected =
            |sign: &str, line| Err(wrong(path, line, format!("unexpected \"{sign}\"")));
        match token {
            Some((Token::Word(word), line)) => {
                began.get_or_insert(line);
                if words.len() == WORDS_MAX {
                    return Err(wrong(path, line, format!("more than {WORDS_MAX} words")));
                }
                words.push(word);
            }
            Some((Token::End, line)) if words.is_empty() => return unexpected(";", line),
            Some((Token::Open, line)) if words.is_empty() => return unexpected("{", line),
            Some((sign @ (Token::End | Token::Open), line)) => {
                let line = began.unwrap_or(line);
                return Ok(Ok(Statement { words, line, is_block: sign == Token::Open }));
            }
            Some((Token::Close, _)) if words.is_empty() => return Ok(Err(true)),
            Some((Token::Close, line)) => return unexpected("}", line),
            None if words.is_empty() => return Ok(Err(false)),
            None => {
                let message = "the file ends within a directive: write the \";\" that is missing";
                return Err(wrong(path, began.unwrap_or(line), message.to_owned()));
            }
        }
    }
}

/// Passes over a block that has nothing to do with controls.
fn skip(tokens: &mut Tokens<'_>, path: &Path) -> Result<(), ConfError> {
    let began = tokens.line();
    let mut depth = 1_usize;
    while depth > 0 {
        let line = tokens.line();
        match tokens.next().map_err(|message| wrong(path, line, message))? {
            Some((Token::Open, _)) => depth += 1,
            Some((Token::Close, _)) => depth -= 1,
            Some(_) => {}
            None => {
                let message = "a block has no end: write the \"}\" that is missing".to_owned();
                return Err(wrong(path, began, message));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
