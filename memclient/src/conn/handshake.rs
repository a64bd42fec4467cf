//! What a fresh connection must show before callers get it.

use std::time::Instant;

use super::{handle::Connection, machine::Ask, slots::Replies};
use crate::{
    error::{Error, Result},
    proto::{Dialect, Reply, Spoken, command::Version},
};

impl Connection {
    /// Asks for the server's version, and from then on speaks with it what it understands.
    ///
    /// # Errors
    /// When the server does not answer, or does not speak the dialect that is asked for.
    pub(crate) async fn handshake(&self, dialect: Dialect, deadline: Instant) -> Result<()> {
        let replies = self.send_when_room(Ask::Run(&[Version]), 0, false, deadline).await?.await?;
        let line = match replies {
            Replies::One(Reply::Line(line)) => line,
            Replies::One(Reply::Refused(refusal)) => return Err(refusal.into()),
            replies => {
                return Err(Error::protocol(format!("version was answered with {replies:?}")));
            }
        };
        let text = String::from_utf8_lossy(&line);
        let spoken = Spoken::choose(dialect, text.trim_start_matches("VERSION "))?;
        self.shared.state().machine.speak(spoken);
        Ok(())
    }
}
