use bytes::{Buf, Bytes, BytesMut};

use crate::{
    proto::{
        answer::{Answer, Status},
        ascii::decimal,
        refusal::{Refusal, RefusalKind},
        reply::Reply,
    },
    wire::CasToken,
};

/// A reply of one line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Line {
    /// `VERSION …`
    Version,
    /// `OK`
    Ok,
    /// `OK`, or `MEMLIMIT_…` where it cannot be.
    Limit,
    /// `STORED` or `NOT_STORED`
    Stored,
    /// `STORED`, `EXISTS` or `NOT_FOUND`
    Swapped,
    /// `DELETED` or `NOT_FOUND`
    Deleted,
    /// `TOUCHED` or `NOT_FOUND`
    Touched,
    /// A number, or `NOT_FOUND`.
    Count,
    /// `ME …` or `EN`
    Info,
    /// Nothing but an error: the server ends.
    Shutdown,
    /// Whatever it is.
    Any,
}

impl Line {
    /// Says whether the command carries a data block.
    pub(in crate::proto) const fn has_data(self) -> bool {
        matches!(self, Self::Stored | Self::Swapped)
    }

    /// Takes a line of so many bytes, its end not counted, off the buffer; `None` where it is none
    /// that may stand here.
    pub(in crate::proto) fn take(self, buffer: &mut BytesMut, end: usize) -> Option<Reply> {
        let line = buffer.get(..end)?;
        let status = match (self, line) {
            (Self::Stored | Self::Swapped, b"STORED")
            | (Self::Deleted, b"DELETED")
            | (Self::Touched, b"TOUCHED") => Status::Done,
            (Self::Stored, b"NOT_STORED") => Status::NotStored,
            (Self::Swapped, b"EXISTS") => Status::Exists,
            (Self::Swapped | Self::Deleted | Self::Count, b"NOT_FOUND") => Status::NotFound,
            (Self::Touched, b"NOT_FOUND") | (Self::Info, b"EN") => Status::Miss,
            (Self::Count, line) if decimal(line).is_some() => Status::Value,
            (Self::Limit, line) if line.starts_with(b"MEMLIMIT_") => {
                let text = String::from_utf8_lossy(line).into();
                buffer.advance(end + 2);
                return Some(Reply::Refused(Refusal { kind: RefusalKind::Server, text }));
            }
            (Self::Ok | Self::Limit, b"OK") | (Self::Any, _) => {
                return Some(Reply::Line(whole(buffer, end)));
            }
            (Self::Version, line) if line.len() > 8 && line.starts_with(b"VERSION ") => {
                return Some(Reply::Line(whole(buffer, end)));
            }
            (Self::Info, line) if line.starts_with(b"ME ") => {
                let cas = version(line);
                return Some(Reply::Info(whole(buffer, end), cas));
            }
            _ => return None,
        };
        let mut answer = Answer::of(status);
        if status == Status::Value {
            answer.data = Some(buffer.split_to(end).freeze());
            buffer.advance(2);
        } else {
            buffer.advance(end + 2);
        }
        Some(Reply::Answer(answer))
    }

    pub(in crate::proto) const fn complaint(self) -> &'static str {
        match self {
            Self::Version => "version is answered with VERSION",
            Self::Ok => "this command is answered with OK",
            Self::Limit => "cache_memlimit is answered with OK",
            Self::Stored => "a write is answered with STORED or NOT_STORED",
            Self::Swapped => "cas is answered with STORED, EXISTS or NOT_FOUND",
            Self::Deleted => "delete is answered with DELETED or NOT_FOUND",
            Self::Touched => "touch is answered with TOUCHED or NOT_FOUND",
            Self::Count => "incr and decr are answered with a number or NOT_FOUND",
            Self::Info => "me is answered with ME or EN",
            Self::Shutdown => "shutdown is answered with the end of the connection",
            Self::Any => "a line",
        }
    }
}

/// Takes the line as it is; copied, so that it keeps no buffer alive.
fn whole(buffer: &mut BytesMut, end: usize) -> Bytes {
    let line = Bytes::copy_from_slice(buffer.get(..end).unwrap_or_default());
    buffer.advance(end + 2);
    line
}

/// Returns the version that a line about an item names, as `cas=3`.
fn version(line: &[u8]) -> Option<CasToken> {
    let mut words = line.split(|&byte| byte == b' ');
    words.find_map(|word| word.strip_prefix(b"cas=")).and_then(decimal).map(CasToken::new)
}
