use std::fmt::Display;

use tokio_rustls::rustls::pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{Error as PemError, PemObject},
};

use crate::error::{Error, Result};

/// PEM text, and what the user meant it to be.
pub(super) struct Pem {
    pub(super) what: &'static str,
    /// The file it comes from, as it stands in a message.
    pub(super) place: String,
    pub(super) text: Vec<u8>,
}

impl Pem {
    /// Returns the certificates, of which there is at least one.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>> {
        let read = CertificateDer::pem_slice_iter(&self.text).collect::<Result<Vec<_>, _>>();
        match read {
            Ok(all) if all.is_empty() => Err(self.complain("it has no CERTIFICATE section")),
            Ok(all) => Ok(all),
            Err(error) => Err(self.complain(shown(&error))),
        }
    }

    pub(super) fn key(&self) -> Result<PrivateKeyDer<'static>> {
        PrivateKeyDer::from_pem_slice(&self.text).map_err(|error| match error {
            PemError::NoItemsFound => {
                self.complain("it has no PRIVATE KEY section, or the key is encrypted")
            }
            error => self.complain(shown(&error)),
        })
    }

    fn complain(&self, complaint: impl Display) -> Error {
        let Self { what, place, .. } = self;
        Error::config(format!("TLS: the {what}{place} is not PEM that can be used: {complaint}"))
    }
}

/// Says what is wrong without a quotation: the text may be a key.
fn shown(error: &PemError) -> &'static str {
    match error {
        PemError::MissingSectionEnd { .. } => "a section has no end",
        PemError::IllegalSectionStart { .. } => "a section begins with a malformed line",
        PemError::Base64Decode(_) => "a section is not base64",
        PemError::SectionTooLarge => "a section is too large",
        _ => "it has no section of the kind that is needed",
    }
}
