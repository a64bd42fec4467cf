//! Bytes from outside never crash, hang or fool the reader.

use std::{collections::HashMap, fmt::Debug};

use memclient_serde::{CacheValue, Codec, DecodeErrorKind, DefaultCodec, Flags, Payload};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

#[derive(Debug, Deserialize, PartialEq, Serialize)]
enum Chain {
    End,
    Link(Box<Chain>),
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Tree {
    children: Vec<Tree>,
}

fn chain(links: usize) -> Chain {
    (0..links).fold(Chain::End, |inner, _| Chain::Link(Box::new(inner)))
}

fn nested_lists(depth: usize) -> Tree {
    (1..depth).fold(Tree { children: vec![] }, |inner, _| Tree { children: vec![inner] })
}

/// The deepest value of each shape is the same for writer and reader.
#[track_caller]
fn check_depth<C: Codec, T>(build: fn(usize) -> T, deepest: usize)
where
    T: Debug + DeserializeOwned + PartialEq + Serialize,
{
    let bytes = C::encode(&build(deepest)).unwrap();
    assert_eq!(C::decode::<T>(&bytes).unwrap(), build(deepest));
    assert!(C::encode(&build(deepest + 1)).unwrap_err().is_limit());
}

#[test]
fn what_can_be_written_can_be_read_to_the_last_level() {
    check_depth::<DefaultCodec, _>(chain, 128);
    check_depth::<DefaultCodec, _>(nested_lists, 64);
    #[cfg(feature = "json")]
    {
        check_depth::<memclient_serde::Json, _>(chain, 128);
        check_depth::<memclient_serde::Json, _>(nested_lists, 64);
    }
}

#[test]
fn the_deepest_value_needs_no_large_stack() {
    fn deepest<C: Codec>() {
        let bytes = C::encode(&chain(128)).unwrap();
        assert!(C::decode::<Chain>(&bytes).is_ok());
        let bytes = C::encode(&nested_lists(64)).unwrap();
        assert!(C::decode::<Tree>(&bytes).is_ok());
    }
    let small = std::thread::Builder::new().stack_size(512 * 1024);
    let run = small.spawn(|| {
        deepest::<DefaultCodec>();
        #[cfg(feature = "json")]
        deepest::<memclient_serde::Json>();
    });
    run.unwrap().join().unwrap();
}

/// Eight kibibytes that may be left out.
type Large = Option<[[u64; 32]; 32]>;

/// Each link moves its large fields through many frames.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Fat {
    one: Large,
    other: Large,
    next: Option<Box<Fat>>,
}

#[test]
fn deep_values_with_large_fields_are_refused_before_the_stack_ends() {
    fn refused<C: Codec>() {
        let deep =
            (0..40).fold(None, |next, _| Some(Box::new(Fat { one: None, other: None, next })));
        let bytes = C::encode(&deep).unwrap();
        let read = C::decode::<Option<Box<Fat>>>(&bytes);
        // How much stack they take is the compiler's affair; without optimization it is too much.
        match read {
            Ok(read) => assert!(read == deep),
            Err(error) => assert_eq!(error.kind(), DecodeErrorKind::Limit),
        }
        let flat = Some(Box::new(Fat { one: None, other: None, next: None }));
        assert!(C::decode::<Option<Box<Fat>>>(&C::encode(&flat).unwrap()).unwrap() == flat);
    }
    let small = std::thread::Builder::new().stack_size(2 << 20);
    let run = small.spawn(|| {
        refused::<DefaultCodec>();
        #[cfg(feature = "json")]
        refused::<memclient_serde::Json>();
    });
    run.unwrap().join().unwrap();
}

