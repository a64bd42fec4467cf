//! What went wrong with TLS, in words that say what to do.

use std::{error::Error as StdError, io, sync::Arc};

use tokio_rustls::rustls::{AlertDescription, CertificateError, Error as TlsError};

use crate::error::Error;

/// Returns why there is no TLS over a stream.
pub(super) fn of_a_handshake(error: io::Error) -> Error {
    let advice = match (inside(&error), error.kind()) {
        (Some(failure), _) => advice(failure),
        (None, io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => {
            "the server ended the connection in the middle of the handshake: does this port speak TLS?"
                .into()
        }
        _ => "the connection failed in the middle of the handshake".into(),
    };
    Error::tls(advice, error)
}

/// Returns the failure of TLS behind a connection that was lost before it had said hello, if that
/// is why: a server refuses the certificate of its client only after the client's handshake is
/// over.
pub(crate) fn of_a_lost_connection(error: &Error) -> Option<Error> {
    let error = error.source()?.downcast_ref::<io::Error>()?;
    let failure = inside(error)?;
    Some(Error::tls(advice(failure), io::Error::new(error.kind(), failure.clone())))
}

/// Looks into an error of a stream, also into one that several callers share.
fn inside(error: &io::Error) -> Option<&TlsError> {
    let inner = error.get_ref()?;
    inner.downcast_ref().or_else(|| inside(inner.downcast_ref::<Arc<io::Error>>()?))
}

fn advice(error: &TlsError) -> Box<str> {
    match error {
        TlsError::InvalidCertificate(error) => of_the_certificate(error),
        TlsError::PeerIncompatible(_)
        | TlsError::AlertReceived(
            AlertDescription::ProtocolVersion | AlertDescription::InsufficientSecurity,
        ) => {
            "the server speaks no version or cipher of TLS that is still safe: TLS 1.2 or 1.3 is needed"
                .into()
        }
        TlsError::AlertReceived(alert) => of_the_alert(*alert).into(),
        TlsError::InvalidMessage(_) => {
            "the server answered something that is no TLS: use its TLS port, or connect without TLS"
                .into()
        }
        _ => "the handshake failed".into(),
    }
}

fn of_the_certificate(error: &CertificateError) -> Box<str> {
    match error {
        // An authority that was made anew under its old name is found and did not sign.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "nobody who is trusted issued the server's certificate: name its authority with `Tls::root_file`"
                .into()
        }
        CertificateError::NotValidForNameContext { expected, presented } => format!(
            "the server's certificate is for {}, not for {}: connect by such a name, or set `Tls::server_name`",
            presented.join(", "),
            expected.to_str(),
        )
        .into(),
        CertificateError::NotValidForName => {
            "the server's certificate is for another host: connect by its name, or set `Tls::server_name`"
                .into()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server's certificate has expired: renew it, or set the clock of this machine".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet: is the clock of this machine right?".into()
        }
        _ => "the server's certificate is not valid".into(),
    }
}

fn of_the_alert(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::CertificateRequired => {
            "the server wants a client certificate: name one with `Tls::client_certificate_files`"
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied
        | AlertDescription::DecryptError => {
            "the server does not accept the client certificate: is it from an authority that the server trusts?"
        }
        AlertDescription::HandshakeFailure => {
            "the server broke the handshake off: it may want a client certificate, or other ciphers"
        }
        _ => "the server broke the handshake off",
    }
}
