//! What the layers report, for metrics, traces and logs.

use std::{fmt, sync::Arc};

use memclient_serde::{DecodeError, EncodeError};

use crate::{error::Error, wire::Key};

/// Hears what happens in a cache or a client. Called in the middle of operations, so it must be quick and must
/// not block.
pub trait Observer: Send + Sync + 'static {
    /// Hears of one event.
    fn event(&self, event: &Event<'_>);
}

impl<F: Fn(&Event<'_>) + Send + Sync + 'static> Observer for F {
    fn event(&self, event: &Event<'_>) {
        self(event);
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The backend began to fail; the cache goes on without it. Reported once per outage.
    BackendDown {
        /// The first failure.
        error: &'a Error,
    },
    /// The backend works again after an outage.
    BackendUp,
    /// A stored entry cannot be read as the type it was asked for; it is loaded again.
    Undecodable {
        /// The entry.
        key: &'a Key,
        /// Why not.
        error: &'a DecodeError,
    },
    /// A stale entry could not be refreshed; it is answered, and left alone for a while.
    RefreshFailed {
        /// The entry.
        key: &'a Key,
        /// Whether the loader took too long, and not failed.
        gave_up: bool,
    },
    /// Two cached functions have one name for their entries; the later one is not cached. Reported
    /// once for each such function.
    NameTaken {
        /// Which two.
        error: &'a Error,
    },
    /// A value cannot be encoded; it is returned and not kept.
    Unencodable {
        /// Why not.
        error: &'a EncodeError,
    },
    /// A write whose caller did not wait was refused by the server, or lost with its connection.
    /// Reported once for those that were lost together.
    UnconfirmedFailed {
        /// Why, and whether the write may have taken effect.
        error: &'a Error,
    },
    /// A read failed and was answered as a miss, because the client's reads fail open.
    ReadFailedOpen {
        /// Why it failed.
        error: &'a Error,
    },
}

/// An observer, if there is one.
#[derive(Clone, Default)]
pub(crate) struct Observed(Option<Arc<dyn Observer>>);

impl Observed {
    pub(crate) fn by(observer: impl Observer) -> Self {
        Self(Some(Arc::new(observer)))
    }

    pub(crate) fn tell(&self, event: &Event<'_>) {
        if let Some(observer) = &self.0 {
            observer.event(event);
        }
    }
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Observed" } else { "Unobserved" })
    }
}

/// Passes events to the `tracing` subscriber of the program.
#[cfg(feature = "tracing")]
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingObserver;

#[cfg(feature = "tracing")]
impl Observer for TracingObserver {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::BackendDown { error } => {
                tracing::warn!(
                    %error,
                    "the cache backend fails; going on without it"
                );
            }
            Event::BackendUp => tracing::info!("the cache backend works again"),
            Event::Undecodable { key, error } => {
                tracing::warn!(%key, %error, "a cache entry cannot be read; it is loaded again");
            }
            Event::RefreshFailed { key, gave_up } => {
                let why = if *gave_up { "its loader takes too long" } else { "its loader failed" };
                tracing::warn!(%key, why, "a stale cache entry is not refreshed");
            }
            Event::NameTaken { error } => {
                tracing::error!(%error, "a function is not cached");
            }
            Event::Unencodable { error } => {
                tracing::warn!(
                    %error,
                    "a value cannot be encoded and is not kept"
                );
            }
            Event::UnconfirmedFailed { error } => {
                tracing::warn!(%error, "a write that nobody waited for failed");
            }
            Event::ReadFailedOpen { error } => {
                tracing::warn!(%error, "a read failed and was answered as a miss");
            }
        }
    }
}
