use bytes::{Buf, BytesMut};

use crate::proto::{
    ascii::decimal,
    limits::{Limits, MAX_LINE},
    out_of_step::OutOfStep,
    refusal::Refusal,
    reply::Reply,
};

/// The most bytes of lines that are taken in before their end: many times what any `stats` has.
const MAX_BLOCK: usize = 8 << 20;

/// A reply of several lines.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Block {
    /// `STAT`, `ITEM` and `PREFIX` lines up to `END`, or `RESET` or `OK` in place of all.
    Stats,
    /// Lines of any kind up to `END`; a data block behind a `VALUE` line is no line.
    Raw,
}

/// What a line is to the block that it stands in.
enum Part {
    End,
    Line,
    /// A line that announces so many bytes.
    Data(usize),
}

/// Takes a reply of several lines off `buffer`; `None` when its end is not there yet. `seen` is how much
/// of it was looked through in vain before: zero at first, and again after a reply.
///
/// # Errors
/// [`OutOfStep`] when a line cannot stand here, or the lines are too many.
pub(in crate::proto) fn cut_block(
    buffer: &mut BytesMut,
    block: Block,
    limits: Limits,
    seen: &mut usize,
) -> Result<Option<Reply>, OutOfStep> {
    loop {
        let start = *seen;
        if start > MAX_BLOCK {
            return Err(OutOfStep(format!("a reply of more than {MAX_BLOCK} bytes").into()));
        }
        let rest = buffer.get(start..).unwrap_or_default();
        let head = rest.get(..MAX_LINE).unwrap_or(rest);
        let Some(end) = memchr::memchr(b'\n', head) else {
            return match rest.len() {
                0..MAX_LINE => Ok(None),
                _ => Err(OutOfStep::new("a line without an end", head)),
            };
        };
        let line = head.get(..end).unwrap_or_default();
        let line = match (line.strip_suffix(b"\r"), block) {
            (Some(line), _) => line,
            // What the server's crawler writes ends so.
            (None, Block::Raw) => line,
            (None, Block::Stats) => {
                return Err(OutOfStep::new("a line without its carriage return", line));
            }
        };
        if let Some(refusal) = Refusal::read(line) {
            if block == Block::Stats && !refusal.is_one_line() {
                return Err(OutOfStep::new("an error that answers nothing", line));
            }
            buffer.advance(std::mem::take(seen) + end + 1);
            return Ok(Some(Reply::Refused(refusal)));
        }
        match block.part(line, start == 0, limits)? {
            Part::End => {
                let lines = buffer.split_to(std::mem::take(seen)).freeze();
                buffer.advance(end + 1);
                return Ok(Some(Reply::Block(lines)));
            }
            Part::Line => *seen += end + 1,
            Part::Data(size) => {
                let next = start + end + 1 + size + 2;
                match buffer.get(next - 2..next) {
                    None => return Ok(None),
                    Some(b"\r\n") => *seen = next,
                    Some(other) => {
                        return Err(OutOfStep::new(
                            "a value that does not end where its size says",
                            other,
                        ));
                    }
                }
            }
        }
    }
}