#[test]
fn elements_of_a_byte_that_take_a_kilobyte_are_read_within_a_bound() {
    /// A kibibyte that may be left out.
    type Sparse = Option<[[u64; 32]; 4]>;

    #[track_caller]
    fn check<T: DeserializeOwned>(bytes: &[u8]) {
        let error = DefaultCodec::decode::<T>(bytes).map(|_| "read").unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::Limit);
    }

    let few: Vec<Sparse> = vec![None; 1000];
    let bytes = DefaultCodec::encode(&few).unwrap();
    assert!(DefaultCodec::decode::<Vec<Sparse>>(&bytes).unwrap() == few);
    // As many bytes of another type, which whoever wrote them may have called a list of this one.
    let bytes = DefaultCodec::encode(&vec![None::<u8>; 140_000]).unwrap();
    check::<Vec<Sparse>>(&bytes);
    check::<Vec<Box<Sparse>>>(&bytes);
    check::<Vec<(Box<Sparse>,)>>(&bytes);
    let map: HashMap<u32, Option<u8>> = (0..140_000).map(|key| (key, None)).collect();
    let bytes = DefaultCodec::encode(&map).unwrap();
    check::<HashMap<u32, Sparse>>(&bytes);
    check::<std::collections::BTreeMap<u32, Box<Sparse>>>(&bytes);
}

#[test]
fn small_numbers_in_wide_types_are_no_bomb() {
    let wide = vec![(0_u64, 1_u64, Some(2_u128)); 1_000_000];
    let bytes = DefaultCodec::encode(&wide).unwrap();
    assert_eq!(DefaultCodec::decode::<Vec<(u64, u64, Option<u128>)>>(&bytes).unwrap(), wide);
}

#[test]
fn elements_without_bytes_are_written_only_as_far_as_they_are_read() {
    let many = vec![(); 1024];
    let stored = many.encode().unwrap();
    assert_eq!(Vec::<()>::decode(&stored).unwrap(), many);
    #[cfg(feature = "bincode")]
    assert!(vec![(); 2000].encode().unwrap_err().is_limit());
}

#[cfg(feature = "bincode")]
mod bincode {
    use std::{
        cell::Cell,
        collections::{BTreeMap, HashSet, VecDeque},
    };

    use memclient_serde::Bincode;

    use super::*;

    /// A length of 2^40 and one byte more.
    const BOMB: &[u8] = b"\xfd\0\0\0\0\0\x01\0\0\x01";

    #[track_caller]
    fn refused<T: DeserializeOwned + Debug>(bytes: &[u8], kind: DecodeErrorKind) {
        assert_eq!(Bincode::decode::<T>(bytes).unwrap_err().kind(), kind);
    }

    #[test]
    #[expect(clippy::zero_sized_map_values, reason = "entries without bytes are the point")]
    fn ten_bytes_that_claim_a_million_million_elements_end_at_once() {
        use DecodeErrorKind::{Corrupt, Limit};

        refused::<Vec<u8>>(BOMB, Corrupt);
        refused::<String>(BOMB, Corrupt);
        refused::<Vec<u64>>(BOMB, Corrupt);
        refused::<Vec<String>>(BOMB, Corrupt);
        refused::<HashMap<u8, u8>>(BOMB, Corrupt);
        refused::<BTreeMap<String, String>>(BOMB, Corrupt);
        refused::<Tree>(BOMB, Corrupt);
        refused::<Vec<()>>(BOMB, Limit);
        refused::<VecDeque<()>>(BOMB, Limit);
        refused::<HashSet<()>>(BOMB, Limit);
        refused::<BTreeMap<(), ()>>(BOMB, Limit);
        refused::<Vec<[(); 32]>>(BOMB, Limit);
        refused::<Vec<std::marker::PhantomData<u8>>>(BOMB, Limit);
        refused::<Option<Vec<()>>>(&[b"\x01", BOMB].concat(), Limit);
        refused::<Vec<Vec<()>>>(&[b"\x02", BOMB].concat(), Limit);
    }

    /// Whether a value was handed over as a slice of the input; the other way allocates first.
    #[derive(Debug, PartialEq)]
    enum Handed {
        Slice,
        Copy,
    }

    struct Hands;

