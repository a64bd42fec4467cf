//! Where a simulation puts its network in the place of the system's.

use std::{cell::RefCell, fmt::Debug, future::Future, io, pin::Pin, sync::Arc};

use tokio::io::{AsyncRead, AsyncWrite};

use super::Address;

/// What the other side of a simulated dial hands over.
pub(crate) type Wire = Box<dyn SimulatedStream>;

/// A dial under way.
pub(crate) type Dial<'a> = Pin<Box<dyn Future<Output = io::Result<Wire>> + Send + 'a>>;

/// A byte stream in memory.
pub(crate) trait SimulatedStream: AsyncRead + AsyncWrite + Debug + Send + Unpin {}

/// Dials in the place of the system.
pub(crate) trait SimulatedNetwork: Send + Sync {
    fn dial<'a>(&'a self, address: &'a Address) -> Dial<'a>;
}

thread_local! {
    static NETWORK: RefCell<Option<Arc<dyn SimulatedNetwork>>> = const { RefCell::new(None) };
}

/// Returns the network of a simulation that runs on this thread.
pub(crate) fn network() -> Option<Arc<dyn SimulatedNetwork>> {
    NETWORK.with_borrow(Clone::clone)
}

/// Has everything on this thread dial over this network from now on.
pub(crate) fn install(network: Option<Arc<dyn SimulatedNetwork>>) {
    NETWORK.set(network);
}
