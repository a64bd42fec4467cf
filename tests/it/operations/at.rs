//! A server, and a client that reaches it in one of the ways there are.

use std::{ops::RangeInclusive, sync::Mutex, time::Duration};

use memclient::{CasToken, ClientBuilder, Dialect, Ttl, Value};
use memclient_tests::{Item, Memcached};
use tokio::task::JoinSet;

use super::caller::Caller;

/// Makes a test of each promise in each set-up.
macro_rules! in_every_setup {
    ($($promise:ident)*) => {$(
        mod $promise {
            use crate::operations::at::{At, CLASSIC, META, Transport};

            in_every_setup! { in $promise:
                in_the_meta_dialect: META,
                in_the_classic_dialect: CLASSIC,
                over_ipv6: META.over(Transport::Ipv6),
                over_a_unix_socket: META.over(Transport::Unix),
                over_a_unix_socket_in_the_classic_dialect: CLASSIC.over(Transport::Unix),
                over_tls: META.over(Transport::Tls),
                over_tls_in_the_classic_dialect: CLASSIC.over(Transport::Tls),
                with_a_client_certificate: META.over(Transport::ClientCertificate),
                with_credentials: META.with_credentials(),
                with_credentials_in_the_classic_dialect: CLASSIC.with_credentials(),
                with_credentials_over_tls: META.over(Transport::Tls).with_credentials(),
                over_one_connection: META.with_connections(1),
                over_one_connection_in_the_classic_dialect: CLASSIC.with_connections(1),
                over_several_connections: META.with_connections(2).in_company(),
                over_several_connections_in_the_classic_dialect: CLASSIC.with_connections(2).in_company(),
                with_a_key_prefix: META.with_prefix("shop:"),
                with_a_key_prefix_in_the_classic_dialect: CLASSIC.with_prefix("shop:"),
                blocking: META.blocking(),
                blocking_in_the_classic_dialect: CLASSIC.blocking(),
                blocking_over_one_connection: META.with_connections(1).blocking(),
            }
        }
    )*};
    (in $promise:ident: $($name:ident: $setup:expr,)*) => {$(
        #[tokio::test]
        async fn $name() {
            if let Some(at) = At::start($setup).await {
                super::$promise(&at).await;
            }
        }
    )*};
}

pub(super) const META: Setup = Setup {
    dialect: Dialect::Meta,
    transport: Transport::Tcp,
    credentials: false,
    connections: None,
    company: false,
    prefix: "",
    client: Kind::Async,
};
pub(super) const CLASSIC: Setup = Setup { dialect: Dialect::Classic, ..META };

/// How a client reaches its server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    dialect: Dialect,
    transport: Transport,
    credentials: bool,
    connections: Option<usize>,
    company: bool,
    prefix: &'static str,
    client: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Async,
    Blocking,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Transport {
    Tcp,
    Ipv6,
    Unix,
    Tls,
    /// TLS, and the server wants to know who the client is.
    ClientCertificate,
}

impl Setup {
    pub(super) const fn over(self, transport: Transport) -> Self {
        Self { transport, ..self }
    }

    pub(super) const fn with_credentials(self) -> Self {
        Self { credentials: true, ..self }
    }

    pub(super) const fn with_connections(self, connections: usize) -> Self {
        Self { connections: Some(connections), ..self }
    }

    /// Has other tasks use the client all the time, so that its calls are spread over its
    /// connections.
    pub(super) const fn in_company(self) -> Self {
        Self { company: true, ..self }
    }

    pub(super) const fn with_prefix(self, prefix: &'static str) -> Self {
        Self { prefix, ..self }
    }

    pub(super) const fn blocking(self) -> Self {
        Self { client: Kind::Blocking, ..self }
    }
}

pub(super) struct At {
    setup: Setup,
    pub(super) server: Memcached,
    pub(super) prefix: &'static str,
    pub(super) client: Caller,
    company: Mutex<JoinSet<()>>,
}

impl At {
    /// Returns nothing, and says so, where the machine has no such transport.
    pub(super) async fn start(setup: Setup) -> Option<Self> {
        Self::start_with(setup, &[]).await
    }

