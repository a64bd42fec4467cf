//! Addresses, and how a byte stream to one is opened.

mod address;
mod dial;
mod stream;

pub use self::address::Address;
pub(crate) use self::{
    dial::{DialOptions, dial},
    stream::Stream,
};
