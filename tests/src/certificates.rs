//! Certificates for one server, and for who may use it.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    client::Resumption,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};

/// An authority of one's own, with a certificate that it gave a server on loopback and one that it
/// gave a client; all of them are PEM files in one directory.
#[derive(Clone)]
pub struct Certificates {
    directory: PathBuf,
}

impl Certificates {
    /// Makes an authority and its certificates in a directory; the server's is for these hosts.
    ///
    /// # Errors
    ///
    /// Fails if a host is none or a file cannot be written.
    pub fn for_hosts<H: AsRef<str>>(directory: &Path, hosts: &[H]) -> io::Result<Self> {
        let this = Self { directory: directory.to_owned() };
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "an authority for tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root = CertifiedIssuer::self_signed(params, key()?).map_err(io::Error::other)?;
        fs::write(this.root(), root.pem())?;
        let hosts = hosts.iter().map(|host| host.as_ref().to_owned()).collect();
        for (name, hosts, purpose) in [
            ("server", hosts, ExtendedKeyUsagePurpose::ServerAuth),
            ("client", Vec::new(), ExtendedKeyUsagePurpose::ClientAuth),
        ] {
            let mut params = CertificateParams::new(hosts).map_err(io::Error::other)?;
            params.distinguished_name.push(DnType::CommonName, name);
            params.extended_key_usages = vec![purpose];
            let key = key()?;
            let certificate = params.signed_by(&key, &root).map_err(io::Error::other)?;
            let (chain_file, key_file) = this.pair(name);
            fs::write(chain_file, certificate.pem())?;
            fs::write(key_file, key.serialize_pem())?;
        }
        Ok(this)
    }

    /// Returns the file with the authority's certificate.
    pub fn root(&self) -> PathBuf {
        self.directory.join("root.pem")
    }

    /// Returns the files with the server's certificate and its key.
    pub fn server(&self) -> (PathBuf, PathBuf) {
        self.pair("server")
    }

    /// Returns the files with the client's certificate and its key.
    pub fn client(&self) -> (PathBuf, PathBuf) {
        self.pair("client")
    }

    /// Returns how a plain connection speaks TLS with the server, and the name it asks for.
    pub(crate) fn access(
        &self,
        hosts: &[String],
        with_client: bool,
    ) -> io::Result<(Arc<ClientConfig>, ServerName<'static>)> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate(&self.root())?).map_err(io::Error::other)?;
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots);
        let mut config = if with_client {
            let (chain, key) = self.client();
            let key = PrivateKeyDer::from_pem_file(key).map_err(io::Error::other)?;
            config
                .with_client_auth_cert(vec![certificate(&chain)?], key)
                .map_err(io::Error::other)?
        } else {
            config.with_no_client_auth()
        };
        // The server refuses its own tickets when it wants client certificates.
        config.resumption = Resumption::disabled();
        let host = hosts.first().cloned().unwrap_or_default();
        Ok((Arc::new(config), ServerName::try_from(host).map_err(io::Error::other)?))
    }

    fn pair(&self, name: &str) -> (PathBuf, PathBuf) {
        let file = |kind| self.directory.join(format!("{name}.{kind}"));
        (file("pem"), file("key"))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificates").field(&self.directory).finish()
    }
}

fn certificate(file: &Path) -> io::Result<CertificateDer<'static>> {
    CertificateDer::from_pem_file(file).map_err(io::Error::other)
}

fn key() -> io::Result<KeyPair> {
    KeyPair::generate().map_err(io::Error::other)
}
