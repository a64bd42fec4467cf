use std::time::Duration;

use crate::{conn::ConnectionOptions, net::DialOptions, proto::Dialect};

/// How a pool opens and bounds its connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolOptions {
    pub(crate) dial: DialOptions,
    pub(crate) connection: ConnectionOptions,
    pub(crate) dialect: Dialect,
    pub(crate) connect_timeout: Duration,
    /// The most connections to the node, per runtime.
    pub(crate) max_connections: usize,
}
