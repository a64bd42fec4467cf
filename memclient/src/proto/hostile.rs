//! Whatever a server sends, each reply is whole and right, not whole yet, or out of step; nothing
//! panics, and no more is held than the limits allow.

use proptest::{collection::vec, prelude::*, sample::select};

use super::{fuzzing, limits::MAX_LINE};

const CASES: u32 = 10_000;

const REPLIES: [&str; 24] = [
    "VA 4 f16 c1 t60 O0\r\na\r\nb\r\n",
    "VA 0 t-1 O0\r\n\r\n",
    "VA 0 f0 c1 t-1 O0 W\r\n\r\n",
    "VA 4 f16 c1 t60 O0 Z X\r\na\r\nb\r\n",
    "VA 18446744073709551615 O0\r\n",
    "HD O0\r\n",
    "EN O0\r\n",
    "NS O0\r\n",
    "EX O0\r\n",
    "NF O0\r\n",
    "VALUE k 16 4\r\na\r\nb\r\nEND\r\n",
    "VALUE k 16 4 7\r\na\r\nb\r\nEND\r\n",
    "VALUE k 0 18446744073709551615\r\n",
    "VERSION 1.6.18\r\n",
    "STORED\r\nEXISTS\r\n",
    "NOT_FOUND\r\nDELETED\r\n",
    "TOUCHED\r\nNOT_STORED\r\n",
    "18446744073709551615\r\n",
    "STAT pid 1\r\nITEM k [1 b; 0 s]\r\nEND\r\n",
    "ME k exp=-1 la=0 cas=1 fetch=no cls=1 size=61\r\n",
    "CLIENT_ERROR bad data chunk\r\nERROR\r\n",
    "SERVER_ERROR object too large for cache\r\n",
    "ERROR Too many open connections\r\n",
    "OK\r\nRESET\r\nEND\r\n",
];

/// Replies with bytes changed, left out, put in and repeated, and bytes of no order at all.
fn replies() -> impl Strategy<Value = Vec<u8>> {
    let change =
        (any::<prop::sample::Index>(), 0..4u8, select(b"\r\n 019-OfctVAENDWXZ\0\xff".to_vec()));
    let twisted =
        (vec(select(REPLIES.to_vec()), 1..4), vec(change, 0..6)).prop_map(|(replies, changes)| {
            let mut bytes = replies.concat().into_bytes();
            for (place, kind, byte) in changes {
                if bytes.is_empty() {
                    break;
                }
                let place = place.index(bytes.len());
                match kind {
                    0 => bytes[place] = byte,
                    1 => drop(bytes.remove(place)),
                    2 => bytes.insert(place, byte),
                    _ => bytes.truncate(place),
                }
            }
            bytes
        });
    let endless = (select(REPLIES.to_vec()), any::<u8>())
        .prop_map(|(reply, byte)| [reply.trim_end().as_bytes(), &[byte; 2 * MAX_LINE]].concat());
    prop_oneof![8 => twisted, 2 => vec(any::<u8>(), 0..300), 1 => endless]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_meta_reply_or_not_whole_yet_or_out_of_step(
        bytes in replies(), grammar: u8, part in 0..64u8,
    ) {
        fuzzing::reply_meta(&[&[grammar, part], &bytes[..]].concat());
    }

    #[test]
    fn any_bytes_are_a_classic_reply_or_not_whole_yet_or_out_of_step(
        bytes in replies(), grammar: u8, part in 0..64u8,
    ) {
        fuzzing::reply_classic(&[&[grammar, part], &bytes[..]].concat());
    }
}
