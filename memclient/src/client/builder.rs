use std::{sync::Arc, time::Duration};

use memclient_serde::Compression;

use super::{Client, Inner};
#[cfg(feature = "__tls")]
use crate::net::Tls;
use crate::{
    clock::Clock,
    cluster::Cluster,
    conn::{ConnectionOptions, Tally},
    error::{Error, Result},
    events::{Observed, Observer},
    net::{Address, DialOptions, Keepalive},
    pool::{Pool, PoolOptions},
    proto::Dialect,
    wire::{Charset, Credentials, KeyRef},
};

/// Leaves keys more than half of the 250 bytes.
const MAX_PREFIX: usize = 100;

/// What Linux takes at most as a time of keepalive, in seconds, and as a count.
const MAX_KEEPALIVE_SECONDS: u64 = 32_767;
const MAX_KEEPALIVE_COUNT: u32 = 127;

/// The options of a [`Client`]. Only [`ClientBuilder::build`] can fail: it reports the first mistake.
///
/// Shows as `Debug` without credentials and keys.
///
/// ```
/// use std::time::Duration;
/// use memclient::Client;
///
/// let client = Client::builder()
///     .servers(["cache-1:11211", "cache-2:11211"])
///     .key_prefix("shop:")
///     .timeout(Duration::from_millis(250))
///     .build()?;
/// # Ok::<(), memclient::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientBuilder {
    pub(super) servers: Vec<Address>,
    pub(super) credentials: Option<Arc<Credentials>>,
    #[cfg(feature = "__tls")]
    tls: Option<Tls>,
    key_prefix: Vec<u8>,
    charset: Charset,
    connect_timeout: Duration,
    timeout: Duration,
    no_delay: bool,
    keepalive: Option<Duration>,
    keepalive_interval: Duration,
    keepalive_count: u32,
    min_pool_size: usize,
    max_pool_size: usize,
    pool_idle_timeout: Option<Duration>,
    max_value_size: usize,
    max_in_flight: usize,
    dialect: Dialect,
    default_noreply: bool,
    fail_open_reads: bool,
    observed: Observed,
    compression: Compression,
    /// The first mistake so far.
    mistake: Option<Error>,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            credentials: None,
            #[cfg(feature = "__tls")]
            tls: None,
            key_prefix: Vec::new(),
            charset: Charset::Ascii,
            // Within a data centre a connect takes a millisecond; one lost packet adds a second.
            connect_timeout: Duration::from_millis(1500),
            // A cache that takes longer than this is slower than what it caches.
            timeout: Duration::from_secs(1),
            // Requests are collected here, so the kernel has nothing to wait for.
            no_delay: true,
            // Beneath the idle limits of the usual firewalls and balancers.
            keepalive: Some(Duration::from_secs(60)),
            // A peer that vanished in silence is found out half a minute later.
            keepalive_interval: Duration::from_secs(10),
            keepalive_count: 3,
            min_pool_size: 1,
            // One multiplexed connection is enough for a server of few cores; the others come with
            // load.
            max_pool_size: 8,
            pool_idle_timeout: Some(Duration::from_secs(60)),
            // What `memcached -I` is raised to at most in practice.
            max_value_size: 128 << 20,
            max_in_flight: 8 << 20,
            dialect: Dialect::Auto,
            // Among many calls that share a connection, waiting costs next to nothing.
            default_noreply: false,
            // Who asks a client, and not a cache, wants to know.
            fail_open_reads: false,
            #[cfg(feature = "tracing")]
            observed: Observed::by(crate::events::TracingObserver),
            #[cfg(not(feature = "tracing"))]
            observed: Observed::default(),
            compression: Compression::NONE,
            mistake: None,
        }
    }
}

impl ClientBuilder {
    /// Adds a server: `host:port`, `host`, `[v6]:port`, `/path` or `unix:path`, see
    /// [`Address`]; or several with their options, as a URL, see [`ClientBuilder::url`]. Defaults to
    /// `127.0.0.1:11211` where none is added.
    pub fn server(mut self, server: impl AsRef<str>) -> Self {
        let server = server.as_ref();
        if server.contains("://") {
            return self.url(server);
        }
        match server.parse() {
            Ok(address) => {
                self.servers.push(address);
                self
            }
            Err(mistake) => self.remember(mistake),
        }
    }

