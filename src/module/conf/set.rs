//! `mcp_set`: variables made of claims and of values in bodies.

use super::MainConf;
use super::line::{Line, Word, Wrong, wrong};
use super::location::Said;
use crate::nginx::Value;
use crate::variables;

/// The longest pointer.
const POINTER_BYTES_MAX: usize = 512;
/// The most variables of one configuration.
const VARIABLES_MAX: usize = 1000;

/// Where a value is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The claims of a token.
    Token,
    /// The JSON-RPC request.
    Request,
    /// The JSON-RPC answer to it.
    Answer,
}

/// One variable, as one level sets it.
#[derive(Clone)]
pub(crate) struct SetVariable {
    /// Its place in [`MainConf::set_names`].
    pub(crate) id: usize,
    pub(crate) source: Source,
    /// RFC 6901.
    pub(crate) pointer: String,
    /// The token, where it is not the bearer token.
    pub(crate) from: Option<Value>,
}

/// `mcp_set $variable jwt|request|response json-pointer [from=value]`
pub(super) fn set(line: &Line<'_>, said: &mut Said) -> Result<(), Wrong> {
    let name = variable_name(&line.word(0)?)?;
    let word = line.word(1)?;
    let source = match word.bytes() {
        b"jwt" => Source::Token,
        b"request" => Source::Request,
        b"response" => Source::Answer,
        _ => return Err(word.unknown("jwt, request or response after the variable")),
    };
    let pointer = line.word(2)?.text()?;
    if pointer.len() > POINTER_BYTES_MAX || !is_pointer(pointer) {
        return Err(wrong!(
            "has an invalid JSON pointer \"{pointer}\": write the names on the way to the value, each \
             after a \"/\", as /params/arguments/tenant (\"~1\" is a \"/\" in a name, \"~0\" a \"~\")"
        ));
    }
    let from = match line.word(3) {
        Err(_) => None,
        Ok(word) => Some(from(line, source, word)?),
    };
    let id = variable(line, &name)?;
    if said.sets.iter().any(|set| set.id == id) {
        return Err(wrong!("sets \"${name}\" a second time on one level: remove one"));
    }
    said.sets.push(SetVariable { id, source, pointer: pointer.to_owned(), from });
    Ok(())
}

fn from(line: &Line<'_>, source: Source, word: Word<'_>) -> Result<Value, Wrong> {
    let token = word
        .option("from")
        .filter(|token| !token.bytes().is_empty())
        .ok_or_else(|| word.unknown("from= and the token, as from=$cookie_token"))?;
    if source != Source::Token {
        return Err(wrong!("takes from= with jwt only: remove \"{word}\""));
    }
    line.value(token)
}

/// nginx's names, in lower case as nginx keeps them.
fn variable_name(word: &Word<'_>) -> Result<String, Wrong> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    word.text()?
        .strip_prefix('$')
        .filter(|name| !name.is_empty() && name.bytes().all(is_name))
        .filter(|name| !name.starts_with(|first: char| first.is_ascii_digit()))
        .map(str::to_ascii_lowercase)
        .ok_or_else(|| {
            wrong!("has an invalid variable \"{word}\": write \"$\" and letters, digits or \"_\"")
        })
}

fn is_pointer(pointer: &str) -> bool {
    let is_escaped = |rest: &str| rest.starts_with(['0', '1']);
    (pointer.is_empty() || pointer.starts_with('/')) && pointer.split('~').skip(1).all(is_escaped)
}

/// The variable's place; nginx is told of it when it is first set.
fn variable(line: &Line<'_>, name: &str) -> Result<usize, Wrong> {
    // SAFETY: nginx is reading the http block.
    let main = unsafe { MainConf::from_cf(line.cf()) }.ok_or(Wrong::Logged)?;
    if let Some(id) = main.set_names.iter().position(|known| known == name) {
        return Ok(id);
    }
    let id = main.set_names.len();
    if id == VARIABLES_MAX {
        return Err(wrong!("sets more than {VARIABLES_MAX} variables: remove some"));
    }
    // SAFETY: as above.
    if !unsafe { variables::add_set(line.cf(), name, id) } {
        return Err(wrong!(
            "cannot set \"${name}\", which something else sets: write another name"
        ));
    }
    main.set_names.push(name.to_owned());
    Ok(id)
}
