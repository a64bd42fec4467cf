use std::{fmt, sync::Arc};

use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream as RustlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        client::Resumption,
        crypto::CryptoProvider,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName},
    },
};

use super::{any_certificate::AnyCertificate, failure};
use crate::error::{Error, Result};

/// A TLS stream over TCP.
pub(crate) type TlsStream = Box<RustlsStream<TcpStream>>;

/// Opens TLS streams. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Connector {
    config: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
}

impl Connector {
    /// Returns a connector that trusts `roots`, or the public authorities where there are none.
    pub(super) fn new(
        roots: Vec<CertificateDer<'static>>,
        client: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
        server_name: Option<&str>,
        accept_any_certificate: bool,
    ) -> Result<Self> {
        let provider = provider();
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::config(format!("TLS: {error}")))?;
        let builder = if accept_any_certificate {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        } else {
            builder.with_root_certificates(trusted(roots)?)
        };
        let mut config = match client {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|error| {
                Error::config(format!("TLS: the client certificate cannot be used: {error}"))
            })?,
        };
        // A memcached that wants client certificates (1.6.18) breaks off whoever comes back with a
        // ticket that it gave out itself. Connections are few and live long: nothing is lost.
        config.resumption = Resumption::disabled();
        let server_name = server_name.map(name).transpose()?;
        Ok(Self { config: Arc::new(config), server_name })
    }

    /// Makes sure that a server of this host can be asked for by its name.
    ///
    /// # Errors
    /// When no certificate can be for the host.
    pub(crate) fn check(&self, host: &str) -> Result<()> {
        self.name_of(host).map(drop)
    }

    /// Agrees on TLS over an open stream.
    ///
    /// # Errors
    /// When the server does not prove to be the host, or does not speak TLS.
    pub(crate) async fn connect(&self, host: &str, stream: TcpStream) -> Result<TlsStream> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        match connector.connect(self.name_of(host)?, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(failure::of_a_handshake(error)),
        }
    }

    fn name_of(&self, host: &str) -> Result<ServerName<'static>> {
        self.server_name.clone().map_or_else(|| name(host), Ok)
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

fn name(text: &str) -> Result<ServerName<'static>> {
    ServerName::try_from(text.to_owned()).map_err(|_| {
        Error::config(format!(
            "TLS: no certificate can be for '{text}': connect by a host name or an IP address, or set the server name"
        ))
    })
}

fn trusted(roots: Vec<CertificateDer<'static>>) -> Result<RootCertStore> {
    if roots.is_empty() {
        return Ok(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect());
    }
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root).map_err(|error| {
            Error::config(format!("TLS: a root is no certificate of an authority: {error}"))
        })?;
    }
    Ok(store)
}

/// Returns the cryptography that the program has chosen, or else that of the feature.
fn provider() -> Arc<CryptoProvider> {
    if let Some(chosen) = CryptoProvider::get_default() {
        return Arc::clone(chosen);
    }
    #[cfg(feature = "tls")]
    let provider = tokio_rustls::rustls::crypto::ring::default_provider();
    #[cfg(not(feature = "tls"))]
    let provider = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider();
    Arc::new(provider)
}
