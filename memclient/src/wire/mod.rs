//! The types that travel: keys, values, times to live, CAS tokens, and what a write came to.
//!
//! Each is validated where it is made; nothing above checks it again.

mod cas;
mod credentials;
mod key;
mod outcome;
mod ttl;
mod usage;
mod value;

pub use self::{
    cas::CasToken,
    key::{AsKey, Charset, Key, KeyError, KeyRef, MAX_KEY},
    outcome::{CasOutcome, Deleted, Stored, Touched},
    ttl::{Ttl, TtlError, TtlLeft},
    usage::Usage,
    value::{IntoValue, Value},
};
pub(crate) use self::{cas::Incarnation, credentials::Credentials};
