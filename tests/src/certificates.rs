//! Certificates for one server, and for who may use it.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

/// An authority of one's own, with a certificate that it gave a server on loopback and one that it
/// gave a client; all of them are PEM files in one directory.
///
/// The server's certificate is for `localhost`, `127.0.0.1` and `::1`.
#[derive(Clone)]
pub struct Certificates {
    directory: PathBuf,
}

impl Certificates {
    /// Makes an authority and its certificates in a directory.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub fn in_directory(directory: &Path) -> io::Result<Self> {
        Self::make(directory, &["localhost", "127.0.0.1", "::1"])
    }

    /// Makes an authority whose certificate for the server is for other hosts.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub fn for_hosts(directory: &Path, hosts: &[&str]) -> io::Result<Self> {
        Self::make(directory, hosts)
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

    fn make(directory: &Path, hosts: &[&str]) -> io::Result<Self> {
        let this = Self { directory: directory.to_owned() };
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "an authority for tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root = CertifiedIssuer::self_signed(params, key()?).map_err(io::Error::other)?;
        fs::write(this.root(), root.pem())?;
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
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

fn key() -> io::Result<KeyPair> {
    KeyPair::generate().map_err(io::Error::other)
}
