//! Which bytes stand in a key as they are, and how the others do.

use crate::key::buffer::Buffer;

/// What stands for nothing at all.
pub(crate) const EMPTY: &[u8] = b"''";

/// Writes the program's own text: like other text, but `:` stays and nothing writes nothing.
pub(crate) fn head(bytes: &[u8], write: &mut impl FnMut(&[u8])) {
    percent(bytes, |byte| is_plain(byte) || byte == b':', write);
}

/// Writes text.
pub(crate) fn text(bytes: &[u8], buffer: &mut Buffer) {
    if bytes.is_empty() {
        return buffer.push(EMPTY);
    }
    percent(bytes, is_plain, &mut |bytes: &[u8]| buffer.push(bytes));
}

/// Writes bytes as text where all of them are plain, else in hex between quotes.
pub(crate) fn bytes(bytes: &[u8], buffer: &mut Buffer) {
    if !bytes.is_empty() && bytes.iter().copied().all(is_plain) {
        return buffer.push(bytes);
    }
    buffer.push(b"'");
    for &byte in bytes {
        buffer.push(&hex(byte, LOWER));
    }
    buffer.push(b"'");
}

fn percent(bytes: &[u8], plain: impl Fn(u8) -> bool, write: &mut impl FnMut(&[u8])) {
    // One pass without an early exit is faster than a search, and the common case.
    if bytes.iter().fold(true, |all, &byte| all & plain(byte)) {
        return write(bytes);
    }
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|&byte| !plain(byte)) {
        let [high, low] = hex(rest[at], UPPER);
        write(&rest[..at]);
        write(&[b'%', high, low]);
        rest = &rest[at + 1..];
    }
    write(rest);
}

/// Returns whether a byte is printable and no sign of the grammar.
fn is_plain(byte: u8) -> bool {
    PLAIN[usize::from(byte)]
}

const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        table[byte as usize] = true;
        byte += 1;
    }
    let mut i = 0;
    while i < SIGNS.len() {
        table[SIGNS[i] as usize] = false;
        i += 1;
    }
    table
};

const SIGNS: &[u8] = b":,()[]{}%'#~+=";

fn hex(byte: u8, digits: &[u8; 16]) -> [u8; 2] {
    [digits[usize::from(byte >> 4)], digits[usize::from(byte & 0xf)]]
}

const UPPER: &[u8; 16] = b"0123456789ABCDEF";
const LOWER: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(write: fn(&[u8], &mut Buffer), input: &[u8], expected: &str) {
        let mut buffer = Buffer::new(250);
        write(input, &mut buffer);
        assert_eq!(buffer.finish().as_str(), expected);
    }

    #[test]
    fn text_keeps_what_is_harmless_and_escapes_the_rest() {
        check(text, b"", "''");
        check(text, b"a-b_c.d/e@f", "a-b_c.d/e@f");
        check(text, b" :,()[]{}%'#~+=", "%20%3A%2C%28%29%5B%5D%7B%7D%25%27%23%7E%2B%3D");
        check(text, "é\r\n\0\x7f".as_bytes(), "%C3%A9%0D%0A%00%7F");
    }

    #[test]
    fn a_head_keeps_its_colons() {
        let head = |bytes: &[u8], buffer: &mut Buffer| {
            head(bytes, &mut |bytes: &[u8]| buffer.push(bytes));
        };
        check(head, b"", "");
        check(head, b"shop:user.abc-d_e/f", "shop:user.abc-d_e/f");
        check(head, b"a b#c\n", "a%20b%23c%0A");
    }

    #[test]
    fn bytes_are_plain_or_hex_and_never_both() {
        check(bytes, b"", "''");
        check(bytes, b"abc", "abc");
        check(bytes, b"a:c", "'613a63'");
        check(bytes, b"\x00\xff", "'00ff'");
    }
}
