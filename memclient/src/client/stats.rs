//! What servers say of themselves.

use std::time::Duration;

use super::{
    Client,
    call::{Call, OVERHEAD, one, unexpected},
};
use crate::{
    conn::Ask,
    error::{Error, Result},
    proto::{Reply, command},
};

/// More than any argument of `stats` has, and far less than the longest line a server takes.
const MAX_WORD: usize = 250;

/// What a server answered to `stats`: names and values as it wrote them, in its order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Stats(Vec<(Box<str>, Box<str>)>);

impl Stats {
    /// Returns the value under this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Returns the names and values, in the server's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns true when there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns those that most programs want, as numbers.
    pub fn server(&self) -> ServerStats {
        let seconds = |name| self.number(name).map(Duration::from_secs);
        ServerStats {
            pid: self.number("pid"),
            uptime: seconds("uptime"),
            version: self.get("version").map(str::to_owned),
            threads: self.number("threads"),
            curr_connections: self.number("curr_connections"),
            total_connections: self.number("total_connections"),
            max_connections: self.number("max_connections"),
            rejected_connections: self.number("rejected_connections"),
            curr_items: self.number("curr_items"),
            total_items: self.number("total_items"),
            bytes: self.number("bytes"),
            limit_maxbytes: self.number("limit_maxbytes"),
            bytes_read: self.number("bytes_read"),
            bytes_written: self.number("bytes_written"),
            cmd_get: self.number("cmd_get"),
            cmd_set: self.number("cmd_set"),
            get_hits: self.number("get_hits"),
            get_misses: self.number("get_misses"),
            get_expired: self.number("get_expired"),
            evictions: self.number("evictions"),
            reclaimed: self.number("reclaimed"),
        }
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// Reads the lines of a reply.
    fn read(lines: &[u8]) -> Self {
        let lines = String::from_utf8_lossy(lines);
        let pairs = lines.lines().map(|line| {
            // `STAT name value`, `ITEM key […]` or `PREFIX name …`; a value may have spaces or be
            // missing.
            let (_, pair) = line.split_once(' ').unwrap_or(("", line));
            let (name, value) = pair.split_once(' ').unwrap_or((pair, ""));
            (name.into(), value.into())
        });
        Self(pairs.collect())
    }
}

/// The numbers of a server that most programs want. What the server does not say is `None`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ServerStats {
    /// The process of the server.
    pub pid: Option<u64>,
    /// How long it has been running, in whole seconds.
    pub uptime: Option<Duration>,
    /// Its version.
    pub version: Option<String>,
    /// Its worker threads.
    pub threads: Option<u64>,
    /// The connections that are open.
    pub curr_connections: Option<u64>,
    /// The connections that were ever opened.
    pub total_connections: Option<u64>,
    /// The most connections that it accepts.
    pub max_connections: Option<u64>,
    /// The connections that it turned away for that.
    pub rejected_connections: Option<u64>,
    /// The items that it holds.
    pub curr_items: Option<u64>,
    /// The items that were ever stored.
    pub total_items: Option<u64>,
    /// The bytes that its items take.
    pub bytes: Option<u64>,
    /// The bytes that its items may take.
    pub limit_maxbytes: Option<u64>,
    /// The bytes that it read from the network.
    pub bytes_read: Option<u64>,
    /// The bytes that it wrote to the network.
    pub bytes_written: Option<u64>,
    /// The keys that were asked for.
    pub cmd_get: Option<u64>,
    /// The writes that it was sent.
    pub cmd_set: Option<u64>,
    /// The keys that were asked for and found.
    pub get_hits: Option<u64>,
    /// The keys that were asked for and not found.
    pub get_misses: Option<u64>,
    /// The keys that were asked for and found to have expired.
    pub get_expired: Option<u64>,
    /// The items that were dropped to make room, before their time.
    pub evictions: Option<u64>,
    /// The times that the room of an expired item was used again.
    pub reclaimed: Option<u64>,
}

impl Client {
    /// Returns what each server says of itself, by its address, in the order in which the servers
    /// were named; [`Stats::server`] has the usual numbers.
    ///
    /// # Errors
    /// One outcome per server: a server that is down fails its own.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything.
    pub async fn stats(&self) -> Vec<(String, Result<Stats>)> {
        self.stats_of([""; 0]).await
    }

    /// Returns what each server answers to `stats` with these words behind it: `["items"]`,
    /// `["slabs"]`, `["settings"]`, `["conns"]`, `["cachedump", "1", "10"]`.
    ///
    /// `["reset"]` sets counters back and answers nothing.
    ///
    /// # Errors
    /// One outcome per server. A word that is empty, longer than 250 bytes, or has anything but
    /// printable ASCII without spaces is refused before anything is sent
    /// ([`Error::is_input`]); a server that does not know the words answers with an error.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything.
    pub async fn stats_of<W: AsRef<str>>(
        &self,
        words: impl IntoIterator<Item = W>,
    ) -> Vec<(String, Result<Stats>)> {
        let words = line_of(words);
        let mut outcomes = Vec::new();
        for node in self.0.cluster.nodes() {
            let call = Call { command: "stats", node, repeatable: true };
            let stats = match &words {
                Ok(words) => self.block(call, command::Stats { words }).await,
                Err(error) => Err(error.clone()),
            };
            outcomes.push((node.name().to_string(), stats));
        }
        outcomes
    }

    async fn block(&self, call: Call<'_>, request: command::Stats<'_>) -> Result<Stats> {
        let bytes = request.words.len() + OVERHEAD;
        match one(call.run(Ask::Run(&[request]), bytes, self.deadline()).await?) {
            Ok(Reply::Block(lines)) => Ok(Stats::read(&lines)),
            Ok(Reply::Refused(refusal)) => Err(call.blame(refusal.into())),
            Ok(reply) => Err(call.blame(unexpected(&reply))),
            Err(error) => Err(call.blame(error)),
        }
    }
}

/// Joins the words, once each is known to be one.
fn line_of<W: AsRef<str>>(words: impl IntoIterator<Item = W>) -> Result<String> {
    let mut line = String::new();
    for word in words {
        let word = word.as_ref();
        if word.is_empty()
            || word.len() > MAX_WORD
            || !word.bytes().all(|byte| byte.is_ascii_graphic())
        {
            let head: String = word.chars().take(40).collect();
            return Err(Error::config(format!(
                "'{}' is no single word: an argument of stats has 1 to {MAX_WORD} bytes of printable ASCII without spaces",
                head.escape_debug()
            ))
            .during("stats"));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_kept_as_they_are() {
        let stats = Stats::read(
            b"STAT pid 7\r\nSTAT libevent 2.1.12-stable\r\nSTAT empty\r\nSTAT words a b\r\nITEM k [2 b; 0 s]\r\n",
        );
        let pairs: Vec<_> = stats.iter().collect();
        let expected = [
            ("pid", "7"),
            ("libevent", "2.1.12-stable"),
            ("empty", ""),
            ("words", "a b"),
            ("k", "[2 b; 0 s]"),
        ];
        assert_eq!(pairs, expected);
        assert_eq!(stats.server(), ServerStats { pid: Some(7), ..ServerStats::default() });
    }

    #[test]
    fn only_single_words_make_a_line() {
        assert_eq!(line_of(["cachedump", "1", "10"]).unwrap(), "cachedump 1 10");
        for word in ["", "a b", "a\r\nflush_all", "a\n", "\0", "é", "a\t", &"x".repeat(251)] {
            assert!(line_of([word]).is_err_and(|error| error.is_input()), "{word:?}");
        }
    }
}
