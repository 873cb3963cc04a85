//! Card numbers: by their length, their issuer's range and the Luhn check digit.

use super::signs::Signs;
use super::spans::Spans;

/// Digits of the shortest card number.
const DIGITS_MIN: usize = 13;
/// Digits of the longest.
const DIGITS_MAX: usize = 19;
/// Of a number that the text's end cut, that many are taken for a card number's beginning.
const DIGITS_CUT_MIN: usize = 8;

/// Whether a JSON number is one.
pub(crate) fn is_card_number(number: &str) -> bool {
    let digits = number.as_bytes();
    (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len())
        && digits.iter().all(u8::is_ascii_digit)
        && is_card(digits)
}

/// Card numbers in a text, with or without single spaces or dashes between groups of digits.
pub(crate) fn find(text: &str, signs: Signs, is_cut: bool, spans: &mut Spans) {
    if signs.digits < if is_cut { DIGITS_CUT_MIN } else { DIGITS_MIN } {
        return;
    }
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let digit = bytes.get(at).copied().filter(u8::is_ascii_digit);
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        at = match (digit, before) {
            // Only where a group of digits begins.
            (Some(_), Some(byte)) if byte.is_ascii_digit() => at + 1,
            (Some(_), _) => match card_end(bytes, at, is_cut) {
                Some(end) if !is_in_hexadecimal(bytes, at, end) => {
                    spans.add(at..end);
                    end
                }
                _ => at + 1,
            },
            (None, _) => at + 1,
        };
    }
}

/// The end of the longest card number that begins here.
fn card_end(bytes: &[u8], start: usize, is_cut: bool) -> Option<usize> {
    let mut digits = [0; DIGITS_MAX];
    let mut count = 0;
    let mut at = start;
    let mut found = None;
    loop {
        let byte = bytes.get(at).copied();
        let is_group_end = !byte.is_some_and(|byte| byte.is_ascii_digit());
        if is_group_end {
            let card = digits.get(..count).unwrap_or_default();
            if count >= DIGITS_MIN && is_card(card) {
                found = Some(at);
            }
            // Nothing but what separates groups may stand before the cut.
            let is_at_cut = matches!(bytes.get(at..), Some([] | [b' ' | b'-']));
            if is_cut && is_at_cut && count >= DIGITS_CUT_MIN && issuer_lengths(card) != 0 {
                found = Some(at);
            }
            let continues = matches!(byte, Some(b' ' | b'-'))
                && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
            if !continues {
                return found;
            }
            at += 1;
        }
        let Some(place) = digits.get_mut(count) else { return found };
        *place = bytes.get(at).copied()?;
        count += 1;
        at += 1;
    }
}

/// Whether the digits are a part of a longer hexadecimal number, such as a hash.
fn is_in_hexadecimal(bytes: &[u8], start: usize, end: usize) -> bool {
    let before = bytes.get(..start).unwrap_or_default().iter().rev();
    let after = bytes.get(end..).unwrap_or_default().iter();
    let hex = |byte: &&u8| byte.is_ascii_hexdigit();
    let around = before.take_while(hex).count() + after.take_while(hex).count();
    around >= 4
}

fn is_card(digits: &[u8]) -> bool {
    issuer_lengths(digits) & (1 << digits.len()) != 0 && passes_luhn(digits)
}

/// The lengths that card numbers with this beginning have, as bits; 0 for no card (ISO/IEC 7812
/// ranges as the schemes publish them).
fn issuer_lengths(digits: &[u8]) -> u32 {
    let prefix = digits
        .iter()
        .chain(std::iter::repeat(&b'0'))
        .take(4)
        .fold(0, |prefix, &digit| prefix * 10 + u32::from(digit.wrapping_sub(b'0')));
    const fn lengths(from: u32, to: u32) -> u32 {
        ((1 << (to + 1)) - 1) & !((1 << from) - 1)
    }
    match prefix {
        4000..=4999 => 1 << 13 | 1 << 16 | 1 << 19,
        2221..=2720 | 5100..=5599 => 1 << 16,
        3400..=3499 | 3700..=3799 => 1 << 15,
        3000..=3059 | 3090..=3099 | 3600..=3699 | 3800..=3999 => lengths(14, 19),
        3528..=3589 => lengths(16, 19),
        5000..=5099 | 5600..=5899 => lengths(13, 19),
        6000..=6999 => lengths(13, 19),
        _ => 0,
    }
}

/// ISO/IEC 7812-1, annex B.
fn passes_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| {
            let value = u32::from(digit.wrapping_sub(b'0'));
            match place % 2 {
                0 => value,
                _ if value > 4 => value * 2 - 9,
                _ => value * 2,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str, is_cut: bool) -> String {
        let mut spans = Spans::default();
        find(text, Signs::of(text), is_cut, &mut spans);
        spans.applied(text).into_owned()
    }

    #[test]
    fn cards_are_found_with_and_without_separators() {
        for card in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "378282246310005",
            "3782 822463 10005",
            "5555555555554444",
            "2223003122003222",
            "6011111111111117",
            "30569309025904",
            "3530111333300000",
            "4222222222222",
        ] {
            assert_eq!(masked(card, false), "••••");
            assert_eq!(masked(&format!("card {card}, thanks"), false), "card ••••, thanks");
            assert_eq!(masked(&format!("12 {card} 123"), false), "12 •••• 123", "{card}");
            assert_eq!(masked(&format!("x{card}y"), false), "x••••y");
        }
    }

    #[test]
    fn other_numbers_stay() {
        for text in [
            "4111111111111112",
            "1764046042123",
            "1764046042123456789",
            "1234567890123456",
            "0000000000000000",
            "2026-11-25 04:47:22 4111",
            "41111111111111110000000",
            "da4111111111111111ff02",
            "+49 30 1234567 1234567",
            "550e8400-e29b-41d4-a716-446655440000",
        ] {
            assert_eq!(masked(text, false), text);
        }
    }

    #[test]
    fn a_card_number_cut_by_the_end_is_masked() {
        assert_eq!(masked("card 4111 1111 11", true), "card ••••");
        assert_eq!(masked("card 4111 1111 11", false), "card 4111 1111 11");
        assert_eq!(masked("call 1111 1111 11", true), "call 1111 1111 11");
        // The end may stand behind a group's dash as well.
        assert_eq!(masked("card 4111-1111-1111-", true), "card ••••-");
    }

    #[test]
    fn a_json_number_may_be_a_card() {
        assert!(is_card_number("4111111111111111"));
        assert!(!is_card_number("4111111111111112") && !is_card_number("-4111111111111111"));
        assert!(!is_card_number("") && !is_card_number("1e5"));
    }
}
