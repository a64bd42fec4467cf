//! Finds the end of one reply in a growing buffer and holds it against its grammar.
//!
//! A reply is either not whole yet, whole and right, or out of step; there is no fourth, and nothing
//! after an [`OutOfStep`] may be believed.

use bytes::{Buf, BytesMut};

use super::{
    classic::{Line, cut_block},
    limits::{Limits, check_block, has_block, line_end, take_block},
    meta,
    opaque::Opaque,
    out_of_step::OutOfStep,
    refusal::{Refusal, RefusalKind},
    reply::Reply,
    request::Grammar,
};

/// Takes the next reply off `buffer`; `None` when it is not whole yet.
///
/// `seen` is how much of a reply of several lines was looked through in vain before: zero at first, and
/// again after a reply. An error line is a reply too; [`leaves_in_step`] says whether others may follow it.
///
/// # Errors
/// [`OutOfStep`] when the bytes cannot be the reply to a request of this grammar and opaque.
pub(crate) fn cut(
    buffer: &mut BytesMut,
    grammar: Grammar,
    opaque: Opaque,
    limits: Limits,
    seen: &mut usize,
) -> Result<Option<Reply>, OutOfStep> {
    if let Grammar::Block(block) = grammar {
        return cut_block(buffer, block, limits, seen);
    }
    let Some(end) = line_end(buffer)? else {
        return Ok(None);
    };
    let line = buffer.get(..end).unwrap_or_default();
    if let Grammar::Meta(verb) = grammar
        && let Some(head) = meta::Head::read(line, verb, opaque)?
    {
        return cut_meta(buffer, end + 2, head, limits);
    }
    if let Some(refusal) = Refusal::read(line) {
        let any = matches!(grammar, Grammar::Line(Line::Shutdown | Line::Any));
        if !refusal.is_one_line() && !any {
            return Err(OutOfStep::new("an error that answers nothing", line));
        }
        buffer.advance(end + 2);
        return Ok(Some(Reply::Refused(refusal)));
    }
    let complaint = match grammar {
        Grammar::Line(expected) => match expected.take(buffer, end) {
            Some(reply) => return Ok(Some(reply)),
            None => expected.complaint(),
        },
        Grammar::Meta(verb) => verb.complaint(),
        Grammar::Block(_) | Grammar::Items(_) => "a reply that is cut in parts",
    };
    Err(OutOfStep::new(complaint, buffer.get(..end).unwrap_or_default()))
}

fn cut_meta(
    buffer: &mut BytesMut,
    start: usize,
    head: meta::Head,
    limits: Limits,
) -> Result<Option<Reply>, OutOfStep> {
    let Some(size) = head.size else {
        buffer.advance(start);
        return Ok(Some(Reply::Answer(head.without_data())));
    };
    let size = limits.check(size)?;
    if !has_block(buffer, start, size) {
        return Ok(None);
    }
    check_block(buffer, start, size)?;
    let data = take_block(buffer, start, size);
    Ok(Some(Reply::Answer(head.with_data(data))))
}

