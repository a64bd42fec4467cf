//! What holds of every reply, whatever the server sends; `tests/fuzz` looks for bytes of which it
//! does not.

use bytes::BytesMut;

use super::{
    classic::{Accepted, Block, Form, Found, Line, cut_found},
    framing::cut,
    limits::{Limits, MAX_LINE},
    meta::Verb,
    opaque::Opaque,
    out_of_step::OutOfStep,
    reply::Reply,
    request::Grammar,
};

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

const CLASSIC: [Grammar; 17] = [
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
    Grammar::Line(Line::Any),
    Grammar::Block(Block::Stats),
    Grammar::Block(Block::Raw),
    Grammar::Items(Form::Get),
    Grammar::Items(Form::Gets),
    Grammar::Items(Form::Gat(1)),
    Grammar::Items(Form::Gats(1)),
];

/// Reads replies of the meta dialect: a byte chooses the command, one the size of the parts in which
/// the bytes behind them come.
pub(crate) fn reply_meta(input: &[u8]) {
    replies(input, &META);
}

/// Reads replies of the classic dialect, chosen in the same way.
pub(crate) fn reply_classic(input: &[u8]) {
    replies(input, &CLASSIC);
}

fn replies(input: &[u8], grammars: &[Grammar]) {
    let [grammar, part, bytes @ ..] = input else { return };
    let Some(&grammar) = grammars.get(usize::from(*grammar) % grammars.len()) else { return };
    let whole = read(bytes, bytes.len().max(1), grammar);
    // Byte by byte every reply is looked at once for each of its bytes.
    let least = if bytes.len() <= 128 { 1 } else { 16 };
    for part in [least, usize::from(*part) + least] {
        assert_eq!(read(bytes, part, grammar), whole, "in parts of {part} bytes");
    }
}

/// What was read of a stream.
#[derive(Debug, PartialEq)]
struct Read {
    /// Each reply, and how many bytes it took.
    replies: Vec<(Taken, usize)>,
    in_step: bool,
}

/// What is taken off a stream at once.
#[derive(Debug, PartialEq)]
enum Taken {
    Reply(Reply),
    Found(Found),
}

/// Reads bytes that come in parts, until there are no more or they are out of step.
fn read(bytes: &[u8], part: usize, grammar: Grammar) -> Read {
    let mut read = Read { replies: Vec::new(), in_step: true };
    let (mut buffer, mut seen) = (BytesMut::new(), 0);
    for part in bytes.chunks(part) {
        buffer.extend_from_slice(part);
        loop {
            let before = buffer.len();
            match step(&mut buffer, grammar, &mut seen) {
                Ok(Some(reply)) => {
                    assert!(buffer.len() < before, "a reply of no bytes");
                    read.replies.push((reply, before - buffer.len()));
                }
                Ok(None) => {
                    assert_eq!(buffer.len(), before, "what is not whole is left alone");
                    break;
                }
                Err(_) => {
                    read.in_step = false;
                    return read;
                }
            }
        }
        // Of a block all lines are held until its end; here are too few for its own limit.
        if !matches!(grammar, Grammar::Block(_)) {
            assert!(buffer.len() < MOST, "{} bytes are held", buffer.len());
        }
    }
    read
}

fn step(
    buffer: &mut BytesMut,
    grammar: Grammar,
    seen: &mut usize,
) -> Result<Option<Taken>, OutOfStep> {
    let taken = if let Grammar::Items(form) = grammar {
        let found = cut_found(buffer, form, LIMITS, |item| {
            item.starts_with(b"k ").then_some(Accepted { key: 1, more: false })
        })?;
        if let Some(Found::Item { cas, .. }) = &found {
            assert_eq!(cas.is_some(), form.has_cas());
        }
        found.map(Taken::Found)
    } else {
        cut(buffer, grammar, Opaque::FIRST, LIMITS, seen)?.map(Taken::Reply)
    };
    let data = match &taken {
        Some(Taken::Reply(reply)) => reply.data(),
        Some(Taken::Found(Found::Item { data, .. })) => Some(data),
        _ => None,
    };
    assert!(data.is_none_or(|data| data.len() <= LIMITS.max_value), "{taken:?}");
    Ok(taken)
}
