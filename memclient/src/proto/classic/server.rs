//! What concerns a server as a whole.

use std::time::Duration;

use bytes::BytesMut;

use super::line::Line;
use crate::proto::{
    ascii,
    opaque::Opaque,
    request::{Grammar, Request},
};

/// `version`
#[derive(Clone, Copy, Debug)]
pub(crate) struct Version;

impl Request for Version {
    fn grammar(&self) -> Grammar {
        Grammar::Line(Line::Version)
    }

    fn encode(&self, _: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(b"version\r\n");
    }
}

/// `flush_all [delay]`
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlushAll {
    pub(crate) delay: Duration,
}

impl Request for FlushAll {
    fn grammar(&self) -> Grammar {
        Grammar::Line(Line::Ok)
    }

    fn encode(&self, _: Opaque, out: &mut BytesMut) {
        out.extend_from_slice(b"flush_all");
        if !self.delay.is_zero() {
            out.extend_from_slice(b" ");
            ascii::put(out, self.delay.as_secs() + u64::from(self.delay.subsec_nanos() > 0));
        }
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_write_themselves() {
        let mut out = BytesMut::new();
        Version.encode(Opaque::FIRST, &mut out);
        FlushAll { delay: Duration::ZERO }.encode(Opaque::FIRST, &mut out);
        FlushAll { delay: Duration::from_millis(1500) }.encode(Opaque::FIRST, &mut out);
        assert_eq!(out, "version\r\nflush_all\r\nflush_all 2\r\n");
    }
}