    impl<'de> serde::de::Visitor<'de> for Hands {
        type Value = Handed;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("text or bytes")
        }

        fn visit_str<E>(self, _: &str) -> Result<Handed, E> {
            Ok(Handed::Copy)
        }

        fn visit_borrowed_str<E>(self, _: &'de str) -> Result<Handed, E> {
            Ok(Handed::Slice)
        }

        fn visit_string<E>(self, _: String) -> Result<Handed, E> {
            Ok(Handed::Copy)
        }

        fn visit_bytes<E>(self, _: &[u8]) -> Result<Handed, E> {
            Ok(Handed::Copy)
        }

        fn visit_borrowed_bytes<E>(self, _: &'de [u8]) -> Result<Handed, E> {
            Ok(Handed::Slice)
        }

        fn visit_byte_buf<E>(self, _: Vec<u8>) -> Result<Handed, E> {
            Ok(Handed::Copy)
        }
    }

    macro_rules! handed {
        ($type:ident by $method:ident) => {
            #[derive(Debug)]
            struct $type(Handed);

            impl<'de> Deserialize<'de> for $type {
                fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                    from.$method(Hands).map(Self)
                }
            }
        };
    }

    handed!(Text by deserialize_string);
    handed!(Blob by deserialize_byte_buf);

    #[test]
    fn a_length_is_checked_against_the_input_before_anything_is_allocated() {
        assert_eq!(Bincode::decode::<Text>(b"\x02ab").unwrap().0, Handed::Slice);
        assert_eq!(Bincode::decode::<Blob>(b"\x02ab").unwrap().0, Handed::Slice);
        for length in [&BOMB[..9], b"\xfc\0\0\0\x20", b"\xfd\xff\xff\xff\xff\xff\xff\xff\xff"] {
            refused::<Text>(length, DecodeErrorKind::Corrupt);
            refused::<Blob>(length, DecodeErrorKind::Corrupt);
            refused::<String>(length, DecodeErrorKind::Corrupt);
        }
    }

    #[test]
    fn all_size_hints_together_are_no_more_than_the_input() {
        thread_local! {
            static HINTS: Cell<usize> = const { Cell::new(0) };
        }

        /// A list of lists that trusts the hints, as careless types do.
        #[derive(Debug)]
        struct Trusting;

        impl<'de> Deserialize<'de> for Trusting {
            fn deserialize<D: serde::Deserializer<'de>>(list: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl<'de> serde::de::Visitor<'de> for Visitor {
                    type Value = Trusting;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a list")
                    }
                    fn visit_seq<A: serde::de::SeqAccess<'de>>(
                        self,
                        mut list: A,
                    ) -> Result<Trusting, A::Error> {
                        HINTS.set(HINTS.get() + list.size_hint().unwrap());
                        while list.next_element::<Trusting>()?.is_some() {}
                        Ok(Trusting)
                    }
                }
                list.deserialize_seq(Visitor)
            }
        }

        assert!(Bincode::decode::<Trusting>(b"\x03\x01\x00\x00\x00").is_ok());
        assert_eq!(HINTS.replace(0), 4, "an honest value gets all it asks for");
        let bombs = [&BOMB[..9]; 100].concat();
        refused::<Trusting>(&bombs, DecodeErrorKind::Corrupt);
        assert_eq!(HINTS.get(), bombs.len());
    }

    #[test]
    fn a_million_levels_are_refused() {
        refused::<Chain>(&vec![1; 1_000_000], DecodeErrorKind::Limit);
        refused::<Tree>(&vec![1; 1_000_000], DecodeErrorKind::Limit);
        refused::<Option<Box<Chain>>>(&vec![1; 1_000_000], DecodeErrorKind::Limit);
    }

    #[test]
    fn damaged_values_are_told_apart_from_whole_ones() {
        use DecodeErrorKind::{Corrupt, TrailingBytes};

        let whole = Bincode::encode(&("ada", vec![1_u32, 2], Some('x'))).unwrap();
        for cut in 0..whole.len() {
            refused::<(String, Vec<u32>, Option<char>)>(&whole[..cut], Corrupt);
        }
        let longer = [&whole[..], b"\0"].concat();
        refused::<(String, Vec<u32>, Option<char>)>(&longer, TrailingBytes);
        refused::<()>(b"\0", TrailingBytes);
        refused::<String>(b"\x01\xff", Corrupt);
        refused::<bool>(b"\x02", Corrupt);
        refused::<Option<u8>>(b"\x02\x00", Corrupt);
        refused::<Chain>(b"\x02", Corrupt);
        refused::<Result<u8, u8>>(b"\x07\x00", Corrupt);
        refused::<char>(b"\xff", Corrupt);
        refused::<u8>(b"", Corrupt);
        refused::<u64>(b"\xff", Corrupt);
        refused::<std::num::NonZeroU8>(b"\0", Corrupt);
    }
}

