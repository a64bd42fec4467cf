//! Requests as a function-driven server sees them, and what it may answer.

/// One request: a command line, with its data block if the command has one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Request {
    /// Which connection it came on, counted from 0.
    pub connection: usize,
    /// The command line without its line end.
    pub line: Vec<u8>,
    /// The data block without its line end; `None` for commands that have none.
    pub data: Option<Vec<u8>>,
}

impl Request {
    /// Returns the command line as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.line).into_owned()
    }

    /// Returns the words of the command line.
    pub fn words(&self) -> Vec<String> {
        self.text().split_ascii_whitespace().map(str::to_owned).collect()
    }

    /// Takes the first whole request from `buffer`, or returns `None` if there is none yet.
    pub(crate) fn take(connection: usize, buffer: &mut Vec<u8>) -> Option<Self> {
        let end = buffer.iter().position(|&byte| byte == b'\n')?;
        let line = buffer[..end].strip_suffix(b"\r").unwrap_or(&buffer[..end]).to_vec();
        let start = end + 1;
        let Some(length) = data_length(&line) else {
            buffer.drain(..start);
            return Some(Self { connection, line, data: None });
        };
        let data = buffer.get(start..start.checked_add(length)?)?.to_vec();
        let after = start + length;
        buffer.get(after..after + 2)?;
        buffer.drain(..after + 2);
        Some(Self { connection, line, data: Some(data) })
    }
}

/// What a function-driven server does after a request.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// Sends these bytes; none of them is silence.
    Send(Vec<u8>),
    /// Sends these bytes and closes the connection in good order.
    Close(Vec<u8>),
    /// Breaks the connection off: the other side sees a reset.
    Reset,
}

impl From<Vec<u8>> for Answer {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Send(bytes)
    }
}

impl From<&[u8]> for Answer {
    fn from(bytes: &[u8]) -> Self {
        Self::Send(bytes.to_vec())
    }
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self::Send(text.into_bytes())
    }
}

impl From<&str> for Answer {
    fn from(text: &str) -> Self {
        Self::Send(text.as_bytes().to_vec())
    }
}

/// Returns the length of the data block that follows a command line.
fn data_length(line: &[u8]) -> Option<usize> {
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_ascii_whitespace();
    let position = match words.next()? {
        "set" | "add" | "replace" | "append" | "prepend" | "cas" => 3,
        "ms" => 1,
        _ => return None,
    };
    words.nth(position)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &str, expected: &[(&str, Option<&str>)]) {
        // One byte at a time, so that every place at which a packet may end is tried.
        let mut buffer = Vec::new();
        let mut requests = Vec::new();
        for byte in bytes.bytes() {
            buffer.push(byte);
            while let Some(request) = Request::take(0, &mut buffer) {
                requests.push(request);
            }
        }
        let found: Vec<_> = requests
            .iter()
            .map(|request| {
                let data = request.data.as_deref().map(|data| str::from_utf8(data).unwrap());
                (str::from_utf8(&request.line).unwrap(), data)
            })
            .collect();
        assert_eq!(found, expected);
        assert!(buffer.is_empty());
    }

    #[test]
    fn commands_without_data_are_lines() {
        check("get a b\r\nmn\r\n", &[("get a b", None), ("mn", None)]);
    }

    #[test]
    fn a_data_block_belongs_to_its_line() {
        check("set k 1 0 3\r\na\r\n\r\nmn\r\n", &[("set k 1 0 3", Some("a\r\n")), ("mn", None)]);
        check("cas k 1 0 1 7\r\nx\r\n", &[("cas k 1 0 1 7", Some("x"))]);
        check("ms k 2 T0 c\r\nxy\r\n", &[("ms k 2 T0 c", Some("xy"))]);
        check("ms k 0\r\n\r\n", &[("ms k 0", Some(""))]);
    }

    #[test]
    fn a_length_that_is_no_number_leaves_a_line() {
        check("set k 1 0 x\r\nmn\r\n", &[("set k 1 0 x", None), ("mn", None)]);
    }
}
