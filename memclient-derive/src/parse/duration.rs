//! Times as text, such as `10m` or `1h30m`, read while compiling.

/// Times above this are a mistake in the unit far more often than a wish.
const LONGEST: u64 = 10 * 365 * DAY;

const SECOND: u64 = 1000;
const DAY: u64 = 24 * 60 * 60 * SECOND;

/// From long to short, the order in which they are written; in milliseconds.
const UNITS: [(&str, u64); 6] = [
    ("w", 7 * DAY),
    ("d", DAY),
    ("h", 60 * 60 * SECOND),
    ("m", 60 * SECOND),
    ("s", SECOND),
    ("ms", 1),
];

/// What a time is good for, which decides how fine it may be.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Resolution {
    /// How long a server keeps something.
    Seconds,
    /// How long this process waits.
    Milliseconds,
}

/// Returns the milliseconds that `text` names, or the sentence that says what is wrong with it.
pub(crate) fn millis(text: &str, resolution: Resolution) -> Result<u64, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("a time is a number and a unit: write \"30s\", \"10m\" or \"1h30m\"".into());
    }
    let mut total = 0_u64;
    let mut units = UNITS.iter();
    while !rest.is_empty() {
        let (number, unit, behind) = cut(rest, resolution)?;
        let Some((_, length)) = units.find(|(name, _)| *name == unit) else {
            return Err(format!(
                "units go from long to short, each once, as in \"1d12h\": `{unit}` is out of order"
            ));
        };
        total = number
            .checked_mul(*length)
            .and_then(|millis| total.checked_add(millis))
            .filter(|total| *total <= LONGEST)
            .ok_or("the time is longer than ten years: see whether the unit is right")?;
        rest = behind;
    }
    if total == 0 {
        return Err(zero(resolution).into());
    }
    Ok(total)
}

const fn zero(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::Seconds => {
            "a time of zero would cache nothing: the shortest is \"1s\", and without the option the \
             default of the cache applies"
        }
        Resolution::Milliseconds => {
            "a time of zero would wait for nothing: the shortest is \"1ms\", and without the option \
             the default of the cache applies"
        }
    }
}

/// Cuts one number and its unit from the front.
fn cut(text: &str, resolution: Resolution) -> Result<(u64, &str, &str), String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    let rest = rest.trim_start();
    let end = rest.find(|c: char| c.is_ascii_digit() || c.is_whitespace()).unwrap_or(rest.len());
    let (unit, behind) = rest.split_at(end);
    if number.is_empty() {
        return Err(format!(
            "expected a number before `{unit}`: write \"30s\", \"10m\" or \"1h30m\""
        ));
    }
    if unit.is_empty() {
        return Err(format!(
            "`{number}` has no unit: write \"{number}s\", or one of `m`, `h`, `d`, `w`"
        ));
    }
    if unit.starts_with(['.', ',']) {
        return Err(
            "a time is in whole numbers: write \"1h30m\" in place of a fraction of an hour".into(),
        );
    }
    match (unit, resolution) {
        ("ms" | "us" | "µs" | "ns", Resolution::Seconds) => {
            return Err(format!(
                "`{unit}` is below what a memcached server can count: the shortest time is \"1s\""
            ));
        }
        ("us" | "µs" | "ns", Resolution::Milliseconds) => {
            return Err(format!(
                "`{unit}` is below what a timer can measure: the shortest time is \"1ms\""
            ));
        }
        _ => {}
    }
    if UNITS.iter().all(|(name, _)| *name != unit) {
        return Err(unknown_unit(unit));
    }
    let number =
        number.parse().map_err(|_| "the number is too large: see whether the unit is right")?;
    Ok((number, unit, behind.trim_start()))
}

fn unknown_unit(unit: &str) -> String {
    let first = unit.chars().next().map(|c| c.to_ascii_lowercase());
    let near = UNITS.iter().find(|(name, _)| first.is_some_and(|c| name.starts_with(c)));
    match near {
        Some((name, _)) => format!("unknown unit `{unit}`: did you mean `{name}`?"),
        None => format!("unknown unit `{unit}`: there are `s`, `m`, `h`, `d` and `w`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_seconds() {
        let check = |text, expected| {
            assert_eq!(millis(text, Resolution::Seconds), Ok(expected * SECOND), "{text}");
        };
        check("1s", 1);
        check("10m", 600);
        check("1h", 3600);
        check("1h30m", 5400);
        check("1h 30m", 5400);
        check(" 2 d ", 2 * 86_400);
        check("1w2d3h4m5s", 7 * 86_400 + 2 * 86_400 + 3 * 3600 + 4 * 60 + 5);
        check("0h5s", 5);
        check("3650d", LONGEST / SECOND);
    }

    #[test]
    fn a_wrong_text_is_refused_with_its_cure() {
        let check = |text, part: &str| {
            let message = millis(text, Resolution::Seconds).expect_err(text);
            assert!(message.contains(part), "{text}: {message}");
        };
        check("", "a number and a unit");
        check("  ", "a number and a unit");
        check("10", "no unit: write \"10s\"");
        check("1h30", "`30` has no unit");
        check("m", "expected a number before `m`");
        check("-5m", "expected a number");
        check("10 20m", "`10` has no unit");
        check("1.5h", "whole numbers");
        check("500ms", "shortest time is \"1s\"");
        check("5us", "below what a memcached server can count");
        check("10M", "did you mean `m`?");
        check("10minutes", "did you mean `m`?");
        check("3y", "there are `s`");
        check("1m1m", "out of order");
        check("30m1h", "out of order");
        check("0s", "zero");
        check("0h0m", "zero");
        check("3651d", "longer than ten years");
        check("99999999999999999999s", "too large");
        check("18446744073709551615w", "longer than ten years");
        check("1ü", "unknown unit");
    }

    #[test]
    fn what_this_process_waits_for_may_be_shorter() {
        let read = |text| millis(text, Resolution::Milliseconds);
        assert_eq!(read("250ms"), Ok(250));
        assert_eq!(read("1s 500ms"), Ok(1500));
        assert!(read("0ms").is_err_and(|message| message.contains("\"1ms\"")));
        assert!(read("5us").is_err_and(|message| message.contains("below what a timer")));
    }
}
