use std::{fmt::Debug, time::Duration};

use crate::{CacheValue, Decoded, Flags, Format, Payload};

/// Reads flags: all say what they mean, and what is set in them comes back and moves nothing else.
/// Then reads the rest of the input as a value with these flags.
pub fn flags(input: &[u8]) {
    let Some((bits, rest)) = input.split_first_chunk() else { return };
    let flags = Flags::from_bits(u32::from_le_bytes(*bits));
    assert_eq!(flags.bits(), u32::from_le_bytes(*bits));
    assert!(!format!("{flags:?} {}", flags.format()).is_empty());

    let format = flags.format();
    assert_eq!(Flags::of(format).format(), format);
    for (marked, mark) in [
        (flags.with_absent(), Flags::BYTES.with_absent()),
        (flags.with_typed(), Flags::BYTES.with_typed()),
        (flags.with_header(), Flags::BYTES.with_header()),
    ] {
        assert_eq!(marked.bits(), flags.bits() | mark.bits());
        assert_eq!(marked.format(), format);
        assert_eq!(marked.is_compressed(), flags.is_compressed());
        assert_eq!(marked.load_time(), flags.load_time());
    }
    let header = Flags::BYTES.with_header().bits();
    assert_eq!(flags.without_header().bits(), flags.bits() & !header);

    load_time(flags, rest);
    value(&Payload::new(rest.to_vec(), flags));
}

/// The scale of load times rounds down by at most an eighth, and does not move what is on it.
fn load_time(flags: Flags, rest: &[u8]) {
    let Some((nanos, _)) = rest.split_first_chunk() else { return };
    let time = Duration::from_nanos(u64::from_le_bytes(*nanos));
    let noted = flags.with_load_time(time);
    assert_eq!(noted.format(), flags.format());
    assert_eq!(noted.is_typed(), flags.is_typed());
    let Some(read) = noted.load_time() else { panic!("{time:?} is not noted") };
    assert_eq!(noted.with_load_time(read), noted, "{time:?} is read as {read:?}");
    let scale = Duration::from_micros(1)..Duration::from_secs(3600);
    if scale.contains(&time) {
        assert!(read <= time && time <= read + time / 8, "{time:?} is read as {read:?}");
    }
}

/// Whatever the flags say of the bytes, what is read as a value is written and read as the same.
fn value(payload: &Payload) {
    same::<Vec<u8>>(payload);
    same::<String>(payload);
    same::<i128>(payload);
    same::<u64>(payload);
    #[cfg(any(feature = "bincode", feature = "json"))]
    same::<f64>(payload);
    let decoded = payload.decoded();
    if payload.flags.format() == Format::Text {
        let text = decoded.ok().map(|decoded| match decoded {
            Decoded::Text(text) => text,
            other => panic!("text is read as {other:?}"),
        });
        assert_eq!(text, String::decode(payload).ok());
    }
}

fn same<T: CacheValue + Debug>(payload: &Payload) {
    let Ok(value) = T::decode(payload) else { return };
    let again = match value.encode() {
        Ok(again) => T::decode(&again),
        Err(error) => panic!("{value:?} is read and not written: {error}"),
    };
    assert_eq!(format!("{:?}", again.ok()), format!("{:?}", Some(value)));
}
