//! What concerns a server as a whole: said in the classic dialect, which is the only one for it.

use bytes::BytesMut;

use crate::proto::{
    ascii,
    classic::{Block, Line},
    dialect::Spoken,
    opaque::Opaque,
    request::{Grammar, Request},
};

/// `version`
#[derive(Clone, Copy, Debug)]
pub(crate) struct Version;

impl Request for Version {
    fn grammar(&self, _: Spoken) -> Grammar {
        Grammar::Line(Line::Version)
    }

    fn encode(&self, _: Spoken, _: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(b"version\r\n");
    }
}

/// `flush_all [delay]`
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlushAll {
    /// As the server reads it, like a time to live: seconds, or a date; 0 is at once.
    pub(crate) delay: i32,
}

impl Request for FlushAll {
    fn grammar(&self, _: Spoken) -> Grammar {
        Grammar::Line(Line::Ok)
    }

    fn encode(&self, _: Spoken, _: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(b"flush_all");
        if self.delay != 0 {
            out.extend_from_slice(b" ");
            ascii::put(out, self.delay);
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// `verbosity level`
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verbosity {
    pub(crate) level: u32,
}

impl Request for Verbosity {
    fn grammar(&self, _: Spoken) -> Grammar {
        Grammar::Line(Line::Ok)
    }

    fn encode(&self, _: Spoken, _: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(b"verbosity ");
        ascii::put(out, self.level);
        out.extend_from_slice(b"\r\n");
    }
}

/// `cache_memlimit megabytes`
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemLimit {
    pub(crate) megabytes: u32,
}

impl Request for MemLimit {
    fn grammar(&self, _: Spoken) -> Grammar {
        Grammar::Line(Line::Limit)
    }

    fn encode(&self, _: Spoken, _: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(b"cache_memlimit ");
        ascii::put(out, self.megabytes);
        out.extend_from_slice(b"\r\n");
    }
}

/// `shutdown [graceful]`
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shutdown {
    pub(crate) graceful: bool,
}

impl Request for Shutdown {
    fn grammar(&self, _: Spoken) -> Grammar {
        Grammar::Line(Line::Shutdown)
    }

    fn encode(&self, _: Spoken, _: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(if self.graceful {
            b"shutdown graceful\r\n"
        } else {
            b"shutdown\r\n"
        });
    }
}

/// `stats [words]`. Whoever makes one has looked at the words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stats<'a> {
    pub(crate) words: &'a str,
}

impl Request for Stats<'_> {
    fn grammar(&self, _: Spoken) -> Grammar {
        Grammar::Block(Block::Stats)
    }

    fn encode(&self, _: Spoken, _: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(b"stats");
        if !self.words.is_empty() {
            out.extend_from_slice(b" ");
            out.extend_from_slice(self.words.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// How the reply to a raw command ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ReplyEnd {
    /// With its first line.
    Line,
    /// With a line that says `END`. The data block behind a `VALUE` line is no line, whatever it
    /// says.
    End,
}

/// A line of the caller's own. Whoever makes one has looked at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Raw<'a> {
    pub(crate) line: &'a [u8],
    pub(crate) end: ReplyEnd,
}

impl Request for Raw<'_> {
    fn grammar(&self, _: Spoken) -> Grammar {
        match self.end {
            ReplyEnd::Line => Grammar::Line(Line::Any),
            ReplyEnd::End => Grammar::Block(Block::Raw),
        }
    }

    fn encode(&self, _: Spoken, _: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(self.line);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::command::testing::check;

    #[track_caller]
    fn same(request: &impl Request, text: &str) {
        check(request, text, text);
    }

    #[test]
    fn commands_write_themselves() {
        same(&Version, "version\r\n");
        same(&FlushAll { delay: 0 }, "flush_all\r\n");
        same(&FlushAll { delay: 2 }, "flush_all 2\r\n");
        same(&Verbosity { level: 1 }, "verbosity 1\r\n");
        same(&MemLimit { megabytes: 64 }, "cache_memlimit 64\r\n");
        same(&Shutdown { graceful: false }, "shutdown\r\n");
        same(&Shutdown { graceful: true }, "shutdown graceful\r\n");
        same(&Stats { words: "" }, "stats\r\n");
        same(&Stats { words: "items" }, "stats items\r\n");
        same(&Raw { line: b"mn", end: ReplyEnd::Line }, "mn\r\n");
    }
}
