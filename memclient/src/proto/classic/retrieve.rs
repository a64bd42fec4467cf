//! `get` and its relatives, of many keys (protocol.txt, "Retrieval command").

use bytes::{Buf, Bytes, BytesMut};

use crate::{
    proto::{
        ascii::{self, leading_decimal},
        limits::{Limits, check_block, has_block, line_end, take_block},
        out_of_step::OutOfStep,
        refusal::Refusal,
    },
    wire::CasToken,
};

/// A command that is answered with items.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// `get`
    Get,
    /// `gets`: with the version.
    Gets,
    /// `gat`: and gives another time to live.
    Gat(i32),
    /// `gats`: both.
    Gats(i32),
}

impl Form {
    /// Says whether an item tells its version.
    pub(crate) const fn has_cas(self) -> bool {
        matches!(self, Self::Gets | Self::Gats(_))
    }

    /// Returns how many bytes of keys may stand in one command, if the server minds.
    ///
    /// It takes a line of any length for `get` and `gets`, and closes the connection at others of
    /// more than 2,048 bytes that arrive in parts.
    pub(crate) const fn max_bytes(self) -> usize {
        match self {
            Self::Get | Self::Gets => usize::MAX,
            Self::Gat(_) | Self::Gats(_) => 1800,
        }
    }

    /// Appends what stands before the keys.
    pub(crate) fn put(self, out: &mut BytesMut) {
        match self {
            Self::Get => out.extend_from_slice(b"get"),
            Self::Gets => out.extend_from_slice(b"gets"),
            Self::Gat(ttl) => {
                out.extend_from_slice(b"gat ");
                ascii::put(out, ttl);
            }
            Self::Gats(ttl) => {
                out.extend_from_slice(b"gats ");
                ascii::put(out, ttl);
            }
        }
    }
}

/// One step of the reply to a `get`.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Found {
    /// An item, whose key was accepted.
    Item { flags: u32, cas: Option<CasToken>, data: Bytes },
    /// There are no more items.
    End,
    /// The server could not answer the rest.
    Refused(Refusal),
}

/// An item that was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepted {
    /// The length of its key.
    pub(crate) key: usize,
    /// Whether other items may follow it.
    pub(crate) more: bool,
}

/// What is announced of an item beside its key.
struct Numbers {
    flags: u32,
    size: u64,
    cas: Option<CasToken>,
}

/// Takes the next step of the reply off `buffer`; `None` when it is not whole yet.
///
/// An item is whole when what follows it shows that it ended there: a server that sends two values
/// for the one key that was asked for tells a lie with one of them, and nobody knows with which.
///
/// `accept` sees what is announced as an item, from its key on, and again where it was not whole before;
/// it accepts a key that stands there with a space behind it.
///
/// # Errors
/// [`OutOfStep`] when the bytes cannot stand here, or the key is not accepted.
pub(crate) fn cut_found(
    buffer: &mut BytesMut,
    form: Form,
    limits: Limits,
    accept: impl FnOnce(&[u8]) -> Option<Accepted>,
) -> Result<Option<Found>, OutOfStep> {
    let Some(item) = buffer.strip_prefix(b"VALUE ") else { return cut_end(buffer) };
    let Some(Accepted { key, more }) = accept(item) else {
        return unless_whole(buffer, "an item that was not asked for here");
    };
    let numbers = item.get(key..).and_then(|rest| numbers(rest, form.has_cas()));
    let Some((Numbers { flags, size, cas }, rest)) = numbers else {
        return unless_whole(
            buffer,
            "an item is announced as VALUE key flags bytes, and its version where asked for",
        );
    };
    let size = limits.check(size)?;
    let start = buffer.len() - rest.len();
    if !has_block(buffer, start, size) {
        return Ok(None);
    }
    check_block(buffer, start, size)?;
    if !is_followed(buffer.get(start + size + 2..).unwrap_or_default(), more)? {
        return Ok(None);
    }
    let data = take_block(buffer, start, size);
    Ok(Some(Found::Item { flags, cas, data }))
}

/// Takes what ends a reply off the buffer.
fn cut_end(buffer: &mut BytesMut) -> Result<Option<Found>, OutOfStep> {
    let Some(end) = line_end(buffer)? else { return Ok(None) };
    let line = buffer.get(..end).unwrap_or_default();
    let found = if line == b"END" {
        Found::End
    } else {
        match Refusal::read(line) {
            Some(refusal) if refusal.is_one_line() => Found::Refused(refusal),
            _ => return Err(OutOfStep::new("a get is answered with VALUE or END", line)),
        }
    };
    buffer.advance(end + 2);
    Ok(Some(found))
}

/// Returns what is wrong with a line, once it is whole.
fn unless_whole(buffer: &[u8], complaint: &'static str) -> Result<Option<Found>, OutOfStep> {
    let Some(end) = line_end(buffer)? else { return Ok(None) };
    Err(OutOfStep::new(complaint, buffer.get(..end).unwrap_or_default()))
}

/// Says whether what may stand behind an item is there, as far as needed to know it.
fn is_followed(rest: &[u8], more: bool) -> Result<bool, OutOfStep> {
    const END: &[u8] = b"END\r\n";
    const ITEM: &[u8] = b"VALUE ";
    if rest.starts_with(END) || more && rest.starts_with(ITEM) {
        return Ok(true);
    }
    if END.starts_with(rest) || more && ITEM.starts_with(rest) {
        return Ok(false);
    }
    let Some(end) = line_end(rest)? else { return Ok(false) };
    let line = rest.get(..end).unwrap_or_default();
    match Refusal::read(line) {
        Some(refusal) if refusal.is_one_line() => Ok(true),
        _ => Err(OutOfStep::new("more than was asked for behind an item", line)),
    }
}

