//! The clients of the restart, each as its users would have it: as it comes, with the limit for a
//! call where it has one of its own, and behind the caller's limit where it has none.

use std::{net::SocketAddr, time::Duration};

use async_memcached::{AsciiProtocol, Client as Bare};
use bytes::Bytes;
use memcache::exp::{AsyncMetaClient, Ttl};
use memclient::Client;
use tokio::time::timeout;

use crate::peers::{
    Contender, Outcome, TTL_SECONDS, async_memcached::AsyncMemcached,
    deadpool_memcached::DeadpoolMemcached, mtop::Mtop,
};

/// How long a call may take.
pub(super) const LIMIT: Duration = Duration::from_millis(250);

/// Connections of a client that pools, if it can be told.
const POOL: usize = 8;

static VALUE: Bytes = Bytes::from_static(&[b'v'; 100]);

/// A client of its own, as one instance of a service has it.
pub(super) trait Instance: Sized + Send + 'static {
    /// The name in the table.
    const NAME: &'static str;

    /// Whether a call keeps its thread until it is over.
    const BLOCKS: bool = false;

    /// Returns a client of the server.
    fn open(server: SocketAddr) -> impl Future<Output = Outcome<Self>>;

    /// Stores a value under the key.
    fn set(&mut self, key: &str) -> impl Future<Output = Outcome<()>> + Send;

    /// Reads the value of the key.
    fn get(&mut self, key: &str) -> impl Future<Output = Outcome<()>> + Send;
}

impl Instance for Client {
    const NAME: &'static str = "memclient";

    async fn open(server: SocketAddr) -> Outcome<Self> {
        Ok(Self::builder().server(server.to_string()).timeout(LIMIT).build()?)
    }

    async fn set(&mut self, key: &str) -> Outcome<()> {
        let ttl = Duration::from_secs(TTL_SECONDS.into());
        let _stored = Self::set(self, key, VALUE.clone(), ttl).await?;
        Ok(())
    }

    async fn get(&mut self, key: &str) -> Outcome<()> {
        Ok(Self::get(self, key).await.map(|_| ())?)
    }
}

impl Instance for AsyncMetaClient {
    const NAME: &'static str = "memcache-exp";

    async fn open(server: SocketAddr) -> Outcome<Self> {
        let builder = Self::builder().io_timeout(Some(LIMIT)).connect_timeout(Some(LIMIT));
        Ok(builder.connect_async(server).await?)
    }

    async fn set(&mut self, key: &str) -> Outcome<()> {
        let ttl = Ttl::secs(TTL_SECONDS);
        Self::set(self, key, &VALUE).ttl(ttl).send().await?;
        Ok(())
    }

    async fn get(&mut self, key: &str) -> Outcome<()> {
        Self::get(self, key).send().await?;
        Ok(())
    }
}

impl Instance for memcache::Client {
    const NAME: &'static str = "memcache";
    const BLOCKS: bool = true;

    async fn open(server: SocketAddr) -> Outcome<Self> {
        let limit = LIMIT.as_secs_f64();
        let url = format!(
            "memcache://{server}?protocol=ascii&tcp_nodelay=true&timeout={limit}&connect_timeout={limit}"
        );
        Ok(Self::with_pool_size(url, 1)?)
    }

    async fn set(&mut self, key: &str) -> Outcome<()> {
        Ok(Self::set(self, key, &VALUE[..], TTL_SECONDS)?)
    }

    async fn get(&mut self, key: &str) -> Outcome<()> {
        Ok(Self::get::<Vec<u8>>(self, key).map(|_| ())?)
    }
}

/// The bare client of async-memcached, in a loop that dials again whenever a call has failed.
pub(super) struct Redialed {
    server: String,
    client: Option<Bare>,
}

impl Redialed {
    async fn take(&mut self) -> Outcome<Bare> {
        match self.client.take() {
            Some(client) => Ok(client),
            None => Ok(Bare::new(&self.server).await?),
        }
    }
}

impl Instance for Redialed {
    const NAME: &'static str = "async-memcached";

    async fn open(server: SocketAddr) -> Outcome<Self> {
        let server = format!("tcp://{server}");
        let client = Some(Bare::new(&server).await?);
        Ok(Self { server, client })
    }

    async fn set(&mut self, key: &str) -> Outcome<()> {
        let call = async {
            let mut client = self.take().await?;
            client.set(key, &VALUE[..], Some(TTL_SECONDS.into()), None).await?;
            self.client = Some(client);
            Ok(())
        };
        timeout(LIMIT, call).await?
    }

    async fn get(&mut self, key: &str) -> Outcome<()> {
        let call = async {
            let mut client = self.take().await?;
            client.get(key).await?;
            self.client = Some(client);
            Ok(())
        };
        timeout(LIMIT, call).await?
    }
}

/// Has a contender of the benchmarks take part, behind the caller's limit.
macro_rules! limited {
    ($($contender:ty: $name:literal),+ $(,)?) => {$(
        impl Instance for $contender {
            const NAME: &'static str = $name;

            async fn open(server: SocketAddr) -> Outcome<Self> {
                <Self as Contender>::open(server, POOL).await
            }

            async fn set(&mut self, key: &str) -> Outcome<()> {
                timeout(LIMIT, Contender::set(self, key, &VALUE)).await?
            }

            async fn get(&mut self, key: &str) -> Outcome<()> {
                timeout(LIMIT, Contender::get(self, key)).await?.map(|_| ())
            }
        }
    )+};
}

limited! {
    AsyncMemcached: "async-memcached in deadpool",
    DeadpoolMemcached: "deadpool-memcached",
    Mtop: "mtop-client",
}
