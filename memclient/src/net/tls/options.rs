use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::{connector::Connector, pem::Pem};
use crate::error::{Error, Result};

/// How a client speaks TLS with its servers: see [`ClientBuilder::tls`](crate::ClientBuilder::tls).
///
/// A server has to prove that it is the host that the client was told to connect to. Without a
/// root of its own the client trusts the public authorities (those of Mozilla, compiled in).
/// TLS 1.2 and 1.3 are spoken. Needs the feature `tls` (with ring) or `tls-aws-lc`; a provider that
/// the program has installed in rustls for its whole process goes before both.
///
/// What is malformed is an error when the client is built, and files are read then.
///
/// ```no_run
/// use memclient::{Client, Tls};
///
/// let tls = Tls::new()
///     .root_file("/etc/ssl/cache-authority.pem")
///     .client_certificate_files("/etc/ssl/web-1.pem", "/etc/ssl/web-1.key");
/// let client = Client::builder().server("cache-1.internal").tls(tls).build()?;
/// # Ok::<(), memclient::Error>(())
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Tls {
    roots: Vec<Source>,
    certificate: Option<Source>,
    key: Option<Source>,
    server_name: Option<String>,
    accept_any_certificate: bool,
}

/// Where PEM text comes from.
#[derive(Clone)]
enum Source {
    Text(Vec<u8>),
    File(PathBuf),
}

impl Tls {
    /// Returns options under which servers are verified against the public authorities.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the authorities whose certificates are in this PEM text, in place of the public ones;
    /// given several times, all of them.
    pub fn root(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.push(Source::Text(pem.into()));
        self
    }

    /// Trusts the authorities whose certificates are in this PEM file, as [`Tls::root`] does.
    pub fn root_file(mut self, path: impl AsRef<Path>) -> Self {
        self.roots.push(Source::file(path));
        self
    }

    /// Shows servers that ask for it this certificate, with those that lead to its authority behind
    /// it, and proves it with this key; both are PEM text. The key may be of the kinds PKCS #8,
    /// PKCS #1 and SEC1, not encrypted. Defaults to none.
    pub fn client_certificate(self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.certificate(Source::Text(chain.into())).key(Source::Text(key.into()))
    }

    /// Shows servers the certificate of these PEM files, as [`Tls::client_certificate`] does.
    pub fn client_certificate_files(self, chain: impl AsRef<Path>, key: impl AsRef<Path>) -> Self {
        self.certificate(Source::file(chain)).key(Source::file(key))
    }

    /// Takes every server to be this name or IP address: its certificate must be for that, and it is
    /// asked for by that. Defaults to the host of the server's address.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Takes whatever certificate a server shows, so that **anybody between can read and change
    /// everything**, credentials included. For tests only; what a test needs is mostly
    /// [`Tls::root`]. Defaults to off, and no URL can switch it on.
    pub fn danger_accept_any_certificate(mut self, on: bool) -> Self {
        self.accept_any_certificate = on;
        self
    }

    /// Takes the client's certificate from a file; its key comes by [`Tls::key_file`].
    pub(crate) fn certificate_file(self, path: &str) -> Self {
        self.certificate(Source::file(path))
    }

    /// Takes the key of the client's certificate from a file.
    pub(crate) fn key_file(self, path: &str) -> Self {
        self.key(Source::file(path))
    }

    /// Reads the files and returns what opens TLS streams.
    ///
    /// # Errors
    /// When a file cannot be read, or what it holds is not what it should be.
    pub(crate) fn connector(&self) -> Result<Connector> {
        let mut roots = Vec::new();
        for root in &self.roots {
            roots.extend(root.read("root")?.certificates()?);
        }
        let client = match (&self.certificate, &self.key) {
            (Some(chain), Some(key)) => {
                let chain = chain.read("client certificate")?.certificates()?;
                Some((chain, key.read("client key")?.key()?))
            }
            (None, None) => None,
            (Some(_), None) => return Err(Error::config("TLS: the client certificate has no key")),
            (None, Some(_)) => {
                return Err(Error::config("TLS: there is a client key and no client certificate"));
            }
        };
        Connector::new(roots, client, self.server_name.as_deref(), self.accept_any_certificate)
    }

    fn certificate(mut self, chain: Source) -> Self {
        self.certificate = Some(chain);
        self
    }

    fn key(mut self, key: Source) -> Self {
        self.key = Some(key);
        self
    }
}

impl Source {
    fn file(path: impl AsRef<Path>) -> Self {
        Self::File(path.as_ref().to_owned())
    }

    fn read(&self, what: &'static str) -> Result<Pem> {
        match self {
            Self::Text(text) => Ok(Pem { what, place: String::new(), text: text.clone() }),
            Self::File(path) => {
                let place = format!(" in {}", path.display());
                let text = std::fs::read(path).map_err(|error| {
                    Error::config(format!("TLS: the {what}{place} cannot be read: {error}"))
                })?;
                Ok(Pem { what, place, text })
            }
        }
    }
}

impl fmt::Debug for Tls {
    /// Shows where PEM text comes from and not what it says: the key is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("roots", &self.roots)
            .field("certificate", &self.certificate)
            .field("key", &self.key)
            .field("server_name", &self.server_name)
            .field("danger_accept_any_certificate", &self.accept_any_certificate)
            .finish()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("(text)"),
            Self::File(path) => path.fmt(f),
        }
    }
}
