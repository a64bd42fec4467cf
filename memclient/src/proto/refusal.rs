//! The error lines that stand in for any reply (protocol.txt, "Error strings").

use crate::error::{Delivery, Error};

/// What a server that wants credentials answers to everything else.
const UNAUTHENTICATED: &str = "unauthenticated";

/// An error line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) kind: RefusalKind,
    /// The server's own words, whole.
    pub(crate) text: Box<str>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RefusalKind {
    /// `ERROR`: the server does not know the command.
    Unknown,
    /// `CLIENT_ERROR`: the command is malformed in the server's eyes.
    Client,
    /// `SERVER_ERROR`: the server could not do it.
    Server,
    /// `SERVER_ERROR object too large for cache`: the body was swallowed, an old item was removed.
    TooLarge,
}

impl Refusal {
    /// Reads a line without its line end; `None` where it is no error line.
    pub(crate) fn read(line: &[u8]) -> Option<Self> {
        let (kind, text) = if let Some(text) = line.strip_prefix(b"SERVER_ERROR") {
            let large = text.starts_with(b" object too large");
            (if large { RefusalKind::TooLarge } else { RefusalKind::Server }, text)
        } else if let Some(text) = line.strip_prefix(b"CLIENT_ERROR") {
            (RefusalKind::Client, text)
        } else {
            (RefusalKind::Unknown, line.strip_prefix(b"ERROR")?)
        };
        if !matches!(text.first(), None | Some(b' ' | b':')) {
            return None;
        }
        let text = String::from_utf8_lossy(text.trim_ascii()).into();
        Some(Self { kind, text })
    }

    /// Says whether the line answers a command without a data block, and no more lines follow.
    ///
    /// `ERROR` with words behind it stands in front of a close and answers no request at all, as in
    /// `ERROR Too many open connections`.
    pub(super) fn is_one_line(&self) -> bool {
        self.kind != RefusalKind::Unknown || self.text.is_empty()
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal.kind {
            RefusalKind::Unknown => Self::client(format!("ERROR {}", refusal.text).trim_end()),
            RefusalKind::Client if &*refusal.text == UNAUTHENTICATED => {
                Self::auth("the server wants credentials: set `credentials` on the client")
            }
            RefusalKind::Client => Self::client(refusal.text),
            RefusalKind::Server => Self::server(refusal.text),
            RefusalKind::TooLarge => Self::too_large(refusal.text, Delivery::Refused),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Option<(RefusalKind, &str)>) {
        let read = Refusal::read(line.as_bytes());
        assert_eq!(read.as_ref().map(|refusal| (refusal.kind, &*refusal.text)), expected);
    }

    #[test]
    fn error_lines_are_told_apart_and_kept_whole() {
        check("ERROR", Some((RefusalKind::Unknown, "")));
        check(
            "ERROR Too many open connections",
            Some((RefusalKind::Unknown, "Too many open connections")),
        );
        check("CLIENT_ERROR bad data chunk", Some((RefusalKind::Client, "bad data chunk")));
        check("SERVER_ERROR out of memory", Some((RefusalKind::Server, "out of memory")));
        let large = "SERVER_ERROR object too large for cache";
        check(large, Some((RefusalKind::TooLarge, "object too large for cache")));
        for line in ["ERRORS", "error", " ERROR", "END", "", "SERVER_ERRORS x"] {
            check(line, None);
        }
    }
}