#[cfg(feature = "json")]
mod json {
    use memclient_serde::Json;

    use super::*;

    #[track_caller]
    fn refused<T: DeserializeOwned + Debug>(json: &[u8], kind: DecodeErrorKind) {
        assert_eq!(Json::decode::<T>(json).unwrap_err().kind(), kind);
    }

    #[test]
    fn a_million_levels_are_refused() {
        /// A type that takes whatever comes, and buffers it first.
        #[derive(Debug, Deserialize)]
        #[serde(untagged)]
        enum Any {
            List(#[expect(dead_code, reason = "never built")] Vec<Any>),
        }
        #[derive(Debug, Deserialize)]
        struct One {}

        let deep = "[".repeat(1_000_000);
        refused::<Any>(deep.as_bytes(), DecodeErrorKind::Limit);
        refused::<serde_json::Value>(deep.as_bytes(), DecodeErrorKind::Limit);
        refused::<Tree>(r#"{"children":["#.repeat(1_000_000).as_bytes(), DecodeErrorKind::Limit);
        refused::<Chain>(r#"{"Link":"#.repeat(1_000_000).as_bytes(), DecodeErrorKind::Limit);
        // What nobody reads is skipped without nesting.
        refused::<One>(format!(r#"{{"x":{deep}"#).as_bytes(), DecodeErrorKind::Corrupt);
    }

    #[test]
    fn damaged_values_are_told_apart_from_whole_ones() {
        use DecodeErrorKind::{Corrupt, TrailingBytes};

        refused::<Vec<u8>>(b"[1,2", Corrupt);
        refused::<Vec<u8>>(b"", Corrupt);
        refused::<Vec<u8>>(b"[256]", Corrupt);
        refused::<Vec<u8>>(b"[1]]", TrailingBytes);
        refused::<u8>(b"\"1\"", Corrupt);
        refused::<String>(b"\"\xff\"", Corrupt);
        refused::<String>(b"\"\\ud800\"", Corrupt);
        refused::<Chain>(b"\"Middle\"", Corrupt);
    }
}

#[test]
fn a_coded_value_is_read_only_under_flags_that_name_its_codec() {
    let stored = Some(1_u8).encode().unwrap();
    assert_eq!(Option::<u8>::decode(&stored).unwrap(), Some(1));
    for flags in [
        Flags::BYTES,
        Flags::TEXT,
        Flags::INTEGER,
        Flags::from_bits(1),
        Flags::from_bits(0x3000),
        Flags::from_bits(0xf00),
        stored.flags.with_absent(),
    ] {
        let error = Option::<u8>::decode(&Payload::new(stored.data.clone(), flags)).unwrap_err();
        assert!(error.is_format_mismatch() || error.is_unsupported(), "{error}");
    }
    let marked = stored.flags.with_typed().with_load_time(std::time::Duration::from_secs(1));
    assert!(Option::<u8>::decode(&Payload::new(stored.data, marked)).is_ok());
}