    /// Adds servers; each key lives on one of them.
    pub fn servers<S: AsRef<str>>(self, servers: impl IntoIterator<Item = S>) -> Self {
        servers.into_iter().fold(self, Self::server)
    }

    /// Shows every server this user and password on every new connection, before anything else: the
    /// text authentication of memcached's `-Y`. Defaults to none.
    ///
    /// Neither can be empty or have spaces or control characters. A server that wants others, or
    /// that wants some where there are none, answers with an [`Error`] that
    /// [is about that](Error::is_auth), and is asked no more often than one that is down. **Without
    /// [TLS](#method.tls) everybody on the way can read them**, and a server that was started
    /// without `-Y` keeps them as its item `auth`, where all its clients can read them.
    pub fn credentials(mut self, user: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        match Credentials::new(user.as_ref(), password.as_ref()) {
            Ok(credentials) => {
                self.credentials = Some(Arc::new(credentials));
                self
            }
            Err(complaint) => self.remember(Error::config(format!("credentials: {complaint}"))),
        }
    }

    /// Speaks TLS with every server, within the connect timeout. Defaults to off.
    ///
    /// A server that does not prove to be the host of its address is an [`Error`] that
    /// [is about TLS](Error::is_tls) and says what to do. Unix sockets among the servers go without:
    /// they do not leave the machine, and memcached speaks no TLS over them. With nothing but unix
    /// sockets it is an error to ask for it.
    #[cfg(feature = "__tls")]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Puts these bytes before every key on the wire; they count into its 250 bytes. Defaults to
    /// none.
    pub fn key_prefix(mut self, prefix: impl Into<Vec<u8>>) -> Self {
        self.key_prefix = prefix.into();
        self
    }

    /// Takes keys with non-ASCII bytes. Defaults to off.
    pub fn allow_unicode_keys(mut self, allow: bool) -> Self {
        self.charset = if allow { Charset::Unicode } else { Charset::Ascii };
        self
    }

    /// Bounds opening a connection. Defaults to 1.5 seconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Bounds every operation from call to answer, connecting included; a batch has this much for
    /// each of its parts. Defaults to 1 second.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets `TCP_NODELAY`. Defaults to on.
    pub fn no_delay(mut self, on: bool) -> Self {
        self.no_delay = on;
        self
    }

    /// Asks a peer that was silent for so long whether it is still there; TCP only, at least a
    /// second, in whole seconds. Defaults to 60 seconds.
    pub fn keepalive(mut self, idle: impl Into<Option<Duration>>) -> Self {
        self.keepalive = idle.into();
        self
    }

    /// Repeats the question of [`ClientBuilder::keepalive`] at this interval while it has no answer;
    /// at least a second, in whole seconds. Defaults to 10 seconds.
    pub fn keepalive_interval(mut self, interval: Duration) -> Self {
        self.keepalive_interval = interval;
        self
    }

    /// Gives a connection up after so many questions without an answer, 1 to 127. Defaults to 3.
    pub fn keepalive_count(mut self, count: u32) -> Self {
        self.keepalive_count = count;
        self
    }

    /// Sets how many connections to each server are kept open, once there is one, whether or not
    /// they are used; it is opened with the first call. Defaults to 1.
    pub fn min_pool_size(mut self, connections: usize) -> Self {
        self.min_pool_size = connections;
        self
    }

    /// Bounds the connections to each server. Defaults to 8; they are opened as load asks for them.
    pub fn max_pool_size(mut self, connections: usize) -> Self {
        self.max_pool_size = connections;
        self
    }

    /// Closes connections beyond [`ClientBuilder::min_pool_size`] that were not used for so long,
    /// or up to twice as long; `None` keeps them. Defaults to 60 seconds.
    pub fn pool_idle_timeout(mut self, idle: impl Into<Option<Duration>>) -> Self {
        self.pool_idle_timeout = idle.into();
        self
    }

