//! Spans of time as text: a decimal number and a unit, exact to the nanosecond.

use core::time::Duration;

const UNITS: [(&str, u64); 4] = [("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)];

/// In the greatest unit of which it is at least one.
pub(super) fn span(nanos: u64) -> String {
    let (unit, size) = UNITS.iter().rev().find(|(_, size)| nanos >= *size).unwrap_or(&("s", 1_000_000_000));
    decimal(nanos, *size, unit)
}

/// In seconds, so that the lines of a script align.
pub(super) fn moment(nanos: u64) -> String {
    decimal(nanos, 1_000_000_000, "s")
}

pub(super) fn duration(span_: Duration) -> String {
    span(crate::dials::nanos(span_))
}

fn decimal(nanos: u64, size: u64, unit: &str) -> String {
    let (whole, rest) = (nanos / size, nanos % size);
    if rest == 0 {
        return format!("{whole}{unit}");
    }
    let width = size.ilog10() as usize;
    let fraction = format!("{rest:0width$}");
    format!("{whole}.{}{unit}", fraction.trim_end_matches('0'))
}

/// Reads a span or a moment as scripts write them, such as `1.25s` or `300us`, into nanoseconds. `None` for what is none, or
/// no whole number of nanoseconds.
///
/// ```
/// assert_eq!(synod_sim::read_span("1.25ms"), Some(1_250_000));
/// assert_eq!(synod_sim::read_span("soon"), None);
/// ```
#[must_use]
pub fn read(word: &str) -> Option<u64> {
    // The longest unit that fits comes first: every unit ends in `s`.
    let (unit, size) = UNITS.iter().find(|(unit, _)| word.ends_with(unit))?;
    let number = word.strip_suffix(unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || (number.contains('.') && fraction.is_empty()) {
        return None;
    }
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > size.ilog10() as usize {
        return None;
    }
    let parts = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let within = if fraction.is_empty() { 0 } else { fraction.parse::<u64>().ok()? * (size / parts) };
    whole.parse::<u64>().ok()?.checked_mul(*size)?.checked_add(within)
}

pub(super) fn read_duration(word: &str) -> Option<Duration> {
    read(word).map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_exact_and_short() {
        for (nanos, text) in [
            (0, "0s"),
            (7, "7ns"),
            (500_000, "500us"),
            (1_500_000, "1.5ms"),
            (412_345_678, "412.345678ms"),
            (2_000_000_001, "2.000000001s"),
            (u64::MAX, "18446744073.709551615s"),
        ] {
            assert_eq!(span(nanos), text);
            assert_eq!(read(text), Some(nanos));
            assert_eq!(read(&moment(nanos)), Some(nanos));
        }
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for word in
            ["", "s", "5", "1.s", ".5s", "1.5ns", "-1s", "1e3s", "0.0000000001s", "99999999999s", "1 s", "5m"]
        {
            assert_eq!(read(word), None, "{word}");
        }
    }
}
