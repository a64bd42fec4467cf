//! What a fresh connection must show before callers get it.

use std::time::Instant;

use super::{handle::Connection, machine::Ask, slots::Replies};
use crate::{
    error::{Error, Result},
    proto::{Reply, classic::Version},
};

/// The first release with the meta dialect as it is spoken today (`HD`, `VA <size>`).
const META: (u64, u64, u64) = (1, 6, 10);

impl Connection {
    /// Asks for the server's version and refuses a server that does not speak the meta dialect.
    ///
    /// # Errors
    /// When the server does not answer, or is older than 1.6.10.
    pub(crate) async fn handshake(&self, deadline: Instant) -> Result<()> {
        let replies = self.send_when_room(Ask::Run(&[Version]), 0, false, deadline).await?.await?;
        let line = match replies {
            Replies::One(Reply::Line(line)) => line,
            Replies::One(Reply::Refused(refusal)) => return Err(refusal.into()),
            replies => {
                return Err(Error::protocol(format!("version was answered with {replies:?}")));
            }
        };
        let version = String::from_utf8_lossy(&line).trim_start_matches("VERSION ").to_owned();
        match parse(&version) {
            Some(found) if found < META => Err(Error::config(format!(
                "memcached {version} is too old: the meta dialect needs 1.6.10 or newer"
            ))),
            // A server that names itself otherwise may be newer than this list: let its replies
            // speak.
            _ => Ok(()),
        }
    }
}

fn parse(version: &str) -> Option<(u64, u64, u64)> {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_ordered() {
        assert!(parse("1.6.9").unwrap() < META);
        assert!(parse("1.6.10-beta1").unwrap() >= META);
        assert!(parse("1.6.45").unwrap() > META);
        assert_eq!(parse("unknown"), None);
    }
}