impl Block {
    fn part(self, line: &[u8], first: bool, limits: Limits) -> Result<Part, OutOfStep> {
        if line == b"END" {
            return Ok(Part::End);
        }
        match self {
            Self::Stats if first && matches!(line, b"RESET" | b"OK") => Ok(Part::End),
            Self::Stats => {
                let known = [&b"STAT "[..], b"ITEM ", b"PREFIX "];
                if known.iter().any(|word| line.starts_with(word)) {
                    return Ok(Part::Line);
                }
                Err(OutOfStep::new("stats is answered with STAT lines and END", line))
            }
            Self::Raw => {
                let Some(item) = line.strip_prefix(b"VALUE ") else { return Ok(Part::Line) };
                let size = item.split(|&byte| byte == b' ').nth(2).and_then(decimal);
                let size =
                    size.ok_or_else(|| OutOfStep::new("a value's size is no number", line))?;
                limits.check(size).map(Part::Data)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(block: Block, input: &str, expected: Result<&str, &str>) {
        for split in 0..=input.len() {
            let (first, second) = input.as_bytes().split_at(split);
            let mut buffer = BytesMut::from(first);
            let limits = Limits { max_value: 64 };
            let mut seen = 0;
            let mut cut = cut_block(&mut buffer, block, limits, &mut seen);
            if cut == Ok(None) {
                buffer.extend_from_slice(second);
                cut = cut_block(&mut buffer, block, limits, &mut seen);
            }
            match (&cut, expected) {
                (Ok(Some(Reply::Block(lines))), Ok(expected)) => assert_eq!(lines, expected),
                (Ok(Some(Reply::Refused(refusal))), Err(expected)) => {
                    assert!(refusal.text.contains(expected), "{refusal:?}");
                }
                (Err(OutOfStep(text)), Err(expected)) => assert!(text.contains(expected), "{text}"),
                _ => panic!("{cut:?} where {expected:?} was expected, split at {split}"),
            }
        }
    }

    #[test]
    fn lines_are_taken_up_to_their_end() {
        check(Block::Stats, "STAT a 1\r\nSTAT b\r\nEND\r\n", Ok("STAT a 1\r\nSTAT b\r\n"));
        for input in ["END\r\n", "RESET\r\n", "OK\r\n"] {
            check(Block::Stats, input, Ok(""));
        }
        check(Block::Raw, "key=a\nEND\r\n", Ok("key=a\n"));
        check(Block::Raw, "VALUE k 0 5\r\nEND\r\n\r\nEND\r\n", Ok("VALUE k 0 5\r\nEND\r\n\r\n"));
    }

    #[test]
    fn what_cannot_stand_there_is_out_of_step() {
        check(Block::Stats, "STAT a 1\r\nOK\r\n", Err("STAT lines"));
        check(Block::Stats, "STAT a 1\nEND\r\n", Err("carriage return"));
        check(Block::Stats, &"x".repeat(MAX_LINE), Err("without an end"));
        check(Block::Stats, "SERVER_ERROR out of memory\r\n", Err("out of memory"));
        check(Block::Raw, "a\r\nSERVER_ERROR out of memory\r\n", Err("out of memory"));
        check(Block::Raw, "VALUE k 0 65\r\n", Err("limit"));
        check(Block::Raw, "VALUE k 0 x\r\n", Err("no number"));
        check(Block::Raw, "VALUE k 0 1\r\nxyz\r\n", Err("does not end"));
    }

    #[test]
    fn what_was_looked_through_is_not_looked_through_again() {
        let (limits, mut seen) = (Limits { max_value: 64 }, 0);
        let mut buffer = BytesMut::from("key=a\nVALUE k 0 1\r\nx\r\nVALUE k 0 1\r\n");
        assert_eq!(cut_block(&mut buffer, Block::Raw, limits, &mut seen), Ok(None));
        let whole = seen;
        assert_eq!(whole, "key=a\nVALUE k 0 1\r\nx\r\n".len());

        buffer.fill(b'x');
        buffer.truncate(whole);
        buffer.extend_from_slice(b"END\r\n");
        let cut = cut_block(&mut buffer, Block::Raw, limits, &mut seen);
        let lines = "x".repeat(whole).into();
        assert_eq!(cut, Ok(Some(Reply::Block(lines))));
        assert_eq!(seen, 0, "the next reply is looked through from its beginning");
    }

    #[test]
    fn endless_lines_are_given_up() {
        let mut buffer = BytesMut::from("STAT a 1\r\n".repeat(MAX_BLOCK / 10 + 2).as_bytes());
        let cut = cut_block(&mut buffer, Block::Stats, Limits { max_value: 64 }, &mut 0);
        assert!(cut.is_err_and(|OutOfStep(text)| text.contains("more than")));
    }
}
