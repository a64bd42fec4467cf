//! One connection, shared by many callers: requests go out in order, answers come back in order.
//!
//! [`machine`] decides, [`Connection`] is what callers hold. A caller that is alone moves its own
//! bytes; for several the [`driver`] does.

mod auth;
mod busy_poll;
mod depth;
mod doubles;
mod driver;
mod gather;
mod handle;
mod handshake;
mod io;
mod machine;
#[cfg(test)]
#[cfg(shuttle)]
mod model;
mod replies;
mod shared;
mod slots;
mod sync;
mod tally;
mod watch;

pub use self::tally::Settled;
#[cfg(all(test, not(shuttle)))]
pub(crate) use self::watch::Watch;
pub(crate) use self::{
    handle::{Connection, InFlight},
    machine::Ask,
    replies::Replies,
    shared::ConnectionOptions,
    tally::Tally,
};
