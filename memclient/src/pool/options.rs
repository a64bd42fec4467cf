use std::{sync::Arc, time::Duration};

use crate::{conn::ConnectionOptions, net::DialOptions, wire::Credentials};

/// How a pool opens and bounds its connections.
#[derive(Clone, Debug)]
pub(crate) struct PoolOptions {
    pub(crate) dial: DialOptions,
    pub(crate) connection: ConnectionOptions,
    /// What every connection shows before anything else.
    pub(crate) credentials: Option<Arc<Credentials>>,
    pub(crate) connect_timeout: Duration,
    /// The most connections to the node, per runtime.
    pub(crate) max_connections: usize,
}
