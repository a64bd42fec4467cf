//! `get` of many keys (protocol.txt, "Retrieval command").

use bytes::{Buf, Bytes, BytesMut};

use crate::proto::{
    ascii::decimal,
    limits::{Limits, has_block, line_end, take_block},
    out_of_step::OutOfStep,
    refusal::{Refusal, RefusalKind},
};

/// One step of the reply to a `get`.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Found {
    /// An item, whose key was accepted.
    Item { flags: u32, data: Bytes },
    /// There are no more items.
    End,
    /// The server could not answer the rest.
    Refused(Refusal),
}

/// Takes the next step of the reply off `buffer`; `None` when it is not whole yet.
///
/// `accept` sees the key of an item that is whole, once.
///
/// # Errors
/// [`OutOfStep`] when the bytes cannot stand here, or the key is not accepted.
pub(crate) fn cut_found(
    buffer: &mut BytesMut,
    limits: Limits,
    accept: impl FnOnce(&[u8]) -> bool,
) -> Result<Option<Found>, OutOfStep> {
    let Some(end) = line_end(buffer)? else { return Ok(None) };
    let line = buffer.get(..end).unwrap_or_default();
    if line == b"END" {
        buffer.advance(end + 2);
        return Ok(Some(Found::End));
    }
    let Some(item) = line.strip_prefix(b"VALUE ") else {
        return match Refusal::read(line) {
            Some(refusal) if refusal.kind == RefusalKind::Server => {
                buffer.advance(end + 2);
                Ok(Some(Found::Refused(refusal)))
            }
            _ => Err(OutOfStep::new("get is answered with VALUE or END", line)),
        };
    };
    let Some((key, flags, size)) = head(item) else {
        return Err(OutOfStep::new("an item is announced as VALUE key flags bytes", line));
    };
    let size = limits.check(size)?;
    let start = end + 2;
    if !has_block(buffer, start, size) {
        return Ok(None);
    }
    if !accept(key) {
        return Err(OutOfStep::new("an item that was not asked for here", line));
    }
    let data = take_block(buffer, start, size)?;
    Ok(Some(Found::Item { flags, data }))
}

/// Reads `key flags bytes`.
fn head(item: &[u8]) -> Option<(&[u8], u32, u64)> {
    let mut words = item.split(|&byte| byte == b' ');
    let (key, flags, size) = (words.next()?, words.next()?, words.next()?);
    let flags = u32::try_from(decimal(flags)?).ok()?;
    words.next().is_none().then_some((key, flags, decimal(size)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: &Result<Found, &str>) {
        for split in 0..=input.len() {
            let (first, second) = input.as_bytes().split_at(split);
            let mut buffer = BytesMut::from(first);
            let limits = Limits { max_value: 64 };
            let mut found = cut_found(&mut buffer, limits, |key| key == b"k");
            if found == Ok(None) {
                buffer.extend_from_slice(second);
                found = cut_found(&mut buffer, limits, |key| key == b"k");
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
        check("VALUE k 16 4\r\na\r\nb\r\n", &Ok(Found::Item { flags: 16, data }));
        check("END\r\n", &Ok(Found::End));
        check("VALUE other 0 1\r\nx\r\n", &Err("not asked for"));
        check("VALUE k 0 1\r\nxyz\r\n", &Err("does not end"));
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
            "CLIENT_ERROR x\r\n",
            "ERROR\r\n",
        ];
        for line in wrong {
            check(line, &Err(""));
        }
        let refusal = Refusal::read(b"SERVER_ERROR out of memory").unwrap();
        check("SERVER_ERROR out of memory\r\n", &Ok(Found::Refused(refusal)));
    }
}
