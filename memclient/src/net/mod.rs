//! Addresses, and how a byte stream to one is opened.

mod address;
mod dial;
#[cfg(test)]
#[cfg(shuttle)]
mod pipe;
#[cfg(all(test, not(shuttle)))]
pub(crate) mod simulated;
mod stream;
#[cfg(feature = "__tls")]
mod tls;

pub use self::address::Address;
#[cfg(all(test, shuttle))]
pub(crate) use self::pipe::Pipe;
#[cfg(feature = "__tls")]
pub use self::tls::Tls;
pub(crate) use self::{
    dial::{DialOptions, Keepalive, dial, tls_refusal},
    stream::Stream,
};
