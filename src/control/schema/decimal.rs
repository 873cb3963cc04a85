//! Numbers as JSON writes them, compared by their exact value, of whatever length.

use std::cmp::Ordering;

/// Exponents are cut to this, so that sums of them do not overflow. A number would need as many
/// digits for that to be seen.
const EXPONENT_MAX: i64 = 1 << 60;

/// A number as `0.` followed by its digits, times ten to the power of `point`. The digits, those of
/// `whole` and `fraction` in a row, neither begin nor end with a zero; zero has none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decimal<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    point: i64,
}

impl<'a> Decimal<'a> {
    /// Reads a number, strict JSON or what lenient readers take as well (`+1`, `01`, `.5`, `1.`).
    /// `None` for `NaN`, infinity and everything else.
    pub(super) fn read(text: &'a [u8]) -> Option<Decimal<'a>> {
        let (negative, text) = match text.split_first()? {
            (b'-', rest) => (true, rest),
            (b'+', rest) => (false, rest),
            _ => (false, text),
        };
        let (whole, rest) = digits(text);
        let (fraction, rest) = match rest.split_first() {
            Some((b'.', rest)) => digits(rest),
            _ => (&[][..], rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let exponent = match rest.split_first() {
            None => 0,
            Some((b'e' | b'E', rest)) => exponent(rest)?,
            Some(_) => return None,
        };
        let whole = trim_start(whole);
        let mut point = exponent + whole.len() as i64;
        let mut fraction = trim_end(fraction);
        if whole.is_empty() {
            let significant = trim_start(fraction);
            point -= (fraction.len() - significant.len()) as i64;
            fraction = significant;
        }
        let whole = if fraction.is_empty() { trim_end(whole) } else { whole };
        let is_zero = whole.is_empty() && fraction.is_empty();
        let (negative, point) = if is_zero { (false, 0) } else { (negative, point) };
        Some(Decimal { negative, whole, fraction, point })
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.whole.iter().chain(self.fraction).copied()
    }

    /// Number of significant digits.
    fn len(&self) -> usize {
        self.whole.len() + self.fraction.len()
    }

    fn is_zero(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is whole, as `1.0` and `1e3` are.
    pub(super) fn is_integer(&self) -> bool {
        self.len() as i64 <= self.point || self.is_zero()
    }

    /// Appends a form that is the same for numbers of the same value, and no others.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(if self.negative { b'-' } else { b'+' });
        out.extend_from_slice(self.whole);
        out.extend_from_slice(self.fraction);
        out.push(b'e');
        out.extend_from_slice(self.point.to_string().as_bytes());
    }

    /// Compares by value.
    pub(super) fn compare(&self, other: &Decimal<'_>) -> Ordering {
        let sign = |number: &Decimal<'_>| match (number.is_zero(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let order = sign(self).cmp(&sign(other));
        if order.is_ne() || self.is_zero() {
            return order;
        }
        let size = self.point.cmp(&other.point).then_with(|| self.digits().cmp(other.digits()));
        if self.negative { size.reverse() } else { size }
    }

    /// Whether it is the product of `divisor` and a whole number; exact, unlike in floating point.
    pub(super) fn is_multiple_of(&self, divisor: &Divisor) -> bool {
        if self.is_zero() {
            return true;
        }
        // Both as a whole number times a power of ten.
        let power = (self.point - self.len() as i64).saturating_sub(divisor.exponent);
        // The digits do not end with a zero, so that no power of ten divides them.
        let Ok(power) = u64::try_from(power) else { return false };
        let modulus = u128::from(divisor.digits);
        let rest = self.digits().fold(0, |rest: u128, digit| {
            (rest * 10 + u128::from(digit.wrapping_sub(b'0'))) % modulus
        });
        (rest * power_of_ten(power, modulus)).is_multiple_of(modulus)
    }
}

/// The number of a `multipleOf`: a whole number times a power of ten.
#[derive(Clone, Copy, Debug)]
pub(super) struct Divisor {
    /// Not 0.
    digits: u64,
    exponent: i64,
}

impl Divisor {
    /// `None` unless it is above zero, and of at most 19 digits.
    pub(super) fn new(number: &Decimal<'_>) -> Option<Divisor> {
        if number.negative || number.is_zero() {
            return None;
        }
        let digits = number.digits().try_fold(0u64, |value, digit| {
            value.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0')))
        })?;
        Some(Divisor { digits, exponent: number.point - number.len() as i64 })
    }
}

/// A number of a schema.
#[derive(Clone, Debug)]
pub(super) struct Limit {
    negative: bool,
    digits: Box<[u8]>,
    point: i64,
}

impl Limit {
    pub(super) fn new(number: &Decimal<'_>) -> Limit {
        let digits = number.digits().collect();
        Limit { negative: number.negative, digits, point: number.point }
    }

    pub(super) fn value(&self) -> Decimal<'_> {
        Decimal { negative: self.negative, whole: &self.digits, fraction: &[], point: self.point }
    }

    /// As people write it.
    pub(super) fn text(&self) -> String {
        let digits = String::from_utf8_lossy(&self.digits);
        let sign = if self.negative { "-" } else { "" };
        let zeros = usize::try_from(self.point - digits.len() as i64);
        match (digits.is_empty(), zeros, usize::try_from(self.point)) {
            (true, ..) => "0".to_owned(),
            (_, Ok(zeros @ 0..=15), _) => format!("{sign}{digits}{}", "0".repeat(zeros)),
            (_, Err(_), Ok(point)) => {
                let (whole, fraction) = digits.split_at_checked(point).unwrap_or((&digits, ""));
                format!("{sign}{}{whole}.{fraction}", if point == 0 { "0" } else { "" })
            }
            _ => format!("{sign}0.{digits}e{}", self.point),
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.digits.len()
    }
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, &[]))
}

fn exponent(text: &[u8]) -> Option<i64> {
    let (negative, text) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    let (digits, rest) = digits(text);
    if digits.is_empty() || !rest.is_empty() {
        return None;
    }
    let size = digits.iter().fold(0i64, |value, digit| {
        (value.saturating_mul(10).saturating_add(i64::from(digit - b'0'))).min(EXPONENT_MAX)
    });
    Some(if negative { -size } else { size })
}

fn trim_start(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
    digits.get(zeros..).unwrap_or_default()
}

fn trim_end(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().rev().take_while(|&&digit| digit == b'0').count();
    digits.get(..digits.len() - zeros).unwrap_or_default()
}

fn power_of_ten(mut power: u64, modulus: u128) -> u128 {
    let (mut base, mut result) = (10 % modulus, 1 % modulus);
    while power > 0 {
        if power & 1 == 1 {
            result = result * base % modulus;
        }
        base = base * base % modulus;
        power >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Decimal<'_> {
        Decimal::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn numbers_compare_by_their_exact_value() {
        let ascending = [
            "-1e400",
            "-10",
            "-9.5",
            "-1",
            "-0.1",
            "-1e-400",
            "0",
            "1e-400",
            "0.099",
            "0.1",
            "1",
            "9007199254740992",
            "9007199254740993",
            "9007199254740993.5",
            "1e17",
            "1e400",
        ];
        for (index, one) in ascending.iter().enumerate() {
            for (other_index, other) in ascending.iter().enumerate() {
                let order = read(one).compare(&read(other));
                assert_eq!(order, index.cmp(&other_index), "{one} {other}");
            }
        }
    }

    #[test]
    fn the_same_value_has_one_form() {
        for same in [
            &["1", "1.0", "10e-1", "0.1e1", "1e0", "01", "+1"][..],
            &["0", "-0", "0e9", "0.0"],
            &["120", "1.2e2", "12e1", "120.00"],
            &["-0.05", "-5e-2", "-.050"],
        ] {
            let forms: Vec<_> = same
                .iter()
                .map(|text| {
                    let mut form = Vec::new();
                    read(text).write(&mut form);
                    form
                })
                .collect();
            assert!(forms.iter().all(|form| *form == forms[0]), "{same:?}");
        }
    }

    #[test]
    fn whole_numbers_are_told() {
        assert!(
            ["0", "-0.0", "1", "1.0", "1e3", "1.5e1", "1e999999999999999999999"]
                .iter()
                .all(|text| read(text).is_integer())
        );
        assert!(
            ["0.5", "1e-1", "1.25e1", "9007199254740993.1"]
                .iter()
                .all(|text| !read(text).is_integer())
        );
    }

    #[test]
    fn multiples_are_exact() {
        let is_multiple =
            |one: &str, of: &str| read(one).is_multiple_of(&Divisor::new(&read(of)).unwrap());
        for (one, of) in [
            ("0.3", "0.1"),
            ("10", "2"),
            ("4.5", "1.5"),
            ("0.0075", "0.0001"),
            ("0", "7"),
            ("-6", "3"),
            ("1e308", "0.5"),
            ("12391239123", "1e-8"),
            ("1e20", "2e3"),
        ] {
            assert!(is_multiple(one, of), "{one} {of}");
        }
        for (one, of) in [
            ("35", "1.5"),
            ("0.00751", "0.0001"),
            ("7", "2"),
            ("1e308", "0.123456789"),
            ("5", "10"),
            ("9007199254740993", "2"),
        ] {
            assert!(!is_multiple(one, of), "{one} {of}");
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "-", "NaN", "Infinity", "1e", "e1", ".", "1x", "1e5x"] {
            assert!(Decimal::read(text.as_bytes()).is_none(), "{text}");
        }
    }
}
