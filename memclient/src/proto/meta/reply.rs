//! The one form of all meta replies: a code, a size where data follows, and flags.

use bytes::Bytes;

use super::verb::Verb;
use crate::{
    proto::{
        answer::{Answer, Status, Win},
        ascii::{decimal, signed},
        opaque::Opaque,
        out_of_step::OutOfStep,
    },
    wire::CasToken,
};

/// The line of a reply, before its data.
#[derive(Debug)]
pub(in crate::proto) struct Head {
    /// The size of the data block, where one follows.
    pub(in crate::proto) size: Option<u64>,
    reply: Answer,
}

impl Head {
    /// Reads a reply line without its line end; `None` where the code is not one of this command's.
    ///
    /// # Errors
    /// [`OutOfStep`] when the code is right and the rest is not: a number that is none, a flag that
    /// was not asked for, or another request's opaque.
    pub(in crate::proto) fn read(
        line: &[u8],
        verb: Verb,
        opaque: Opaque,
    ) -> Result<Option<Self>, OutOfStep> {
        let mut tokens = line.split(|&byte| byte == b' ');
        let code = tokens.next().and_then(|code| <[u8; 2]>::try_from(code).ok());
        let Some(status) = code.and_then(|code| verb.status(code)) else {
            return Ok(None);
        };
        let mut head = Self { size: None, reply: Answer::of(status) };
        if status == Status::Value {
            let size = tokens.next().and_then(decimal);
            head.size =
                Some(size.ok_or_else(|| OutOfStep::new("a value's size is no number", line))?);
        }
        let mut echoed = false;
        for token in tokens {
            match head.flag(token) {
                Some(Flag::Known) => {}
                Some(Flag::Opaque(number)) if number == opaque.get() && !echoed => echoed = true,
                Some(Flag::Opaque(_)) => {
                    return Err(OutOfStep::new("a reply with the opaque of another request", line));
                }
                None => {
                    return Err(OutOfStep::new("a reply with a flag that was not asked for", line));
                }
            }
        }
        if !echoed {
            return Err(OutOfStep::new("a reply without the opaque of its request", line));
        }
        if !verb.allows(&head.reply) {
            return Err(OutOfStep::new("a reply that gives away what nobody asked for", line));
        }
        Ok(Some(head))
    }

    /// Takes one flag in; `None` for what cannot be.
    fn flag(&mut self, token: &[u8]) -> Option<Flag> {
        let (letter, argument) = token.split_first()?;
        match letter {
            // This client writes no leading zero, so an opaque that has one is somebody else's.
            b'O' if argument.len() > 1 && argument.first() == Some(&b'0') => {
                return Some(Flag::Opaque(u64::MAX));
            }
            b'O' => return Some(Flag::Opaque(decimal(argument).unwrap_or(u64::MAX))),
            b'f' => {
                let flags = decimal(argument).and_then(|flags| u32::try_from(flags).ok());
                self.reply.flags = flags?;
            }
            b'c' => self.reply.cas = Some(CasToken::new(decimal(argument)?)),
            b'h' => self.reply.fetched = Some(matches!(decimal(argument)?, 1)),
            b'l' => self.reply.idle = Some(decimal(argument)?),
            b't' => self.reply.ttl = Some(signed(argument)?),
            b'X' if argument.is_empty() => self.reply.stale = true,
            // Nobody both wins and is told that another has won.
            b'W' | b'Z' if argument.is_empty() && self.reply.win.is_none() => {
                self.reply.win = Some(if *letter == b'W' { Win::Won } else { Win::Held });
            }
            _ => return None,
        }
        Some(Flag::Known)
    }

    pub(in crate::proto) fn without_data(self) -> Answer {
        self.reply
    }

    pub(in crate::proto) fn with_data(mut self, data: Bytes) -> Answer {
        self.reply.data = Some(data);
        self.reply
    }
}

/// A flag of a reply, as far as it is checked here.
enum Flag {
    Known,
    Opaque(u64),
}
