//! What concerns whole servers.

use std::time::Duration;

use super::{
    Client,
    call::{Call, OVERHEAD, one, unexpected},
};
use crate::{
    conn::Ask,
    error::{Delivery, Error, Result},
    pool::Pool,
    proto::{
        Reply, Request,
        command::{FlushAll, MemLimit, Shutdown, Verbosity, Version},
    },
};

impl Client {
    /// Returns the version of each server, by its address, in the order in which the servers were
    /// named.
    ///
    /// A good first call of a program: it fails when a server cannot be reached.
    ///
    /// # Errors
    /// One outcome per server: a server that is down fails its own.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything.
    pub async fn versions(&self) -> Vec<(String, Result<String>)> {
        let mut versions = Vec::new();
        for node in self.0.cluster.nodes() {
            versions.push((node.name().to_string(), self.version_of(node).await));
        }
        versions
    }

    /// Returns the version of the first server.
    ///
    /// # Errors
    /// When the server cannot be asked.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything.
    pub async fn version(&self) -> Result<String> {
        self.version_of(self.first_node()?).await
    }

    /// Removes every item of every server.
    ///
    /// # Errors
    /// The first failure; the servers before it are empty, those behind it were not asked.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody else anything; each server may or may not be empty.
    pub async fn flush_all(&self) -> Result<()> {
        self.everywhere("flush_all", FlushAll { delay: 0 }).await
    }

    /// Has every server drop, once `delay` has passed, what it holds then; rounded up to whole
    /// seconds.
    ///
    /// # Errors
    /// As [`Client::flush_all`]; and when the delay ends beyond the 19th of January 2038, the last
    /// date that memcached can count: then nothing was sent ([`Error::is_input`]).
    ///
    /// # Cancel safety
    /// As [`Client::flush_all`].
    pub async fn flush_all_after(&self, delay: Duration) -> Result<()> {
        if delay.is_zero() {
            return self.flush_all().await;
        }
        let delay = self.ttl(delay).map_err(|error| error.during("flush_all"))?;
        self.everywhere("flush_all", FlushAll { delay }).await
    }

    /// Gives every server another limit for the memory of its items, in megabytes (2^20 bytes).
    ///
    /// # Errors
    /// The first failure; the servers before it have the new limit, those behind it were not asked.
    /// A server refuses a limit that is too small, in its own words ([`Error::server_message`]).
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; each server may have either limit.
    pub async fn cache_memlimit(&self, megabytes: u32) -> Result<()> {
        self.everywhere("cache_memlimit", MemLimit { megabytes }).await
    }

    /// Has every server write more or less to its log: nothing at 0, errors and warnings at 1,
    /// each command and reply at 2.
    ///
    /// # Errors
    /// The first failure; the servers before it have the new level, those behind it were not asked.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; each server may have either level.
    pub async fn verbosity(&self, level: u32) -> Result<()> {
        self.everywhere("verbosity", Verbosity { level }).await
    }

    /// Ends every server process at once. A server does that only if it was started with `-A`.
    ///
    /// # Errors
    /// The first failure; the servers before it have ended, those behind it were not asked. A
    /// server that was not started so refuses in its own words ([`Error::server_message`]).
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything; each server may or may not end.
    pub async fn shutdown(&self) -> Result<()> {
        self.end_servers(false).await
    }

    /// Ends every server process in good order: it lets connections end first, as far as it knows
    /// how.
    ///
    /// # Errors
    /// As [`Client::shutdown`].
    ///
    /// # Cancel safety
    /// As [`Client::shutdown`].
    pub async fn shutdown_gracefully(&self) -> Result<()> {
        self.end_servers(true).await
    }

    /// Lets go of every connection: each ends once what is under way on it is answered. The client
    /// stays usable, and a later call opens connections anew.
    ///
    /// A client whose last clone is dropped does this by itself.
    #[doc(alias = "quit")]
    #[doc(alias = "disconnect_all")]
    pub fn close(&self) {
        self.0.cluster.nodes().iter().for_each(Pool::close);
    }

    async fn version_of(&self, node: &Pool) -> Result<String> {
        let call = Call { command: "version", node, repeatable: true };
        let line = self.line(call, Version).await?;
        Ok(line.trim_start_matches("VERSION ").to_owned())
    }

    /// Runs a request that is answered with one line at every server, until one fails.
    async fn everywhere(&self, command: &'static str, request: impl Request + Copy) -> Result<()> {
        for node in self.0.cluster.nodes() {
            self.line(Call { command, node, repeatable: true }, request).await?;
        }
        Ok(())
    }

    /// Runs a request that is answered with one line.
    async fn line(&self, call: Call<'_>, request: impl Request) -> Result<String> {
        let replies = call.run(Ask::Run(&[request]), OVERHEAD, self.deadline()).await?;
        let line = match one(replies)? {
            Reply::Line(line) => Ok(String::from_utf8_lossy(&line).into_owned()),
            Reply::Refused(refusal) => Err(refusal.into()),
            reply => Err(unexpected(&reply)),
        };
        line.map_err(|error| call.blame(error))
    }

    async fn end_servers(&self, graceful: bool) -> Result<()> {
        for node in self.0.cluster.nodes() {
            let call = Call { command: "shutdown", node, repeatable: false };
            let end = async {
                let deadline = self.deadline();
                // Alone on its connection, whose end is nobody else's answer.
                let connection = node.separate(deadline).await?;
                let ask = Ask::Run(&[Shutdown { graceful }]);
                let flight = connection.send_when_room(ask, OVERHEAD, false, deadline).await?;
                match flight.await {
                    Err(error) if error.is_closed() && error.delivery() == Delivery::Unknown => {
                        Ok(())
                    }
                    Err(error) => Err(error),
                    Ok(replies) => match one(replies)? {
                        Reply::Refused(refusal) => Err(refusal.into()),
                        reply => Err(unexpected(&reply)),
                    },
                }
            };
            end.await.map_err(|error: Error| call.blame(error))?;
        }
        Ok(())
    }
}
