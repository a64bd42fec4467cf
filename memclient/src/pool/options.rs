use std::{sync::Arc, time::Duration};

use crate::{conn::ConnectionOptions, net::DialOptions, proto::Dialect, wire::Credentials};

/// How a pool opens and bounds its connections.
#[derive(Clone, Debug)]
pub(crate) struct PoolOptions {
    pub(crate) dial: DialOptions,
    pub(crate) connection: ConnectionOptions,
    pub(crate) dialect: Dialect,
    /// What every connection shows before anything else.
    pub(crate) credentials: Option<Arc<Credentials>>,
    pub(crate) connect_timeout: Duration,
    /// The fewest connections to the node once there is one, and the most, per runtime.
    pub(crate) min_connections: usize,
    pub(crate) max_connections: usize,
    /// For how long a connection beyond the fewest may be unused.
    pub(crate) idle_timeout: Option<Duration>,
}
