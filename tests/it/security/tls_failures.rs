//! Every way in which TLS does not come about: each has an error of its own, and none of them is
//! made up for by speaking in the open.

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use memclient::{ClientBuilder, Delivery, Error, Tls, Ttl};
use memclient_tests::{Memcached, Script, Scripted};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
        server::WebPkiClientVerifier,
    },
};

use super::{certificates, hasty, root_of, within};

/// What a client of these tests sends once it believes in its server, none of which may ever be
/// read on the way.
const PLAIN: [&[u8]; 5] = [b"ann", b"secret", b"auth", b"version", b"key-of-the-call"];

#[tokio::test]
async fn each_failure_has_an_error_of_its_own_and_nothing_is_said_in_the_open() {
    let secure = Memcached::builder().tls().start().await.unwrap();
    let (_directory, others) = certificates();
    let (chain, key) = others.client();
    let old = Served::between(2020, 2021, false).await;
    let young = Served::between(2100, 2101, false).await;
    // memcached hangs up on such clients, which often reaches them before its alert does.
    let strict = Served::between(2020, 2100, true).await;
    let mut texts = BTreeSet::new();

    for (address, tls, reason) in [
        (secure.address(), Tls::new().root_file(others.root()), "nobody who is trusted"),
        (secure.address(), root_of(&secure).server_name("other.example"), "not for other.example"),
        (old.address.clone(), old.trusted(), "has expired"),
        (young.address.clone(), young.trusted(), "is not valid yet"),
        (strict.address.clone(), strict.trusted(), "wants a client certificate"),
        (
            strict.address.clone(),
            strict.trusted().client_certificate_files(chain, key),
            "does not accept the client certificate",
        ),
        (talks(b"ERROR\r\n"), Tls::new(), "use its TLS port"),
        (talks(PROTOCOL_VERSION), Tls::new(), "TLS 1.2 or 1.3 is needed"),
        (hangs_up(), Tls::new(), "ended the connection in the middle of the handshake"),
    ] {
        let error = refused(&address, tls).await;

        let text = error.to_string();
        assert!(text.contains(reason), "{text}");
        assert!(texts.insert(text.replace(error.node().unwrap_or_default(), "")), "{text}");
    }
    assert_eq!(secure.stat("cmd_set").await.unwrap().as_deref(), Some("0"));
}

#[tokio::test]
async fn a_server_of_an_old_version_of_tls_is_told() {
    // As an alert, and as a hello; the first is what OpenSSL does.
    for answer in [PROTOCOL_VERSION.to_vec(), server_hello([3, 1]), server_hello([3, 2])] {
        let error = refused(&talks(&answer), Tls::new()).await;

        let text = error.to_string();
        assert!(text.contains("TLS 1.2 or 1.3 is needed"), "{text}");
    }
}

/// A fatal alert: `protocol_version`.
const PROTOCOL_VERSION: &[u8] = b"\x15\x03\x01\x00\x02\x02\x46";

/// Returns the hello of a server that chooses this version.
fn server_hello(version: [u8; 2]) -> Vec<u8> {
    // A random number, no session, TLS_RSA_WITH_AES_128_CBC_SHA, no compression.
    let body = [&version[..], &[7; 32], &[0, 0x00, 0x2f, 0]].concat();
    let length = u8::try_from(body.len()).unwrap();
    [&[0x16][..], &version, &[0, length + 4, 2, 0, 0, length], &body].concat()
}

/// Returns where somebody answers the first bytes with these.
fn talks(answer: &[u8]) -> String {
    play(Script::new().expect(HELLO).send(answer))
}

fn hangs_up() -> String {
    play(Script::new().expect(HELLO).close())
}

/// How a client says hello over TLS.
const HELLO: &[u8] = b"\x16\x03\x01";

/// Plays a script for as long as the test runs.
fn play(script: Script) -> String {
    let server = Scripted::start(script).unwrap();
    let address = server.address();
    tokio::spawn(async move {
        let _server = server;
        std::future::pending::<()>().await;
    });
    address
}

/// Expects that a client with credentials is kept from a server by TLS, however often it calls, and
/// that nobody on the way could read what it had to say.
async fn refused(address: &str, tls: Tls) -> Error {
    let tap = Tap::before(address).await;
    let builder: ClientBuilder = hasty(&tap.address).timeout(Duration::from_secs(10));
    let builder = builder.connect_timeout(Duration::from_secs(5)).tls(tls);
    let client = builder.credentials("ann", "secret").build().unwrap();
    let mut first = None;
    for _ in 0..3 {
        let error = within(client.set("key-of-the-call", "v", Ttl::Never)).await.unwrap_err();
        assert!(error.is_tls() && error.is_connect(), "{error:?}");
        assert!(!error.is_input() && !error.is_auth() && !error.is_timeout(), "{error:?}");
        assert_eq!(error.delivery(), Delivery::NotSent);
        first.get_or_insert(error);
    }
    let read = tap.read.lock().unwrap();
    assert!(read.starts_with(HELLO), "{}", read.escape_ascii());
    for word in PLAIN {
        let found = read.windows(word.len()).any(|window| window == word);
        assert!(!found, "{} in {}", word.escape_ascii(), read.escape_ascii());
    }
    first.unwrap()
}

/// Somebody between a client and its server who reads what the client sends.
struct Tap {
    address: String,
    read: Arc<Mutex<Vec<u8>>>,
}

impl Tap {
    async fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let read = Arc::new(Mutex::new(Vec::new()));
        let (server, keep) = (server.to_owned(), Arc::clone(&read));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(pass(client, server, Arc::clone(&keep)));
            }
        });
        Self { address, read }
    }
}

async fn pass(client: TcpStream, server: TcpStream, keep: Arc<Mutex<Vec<u8>>>) -> io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let mut chunk = [0; 4096];
    loop {
        let length = from_client.read(&mut chunk).await?;
        if length == 0 {
            return to_server.shutdown().await;
        }
        keep.lock().unwrap().extend_from_slice(&chunk[..length]);
        to_server.write_all(&chunk[..length]).await?;
    }
}

/// A server on loopback that agrees on TLS and then says nothing. Its certificate is good from the
/// first day of one year to that of another.
struct Served {
    address: String,
    root: String,
}

impl Served {
    async fn between(from: i32, until: i32, wants_certificate: bool) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &root).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if wants_certificate {
            let mut roots = RootCertStore::empty();
            roots.add(root.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(agree(acceptor.clone(), stream));
            }
        });
        Self { address, root: root.pem() }
    }

    fn trusted(&self) -> Tls {
        Tls::new().root(self.root.as_str())
    }
}

async fn agree(acceptor: TlsAcceptor, stream: TcpStream) -> io::Result<()> {
    if let Err((_, mut stream)) = acceptor.accept(stream).into_fallible().await {
        // Closing with unread bytes would be a reset, which can overtake the alert.
        stream.shutdown().await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    }
    Ok(())
}
