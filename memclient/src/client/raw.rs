//! Commands that the client has no operation for.

use bytes::Bytes;

use super::{
    Client,
    call::{Call, OVERHEAD, one, unexpected},
};
use crate::{
    conn::Ask,
    error::{Error, Result},
    pool::Pool,
    proto::{
        Reply,
        command::{Raw, ReplyEnd},
    },
};

/// A server closes the connection on longer lines than 2,048 bytes that are no `get`.
const MAX_LINE: usize = 2000;

impl Client {
    /// Sends one command line, as it is, to the first server, and returns its reply without the end.
    ///
    /// The line goes over a connection of its own, which is closed after the reply: whatever it does
    /// there, other calls do not notice. `end` says where the reply ends.
    ///
    /// ```no_run
    /// use memclient::{Client, ReplyEnd};
    ///
    /// # async fn example(client: Client) -> memclient::Result<()> {
    /// let keys = client.raw_command("lru_crawler metadump all", ReplyEnd::End).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the line is refused before anything is sent ([`Error::is_input`]): it must have 1 to 2,000
    /// bytes, begin with a word and have no line end or other control byte; a command with a data
    /// block or without a reply (`set`, `noreply`, the meta flag `q`) has no place here. When the
    /// server answers with an error line, when the reply is longer than 8 MiB, or when it does not
    /// end as told before the deadline.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection; the command may or may not have been carried out.
    pub async fn raw_command(&self, line: impl AsRef<[u8]>, end: ReplyEnd) -> Result<Bytes> {
        self.raw_on(self.first_node()?, line.as_ref(), end).await
    }

    /// Does what [`Client::raw_command`] does, at the server with this address, written as
    /// [`Client::servers`] has it.
    ///
    /// # Errors
    /// As [`Client::raw_command`], and when the client has no such server.
    ///
    /// # Cancel safety
    /// As [`Client::raw_command`].
    pub async fn raw_command_at(
        &self,
        server: &str,
        line: impl AsRef<[u8]>,
        end: ReplyEnd,
    ) -> Result<Bytes> {
        let node = self.0.cluster.nodes().iter().find(|node| &**node.name() == server);
        let node = node.ok_or_else(|| {
            // Not repeated: it may be a URL with a password.
            Error::config("the client has no server of this address: write it as `servers` has it")
        })?;
        self.raw_on(node, line.as_ref(), end).await
    }

    async fn raw_on(&self, node: &Pool, line: &[u8], end: ReplyEnd) -> Result<Bytes> {
        let call = Call { command: "raw_command", node, repeatable: false };
        check(line).map_err(|error| error.during(call.command))?;
        let raw = async {
            let deadline = self.deadline();
            let connection = node.separate(deadline).await?;
            let bytes = line.len() + OVERHEAD;
            let request = [Raw { line, end }];
            let flight =
                connection.send_when_room(Ask::Run(&request), bytes, false, deadline).await?;
            match one(flight.await?)? {
                Reply::Line(bytes) | Reply::Block(bytes) => Ok(bytes),
                Reply::Refused(refusal) => Err(refusal.into()),
                reply => Err(unexpected(&reply)),
            }
        };
        raw.await.map_err(|error| call.blame(error))
    }
}

/// Refuses what is not exactly one line, or would leave the server waiting for more or silent.
pub(super) fn check(line: &[u8]) -> Result<()> {
    let refuse = |text: &str| Err(Error::config(format!("a raw command {text}")));
    if line.is_empty() || line.len() > MAX_LINE {
        return refuse(&format!("has 1 to {MAX_LINE} bytes, this one {}", line.len()));
    }
    if let Some(place) = line.iter().position(u8::is_ascii_control) {
        return refuse(&format!(
            "is one line without control bytes, this one has one at position {place}"
        ));
    }
    let mut words = line.split(|&byte| byte == b' ');
    let word = words.next().unwrap_or_default();
    match word {
        b"" => refuse("begins with a word"),
        b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas" | b"ms" => {
            refuse("has no data block: use the operation of the client")
        }
        b"mg" | b"md" | b"ma" if words.clone().skip(1).any(|flag| flag.starts_with(b"q")) => {
            refuse("has a reply, which the flag q would hide")
        }
        _ if words.any(|word| word == b"noreply") => refuse("has a reply: leave out noreply"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_line_with_a_reply_is_taken() {
        for line in ["mn", "version", "mg k v", "stats items", "gets é"] {
            assert!(check(line.as_bytes()).is_ok(), "{line}");
        }
        let long = "x".repeat(2001);
        let refused = [
            "",
            " mn",
            "mn\r\n",
            "mn\r\nflush_all",
            "mn\n",
            "mn\0",
            "mn\x7f",
            "a\tb",
            "set k 0 0 1",
            "ms k 1",
            "cas k 0 0 1 1",
            "delete k noreply",
            "delete k noreply ",
            "verbosity 1 noreply",
            "mg k v q",
            "md k q O1",
            &long,
        ];
        for line in refused {
            assert!(check(line.as_bytes()).is_err_and(|error| error.is_input()), "{line:?}");
        }
    }
}
