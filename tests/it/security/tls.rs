//! Whom TLS lets in, and what the others are told.

use std::fs;

use memclient::{Client, ClientBuilder, Delivery, Error, Step, Tls, Ttl};
use memclient_tests::{Memcached, Script, Scripted};

use super::{certificates, failed, hasty, root_of, whole, within, works};

#[tokio::test]
async fn a_server_is_reached_by_every_name_in_its_certificate() {
    let server = Memcached::builder().tls().start().await.unwrap();
    let port = server.port().unwrap();

    for host in ["127.0.0.1", "localhost"] {
        let builder = Client::builder().server(format!("{host}:{port}")).tls(root_of(&server));
        works(&builder.build().unwrap()).await;
    }
    let root = fs::read(server.certificates().unwrap().root()).unwrap();
    let builder = Client::builder().server(server.address()).tls(Tls::new().root(root));
    works(&builder.build().unwrap()).await;
}

#[tokio::test]
async fn a_server_on_ipv6_is_reached_by_its_address() {
    if !Memcached::has_ipv6() {
        return;
    }
    let server = Memcached::builder().ipv6().tls().start().await.unwrap();

    works(&server.client_builder().build().unwrap()).await;
}

#[tokio::test]
async fn an_authority_that_the_client_does_not_trust_is_refused() {
    let server = Memcached::builder().tls().start().await.unwrap();
    let (_directory, others) = certificates();

    for tls in [Tls::new(), Tls::new().root_file(others.root())] {
        let error = refused(server.client_builder().tls(tls)).await;

        assert!(error.to_string().contains("Tls::root_file"), "{error}");
        assert_eq!(error.node(), Some(server.address().as_str()));
    }
    assert_eq!(server.stat("cmd_touch").await.unwrap().as_deref(), Some("0"));
}

