//! What concerns whole servers.

use std::time::Duration;

use super::{
    Client,
    call::{Call, OVERHEAD, one, unexpected},
};
use crate::{
    conn::Ask,
    error::{Error, Result},
    pool::Pool,
    proto::{
        Reply, Request,
        classic::{FlushAll, Version},
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
            let call = Call { command: "version", node, repeatable: true };
            let line = self.line(call, Version).await;
            let version = line.map(|line| line.trim_start_matches("VERSION ").to_owned());
            versions.push((node.name().to_string(), version));
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
        let node = self.first_node()?;
        let line = self.line(Call { command: "version", node, repeatable: true }, Version).await?;
        Ok(line.trim_start_matches("VERSION ").to_owned())
    }

    /// Removes every item of every server.
    ///
    /// # Errors
    /// The first failure; the servers before it are empty, those behind it were not asked.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody else anything; each server may or may not be empty.
    pub async fn flush_all(&self) -> Result<()> {
        self.flush_all_after(Duration::ZERO).await
    }

    /// Has every server drop, once `delay` has passed, what it holds then; rounded up to whole
    /// seconds.
    ///
    /// # Errors
    /// As [`Client::flush_all`].
    ///
    /// # Cancel safety
    /// As [`Client::flush_all`].
    pub async fn flush_all_after(&self, delay: Duration) -> Result<()> {
        for node in self.0.cluster.nodes() {
            self.line(Call { command: "flush_all", node, repeatable: true }, FlushAll { delay })
                .await?;
        }
        Ok(())
    }

    fn first_node(&self) -> Result<&Pool> {
        self.0.cluster.nodes().first().ok_or_else(|| Error::config("the client has no server"))
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
}
