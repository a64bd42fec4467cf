//! Reads requests as a server does, from protocol.txt and from nothing of this crate.

/// A command as a server understands it: its words, and its data block if it has one.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Command {
    pub(super) words: Vec<Vec<u8>>,
    pub(super) data: Option<Vec<u8>>,
}

impl Command {
    /// Reads all of `bytes` as exactly one command.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let end = bytes.iter().position(|&byte| byte == b'\n').expect("a line has an end");
        let (line, rest) = bytes.split_at(end + 1);
        let line = line.strip_suffix(b"\r\n").expect("a line ends with both");
        let words: Vec<Vec<u8>> = line.split(|&byte| byte == b' ').map(<[u8]>::to_vec).collect();
        for word in &words {
            assert!(!word.is_empty() && !word.iter().any(|&byte| byte <= b' ' || byte == 0x7f));
        }
        // Where the size of the data stands, the command's word counted.
        let place = match &words[0][..] {
            b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas" => Some(4),
            b"ms" => Some(2),
            _ => None,
        };
        let Some(place) = place else {
            assert!(rest.is_empty(), "more than one command");
            return Self { words, data: None };
        };
        let size: usize = text(&words[place]).parse().expect("a size is a number");
        let (data, end) = rest.split_at(size);
        assert_eq!(end, b"\r\n", "the data does not end where the command does");
        Self { words, data: Some(data.to_vec()) }
    }

    /// Returns the argument of the only flag with this letter, of a meta command.
    pub(super) fn flag(&self, letter: u8) -> Option<&str> {
        let behind = if self.words[0] == b"ms" { 3 } else { 2 };
        let mut flags = self.words[behind..].iter().filter(|flag| flag[0] == letter);
        let flag = flags.next()?;
        assert!(flags.next().is_none(), "a flag is given twice");
        Some(text(&flag[1..]))
    }
}

pub(super) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("numbers and flags are ASCII")
}