    /// Starts the server with more arguments.
    pub(super) async fn start_with(setup: Setup, arguments: &[&str]) -> Option<Self> {
        let server = match setup.transport {
            Transport::Ipv6 if !Memcached::has_ipv6() => {
                eprintln!("there is no IPv6 here, so nothing is tried with it");
                return None;
            }
            Transport::Tcp => Memcached::builder(),
            Transport::Ipv6 => Memcached::builder().ipv6(),
            Transport::Unix => Memcached::builder().unix(),
            Transport::Tls => Memcached::builder().tls(),
            Transport::ClientCertificate => Memcached::builder().client_certificate(),
        };
        let server = if setup.credentials { server.auth("ann", "secret") } else { server };
        let server = arguments.iter().fold(server, |server, argument| server.arg(*argument));
        let server = server.start().await.unwrap();
        let client = build(setup, builder(setup, &server));
        let (prefix, company) = (setup.prefix, Mutex::default());
        let at = Self { setup, server, prefix, client, company };
        if setup.company {
            at.invite().await;
        }
        Some(at)
    }

    /// Has other tasks use the client, and waits until every connection is open.
    async fn invite(&self) {
        let connections = self.setup.connections.unwrap();
        let before = self.stat("total_connections").await;
        // One more than there are connections, so that neither is always the free one.
        for _ in 0..=connections {
            self.company.lock().unwrap().spawn(keep_busy(self.client.clone()));
        }
        for looks in 1.. {
            if self.stat("total_connections").await == before + looks + connections as u64 {
                break;
            }
        }
    }

    /// Sends the other tasks away.
    pub(super) async fn alone(&self) {
        let mut company = std::mem::take(&mut *self.company.lock().unwrap());
        company.shutdown().await;
    }

    /// Returns the options of another client in the same set-up.
    pub(super) fn builder(&self) -> ClientBuilder {
        builder(self.setup, &self.server)
    }

    /// Returns a client with these options, of the set-up's kind.
    pub(super) fn build(&self, builder: ClientBuilder) -> Caller {
        build(self.setup, builder)
    }

    pub(super) fn is_meta(&self) -> bool {
        self.setup.dialect == Dialect::Meta
    }

    pub(super) async fn put(&self, key: &str, text: &str) {
        self.set(key, Value::of(text).unwrap()).await;
    }

    pub(super) async fn put_for(&self, key: &str, ttl: impl Into<Ttl>) {
        let stored = self.client.set(key, "v", ttl).await.unwrap();
        assert!(stored.is_stored());
    }

    pub(super) async fn set(&self, key: &str, value: Value) {
        let stored = self.client.set(key, value, Ttl::Never).await.unwrap();
        assert!(stored.is_stored());
    }

    pub(super) async fn text(&self, key: &str) -> Option<String> {
        self.client.get(key).await.unwrap().as_ref().map(text)
    }

    pub(super) async fn version(&self, key: &str) -> CasToken {
        self.client.gets(key).await.unwrap().unwrap().cas
    }

    /// Returns what the server holds, asked on a plain connection.
    pub(super) async fn held(&self, key: &str) -> Option<Item> {
        self.server.item(&self.whole(key)).await.unwrap()
    }

    /// Returns how long the item will live, asked on a plain connection; `None` for ever.
    pub(super) async fn left(&self, key: &str) -> Option<u64> {
        let answer = self.server.raw(format!("mg {} t\r\n", self.whole(key))).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let seconds = answer.trim_end().strip_prefix("HD t").expect("there is an item");
        seconds.parse::<i64>().unwrap().try_into().ok()
    }

    pub(super) async fn seconds_left(&self, key: &str) -> u64 {
        self.left(key).await.expect("it expires")
    }

    pub(super) async fn stat(&self, name: &str) -> u64 {
        let value = self.server.stat(name).await.unwrap();
        value.unwrap().parse().unwrap()
    }

    fn whole(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }
}

/// Calls and rests by turns, so that other calls find now this connection free and now that.
async fn keep_busy(client: Caller) {
    loop {
        client.version().await.unwrap();
        for _ in 0..fastrand::usize(..4) {
            tokio::task::yield_now().await;
        }
    }
}

fn builder(setup: Setup, server: &Memcached) -> ClientBuilder {
    let mut builder = server.client_builder().dialect(setup.dialect);
    if let Some(connections) = setup.connections {
        builder = builder.max_pool_size(connections);
    }
    if !setup.prefix.is_empty() {
        builder = builder.key_prefix(setup.prefix);
    }
    builder.timeout(Duration::from_secs(10))
}

fn build(setup: Setup, builder: ClientBuilder) -> Caller {
    match setup.client {
        Kind::Async => Caller::Async(builder.build().unwrap()),
        Kind::Blocking => Caller::Blocking(builder.build_blocking().unwrap()),
    }
}

/// Seconds until a date, as a server may count them: in the first moments of its life its clock is a
/// minute behind.
pub(super) fn about(seconds: u64) -> RangeInclusive<u64> {
    seconds - 90..=seconds + 90
}

pub(super) fn text(value: &Value) -> String {
    value.decode().unwrap()
}