/// Reads ` flags bytes`, the version where there must be one, and the end of the line; returns what
/// stands behind that as well.
fn numbers(text: &[u8], has_cas: bool) -> Option<(Numbers, &[u8])> {
    let (flags, rest) = next_number(text)?;
    let (size, mut rest) = next_number(rest)?;
    let mut cas = None;
    if has_cas {
        let (version, end) = next_number(rest)?;
        (cas, rest) = (Some(CasToken::new(version)), end);
    }
    let numbers = Numbers { flags: u32::try_from(flags).ok()?, size, cas };
    Some((numbers, rest.strip_prefix(b"\r\n")?))
}

/// Reads a space and the number behind it.
fn next_number(text: &[u8]) -> Option<(u64, &[u8])> {
    leading_decimal(text.strip_prefix(b" ")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(form: Form, input: &str, expected: &Result<Found, &str>) {
        check_before(false, form, input, expected);
    }

    /// Feeds `input` in two parts, cut at every place.
    #[track_caller]
    fn check_before(more: bool, form: Form, input: &str, expected: &Result<Found, &str>) {
        for split in 0..=input.len() {
            let (first, second) = input.as_bytes().split_at(split);
            let mut buffer = BytesMut::from(first);
            let limits = Limits { max_value: 64 };
            let accept = |item: &[u8]| item.starts_with(b"k ").then_some(Accepted { key: 1, more });
            let mut found = cut_found(&mut buffer, form, limits, accept);
            if found == Ok(None) {
                buffer.extend_from_slice(second);
                found = cut_found(&mut buffer, form, limits, accept);
            }
            match (&found, expected) {
                (Ok(Some(found)), Ok(expected)) => assert_eq!(found, expected, "split at {split}"),
                (Err(OutOfStep(text)), Err(expected)) => assert!(text.contains(expected), "{text}"),
                _ => panic!("{found:?} where {expected:?} was expected, split at {split}"),
            }
        }
    }

    #[test]
    fn items_are_cut_whole_and_only_under_their_own_key() {
        let data = Bytes::from_static(b"a\r\nb");
        let item = Found::Item { flags: 16, cas: None, data: data.clone() };
        check(Form::Get, "VALUE k 16 4\r\na\r\nb\r\nEND\r\n", &Ok(item));
        let item = Found::Item { flags: 16, cas: Some(CasToken::new(7)), data };
        check(Form::Gats(0), "VALUE k 16 4 7\r\na\r\nb\r\nEND\r\n", &Ok(item));
        check(Form::Get, "END\r\n", &Ok(Found::End));
        check(Form::Get, "VALUE other 0 1\r\nx\r\n", &Err("not asked for"));
        check(Form::Get, "VALUE k 0 1\r\nxyz\r\n", &Err("does not end"));
    }

    #[test]
    fn an_item_waits_for_what_shows_that_it_was_all() {
        let item = || Ok(Found::Item { flags: 0, cas: None, data: Bytes::from_static(b"x") });
        let one = "VALUE k 0 1\r\nx\r\n";
        for (more, rest) in [(false, "END\r\n"), (true, "END\r\n"), (true, "VALUE ")] {
            check_before(more, Form::Get, &format!("{one}{rest}"), &item());
        }
        check(Form::Get, &format!("{one}SERVER_ERROR out of memory\r\n"), &item());
        for rest in ["VALUE k 0 1\r\ny\r\nEND\r\n", "EN\r\n", "\r\n", "STORED\r\n"] {
            check(Form::Get, &format!("{one}{rest}"), &Err(""));
        }
        check_before(true, Form::Get, &format!("{one}VALUES\r\n"), &Err("more than"));
        for rest in ["", "EN", "END", "END\r", "VALU"] {
            let mut buffer = BytesMut::from(format!("{one}{rest}").as_bytes());
            let more = rest.starts_with('V');
            let limits = Limits { max_value: 64 };
            let accept = |_: &[u8]| Some(Accepted { key: 1, more });
            assert_eq!(cut_found(&mut buffer, Form::Get, limits, accept), Ok(None));
        }
    }

    #[test]
    fn what_is_no_item_is_out_of_step() {
        let wrong = [
            "VALUE k 0\r\n",
            "VALUE k 0 -1\r\n",
            "VALUE k 0 1 2\r\n",
            "VALUE k x 1\r\n",
            "VALUE k 0 65\r\n",
            "VALUE k 4294967296 1\r\n",
            "EN\r\n",
            "STORED\r\n",
            "ERROR Too many open connections\r\n",
        ];
        for line in wrong {
            check(Form::Get, line, &Err(""));
        }
        for line in ["VALUE k 0 1\r\nx\r\n", "VALUE k 0 1 x\r\n", "VALUE k 0 1 2 3\r\n"] {
            check(Form::Gets, line, &Err("version"));
        }
        for line in ["SERVER_ERROR out of memory", "CLIENT_ERROR x", "ERROR"] {
            let refusal = Refusal::read(line.as_bytes()).unwrap();
            check(Form::Get, &format!("{line}\r\n"), &Ok(Found::Refused(refusal)));
        }
    }

    #[test]
    fn commands_write_themselves() {
        let mut out = BytesMut::new();
        for form in [Form::Get, Form::Gets, Form::Gat(-1), Form::Gats(60)] {
            form.put(&mut out);
            out.extend_from_slice(b",");
        }
        assert_eq!(out, "get,gets,gat -1,gats 60,");
    }
}