/// Says whether the stream goes on in step after this reply.
///
/// After a malformed storage command the server reads its data block as commands, so more lines may
/// follow than were asked for. A server that does not know a meta command at all is not what it
/// said it is.
pub(crate) fn leaves_in_step(grammar: Grammar, reply: &Reply) -> bool {
    let Reply::Refused(refusal) = reply else { return true };
    match refusal.kind {
        RefusalKind::TooLarge | RefusalKind::Server => true,
        RefusalKind::Client => !grammar.has_data(),
        RefusalKind::Unknown => !grammar.has_data() && !matches!(grammar, Grammar::Meta(_)),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{
        proto::{
            answer::{Answer, Status, Win},
            classic::Block,
            meta::Verb,
        },
        wire::CasToken,
    };

    const LIMITS: Limits = Limits { max_value: 64 };

    /// Feeds `input` in two parts, cut at every place.
    #[track_caller]
    fn check(grammar: Grammar, input: &str, expected: &Result<Reply, &str>) {
        for split in 0..=input.len() {
            let (first, second) = input.as_bytes().split_at(split);
            let mut buffer = BytesMut::from(first);
            let mut seen = 0;
            let mut outcome = cut(&mut buffer, grammar, Opaque::FIRST, LIMITS, &mut seen);
            if let Ok(None) = outcome {
                buffer.extend_from_slice(second);
                outcome = cut(&mut buffer, grammar, Opaque::FIRST, LIMITS, &mut seen);
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

    fn meta(status: Status) -> Answer {
        Answer::of(status)
    }

    #[test]
    fn a_value_is_cut_whole_at_every_split() {
        let reply = Answer {
            flags: 16,
            cas: Some(CasToken::new(1)),
            ttl: Some(60),
            data: Some(Bytes::from_static(b"a\r\nb")),
            ..meta(Status::Value)
        };
        check(
            Grammar::Meta(Verb::Get),
            "VA 4 f16 c1 t60 O0\r\na\r\nb\r\n",
            &Ok(Reply::Answer(reply)),
        );
        let empty = Answer { data: Some(Bytes::new()), ttl: Some(-1), ..meta(Status::Value) };
        check(Grammar::Meta(Verb::Get), "VA 0 t-1 O0\r\n\r\n", &Ok(Reply::Answer(empty)));
    }

    #[test]
    fn statuses_are_those_of_the_command() {
        check(Grammar::Meta(Verb::Get), "EN O0\r\n", &Ok(Reply::Answer(meta(Status::Miss))));
        check(Grammar::Meta(Verb::Set), "NS O0\r\n", &Ok(Reply::Answer(meta(Status::NotStored))));
        check(Grammar::Meta(Verb::Set), "EN O0\r\n", &Err("ms"));
        check(Grammar::Meta(Verb::Get), "NS O0\r\n", &Err("mg"));
        check(Grammar::Meta(Verb::Get), "VALUE k 0 1\r\n", &Err("mg"));
        check(Grammar::Meta(Verb::Delete), "VA 1 O0\r\nx\r\n", &Err("md"));
    }

    #[test]
    fn who_may_refresh_an_item_is_read_and_cannot_be_said_twice() {
        let value = |stale, win| {
            Ok(Reply::Answer(Answer {
                cas: Some(CasToken::new(7)),
                data: Some(Bytes::from_static(b"a")),
                stale,
                win,
                ..meta(Status::Value)
            }))
        };
        let (won, held) = (Some(Win::Won), Some(Win::Held));
        let lease = Grammar::Meta(Verb::Lease);
        check(lease, "VA 1 c7 O0\r\na\r\n", &value(false, None));
        check(lease, "VA 1 c7 O0 W\r\na\r\n", &value(false, won));
        check(lease, "VA 1 c7 O0 Z\r\na\r\n", &value(false, held));
        for get in [lease, Grammar::Meta(Verb::Get)] {
            check(get, "VA 1 c7 O0 X W\r\na\r\n", &value(true, won));
            check(get, "VA 1 c7 O0 Z X\r\na\r\n", &value(true, held));
            check(get, "VA 1 c7 O0 W Z X\r\na\r\n", &Err("not asked for"));
            check(get, "VA 1 c7 O0 X W W\r\na\r\n", &Err("not asked for"));
            check(get, "VA 1 c7 O0 X1 W\r\na\r\n", &Err("not asked for"));
            for marks in ["W", "X", "Z", "X W"] {
                check(get, &format!("EN O0 {marks}\r\n"), &Err("gives away"));
            }
        }
        check(Grammar::Meta(Verb::Get), "VA 1 c7 O0 W\r\na\r\n", &Err("gives away"));
        check(Grammar::Meta(Verb::Touch), "HD O0 W\r\n", &Err("gives away"));
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
    fn error_lines_stand_in_for_any_reply_and_some_end_the_stream() {
        let grammars = [
            (Grammar::Meta(Verb::Get), true, false),
            (Grammar::Meta(Verb::Count), true, false),
            (Grammar::Meta(Verb::Set), false, false),
            (Grammar::Line(Line::Stored), false, false),
            (Grammar::Line(Line::Swapped), false, false),
            (Grammar::Line(Line::Deleted), true, true),
            (Grammar::Line(Line::Ok), true, true),
            (Grammar::Block(Block::Stats), true, true),
        ];
        for (grammar, client, unknown) in grammars {
            for (line, stays) in [
                ("SERVER_ERROR object too large for cache", true),
                ("SERVER_ERROR out of memory", true),
                ("CLIENT_ERROR bad data chunk", client),
                ("ERROR", unknown),
            ] {
                let reply = Reply::Refused(Refusal::read(line.as_bytes()).unwrap());
                assert_eq!(leaves_in_step(grammar, &reply), stays, "{grammar:?} {line}");
                check(grammar, &format!("{line}\r\n"), &Ok(reply));
            }
        }
        let full = "ERROR Too many open connections\r\n";
        check(Grammar::Meta(Verb::Get), full, &Err("answers nothing"));
        let disabled = "ERROR: shutdown not enabled";
        let refusal = Refusal::read(disabled.as_bytes()).unwrap();
        check(
            Grammar::Line(Line::Shutdown),
            "ERROR: shutdown not enabled\r\n",
            &Ok(Reply::Refused(refusal)),
        );
    }

    #[test]
    fn words_of_the_classic_dialect_are_those_of_the_command() {
        use Line::{Count, Deleted, Info, Limit, Stored, Swapped, Touched};
        let lines = [Stored, Swapped, Deleted, Touched, Count, Info];
        let words: [(&str, &[(Line, Status)]); 9] = [
            ("STORED", &[(Stored, Status::Done), (Swapped, Status::Done)]),
            ("NOT_STORED", &[(Stored, Status::NotStored)]),
            ("EXISTS", &[(Swapped, Status::Exists)]),
            ("DELETED", &[(Deleted, Status::Done)]),
            ("TOUCHED", &[(Touched, Status::Done)]),
            ("EN", &[(Info, Status::Miss)]),
            ("OK", &[]),
            ("END", &[]),
            ("-1", &[]),
        ];
        for (word, takers) in words {
            for line in lines {
                let status = takers.iter().find(|(taker, _)| *taker == line);
                let expected = status.map(|(_, status)| Reply::Answer(Answer::of(*status)));
                check(Grammar::Line(line), &format!("{word}\r\n"), &expected.ok_or(""));
            }
        }
        let number = Answer { data: Some(Bytes::from_static(b"12")), ..meta(Status::Value) };
        check(Grammar::Line(Count), "12\r\n", &Ok(Reply::Answer(number)));
        check(Grammar::Line(Count), "18446744073709551616\r\n", &Err("number"));
        check(Grammar::Line(Count), "NOT_FOUND\r\n", &Ok(Reply::Answer(meta(Status::NotFound))));
        check(Grammar::Line(Touched), "NOT_FOUND\r\n", &Ok(Reply::Answer(meta(Status::Miss))));
        let about = |line: &str, cas: Option<u64>| {
            Reply::Info(line.to_owned().into(), cas.map(CasToken::new))
        };
        check(Grammar::Line(Info), "ME k a=1\r\n", &Ok(about("ME k a=1", None)));
        check(Grammar::Line(Info), "ME k cas=3 a=1\r\n", &Ok(about("ME k cas=3 a=1", Some(3))));
        check(Grammar::Line(Info), "ME k cas=x\r\n", &Ok(about("ME k cas=x", None)));
        let small = "MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m";
        let refusal = Refusal { kind: RefusalKind::Server, text: small.into() };
        check(Grammar::Line(Limit), &format!("{small}\r\n"), &Ok(Reply::Refused(refusal)));
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
