//! What a fresh connection must show before callers get it.

use std::time::Instant;

use super::{handle::Connection, machine::Ask, replies::Replies};
use crate::{
    error::{Error, Result},
    proto::{
        Dialect, Reply, Request, Spoken,
        command::{Stats, Version},
    },
    wire::Incarnation,
};

impl Connection {
    /// Asks for the server's version, and from then on speaks with it what it understands; and which
    /// of its incarnations it is, for the versions of items.
    ///
    /// # Errors
    /// When the server does not answer, or does not speak the dialect that is asked for.
    pub(crate) async fn handshake(&self, dialect: Dialect, deadline: Instant) -> Result<()> {
        let line = match self.ask(Version, deadline).await? {
            Reply::Line(line) => line,
            Reply::Refused(refusal) => return Err(refusal.into()),
            reply => return Err(Error::protocol(format!("version was answered with {reply:?}"))),
        };
        let text = String::from_utf8_lossy(&line);
        let mut spoken = Spoken::choose(dialect, text.trim_start_matches("VERSION "))?;
        if spoken.may_ask_stats()
            && let Reply::Block(lines) = self.ask(Stats { words: "" }, deadline).await?
        {
            spoken = spoken.with(incarnation(&lines));
        }
        self.shared.state().machine.speak(spoken);
        Ok(())
    }

    async fn ask(&self, request: impl Request, deadline: Instant) -> Result<Reply> {
        match self.send_when_room(Ask::Run(&[request]), 0, false, deadline).await?.await? {
            Replies::One(reply) => Ok(reply),
            Replies::Many(replies) => {
                Err(Error::protocol(format!("one request was answered with {replies:?}")))
            }
        }
    }
}

/// Reads `pid`, `time` and `uptime`: the last two go on together, so their distance is the start.
fn incarnation(lines: &[u8]) -> Option<Incarnation> {
    let text = str::from_utf8(lines).ok()?;
    let number = |name: &str| {
        let value = |line: &str| {
            line.strip_prefix("STAT ")?.strip_prefix(name)?.strip_prefix(' ')?.parse::<u64>().ok()
        };
        text.lines().find_map(value)
    };
    Incarnation::new(number("pid")?, number("time")?.checked_sub(number("uptime")?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_incarnation_is_read_from_what_a_server_says_of_itself() {
        let lines =
            b"STAT pid 7\r\nSTAT uptime 50\r\nSTAT time 1700000050\r\nSTAT version 1.6.18\r\n";
        assert_eq!(incarnation(lines), Incarnation::new(7, 1_700_000_000));
        let later = b"STAT time 1700000060\r\nSTAT pid 7\r\nSTAT uptime 60";
        assert_eq!(incarnation(later), incarnation(lines));
        for nothing in [
            &b""[..],
            b"STAT pid 7\r\nSTAT time 1700000050",
            b"STAT pid 7\r\nSTAT uptime 50\r\nSTAT time 49",
            b"STAT pid -7\r\nSTAT uptime 50\r\nSTAT time 1700000050",
            b"STAT pid 7\r\nSTAT uptime 50\r\nSTAT time \xff",
        ] {
            assert_eq!(incarnation(nothing), None, "{}", nothing.escape_ascii());
        }
    }
}