    /// Compresses large values when they are stored: by `set`, `add`, `replace`, `cas` and
    /// `set_many`. Defaults to not compressing.
    ///
    /// Reading needs no setting: [`Value::decode`](crate::Value::decode) decompresses what its flags
    /// name, whoever wrote it, while [`Value::data`](crate::Value::data) shows the bytes as the
    /// server keeps them. `append` and `prepend` send their bytes as they are, and a compressed item
    /// that they add to can no longer be read: leave compression off where they are used.
    ///
    /// ```
    /// use memclient::Client;
    /// # #[cfg(feature = "zlib")] {
    /// use memclient::Compression;
    ///
    /// // What pymemcache's `compressed_serde` does.
    /// let client = Client::builder().compression(Compression::zlib(6).threshold(401)).build()?;
    /// # }
    /// # Ok::<(), memclient::Error>(())
    /// ```
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Bounds values in both directions, in bytes as they travel: a larger one is refused before it
    /// is sent, and a server that announces a larger one is not believed. Defaults to 128 MiB.
    pub fn max_value_size(mut self, bytes: usize) -> Self {
        self.max_value_size = bytes;
        self
    }

    /// Chooses the commands that are spoken with the servers. Defaults to [`Dialect::Auto`]: what
    /// each connection's server understands.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Has the plain writes return as soon as they are on their way, as pymemcache does by default.
    /// Defaults to off.
    ///
    /// It concerns `set`, `add`, `replace`, `append`, `prepend`, `set_many`, `delete`, `delete_many`,
    /// `touch` and `touch_many`. They then come to `Unconfirmed`, whatever the server answers: what it
    /// refuses and what is lost on the way is counted ([`Client::unconfirmed_failures`]) and reported
    /// ([`Event::UnconfirmedFailed`](crate::Event::UnconfirmedFailed)), and
    /// [`Client::barrier`] waits for the end of it. [`Client::unconfirmed`] does the same for single
    /// calls. A cache over the client waits all the same.
    pub fn default_noreply(mut self, on: bool) -> Self {
        self.default_noreply = on;
        self
    }

    /// Has reads answer a miss where the server cannot be asked, or answers what it must not.
    /// Defaults to off.
    ///
    /// It concerns `get`, `gets`, `gat`, `gats` and their `_many` forms. Each such failure is reported
    /// ([`Event::ReadFailedOpen`](crate::Event::ReadFailedOpen)). What is the caller's own mistake
    /// stays an error: a key that is none, an operation that the server does not have; and so does
    /// the failure of any write.
    #[doc(alias = "ignore_exc")]
    pub fn fail_open_reads(mut self, on: bool) -> Self {
        self.fail_open_reads = on;
        self
    }

