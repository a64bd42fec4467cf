//! Finds the end of one reply in a growing buffer and holds it against its grammar.
//!
//! A reply is either not whole yet, whole and right, or out of step; there is no fourth, and nothing
//! after an [`OutOfStep`] may be believed.

use bytes::{Buf, Bytes, BytesMut};

use super::{
    limits::{Limits, has_block, line_end, take_block},
    meta,
    opaque::Opaque,
    out_of_step::OutOfStep,
    refusal::{Refusal, RefusalKind},
    reply::Reply,
    request::Grammar,
};

/// Takes the next reply off `buffer`; `None` when it is not whole yet.
///
/// # Errors
/// [`OutOfStep`] when the bytes cannot be the reply to a request of this grammar and opaque.
pub(crate) fn cut(
    buffer: &mut BytesMut,
    grammar: Grammar,
    opaque: Opaque,
    limits: Limits,
) -> Result<Option<Reply>, OutOfStep> {
    let Some(end) = line_end(buffer)? else {
        return Ok(None);
    };
    let line = buffer.get(..end).unwrap_or_default();
    if let Grammar::Meta(verb) = grammar
        && let Some(head) = meta::Head::read(line, verb, opaque)?
    {
        return cut_meta(buffer, end + 2, head, limits);
    }
    let reply = match (Refusal::read(line), grammar) {
        (Some(refusal), _) if leaves_in_step(grammar, &refusal) => Reply::Refused(refusal),
        (Some(_), _) => {
            return Err(OutOfStep::new("an error after which the stream is not in step", line));
        }
        (None, Grammar::Line(expected)) if expected.accepts(line) => {
            Reply::Line(Bytes::copy_from_slice(line))
        }
        (None, Grammar::Line(expected)) => return Err(OutOfStep::new(expected.complaint(), line)),
        (None, Grammar::Meta(verb)) => return Err(OutOfStep::new(verb.complaint(), line)),
    };
    buffer.advance(end + 2);
    Ok(Some(reply))
}

fn cut_meta(
    buffer: &mut BytesMut,
    start: usize,
    head: meta::Head,
    limits: Limits,
) -> Result<Option<Reply>, OutOfStep> {
    let Some(size) = head.size else {
        buffer.advance(start);
        return Ok(Some(Reply::Meta(head.without_data())));
    };
    let size = limits.check(size)?;
    if !has_block(buffer, start, size) {
        return Ok(None);
    }
    let data = take_block(buffer, start, size)?;
    Ok(Some(Reply::Meta(head.with_data(data))))
}

