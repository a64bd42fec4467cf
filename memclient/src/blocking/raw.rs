//! Commands that the client has no operation for.

use bytes::Bytes;

use super::Client;
use crate::{error::Result, proto::command::ReplyEnd};

impl Client {
    /// Sends one command line, as it is, to the first server, and returns its reply without the end.
    ///
    /// The line goes over a connection of its own, which is closed after the reply: whatever it does
    /// there, other calls do not notice. `end` says where the reply ends.
    ///
    /// ```no_run
    /// use memclient::{ReplyEnd, blocking::Client};
    ///
    /// # fn example(client: Client) -> memclient::Result<()> {
    /// let keys = client.raw_command("lru_crawler metadump all", ReplyEnd::End)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the line is refused before anything is sent
    /// ([`Error::is_input`](crate::Error::is_input)): it must have 1 to 2,000 bytes, begin with a
    /// word and have no line end or other control byte; a command with a data block or without a
    /// reply (`set`, `noreply`, the meta flag `q`) has no place here. When the server answers with an
    /// error line, when the reply is longer than 8 MiB, or when it does not end as told before the
    /// deadline.
    pub fn raw_command(&self, line: impl AsRef<[u8]>, end: ReplyEnd) -> Result<Bytes> {
        self.run(self.client.raw_command(line, end))
    }

    /// Does what [`Client::raw_command`] does, at the server with this address, written as
    /// [`Client::servers`] has it.
    ///
    /// # Errors
    /// As [`Client::raw_command`], and when the client has no such server.
    pub fn raw_command_at(
        &self,
        server: &str,
        line: impl AsRef<[u8]>,
        end: ReplyEnd,
    ) -> Result<Bytes> {
        self.run(self.client.raw_command_at(server, line, end))
    }
}