#[tokio::test]
async fn one_of_several_trusted_authorities_is_enough() {
    let server = Memcached::builder().tls().start().await.unwrap();
    let (_directory, others) = certificates();

    let tls = root_of(&server).root_file(others.root());

    works(&server.client_builder().tls(tls).build().unwrap()).await;
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused_unless_that_host_is_meant() {
    let server = Memcached::builder().tls_for(&["other.example"]).start().await.unwrap();

    let error = refused(server.client_builder()).await;

    let text = error.to_string();
    assert!(text.contains("other.example") && text.contains("127.0.0.1"), "{text}");
    let named = root_of(&server).server_name("other.example");
    works(&server.client_builder().tls(named).build().unwrap()).await;
    let wrong = root_of(&server).server_name("another.example");
    refused(server.client_builder().tls(wrong)).await;
}

#[tokio::test]
async fn only_the_dangerous_switch_takes_any_certificate() {
    let server = Memcached::builder().tls_for(&["other.example"]).start().await.unwrap();
    let tls = || Tls::new().danger_accept_any_certificate(true);

    works(&server.client_builder().tls(tls()).build().unwrap()).await;
    let off = tls().danger_accept_any_certificate(false);
    refused(server.client_builder().tls(off)).await;
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_a_server_that_wants_one() {
    let server = Memcached::builder().client_certificate().start().await.unwrap();
    let own = server.certificates().unwrap();
    let (chain, key) = own.client();

    works(&server.client_builder().build().unwrap()).await;
    let text =
        root_of(&server).client_certificate(fs::read(chain).unwrap(), fs::read(key).unwrap());
    works(&server.client_builder().tls(text).build().unwrap()).await;
}

#[tokio::test]
async fn a_server_that_wants_a_client_certificate_and_gets_none_is_told() {
    let server = Memcached::builder().client_certificate().start().await.unwrap();
    let (_directory, others) = certificates();
    let (chain, key) = others.client();

    let none = failed(server.client_builder().tls(root_of(&server))).await;
    let foreign = root_of(&server).client_certificate_files(chain, key);
    let foreign = failed(server.client_builder().tls(foreign)).await;

    for error in [none, foreign] {
        assert!(whole(&error).contains("client certificate"), "{}", whole(&error));
    }
}

#[tokio::test]
async fn a_server_without_tls_is_told() {
    let server = Memcached::start().await.unwrap();
    let talker = Scripted::start(Script::new().send("ERROR\r\n")).unwrap();

    for address in [server.address(), talker.address()] {
        let builder = hasty(&address).tls(Tls::new());
        let error = refused(builder).await;

        assert!(error.to_string().contains("TLS port") || error.is_timeout(), "{error}");
    }
}

#[tokio::test]
async fn a_client_without_tls_is_told_that_the_server_may_want_it() {
    let server = Memcached::builder().tls().start().await.unwrap();

    let error = failed(hasty(&server.address())).await;

    assert!(whole(&error).contains("TLS"), "{}", whole(&error));
}

#[tokio::test]
async fn a_handshake_without_an_end_is_within_the_connect_timeout() {
    let server = Scripted::start(Script::new()).unwrap();

    let error = refused(hasty(&server.address()).tls(Tls::new())).await;

    assert!(error.is_timeout(), "{error:?}");
    assert_eq!(error.timed_out_step(), Some(Step::Tls));
}

#[tokio::test]
async fn a_server_that_ends_the_handshake_is_told() {
    let server = Memcached::builder().tls().start().await.unwrap();
    let begin = Script::new().expect("\u{16}\u{3}\u{1}");

    for script in
        [begin.clone().close(), begin.clone().reset(), begin.send("\u{15}\u{3}\u{3}\0\u{2}\u{2}(")]
    {
        let liar = Scripted::start(script).unwrap();
        let client = hasty(&liar.address()).tls(root_of(&server)).build().unwrap();
        for _ in 0..3 {
            let error = within(client.set("k", "v", Ttl::Never)).await.unwrap_err();
            assert!(error.is_tls() && error.is_connect(), "{error:?}");
            assert_eq!(error.delivery(), Delivery::NotSent);
            assert!(error.to_string().contains("handshake"), "{error}");
        }
    }
}

#[tokio::test]
async fn files_that_are_no_use_are_refused_when_the_client_is_built() {
    let (directory, own) = certificates();
    let (chain, key) = own.client();
    let (other_chain, _) = own.server();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let key_text = fs::read_to_string(&key).unwrap();
    let secret = key_text.lines().nth(1).unwrap();
    let missing = directory.path().join("missing");
    let garbage = file("garbage", "this is no PEM");
    let cut = file("cut", &key_text[..key_text.len() / 2]);
    let header = "-----BEGIN CERTIFICATE-----\n";
    let no_base64 = file("base64", &format!("{header}{secret}*\n-----END CERTIFICATE-----\n"));
    let no_x509 = file("x509", &format!("{header}AAAA\n-----END CERTIFICATE-----\n"));

    for (tls, reason) in [
        (Tls::new().root(""), "no CERTIFICATE"),
        (Tls::new().root_file(&missing), "cannot be read"),
        (Tls::new().root_file(directory.path()), "cannot be read"),
        (Tls::new().root_file(&garbage), "no CERTIFICATE"),
        (Tls::new().root_file(&key), "no CERTIFICATE"),
        (Tls::new().root_file(&no_base64), "not base64"),
        (Tls::new().root_file(&no_x509), "no certificate of an authority"),
        (Tls::new().client_certificate_files(&missing, &key), "cannot be read"),
        (Tls::new().client_certificate_files(&chain, &missing), "cannot be read"),
        (Tls::new().client_certificate_files(&chain, &chain), "no PRIVATE KEY"),
        (Tls::new().client_certificate_files(&key, &key), "no CERTIFICATE"),
        (Tls::new().client_certificate_files(&chain, &cut), "no end"),
        (Tls::new().client_certificate_files(&other_chain, &key), "cannot be used"),
        (Tls::new().server_name("two words"), "two words"),
        (Tls::new().server_name(""), "no certificate can be for"),
    ] {
        let shown = format!("{tls:?}");
        let error = Client::builder().server("h").tls(tls).build().unwrap_err();
        assert!(error.is_input() && error.to_string().contains(reason), "{shown}: {error}");
        assert!(!format!("{error:?}{shown}").contains(secret), "{error:?}");
    }
    let error = Client::builder().server("/run/m.sock").tls(Tls::new()).build().unwrap_err();
    assert!(error.is_input(), "{error:?}");
}

/// Expects that TLS keeps the client from its server, before anything is sent.
async fn refused(builder: ClientBuilder) -> Error {
    let error = failed(builder).await;
    assert!(error.is_tls(), "{error:?}");
    error
}
