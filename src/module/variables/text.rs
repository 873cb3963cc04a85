//! What may stand in a variable: headers and logs are made of them.

/// The most bytes of a variable, before escaping.
pub(crate) const VARIABLE_BYTES_MAX: usize = 4096;

/// Control bytes as `\xNN`, and no more than [`VARIABLE_BYTES_MAX`] of the text, cut between
/// characters. `None` where it may stand as it is.
pub(super) fn tidied(text: &[u8]) -> Option<Vec<u8>> {
    let kept = cut(text);
    if kept.len() == text.len() && !text.iter().any(u8::is_ascii_control) {
        return None;
    }
    let mut out = Vec::with_capacity(kept.len() + 16);
    for byte in kept {
        if byte.is_ascii_control() {
            let digit =
                |half: u8| char::from_digit(u32::from(half), 16).map_or(b'?', |it| it as u8);
            out.extend_from_slice(&[
                b'\\',
                b'x',
                digit(byte >> 4).to_ascii_uppercase(),
                digit(byte & 15).to_ascii_uppercase(),
            ]);
        } else {
            out.push(*byte);
        }
    }
    Some(out)
}

fn cut(text: &[u8]) -> &[u8] {
    let is_inside = |at: usize| text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    if text.len() <= VARIABLE_BYTES_MAX {
        return text;
    }
    // A character has at most four bytes; what is no UTF-8 is cut where it is.
    let at = (0..4).map(|back| VARIABLE_BYTES_MAX - back).find(|at| !is_inside(*at));
    text.get(..at.unwrap_or(VARIABLE_BYTES_MAX)).unwrap_or(text)
}
