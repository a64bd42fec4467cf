use bytes::BytesMut;

use super::end;
use crate::proto::{
    ascii::{put, put_flag},
    classic::Line,
    dialect::{Needs, Spoken},
    key::WireKey,
    meta::Verb,
    opaque::Opaque,
    request::{Grammar, Request},
};

/// The way a counter goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Counting {
    Up,
    Down,
}

/// A counter's change, and its start where it is missing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count<'a> {
    pub(crate) key: WireKey<'a>,
    pub(crate) counting: Counting,
    pub(crate) delta: u64,
    /// The start of a missing counter and its time to live.
    pub(crate) initial: Option<(u64, i32)>,
}

impl Request for Count<'_> {
    fn needs(&self) -> Needs {
        match self.initial {
            None => Needs::Nothing,
            Some(_) => Needs::Meta("a counter with a start"),
        }
    }

    fn grammar(&self, spoken: Spoken) -> Grammar {
        if spoken.is_meta() { Grammar::Meta(Verb::Count) } else { Grammar::Line(Line::Count) }
    }

    fn encode(&self, spoken: Spoken, opaque: Opaque, out: &mut BytesMut) {
        if spoken.is_meta() {
            out.extend_from_slice(b"ma ");
            self.key.put(out);
            out.extend_from_slice(b" v");
            if self.counting == Counting::Down {
                out.extend_from_slice(b" MD");
            }
            put_flag(out, b'D', self.delta);
            if let Some((initial, ttl)) = self.initial {
                put_flag(out, b'J', initial);
                put_flag(out, b'N', ttl);
            }
            return end(out, opaque);
        }
        out.extend_from_slice(if self.counting == Counting::Up { b"incr " } else { b"decr " });
        self.key.put(out);
        out.extend_from_slice(b" ");
        put(out, self.delta);
        out.extend_from_slice(b"\r\n");
    }

    fn key(&self) -> Option<WireKey<'_>> {
        Some(self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::command::testing::{check, key};

    #[test]
    fn counts_write_themselves() {
        let up = Count { key: key(), counting: Counting::Up, delta: 2, initial: None };
        check(&up, "ma p:k v D2 O7\r\n", "incr p:k 2\r\n");
        let down = Count { counting: Counting::Down, ..up };
        check(&down, "ma p:k v MD D2 O7\r\n", "decr p:k 2\r\n");
        let start = Count { initial: Some((5, 60)), ..up };
        check(&start, "ma p:k v D2 J5 N60 O7\r\n", "");
    }
}
