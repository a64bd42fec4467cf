//! The memcached client: every operation, one server or several.

mod admin;
mod batch;
mod builder;
mod call;
mod confirm;
mod count;
mod fail_open;
mod flight;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod gat;
mod give_back;
mod info;
mod item;
mod lease;
mod modify;
mod outcomes;
mod parts;
mod raw;
mod requests;
mod retrieve;
mod stats;
mod store;
mod unconfirmed;
mod url;

use std::{
    borrow::Cow,
    env, fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use memclient_serde::Compression;

pub use self::{
    builder::ClientBuilder,
    info::KeyInfo,
    item::Item,
    stats::{ServerStats, Stats},
    unconfirmed::Unconfirmed,
};
pub(crate) use self::{lease::Sight, store::Condition};
use crate::{
    clock::{Clock, now},
    cluster::Cluster,
    conn::Tally,
    error::{Delivery, Error, Result},
    events::Observed,
    pool::Pool,
    proto::{Dialect, WireKey, command::StoreMode},
    wire::{AsKey, Charset, KeyError, MAX_KEY, Ttl, Value},
};

/// A memcached client over one server or several. Cheap to clone; its clones share the connections.
///
/// Connections are multiplexed: any number of tasks use the same few, and none waits for another's
/// answer. Making a client does no I/O; the first operation opens a connection, and a lost one is
/// replaced by itself. Every operation ends within [`ClientBuilder::timeout`]; dropping an
/// operation's future costs nobody else anything.
///
/// ```no_run
/// use std::time::Duration;
/// use memclient::Client;
///
/// # async fn example() -> memclient::Result<()> {
/// let client = Client::new("127.0.0.1:11211")?;
/// let _ = client.set("greeting", "hello", Duration::from_secs(60)).await?;
/// let value = client.get("greeting").await?;
/// assert_eq!(value.map(|value| value.decode::<String>()).transpose()?.as_deref(), Some("hello"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    cluster: Cluster,
    prefix: Box<[u8]>,
    charset: Charset,
    timeout: Duration,
    max_value: usize,
    default_noreply: bool,
    fail_open_reads: bool,
    observed: Observed,
    /// What came of the writes that nobody waited for.
    tally: Arc<Tally>,
    compression: Compression,
    dialect: Dialect,
    clock: Clock,
}

impl Client {
    /// Returns a client of one server with the defaults of [`ClientBuilder`], or of the servers of a
    /// URL with its options.
    ///
    /// # Errors
    /// When the text is no server address and no URL; see [`Address`](crate::Address) and
    /// [`ClientBuilder::url`] for the forms.
    pub fn new(server: impl AsRef<str>) -> Result<Self> {
        Self::builder().server(server).build()
    }

    /// Returns a client of the servers that the environment variable `MEMCACHED_SERVERS` names: a
    /// URL as [`ClientBuilder::url`] takes it, or addresses separated by commas or spaces;
    /// of `127.0.0.1:11211` where it is not set.
    ///
    /// # Errors
    /// When the variable has a text that is no URL and no list of server addresses.
    pub fn from_env() -> Result<Self> {
        match env::var("MEMCACHED_SERVERS") {
            Ok(servers) if servers.contains("://") => Self::new(servers.trim()),
            Ok(servers) => Self::builder().servers(split(&servers)).build(),
            Err(env::VarError::NotPresent) => Self::new("127.0.0.1:11211"),
            Err(env::VarError::NotUnicode(_)) => {
                Err(Error::config("MEMCACHED_SERVERS is not UTF-8"))
            }
        }
    }

    /// Returns a builder with every option at its default.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Returns the addresses of the servers.
    pub fn servers(&self) -> impl Iterator<Item = &str> {
        self.0.cluster.nodes().iter().map(|node| &**node.name())
    }

    /// Returns a client with the same servers and options, whose unconfirmed writes are counted apart.
    #[cfg(feature = "blocking")]
    pub(crate) fn counted_apart(&self) -> Self {
        let tally = Tally::new(self.0.observed.clone());
        Self(Arc::new(Inner { tally, ..Inner::clone(&self.0) }))
    }

    fn first_node(&self) -> Result<&Pool> {
        self.0.cluster.nodes().first().ok_or_else(|| Error::config("the client has no server"))
    }

    /// Returns the key under this client's rules, its prefix counted into the length.
    fn key<'a>(&'a self, key: &'a (impl AsKey + ?Sized)) -> Result<WireKey<'a>> {
        let key = key.as_key(self.0.charset)?;
        let prefix = &*self.0.prefix;
        if prefix.len() + key.len() > MAX_KEY {
            return Err(KeyError::TooLong { length: key.len(), prefix: prefix.len() }.into());
        }
        Ok(WireKey { prefix, key })
    }

    /// Says whether this client may speak the meta dialect.
    pub(crate) fn speaks_meta(&self) -> bool {
        self.0.dialect != Dialect::Classic
    }

    /// Returns how many bytes the prefix leaves for a key.
    pub(crate) fn max_key_len(&self) -> usize {
        MAX_KEY - self.0.prefix.len()
    }

    fn ttl(&self, ttl: impl Into<Ttl>) -> Result<i32> {
        Ok(ttl.into().to_wire(self.0.clock.wall())?)
    }

    /// Returns the value as this client stores it.
    fn compress<'v>(&self, mode: StoreMode, value: &'v Value) -> Cow<'v, Value> {
        // What is added to the bytes of an item is no value of its own.
        let added = matches!(mode, StoreMode::Append | StoreMode::Prepend);
        if added || self.0.compression.is_none() {
            return Cow::Borrowed(value);
        }
        Cow::Owned(value.clone().compressed(self.0.compression))
    }

    /// Refuses a value that no server of this client is thought to take.
    fn check_size(&self, value: &Value) -> Result<()> {
        let (size, limit) = (value.len(), self.0.max_value);
        if size > limit {
            return Err(Error::too_large(
                format!(
                    "it has {size} bytes and the client's limit is {limit}: raise `max_value_size` or store less"
                ),
                Delivery::NotSent,
            ));
        }
        Ok(())
    }

    fn deadline(&self) -> Instant {
        now() + self.0.timeout
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("servers", &self.servers().collect::<Vec<_>>())
            .field("key_prefix", &self.0.prefix.escape_ascii().to_string())
            .field("timeout", &self.0.timeout)
            .finish_non_exhaustive()
    }
}

fn split(servers: &str) -> impl Iterator<Item = &str> {
    servers.split([',', ' ']).filter(|server| !server.is_empty())
}
