//! Times as they are written in nginx.conf (`15m`, `1h30m`).

/// The units of nginx's `ngx_parse_time` from the largest on, in milliseconds.
const UNITS: [(&str, u64); 8] = [
    ("y", 365 * 86_400_000),
    ("M", 30 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A time in microseconds, as `ngx_parse_time` reads it: numbers with units, each unit smaller than the one before;
/// a number without a unit is seconds and stands last.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut total_ms: u64 = 0;
    let mut units_left: &[(&str, u64)] = &UNITS;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at_checked(digits)?;
        let number: u64 = number.parse().ok()?;
        let letters =
            after.len() - after.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, after) = after.split_at_checked(letters)?;
        let unit = if unit.is_empty() && after.is_empty() { "s" } else { unit };
        let at = units_left.iter().position(|(name, _)| *name == unit)?;
        let (_, unit_ms) = units_left.get(at)?;
        total_ms = total_ms.checked_add(number.checked_mul(*unit_ms)?)?;
        units_left = units_left.get(at + 1..)?;
        rest = after.trim_start_matches(' ');
    }
    total_ms.checked_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_nginx_reads_them() {
        assert_eq!(parse("15m"), Some(900_000_000));
        assert_eq!(parse("1h30m"), Some(5_400_000_000));
        assert_eq!(parse("1h 30m"), Some(5_400_000_000));
        assert_eq!(parse("90"), Some(90_000_000));
        assert_eq!(parse("1m30"), Some(90_000_000));
        assert_eq!(parse("0"), Some(0));
        assert_eq!(parse("500ms"), Some(500_000));
        assert_eq!(parse("1M"), Some(30 * 86_400_000_000));
        for wrong in
            ["", "m", "-1m", "1.5h", "1m1h", "1m1m", "1x", "30 m", "99999999999999999y", "1é"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
