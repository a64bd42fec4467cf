//! The client for programs without async (feature `blocking`).
//!
//! [`blocking::Client`](Client) has the operations, options, outcomes and errors of
//! [`memclient::Client`](crate::Client); each call keeps its thread until the outcome is there, or
//! the [`timeout`](ClientBuilder::timeout) of the operation has passed.
//!
//! ```no_run
//! use std::time::Duration;
//! use memclient::blocking::Client;
//!
//! # fn main() -> memclient::Result<()> {
//! let client = Client::new("127.0.0.1:11211")?;
//! let _ = client.set("greeting", "hello", Duration::from_secs(60))?;
//! let value = client.get("greeting")?;
//! assert_eq!(value.map(|value| value.decode::<String>()).transpose()?.as_deref(), Some("hello"));
//! # Ok(())
//! # }
//! ```
//!
//! # Threads
//! A client may be used by any number of threads at once, each with a clone or all with the same
//! one: they share the connections, and none waits for another's answer. A thread that panics in
//! the midst of a call costs the others nothing.
//!
//! One thread of this crate's own, which all clients of the process share and which is started with
//! the first of them, drives the connections. So calls are safe inside other people's runtimes too:
//! in tokio's `spawn_blocking` and `block_in_place`, and even in a task, whose thread then stands
//! still. (There, [`memclient::Client`](crate::Client) is the better choice.) The exception is an
//! [`Observer`](crate::Observer): it may be run by the very thread that a call would wait for, so it
//! must not make one.
//!
//! # Processes that fork
//! A child of `fork` that goes on without `exec` has neither the thread nor connections of its own:
//! what it sent would go to its parent's. Fork first, and make clients in the children; a process
//! that has made a client, or has called a cached function, must not use memclient in a child.

mod count;
mod modify;
mod raw;
mod retrieve;
mod servers;
mod store;
mod unconfirmed;

use std::{fmt, future::Future};

pub use self::unconfirmed::Unconfirmed;
use crate::{
    client::{self, ClientBuilder},
    error::{Error, Result},
    runtime::Executor,
};

/// A memcached client over one server or several, whose calls block. Cheap to clone; its clones
/// share the connections.
///
/// Making a client does no I/O, except that the first of a process starts a thread; the first
/// operation opens a connection, and a lost one is replaced by itself. Every operation ends within
/// [`ClientBuilder::timeout`]. With the last clone the connections end.
///
/// See [the module](self) for where it may be called.
///
/// ```no_run
/// use std::thread;
/// use memclient::{Client, Ttl};
///
/// # fn main() -> memclient::Result<()> {
/// // The options are those of the other client.
/// let client = Client::builder().server("cache-1:11211").key_prefix("shop:").build_blocking()?;
/// thread::scope(|scope| {
///     for number in 0..8 {
///         let client = &client;
///         scope.spawn(move || client.set(format!("n:{number}"), number, Ttl::secs(60)));
///     }
/// });
/// assert_eq!(client.get("n:7")?.map(|value| value.decode::<u64>()).transpose()?, Some(7));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    client: client::Client,
    executor: Executor,
}

impl Client {
    /// Returns a client of one server with the defaults of [`ClientBuilder`], or of the servers of a
    /// URL with its options. For other options there is [`ClientBuilder::build_blocking`].
    ///
    /// # Errors
    /// When the text is no server address and no URL; see [`Address`](crate::Address) and
    /// [`ClientBuilder::url`] for the forms. When the system refuses the thread that drives the
    /// connections ([`Error::is_thread`]).
    pub fn new(server: impl AsRef<str>) -> Result<Self> {
        client::Client::new(server)?.into_blocking()
    }

    /// Returns a client of the servers that the environment variable `MEMCACHED_SERVERS` names: a
    /// URL as [`ClientBuilder::url`] takes it, or addresses separated by commas or spaces;
    /// of `127.0.0.1:11211` where it is not set.
    ///
    /// # Errors
    /// When the variable has a text that is no URL and no list of server addresses, or the system
    /// refuses the thread that drives the connections ([`Error::is_thread`]).
    pub fn from_env() -> Result<Self> {
        client::Client::from_env()?.into_blocking()
    }

    /// Returns the addresses of the servers.
    pub fn servers(&self) -> impl Iterator<Item = &str> {
        self.client.servers()
    }

    /// Returns the client for async code, with the same servers and options.
    ///
    /// It has connections of its own, as each runtime has, and counts its
    /// [unconfirmed](Client::unconfirmed) writes by itself: for those that were sent before, wait at
    /// a [`Client::barrier`] first.
    pub fn into_async(self) -> client::Client {
        self.client.counted_apart()
    }

    /// Lets go of every connection: each ends once what is under way on it is answered. The client
    /// stays usable, and a later call opens connections anew.
    ///
    /// A client whose last clone is dropped does this by itself.
    #[doc(alias = "quit")]
    #[doc(alias = "disconnect_all")]
    pub fn close(&self) {
        self.client.close();
    }

    /// Keeps the calling thread until the call is over.
    fn run<F: Future>(&self, call: F) -> F::Output {
        self.executor.block_on(call)
    }
}

impl client::Client {
    /// Returns the client for threads, with the same servers and options; its calls block.
    ///
    /// It has connections of its own, as each runtime has, and counts its
    /// [unconfirmed](client::Client::unconfirmed) writes by itself: for those that were sent before,
    /// wait at a [`barrier`](client::Client::barrier) first.
    ///
    /// # Errors
    /// When the system refuses the thread that drives the connections ([`Error::is_thread`]).
    pub fn into_blocking(self) -> Result<Client> {
        let executor = Executor::get().map_err(Error::thread)?;
        // A barrier that blocks must not wait for writes whose connection stands still meanwhile.
        Ok(Client { client: self.counted_apart(), executor })
    }
}

impl ClientBuilder {
    /// Returns a [`blocking::Client`](Client) with these options. Connects to nothing; files that
    /// [`ClientBuilder::tls`] names are read.
    ///
    /// # Errors
    /// As [`ClientBuilder::build`]; and when the system refuses the thread that drives the
    /// connections ([`Error::is_thread`]).
    pub fn build_blocking(self) -> Result<Client> {
        self.build()?.into_blocking()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.client, f)
    }
}
