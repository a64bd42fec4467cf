//! Which of its two languages a server is spoken to in, and what it can be asked for in it.

use std::fmt;

use crate::{error::Error, wire::Incarnation};

/// The first release with the meta dialect as it is spoken today (`HD`, `VA <size>`).
const META: Version = Version(1, 6, 10);

/// The first release whose numbers no proxy claims.
const STATS: Version = Version(1, 4, 0);

/// Which commands a client speaks.
///
/// The meta commands say more: an answer names its question, so no stray line is ever taken for it,
/// and what some operations need only they can say (each operation documents that). The classic
/// commands are understood by every server that was ever built.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Dialect {
    /// The meta commands on connections to memcached 1.6.10 or newer; the classic ones on the others,
    /// and where the server's version is not understood.
    #[default]
    Auto,
    /// The meta commands only: a connection to a server that is not known to have them is refused.
    Meta,
    /// The classic commands only.
    Classic,
}

/// The numbers of a release, in their order.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Version(pub(crate) u32, pub(crate) u32, pub(crate) u32);

impl Version {
    /// Reads the text behind `VERSION`; `None` where it does not begin with three numbers.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// What is spoken on one connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Spoken {
    meta: bool,
    /// The server's, where its text is understood.
    version: Option<Version>,
    /// The server's, where it says it.
    incarnation: Option<Incarnation>,
}

impl Default for Spoken {
    /// What is spoken before the server has said its version: only `version`, the same in both.
    fn default() -> Self {
        Self { meta: true, version: None, incarnation: None }
    }
}

impl Spoken {
    /// Chooses what to speak with a server that calls its version so.
    ///
    /// # Errors
    /// When the meta dialect is asked for and the server is not known to have it.
    pub(crate) fn choose(dialect: Dialect, text: &str) -> Result<Self, Error> {
        let version = Version::read(text);
        let has_meta = version.is_some_and(|version| version >= META);
        let spoken = |meta| Ok(Self { meta, version, incarnation: None });
        match dialect {
            Dialect::Auto => spoken(has_meta),
            Dialect::Classic => spoken(false),
            Dialect::Meta if has_meta => spoken(true),
            Dialect::Meta => Err(Error::unfit(format!(
                "the server is version '{}' and not known to speak the meta dialect, which needs memcached {META} or newer",
                text.escape_debug()
            ))),
        }
    }

    pub(crate) const fn is_meta(self) -> bool {
        self.meta
    }

    /// Says whether `stats` may be asked of this server: proxies with versions of their own, below
    /// those of memcached, are known to hang up on it.
    pub(crate) fn may_ask_stats(self) -> bool {
        self.version.is_some_and(|version| version >= STATS)
    }

    /// Speaks with this incarnation of the server, where it says which one it is.
    pub(crate) const fn with(self, incarnation: Option<Incarnation>) -> Self {
        Self { incarnation, ..self }
    }

    pub(crate) const fn incarnation(self) -> Option<Incarnation> {
        self.incarnation
    }

    /// Refuses what cannot be asked for on this connection.
    ///
    /// # Errors
    /// [`Error::is_unsupported`] with what it needs.
    pub(crate) fn check(self, needs: Needs) -> Result<(), Error> {
        match needs {
            Needs::Meta(what) if !self.meta => {
                Err(self.lacks(what, &format!("the meta dialect (memcached {META} or newer)")))
            }
            // A server whose version is not understood may well have it, and says so if it has not.
            Needs::Classic(what, since)
                if !self.meta && self.version.is_some_and(|version| version < since) =>
            {
                Err(self.lacks(what, &format!("memcached {since} or newer")))
            }
            Needs::Nothing | Needs::Meta(_) | Needs::Classic(..) => Ok(()),
        }
    }

    #[cold]
    fn lacks(self, what: &str, needed: &str) -> Error {
        let version = self
            .version
            .map_or_else(|| "of unknown version".to_owned(), |version| version.to_string());
        let dialect = if self.meta { "meta" } else { "classic" };
        Error::unsupported(format!(
            "{what} needs {needed}; this connection speaks the {dialect} dialect with a server {version}"
        ))
    }
}

/// What a request needs of the connection that it goes out on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Needs {
    Nothing,
    /// The meta dialect, for this.
    Meta(&'static str),
    /// A release that has this in the classic dialect.
    Classic(&'static str, Version),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_meta(dialect: Dialect, text: &str) -> Option<bool> {
        Spoken::choose(dialect, text).ok().map(Spoken::is_meta)
    }

    #[test]
    fn the_meta_dialect_is_spoken_with_servers_known_to_have_it() {
        for text in ["1.6.10", "1.6.18", "1.6.10-beta1", "1.7.0", "2.0.0", "1.6.45_x"] {
            assert_eq!(is_meta(Dialect::Auto, text), Some(true), "{text}");
            assert_eq!(is_meta(Dialect::Meta, text), Some(true), "{text}");
            assert_eq!(is_meta(Dialect::Classic, text), Some(false), "{text}");
        }
        for text in ["1.6.9", "1.6.0", "1.4.15", "1.6", "unknown", "", "v1.6.18", "99999999999.1.1"]
        {
            assert_eq!(is_meta(Dialect::Auto, text), Some(false), "{text}");
            assert_eq!(is_meta(Dialect::Meta, text), None, "{text}");
            assert_eq!(is_meta(Dialect::Classic, text), Some(false), "{text}");
        }
    }

    #[test]
    fn what_a_connection_cannot_do_is_refused_with_what_it_needs() {
        let old = Spoken::choose(Dialect::Auto, "1.4.15").unwrap();
        let nameless = Spoken::choose(Dialect::Auto, "unknown").unwrap();
        let new = Spoken::choose(Dialect::Auto, "1.6.18").unwrap();
        let since = Needs::Classic("gat", Version(1, 5, 3));
        let text = |spoken: Spoken, needs| spoken.check(needs).unwrap_err().to_string();
        assert!(text(old, since).contains("gat needs memcached 1.5.3 or newer"));
        assert!(text(old, Needs::Meta("meta_of")).contains("meta dialect"));
        assert!(text(nameless, Needs::Meta("meta_of")).contains("unknown version"));
        assert!(nameless.check(since).is_ok());
        assert!(new.check(since).is_ok() && new.check(Needs::Meta("meta_of")).is_ok());
        assert!(old.check(Needs::Nothing).is_ok());
    }
}
