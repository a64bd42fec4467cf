//! Counters: items of decimal digits.

use moka::ops::compute::Op;

use super::{
    MokaBackend,
    item::{Item, Life},
};
use crate::{
    backend::op::{Arithmetic, Direction},
    error::{Error, Result},
    wire::{Key, Value},
};

impl MokaBackend {
    pub(super) fn count(&self, key: &Key, how: Arithmetic) -> Result<Option<u64>> {
        self.change(key, |found, next| {
            let Some(item) = found else {
                let Some((initial, ttl)) = how.initial else {
                    return (Op::Nop, Ok(None));
                };
                let value = Value::new(initial.to_string(), 0);
                let item = Item::new(key, value, next, Life::of(ttl, &self.clock));
                return (item.into_op(), Ok(Some(initial)));
            };
            let Some(before) = digits(item.value.data()) else {
                return (Op::Nop, Err(not_a_number(how.direction)));
            };
            let after = match how.direction {
                Direction::Up => before.wrapping_add(how.delta),
                Direction::Down => before.saturating_sub(how.delta),
            };
            (item.changed(after.to_string().into(), next).into_op(), Ok(Some(after)))
        })
    }
}

/// Returns the number that the digits say; memcached leaves spaces behind those of a counter that
/// became shorter.
pub(super) fn digits(data: &[u8]) -> Option<u64> {
    let digits = data.trim_ascii_end();
    if digits.first().is_none_or(|first| !first.is_ascii_digit()) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn not_a_number(direction: Direction) -> Error {
    Error::client("cannot increment or decrement non-numeric value").during(match direction {
        Direction::Up => "incr",
        Direction::Down => "decr",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_decimal_digits_that_fit_64_bits_count() {
        for (text, number) in [
            ("0", Some(0)),
            ("007", Some(7)),
            ("9  ", Some(9)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("", None),
            (" 1", None),
            ("+1", None),
            ("-1", None),
            ("1x", None),
        ] {
            assert_eq!(digits(text.as_bytes()), number, "{text:?}");
        }
    }
}
