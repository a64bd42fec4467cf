//! How a fresh connection shows who it belongs to, before anything else goes out.

use std::time::Instant;

use super::{handle::Connection, machine::Ask, replies::Replies};
use crate::{
    error::{Error, Result},
    proto::{Reply, Status, command::Auth},
    wire::Credentials,
};

impl Connection {
    /// Shows the server the credentials and waits for its word.
    ///
    /// # Errors
    /// When the server does not take them. No text has any of them, whatever the server says.
    pub(crate) async fn authenticate(
        &self,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<()> {
        let ask = Ask::Run(&[Auth(credentials)]);
        match self.send_when_room(ask, 0, false, deadline).await?.await {
            Ok(Replies::One(Reply::Answer(answer))) if answer.status == Status::Done => Ok(()),
            Ok(Replies::One(Reply::Refused(refusal))) => Err(refused(&refusal.text, credentials)),
            Err(error) if !error.is_protocol() => Err(error),
            _ => Err(Error::protocol(
                "it answered the credentials with what is no answer to them, and may repeat them",
            )),
        }
    }
}

fn refused(words: &str, credentials: &Credentials) -> Error {
    let repeats = [credentials.user(), credentials.password()].iter().any(|it| words.contains(it));
    let words = if repeats { "(its words repeat them)" } else { words };
    Error::auth(format!("the server refused the credentials: {words}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_words_are_kept_unless_they_repeat_the_credentials() {
        let credentials = Credentials::new("ann", "secret").unwrap();
        let shown = |words| refused(words, &credentials).to_string();
        assert!(shown("authentication failure").ends_with(": authentication failure"));
        assert!(!shown("wrong password secret").contains("secret"));
        assert!(!shown("who is ann?").contains("ann"));
    }
}
