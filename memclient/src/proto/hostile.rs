//! Whatever a server sends, each reply is whole and right, not whole yet, or out of step; nothing
//! panics, and no more is held than the limits allow.

use bytes::BytesMut;
use proptest::{collection::vec, prelude::*, sample::select};

use super::{
    classic::{Block, Form, Found, Line, cut_found},
    framing::cut,
    limits::{Limits, MAX_LINE},
    meta::Verb,
    opaque::Opaque,
    request::Grammar,
};

const CASES: u32 = 10_000;
const LIMITS: Limits = Limits { max_value: 64 };

/// The most that may be held of a reply that is not whole: its line, and a value with its end.
const MOST: usize = MAX_LINE + 64 + 2;

const META: [Grammar; 6] = [
    Grammar::Meta(Verb::Get),
    Grammar::Meta(Verb::Lease),
    Grammar::Meta(Verb::Touch),
    Grammar::Meta(Verb::Set),
    Grammar::Meta(Verb::Delete),
    Grammar::Meta(Verb::Count),
];

const CLASSIC: [Grammar; 12] = [
    Grammar::Line(Line::Version),
    Grammar::Line(Line::Ok),
    Grammar::Line(Line::Limit),
    Grammar::Line(Line::Stored),
    Grammar::Line(Line::Swapped),
    Grammar::Line(Line::Deleted),
    Grammar::Line(Line::Touched),
    Grammar::Line(Line::Count),
    Grammar::Line(Line::Info),
    Grammar::Line(Line::Shutdown),
    Grammar::Block(Block::Stats),
    Grammar::Block(Block::Raw),
];

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

/// Feeds the bytes in parts to `step`, which cuts once and says whether it may go on.
fn feed(
    bytes: &[u8],
    part: usize,
    mut step: impl FnMut(&mut BytesMut) -> Option<bool>,
) -> Result<(), TestCaseError> {
    let mut buffer = BytesMut::new();
    for part in bytes.chunks(part) {
        buffer.extend_from_slice(part);
        loop {
            let before = buffer.len();
            match step(&mut buffer) {
                // Out of step.
                None => return Ok(()),
                Some(true) => prop_assert!(buffer.len() < before, "a reply of no bytes"),
                Some(false) => {
                    prop_assert_eq!(buffer.len(), before, "what is not whole is left alone");
                    break;
                }
            }
        }
        prop_assert!(buffer.len() <= MOST + part.len(), "{} bytes are held", buffer.len());
    }
    Ok(())
}

fn cuts(grammar: Grammar, bytes: &[u8], part: usize) -> Result<(), TestCaseError> {
    feed(bytes, part, |buffer| {
        cut(buffer, grammar, Opaque::FIRST, LIMITS).ok().map(|reply| reply.is_some())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_meta_reply_or_not_whole_yet_or_out_of_step(
        bytes in replies(), grammar in select(META.to_vec()), part in 1..64usize,
    ) {
        cuts(grammar, &bytes, part)?;
    }

    #[test]
    fn any_bytes_are_a_classic_reply_or_not_whole_yet_or_out_of_step(
        bytes in replies(), grammar in select(CLASSIC.to_vec()), part in 1..64usize,
    ) {
        // Of a block all lines are held until its end; here are too few for its own limit.
        if !matches!(grammar, Grammar::Block(_)) || bytes.len() < MOST {
            cuts(grammar, &bytes, part)?;
        }
    }

    #[test]
    fn any_bytes_are_classic_items_or_not_whole_yet_or_out_of_step(
        bytes in replies(),
        form in select(vec![Form::Get, Form::Gets, Form::Gat(1), Form::Gats(1)]),
        part in 1..64usize,
    ) {
        feed(&bytes, part, |buffer| {
            let found = cut_found(buffer, form, LIMITS, |key| key == b"k").ok()?;
            if let Some(Found::Item { data, cas, .. }) = &found {
                assert!(data.len() <= LIMITS.max_value && cas.is_some() == form.has_cas());
            }
            Some(found.is_some())
        })?;
    }
}
