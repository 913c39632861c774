//! Amounts with a unit, as they are typed.

use std::time::Duration;

/// `500ms`, `60s`, `10m`, `1h`
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wanted = || format!("expected a time such as 500ms, 60s, 10m or 1h, not '{text}'");
    let (number, unit) = split(text).ok_or_else(wanted)?;
    let milliseconds = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => None,
    };
    milliseconds.map(Duration::from_millis).ok_or_else(wanted)
}

/// `512KiB`, `64MiB`, `4GiB`
pub(crate) fn bytes(text: &str) -> Result<usize, String> {
    let wanted = || format!("expected a size such as 512KiB, 64MiB or 4GiB, not '{text}'");
    let (number, unit) = split(text).ok_or_else(wanted)?;
    let unit: usize = match unit {
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(wanted()),
    };
    let number = usize::try_from(number).ok();
    number.and_then(|number| number.checked_mul(unit)).ok_or_else(wanted)
}

fn split(text: &str) -> Option<(u64, &str)> {
    let at = text.find(|it: char| !it.is_ascii_digit())?;
    let (number, unit) = text.split_at(at);
    Some((number.parse().ok()?, unit))
}