/// Says whether the stream goes on in step after this error line.
///
/// After a malformed storage command the server reads its data block as commands, so more lines may
/// follow than were asked for; `ERROR` in front of a close (too many connections) answers no
/// request at all.
fn leaves_in_step(grammar: Grammar, refusal: &Refusal) -> bool {
    match refusal.kind {
        RefusalKind::TooLarge | RefusalKind::Server => true,
        RefusalKind::Client => !matches!(grammar, Grammar::Meta(verb) if verb.has_data()),
        RefusalKind::Unknown => refusal.text.is_empty() && matches!(grammar, Grammar::Line(_)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{
        classic::Line,
        meta::{MetaReply, Status, Verb},
    };

    const LIMITS: Limits = Limits { max_value: 64 };

    /// Feeds `input` in two parts, cut at every place.
    #[track_caller]
    fn check(grammar: Grammar, input: &str, expected: &Result<Reply, &str>) {
        for split in 0..=input.len() {
            let (first, second) = input.as_bytes().split_at(split);
            let mut buffer = BytesMut::from(first);
            let mut outcome = cut(&mut buffer, grammar, Opaque::FIRST, LIMITS);
            if let Ok(None) = outcome {
                buffer.extend_from_slice(second);
                outcome = cut(&mut buffer, grammar, Opaque::FIRST, LIMITS);
            }
            match (&outcome, expected) {
                (Ok(Some(reply)), Ok(expected)) => {
                    assert_eq!(reply, expected, "split at {split}");
                }
                (Err(OutOfStep(text)), Err(expected)) => assert!(text.contains(expected), "{text}"),
                _ => panic!("{outcome:?} where {expected:?} was expected, split at {split}"),
            }
        }
    }

    fn meta(status: Status) -> MetaReply {
        MetaReply { status, flags: 0, cas: None, ttl: None, data: None }
    }

    #[test]
    fn a_value_is_cut_whole_at_every_split() {
        let reply = MetaReply {
            flags: 16,
            cas: Some(1),
            ttl: Some(60),
            data: Some(Bytes::from_static(b"a\r\nb")),
            ..meta(Status::Value)
        };
        check(
            Grammar::Meta(Verb::Get),
            "VA 4 f16 c1 t60 O0\r\na\r\nb\r\n",
            &Ok(Reply::Meta(reply)),
        );
        let empty = MetaReply { data: Some(Bytes::new()), ttl: Some(-1), ..meta(Status::Value) };
        check(Grammar::Meta(Verb::Get), "VA 0 t-1 O0\r\n\r\n", &Ok(Reply::Meta(empty)));
    }

    #[test]
    fn statuses_are_those_of_the_command() {
        check(Grammar::Meta(Verb::Get), "EN O0\r\n", &Ok(Reply::Meta(meta(Status::Miss))));
        check(Grammar::Meta(Verb::Set), "NS O0\r\n", &Ok(Reply::Meta(meta(Status::NotStored))));
        check(Grammar::Meta(Verb::Set), "EN O0\r\n", &Err("ms"));
        check(Grammar::Meta(Verb::Get), "NS O0\r\n", &Err("mg"));
        check(Grammar::Meta(Verb::Get), "VALUE k 0 1\r\n", &Err("mg"));
        check(Grammar::Meta(Verb::Delete), "VA 1 O0\r\nx\r\n", &Err("md"));
    }

    #[test]
    fn a_reply_without_the_opaque_of_its_request_is_refused() {
        check(Grammar::Meta(Verb::Get), "EN O1\r\n", &Err("opaque"));
        check(Grammar::Meta(Verb::Get), "EN\r\n", &Err("opaque"));
        check(Grammar::Meta(Verb::Get), "EN O0 O0\r\n", &Err("opaque"));
        check(Grammar::Meta(Verb::Set), "HD O00\r\n", &Err("opaque"));
    }

    #[test]
    fn lying_sizes_and_terminators_are_refused() {
        for size in ["65", "-1", "18446744073709551616", "9223372036854775808", "x", "+1"] {
            check(Grammar::Meta(Verb::Get), &format!("VA {size} O0\r\nx\r\n"), &Err(""));
        }
        check(Grammar::Meta(Verb::Get), "VA 1 O0\r\nxyz\r\n", &Err("does not end"));
        check(Grammar::Meta(Verb::Get), "VA\r\n", &Err(""));
    }

    #[test]
    fn lines_are_bounded_and_end_with_cr_lf() {
        check(Grammar::Line(Line::Version), &"x".repeat(2048), &Err("without an end"));
        check(Grammar::Line(Line::Ok), "OK\n", &Err("carriage return"));
        check(Grammar::Line(Line::Ok), "\n", &Err("empty line"));
    }

    #[test]
    fn errors_keep_the_stream_only_where_it_stays_in_step() {
        let large = "SERVER_ERROR object too large for cache\r\n";
        let refusal =
            |line: &str| Ok(Reply::Refused(Refusal::read(line.trim_end().as_bytes()).unwrap()));
        check(Grammar::Meta(Verb::Set), large, &refusal(large));
        check(
            Grammar::Meta(Verb::Arithmetic),
            "CLIENT_ERROR nan\r\n",
            &refusal("CLIENT_ERROR nan"),
        );
        check(Grammar::Meta(Verb::Set), "CLIENT_ERROR bad data chunk\r\n", &Err("not in step"));
        check(Grammar::Meta(Verb::Get), "ERROR Too many open connections\r\n", &Err("not in step"));
        check(Grammar::Line(Line::Ok), "ERROR\r\n", &refusal("ERROR"));
    }

    #[test]
    fn lines_are_held_against_the_grammar_of_their_command() {
        check(
            Grammar::Line(Line::Version),
            "VERSION 1.6.18\r\n",
            &Ok(Reply::Line("VERSION 1.6.18".into())),
        );
        check(Grammar::Line(Line::Version), "OK\r\n", &Err("VERSION"));
        check(Grammar::Line(Line::Ok), "OK\r\n", &Ok(Reply::Line("OK".into())));
        check(Grammar::Line(Line::Ok), "OKAY\r\n", &Err("OK"));
    }
}
