//! Addresses, and how a byte stream to one is opened.

mod address;
mod dial;
#[cfg(test)]
#[cfg(shuttle)]
mod pipe;
mod stream;

pub use self::address::Address;
#[cfg(all(test, shuttle))]
pub(crate) use self::pipe::Pipe;
pub(crate) use self::{
    dial::{DialOptions, dial},
    stream::Stream,
};
