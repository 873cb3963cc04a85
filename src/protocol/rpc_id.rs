//! The id that ties a JSON-RPC answer to its request.

use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::json::{Value, ValueKind};

/// Bytes of an id that are kept. MCP sets no bound; of a longer one the beginning is kept with a
/// hash of the whole, so that different ids stay different.
pub const RPC_ID_BYTES_MAX: usize = 256;

/// An id, owned and of bounded size. Equal ids answer each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum RpcId {
    /// There is none.
    #[default]
    None,
    /// `null`, which JSON-RPC allows and MCP does not.
    Null,
    /// A whole number. `1.0` and `1e0` are `1`, as JavaScript sends them back.
    Integer(i64),
    /// A string, unescaped.
    Text(String),
    /// Anything else, as its JSON text: fractions, large numbers, and what no id may be.
    Other(String),
}

impl RpcId {
    /// Whether there is an id that an answer can refer to: neither none nor `null`.
    pub fn is_usable(&self) -> bool {
        !matches!(self, RpcId::None | RpcId::Null)
    }

    /// The id as JSON text; `None` if there is none.
    pub fn to_json(&self) -> Option<String> {
        (*self != RpcId::None).then(|| self.to_string())
    }
}

impl From<Value<'_>> for RpcId {
    fn from(value: Value<'_>) -> Self {
        match value.kind() {
            ValueKind::Null => RpcId::Null,
            ValueKind::String => RpcId::Text(bounded(&value.as_str().unwrap_or_default())),
            _ => match value.as_i64() {
                Some(number) => RpcId::Integer(number),
                None => RpcId::Other(bounded(&String::from_utf8_lossy(value.raw()))),
            },
        }
    }
}

impl From<Option<Value<'_>>> for RpcId {
    fn from(value: Option<Value<'_>>) -> Self {
        value.map_or(RpcId::None, RpcId::from)
    }
}

fn bounded(text: &str) -> String {
    if text.len() <= RPC_ID_BYTES_MAX {
        return text.to_owned();
    }
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let mark = format!("…#{:016x}", hasher.finish());
    // A character has at most four bytes, so one of these lengths ends between two.
    let room = RPC_ID_BYTES_MAX - mark.len();
    let beginning = (room - 3..=room).rev().find_map(|end| text.get(..end)).unwrap_or_default();
    format!("{beginning}{mark}")
}

/// As JSON text; empty if there is no id.
impl fmt::Display for RpcId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RpcId::None => Ok(()),
            RpcId::Null => f.write_str("null"),
            RpcId::Integer(number) => write!(f, "{number}"),
            RpcId::Other(json) => f.write_str(json),
            RpcId::Text(text) => write_json_string(f, text),
        }
    }
}

fn write_json_string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for letter in text.chars() {
        match letter {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            '\0'..='\x1f' => write!(f, "\\u{:04x}", u32::from(letter))?,
            _ => f.write_char(letter)?,
        }
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scanner;

    fn id(json: &str) -> RpcId {
        RpcId::from(Scanner::new().scan(json.as_bytes()).root())
    }

    #[test]
    fn a_whole_number_is_the_same_id_however_it_is_written() {
        assert_eq!(id("7"), RpcId::Integer(7));
        assert_eq!(id("7.0"), RpcId::Integer(7));
        assert_eq!(id("70e-1"), RpcId::Integer(7));
        assert_eq!(id("-0"), RpcId::Integer(0));
        assert_eq!(id("7.5"), RpcId::Other("7.5".into()));
    }

    #[test]
    fn a_number_beyond_64_bits_is_kept_as_text() {
        assert_eq!(id("18446744073709551616"), RpcId::Other("18446744073709551616".into()));
    }

    #[test]
    fn a_number_and_the_string_of_it_are_different_ids() {
        assert_ne!(id("1"), id("\"1\""));
        assert_eq!(id("\"\\u0031\""), RpcId::Text("1".into()));
    }

    #[test]
    fn every_json_type_is_read_and_written_back() {
        for json in ["null", "true", "{\"a\":1}", "[1,2]", "1.5", "\"a\\\"b\\u0001\\n\"", "-3"] {
            assert_eq!(id(json).to_string(), json);
        }
        assert_eq!(RpcId::from(None), RpcId::None);
        assert_eq!(RpcId::None.to_json(), None);
        assert_eq!(RpcId::Null.to_json().as_deref(), Some("null"));
    }

    #[test]
    fn ids_without_end_are_bounded_and_stay_different() {
        let long = "x".repeat(1 << 20);
        let one = id(&format!("\"{long}1\""));
        let other = id(&format!("\"{long}2\""));
        assert_ne!(one, other);
        assert_eq!(one, id(&format!("\"{long}1\"")));
        let RpcId::Text(text) = one else { panic!("not a text") };
        assert!(text.len() <= RPC_ID_BYTES_MAX);
        let RpcId::Text(text) = id(&format!("\"{}\"", "é€".repeat(1000))) else { panic!() };
        assert!(text.len() <= RPC_ID_BYTES_MAX);
    }
}
