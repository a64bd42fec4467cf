//! TLS over TCP. The types of rustls stay in here.

mod any_certificate;
mod connector;
mod failure;
mod options;
mod pem;

pub use self::options::Tls;
pub(crate) use self::{
    connector::{Connector, TlsStream},
    failure::of_a_lost_connection,
};
