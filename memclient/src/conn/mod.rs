//! One connection, shared by many callers: requests go out in order, answers come back in order.
//!
//! [`machine`] decides, [`driver`] moves the bytes, [`Connection`] is what callers hold.

mod driver;
mod handle;
mod handshake;
mod machine;
mod shared;

pub(crate) use self::{
    handle::{Connection, InFlight},
    machine::Replies,
    shared::ConnectionOptions,
};
