//! The arguments of a stored call: whether they can be judged as they are stored.

use crate::conf::Said;
use crate::facts::MASKED;
use protocol::{Value, ValueKind};
use store::query::ScannedCall;

/// Why the stored arguments do not say what was passed; `None` if they do.
pub(crate) fn obstacle(
    call: &ScannedCall<'_>,
    root: Option<Value<'_>>,
    said: &Said,
) -> Option<&'static str> {
    if call.payloads_shed {
        return Some("the arguments were given up for room");
    }
    let Some(text) = call.arguments else {
        let captured = said.arguments.as_deref().unwrap_or("masked");
        let is_off = matches!(captured, "off" | "shape");
        return is_off.then_some("the arguments were not captured");
    };
    if call.arguments_truncated {
        return Some("the arguments were cut when they were stored");
    }
    if text.contains(MASKED) {
        return Some("some of the arguments are masked");
    }
    let mut words = 0;
    let is_shape = root.is_some_and(|root| is_shape(root, &mut words)) && words > 0;
    is_shape.then_some("only the shape of the arguments was stored")
}

/// Whether a value holds nothing but what `arguments=shape` writes; `words` counts that. The
/// stored value is at most 96 deep.
fn is_shape(value: Value<'_>, words: &mut usize) -> bool {
    match value.kind() {
        ValueKind::Object => value.members().all(|(_, value)| is_shape(value, words)),
        ValueKind::Array => value.items().all(|value| is_shape(value, words)),
        ValueKind::Null => true,
        ValueKind::String => {
            *words += 1;
            value.as_str().is_some_and(|text| {
                let length = text.strip_prefix("string(").and_then(|rest| rest.strip_suffix(')'));
                matches!(&*text, "number" | "bool")
                    || length.is_some_and(|length| length.bytes().all(|byte| byte.is_ascii_digit()))
            })
        }
        ValueKind::Bool | ValueKind::Number => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Scanner;
    use std::rc::Rc;
    use store::query::{CallId, ScannedActor, ScannedKind};

    fn said_of(arguments: Option<&str>, captured: Option<&str>) -> Option<&'static str> {
        let mut scanner = Scanner::new();
        let document = scanner.scan(arguments.unwrap_or_default().as_bytes());
        let call = ScannedCall {
            id: CallId { day: 0, part: 0, call: 0 },
            at: 0,
            server: &Rc::from("s"),
            session_id: "",
            numbers: None,
            actor: &ScannedActor::default(),
            kind: &ScannedKind::default(),
            arguments,
            arguments_truncated: false,
            payloads_shed: false,
        };
        let said = Said { arguments: captured.map(str::to_owned), ..Said::default() };
        obstacle(&call, document.root(), &said)
    }

    #[test]
    fn arguments_are_judged_as_they_are_stored_if_that_is_what_was_passed() {
        for arguments in
            ["{}", "{\"a\":\"number\",\"b\":1}", "{\"a\":null}", "{\"a\":\"string(x)\"}"]
        {
            assert_eq!(said_of(Some(arguments), None), None, "{arguments}");
        }
        assert_eq!(said_of(None, None), None, "missing arguments are missing");
    }

    #[test]
    fn masked_shaped_and_uncaptured_arguments_are_not_judged() {
        for (arguments, captured, words) in [
            (Some("{\"password\":\"••••\"}"), None, "masked"),
            (Some("{\"a\":\"string(12)\",\"b\":[\"number\",null]}"), None, "shape"),
            (None, Some("off"), "not captured"),
            (None, Some("shape"), "not captured"),
        ] {
            let said = said_of(arguments, captured).expect("an obstacle");
            assert!(said.contains(words), "{said}");
        }
    }
}
