//! A server, and a client that reaches it in one of the ways there are.

use std::{net::TcpListener, ops::RangeInclusive, time::Duration};

use memclient::{CasToken, Client, ClientBuilder, Dialect, Ttl, Value};
use memclient_tests::{Item, Memcached};

use super::caller::Caller;

/// Makes a test of each promise in each set-up.
macro_rules! in_every_setup {
    ($($promise:ident)*) => {$(
        mod $promise {
            use crate::operations::at::{At, META, CLASSIC, Transport};

            in_every_setup! { in $promise:
                in_the_meta_dialect: META,
                in_the_classic_dialect: CLASSIC,
                over_ipv6: META.over(Transport::Ipv6),
                over_a_unix_socket: META.over(Transport::Unix),
                over_a_unix_socket_in_the_classic_dialect: CLASSIC.over(Transport::Unix),
                over_one_connection: META.with_connections(1),
                over_one_connection_in_the_classic_dialect: CLASSIC.with_connections(1),
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
    connections: None,
    prefix: "",
    client: Kind::Async,
};
pub(super) const CLASSIC: Setup = Setup { dialect: Dialect::Classic, ..META };

/// How a client reaches its server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    dialect: Dialect,
    transport: Transport,
    connections: Option<usize>,
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
}

impl Setup {
    pub(super) const fn over(self, transport: Transport) -> Self {
        Self { transport, ..self }
    }

    pub(super) const fn with_connections(self, connections: usize) -> Self {
        Self { connections: Some(connections), ..self }
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
    address: String,
    pub(super) server: Memcached,
    pub(super) prefix: &'static str,
    pub(super) client: Caller,
}

impl At {
    /// Returns nothing, and says so, where the machine has no such transport.
    pub(super) async fn start(setup: Setup) -> Option<Self> {
        Self::start_with(setup, &[]).await
    }

    /// Starts the server with more arguments.
    pub(super) async fn start_with(setup: Setup, arguments: &[&str]) -> Option<Self> {
        let mut server = Memcached::builder();
        for argument in arguments {
            server = server.arg(*argument);
        }
        let (server, address) = match setup.transport {
            Transport::Tcp => started(server.start().await.unwrap()),
            Transport::Unix => started(server.unix().start().await.unwrap()),
            Transport::Ipv6 => on_ipv6(&server).await?,
        };
        let client = build(setup, builder(setup, &address));
        Some(Self { setup, address, server, prefix: setup.prefix, client })
    }

    /// Returns the options of another client in the same set-up.
    pub(super) fn builder(&self) -> ClientBuilder {
        builder(self.setup, &self.address)
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

fn started(server: Memcached) -> (Memcached, String) {
    let address = server.address();
    (server, address)
}

async fn on_ipv6(server: &memclient_tests::Builder) -> Option<(Memcached, String)> {
    for _ in 0..20 {
        let Ok(listener) = TcpListener::bind("[::1]:0") else {
            eprintln!("there is no IPv6 here, so nothing is tried with it");
            return None;
        };
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let server = server.clone().on_port(port).arg("-l").arg("::1");
        // Somebody else may have taken the port meanwhile.
        if let Ok(server) = server.start().await {
            return Some((server, format!("[::1]:{port}")));
        }
    }
    panic!("no port was free on ::1 and 127.0.0.1 twenty times");
}

fn builder(setup: Setup, address: &str) -> ClientBuilder {
    let Setup { dialect, connections, prefix, .. } = setup;
    let mut builder = Client::builder().server(address).dialect(dialect);
    if let Some(connections) = connections {
        builder = builder.max_pool_size(connections);
    }
    if !prefix.is_empty() {
        builder = builder.key_prefix(prefix);
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