    /// Hears of what the client itself passes over. Defaults to the `tracing` subscriber with the
    /// feature `tracing`, else to nobody.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observed = Observed::by(observer);
        self
    }

    /// Returns the client. Connects to nothing; files that [`ClientBuilder::tls`] names are read.
    ///
    /// # Errors
    /// When an address, a URL, the prefix or the credentials are malformed, a file of TLS cannot be
    /// used, or an option has a value that it cannot have.
    pub fn build(self) -> Result<Client> {
        let dial = self.dial_options()?;
        let Self {
            servers,
            credentials,
            key_prefix,
            charset,
            connect_timeout,
            timeout,
            min_pool_size,
            max_pool_size,
            pool_idle_timeout,
            max_value_size,
            max_in_flight,
            dialect,
            default_noreply,
            fail_open_reads,
            observed,
            compression,
            ..
        } = self;
        if !key_prefix.is_empty() {
            KeyRef::new(&key_prefix, charset)?;
        }
        if key_prefix.len() > MAX_PREFIX {
            return Err(Error::config(format!(
                "the key prefix has more than {MAX_PREFIX} bytes: keys need room behind it"
            )));
        }
        for (name, zero) in [
            ("connect_timeout", connect_timeout.is_zero()),
            ("timeout", timeout.is_zero()),
            ("min_pool_size", min_pool_size == 0),
            ("max_pool_size", max_pool_size == 0),
            ("pool_idle_timeout", pool_idle_timeout.is_some_and(|idle| idle.is_zero())),
            ("max_value_size", max_value_size == 0),
        ] {
            if zero {
                return Err(Error::config(format!("{name} is zero: leave it out for its default")));
            }
        }
        if min_pool_size > max_pool_size {
            return Err(Error::config(format!(
                "min_pool_size is {min_pool_size} and max_pool_size {max_pool_size}: the fewest \
                 connections cannot be more than the most"
            )));
        }
        let addresses = if servers.is_empty() { vec!["127.0.0.1:11211".parse()?] } else { servers };
        #[cfg(feature = "__tls")]
        dial.check(&addresses)?;
        let options = PoolOptions {
            dial,
            connection: ConnectionOptions { max_value: max_value_size, max_in_flight },
            dialect,
            credentials,
            connect_timeout,
            min_connections: min_pool_size,
            max_connections: max_pool_size,
            idle_timeout: pool_idle_timeout,
        };
        let nodes = addresses.into_iter().map(|address| Pool::new(address, options.clone()));
        Ok(Client(Arc::new(Inner {
            cluster: Cluster::new(nodes),
            prefix: key_prefix.into(),
            charset,
            timeout,
            max_value: max_value_size,
            default_noreply,
            fail_open_reads,
            tally: Tally::new(observed.clone()),
            observed,
            compression,
            dialect,
            clock: Clock::system(),
        })))
    }

    /// Changes the options of TLS, and asks for TLS thereby.
    #[cfg(feature = "__tls")]
    pub(super) fn with_tls(mut self, change: impl FnOnce(Tls) -> Tls) -> Self {
        self.tls = Some(change(self.tls.unwrap_or_default()));
        self
    }

    fn dial_options(&self) -> Result<DialOptions> {
        if let Some(mistake) = &self.mistake {
            return Err(mistake.clone());
        }
        let keepalive = match self.keepalive {
            None => None,
            Some(idle) => Some(Keepalive {
                idle: whole_seconds("keepalive", idle)?,
                interval: whole_seconds("keepalive_interval", self.keepalive_interval)?,
                count: match self.keepalive_count {
                    count @ 1..=MAX_KEEPALIVE_COUNT => count,
                    count => {
                        return Err(Error::config(format!(
                            "keepalive_count is {count}: it can be 1 to {MAX_KEEPALIVE_COUNT}"
                        )));
                    }
                },
            }),
        };
        Ok(DialOptions {
            no_delay: self.no_delay,
            keepalive,
            #[cfg(feature = "__tls")]
            tls: self.tls.as_ref().map(Tls::connector).transpose()?,
        })
    }

    pub(super) fn remember(mut self, mistake: Error) -> Self {
        self.mistake.get_or_insert(mistake);
        self
    }
}

/// Returns the time in whole seconds, which is what the kernel counts in.
fn whole_seconds(option: &str, time: Duration) -> Result<Duration> {
    let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    if time < Duration::from_secs(1) || seconds > MAX_KEEPALIVE_SECONDS {
        return Err(Error::config(format!(
            "{option} is {time:?}: it can be 1 to {MAX_KEEPALIVE_SECONDS} seconds"
        )));
    }
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused_when_the_client_is_built() {
        let refused = |builder: ClientBuilder| builder.build().is_err_and(|error| error.is_input());
        assert!(refused(Client::builder().server("h:0")));
        assert!(refused(Client::builder().key_prefix("two words")));
        assert!(refused(Client::builder().key_prefix("é")));
        assert!(refused(Client::builder().timeout(Duration::ZERO)));
        assert!(refused(Client::builder().max_pool_size(0)));
        assert!(refused(Client::builder().keepalive(Duration::from_millis(999))));
        assert!(refused(Client::builder().keepalive(Duration::from_secs(32_768))));
        assert!(refused(Client::builder().keepalive(Duration::MAX)));
        assert!(refused(Client::builder().keepalive_interval(Duration::ZERO)));
        assert!(refused(Client::builder().keepalive_count(0)));
        assert!(refused(Client::builder().keepalive_count(128)));
        assert!(refused(Client::builder().credentials("", "p")));
        assert!(refused(Client::builder().url("memcache://h?tiemout=1s").credentials("u", "p")));
        assert!(Client::builder().keepalive(None).keepalive_count(0).build().is_ok());
        assert!(refused(Client::builder().max_pool_size(2).min_pool_size(3)));
        assert!(refused(Client::builder().pool_idle_timeout(Some(Duration::ZERO))));
        assert!(Client::builder().key_prefix("é").allow_unicode_keys(true).build().is_ok());
    }

    #[test]
    fn a_server_named_twice_is_one_node() {
        let client = Client::builder().servers(["h", "h:11211", "g"]).build().unwrap();
        assert_eq!(client.servers().collect::<Vec<_>>(), ["h:11211", "g:11211"]);
    }
}
