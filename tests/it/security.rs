//! Who may talk to whom: TLS, certificates, credentials, and what of them anybody gets to see.

use std::{
    fs,
    future::{Future, poll_fn},
    path::Path,
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use memclient::{Cache, Client, ClientBuilder, Delivery, Error, Event, Step, Tls, Ttl, Value};
use memclient_tests::{
    Certificates, Faults, Gate, Memcached, Mode, Proxy, Request, Script, Scripted,
};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// Longer than anything here takes; passing it is a hang.
const HANG: Duration = Duration::from_secs(30);

mod tls {
    use super::*;

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

        for script in [
            begin.clone().close(),
            begin.clone().reset(),
            begin.send("\u{15}\u{3}\u{3}\0\u{2}\u{2}("),
        ] {
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
    async fn a_call_dropped_during_the_handshake_costs_no_second_one() {
        let server = Memcached::builder().tls().start().await.unwrap();
        let proxy = Proxy::start(server.address(), Faults::none()).unwrap();

        for polls in 1..=12 {
            let before = proxy.accepts();
            let builder = patient_at(&server, &proxy.address()).max_pool_size(1);
            let client = builder.build().unwrap();

            cut_short(client.get("k"), polls).await;
            works(&client).await;

            assert_eq!(proxy.accepts() - before, 1, "dropped after {polls} polls");
        }
    }

    #[tokio::test]
    async fn large_values_travel_whole_both_ways() {
        let server = Memcached::builder().tls().arg("-I").arg("16m").start().await.unwrap();
        let client = patient(&server).build().unwrap();

        for size in [0, 1, 16 * 1024, 16 * 1024 + 1, 1 << 20, 8 << 20] {
            let value = Value::new(noise(size), 7);
            let stored = within(client.set("k", value.clone(), Ttl::Never)).await.unwrap();
            assert!(stored.is_stored());
            assert!(within(client.get("k")).await.unwrap() == Some(value), "{size} bytes");
        }
    }

    #[tokio::test]
    async fn a_large_batch_travels_whole_through_a_slow_and_narrow_network() {
        let server = Memcached::builder().tls().start().await.unwrap();
        let faults = Faults::none().split().buffers(16 * 1024);
        let proxy = Proxy::start(server.address(), faults).unwrap();
        let builder = patient_at(&server, &proxy.address()).max_pool_size(1);
        let client = builder.build().unwrap();
        let keys: Vec<String> = (0..200).map(|number| format!("key:{number}")).collect();
        let value = |key: &str| Value::new(noise(key.len() * 700), 0);

        let entries = keys.iter().map(|key| (key, value(key)));
        for outcome in within(client.set_many(entries, Ttl::Never)).await {
            assert!(outcome.unwrap().is_stored());
        }

        let answers = within(client.get_many(&keys)).await;
        for (key, answer) in keys.iter().zip(answers) {
            assert!(answer.unwrap() == Some(value(key)), "{key}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn many_tasks_share_connections_and_each_gets_its_own_values() {
        let server = Memcached::builder().tls().start().await.unwrap();
        let client = patient(&server).build().unwrap();

        let mut tasks = JoinSet::new();
        for task in 0..64 {
            let client = client.clone();
            tasks.spawn(async move {
                for round in 0..30 {
                    let key = format!("key:{task}:{}", round % 3);
                    let value = Value::new(noise((task * 31 + round * 977) % 40_000), 0);
                    let stored = client.set(&key, value.clone(), Ttl::Never).await.unwrap();
                    assert!(stored.is_stored());
                    assert!(client.get(&key).await.unwrap() == Some(value), "{key}");
                    assert_eq!(client.get(format!("none:{task}")).await.unwrap(), None);
                }
            });
        }
        within(tasks.join_all()).await;
    }

    #[tokio::test]
    async fn a_server_that_restarted_between_calls_costs_no_call() {
        let mut server = Memcached::builder().tls().start().await.unwrap();
        let client = patient(&server).build().unwrap();

        for _ in 0..3 {
            works(&client).await;
            server.restart().await.unwrap();
        }
        works(&client).await;
    }

    #[tokio::test]
    async fn a_connection_cut_in_the_middle_harms_nothing_but_its_own_calls() {
        let server = Memcached::builder().tls().start().await.unwrap();
        let proxy = Proxy::start(server.address(), Faults::none()).unwrap();
        let client = patient_at(&server, &proxy.address()).build().unwrap();
        works(&client).await;

        proxy.set(Mode::Hold);
        let call = tokio::spawn({
            let client = client.clone();
            async move { client.incr("n", 1).await }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        proxy.cut();
        proxy.set(Mode::Pass);

        let error = within(call).await.unwrap().unwrap_err();
        assert!(error.is_closed(), "{error:?}");
        works(&client).await;
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

    #[tokio::test]
    async fn a_unix_socket_among_servers_with_tls_goes_without() {
        let secure = Memcached::builder().tls().start().await.unwrap();
        let local = Memcached::unix().await.unwrap();
        let client = secure.client_builder().server(local.address()).build().unwrap();

        for number in 0..20 {
            let key = format!("key:{number}");
            assert!(within(client.set(&key, "v", Ttl::Never)).await.unwrap().is_stored());
        }

        for server in [secure, local] {
            assert_ne!(server.stat("curr_items").await.unwrap().as_deref(), Some("0"));
        }
    }

    /// Expects that TLS keeps the client from its server, before anything is sent.
    async fn refused(builder: ClientBuilder) -> Error {
        let error = failed(builder).await;
        assert!(error.is_tls(), "{error:?}");
        error
    }
}

mod auth {
    use super::*;

    #[tokio::test]
    async fn a_client_with_the_right_credentials_is_let_in() {
        for builder in [
            Memcached::builder(),
            Memcached::builder().unix(),
            Memcached::builder().tls(),
            Memcached::builder().client_certificate(),
        ] {
            let server = builder.auth("ann", "secret").start().await.unwrap();

            works(&server.client_builder().build().unwrap()).await;
        }
    }

    #[tokio::test]
    async fn other_credentials_are_refused_in_the_servers_words() {
        let server = Memcached::builder().auth("ann", "secret").start().await.unwrap();

        for (user, password) in [("ann", "Secret"), ("ann", "secret2"), ("bob", "secret")] {
            let error = failed(server.client_builder().credentials(user, password)).await;

            assert!(error.is_auth() && !error.is_connect(), "{error:?}");
            assert!(error.to_string().contains("authentication failure"), "{error}");
            assert_eq!(error.node(), Some(server.address().as_str()));
        }
    }

    #[tokio::test]
    async fn a_server_that_wants_credentials_says_so_to_a_client_without() {
        let server = Memcached::builder().auth("ann", "secret").start().await.unwrap();

        let error = failed(Client::builder().server(server.address())).await;

        assert!(error.is_auth(), "{error:?}");
        assert!(error.to_string().contains("`credentials`"), "{error}");
    }

    #[tokio::test]
    async fn credentials_are_shown_on_every_connection_and_after_a_restart() {
        let mut server = Memcached::builder().auth("ann", "secret").start().await.unwrap();
        let client = patient(&server).build().unwrap();

        for _ in 0..3 {
            let mut tasks = JoinSet::new();
            for _ in 0..64 {
                let client = client.clone();
                tasks.spawn(async move { works(&client).await });
            }
            within(tasks.join_all()).await;
            server.restart().await.unwrap();
        }
        works(&client).await;
    }

    #[tokio::test]
    async fn credentials_go_out_alone_and_before_everything_else() {
        let gate = Gate::new();
        let auth = "set auth 0 0 10\r\nann secret\r\n";
        let script = Script::new().expect(auth).wait(&gate).send("STORED\r\n").answer_version();
        let server = Scripted::start(script.expect_line().send("EN O2\r\n")).unwrap();
        let builder = Client::builder().server(server.address()).timeout(HANG);
        let builder = builder.connect_timeout(HANG).credentials("ann", "secret");
        let client = builder.build().unwrap();

        let call = tokio::spawn(async move { client.get("k").await });
        server.wait_received(auth).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(server.received(), auth.as_bytes());
        gate.open();

        assert_eq!(within(call).await.unwrap().unwrap(), None);
    }

    #[tokio::test]
    async fn a_server_that_refuses_credentials_is_not_hammered() {
        let server = Scripted::answering(|_: &Request| "CLIENT_ERROR authentication failure\r\n");
        let server = server.unwrap();
        let builder = Client::builder().server(server.address()).credentials("ann", "secret");
        let client = builder.build().unwrap();

        let mut tasks = JoinSet::new();
        for _ in 0..20 {
            let client = client.clone();
            tasks.spawn(async move {
                for _ in 0..50 {
                    assert!(client.get("k").await.unwrap_err().is_auth());
                }
            });
        }
        within(tasks.join_all()).await;

        let dials = server.accepts();
        assert!((1..=30).contains(&dials), "{dials} dials for 1000 calls");
    }

    #[tokio::test]
    async fn credentials_that_a_server_cannot_read_are_refused_before_a_byte_is_sent() {
        let server = Scripted::start(Script::new()).unwrap();
        for (user, password) in [
            ("", "secret"),
            ("ann", ""),
            ("a nn", "secret"),
            ("ann\r\nflush_all", "secret"),
            ("ann\0", "secret"),
            ("ann", "secret\r\nflush_all\r\n"),
            ("ann", "secret word"),
            ("ann", "secret\0"),
        ] {
            let builder = Client::builder().server(server.address());
            let error = builder.credentials(user, password).build().unwrap_err();

            assert!(error.is_input(), "{error:?}");
            assert!(!whole(&error).contains("secret"), "{error}");
        }
        assert_eq!(server.accepts(), 0);
    }

    #[tokio::test]
    async fn a_server_that_answers_credentials_with_a_lie_gets_an_error() {
        for lie in [
            "STORED\r\nSTORED\r\n",
            "STORED\nEXTRA\r\n",
            "NOT_STORED\r\n",
            "VALUE auth 0 10\r\nann secret\r\nEND\r\n",
            "ERROR\r\n",
            "SERVER_ERROR out of memory\r\n",
            "\r\n",
            "",
        ] {
            let server = Scripted::start(Script::new().expect_line().send(lie).close()).unwrap();
            let builder = hasty(&server.address()).credentials("ann", "secret");

            let error = failed(builder).await;

            assert!(!whole(&error).contains("secret"), "{lie:?}: {}", whole(&error));
        }
    }

    #[tokio::test]
    async fn nobody_is_shown_a_password() {
        let echo = |request: &Request| format!("{}\r\n", request.text());
        let echo = Scripted::answering(echo).unwrap();
        let quote = "CLIENT_ERROR no such password: hunter2 of ann\r\n";
        let quote = Scripted::start(Script::new().expect_line().expect_line().send(quote)).unwrap();
        let repeat = Script::new().expect_line().expect_line().send("ann hunter2\r\n");
        let repeat = Scripted::start(repeat).unwrap();
        let real = Memcached::builder().auth("ann", "secret").start().await.unwrap();
        let mut seen = Vec::new();

        for address in [echo.address(), quote.address(), repeat.address(), real.address()] {
            let builders = [
                hasty(&address).credentials("ann", "hunter2"),
                hasty(&format!("memcache://ann:hunter2@{address}")),
            ];
            for builder in builders {
                seen.push(format!("{builder:?}"));
                let client = builder.build().unwrap();
                seen.push(format!("{client:?}"));
                let errors = [
                    within(client.get("k")).await.map(drop).unwrap_err(),
                    within(client.set("k", "v", Ttl::Never)).await.map(drop).unwrap_err(),
                    within(client.get_many(&["k"])).await.remove(0).map(drop).unwrap_err(),
                ];
                seen.extend(errors.iter().map(whole));
                seen.extend(events(client).await);
            }
        }

        assert!(seen.len() > 40, "{}", seen.len());
        for text in seen {
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    /// Returns what an observer of a cache over the client hears.
    async fn events(client: Client) -> Vec<String> {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&heard);
        let builder = Cache::builder().backend(client).observer(move |event: &Event<'_>| {
            ear.lock().unwrap().push(format!("{event:?}"));
        });
        let cache = builder.build().unwrap();
        within(cache.typed::<u64>("n").get_or_load(&1, async || 1u64)).await;
        let heard = std::mem::take(&mut *heard.lock().unwrap());
        assert!(!heard.is_empty());
        heard
    }
}

mod urls {
    use super::*;

    #[tokio::test]
    async fn a_url_opens_every_kind_of_door() {
        let plain = Memcached::start().await.unwrap();
        let socket = Memcached::builder().unix().auth("ann", "p@ss/word").start().await.unwrap();
        let locked = Memcached::builder().client_certificate().auth("ann", "secret");
        let locked = locked.start().await.unwrap();
        let own = locked.certificates().unwrap();
        let shown = |path: &Path| path.display().to_string();
        let ((chain, key), root) = (own.client(), own.root());

        for url in [
            format!("memcache://{}", plain.address()),
            format!("memcache://{}/shop:?timeout=10s&max_pool_size=1", plain.address()),
            format!(
                "memcache://ann:p%40ss%2Fword@{}",
                socket.address().trim_start_matches("unix:")
            ),
            format!(
                "memcaches://ann:secret@{}?tls_root_file={}&tls_certificate_file={}&tls_key_file={}",
                locked.address(),
                shown(&root),
                shown(&chain),
                shown(&key)
            ),
        ] {
            works(&Client::new(&url).unwrap_or_else(|error| panic!("{url}: {error}"))).await;
        }
        assert!(plain.item("shop:k").await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_name_with_several_addresses_is_reached_at_each() {
        let ipv4 = Memcached::start().await.unwrap();
        let url = format!("memcache://localhost:{}", ipv4.port().unwrap());

        works(&Client::new(url).unwrap()).await;
    }
}

/// Calls until an error comes, and expects that nothing was sent.
async fn failed(builder: ClientBuilder) -> Error {
    let client = builder.build().unwrap();
    let error = within(client.set("k", "v", Ttl::Never)).await.unwrap_err();
    assert_eq!(error.delivery(), Delivery::NotSent, "{error:?}");
    error
}

async fn works(client: &Client) {
    let stored = within(client.set("k", "value", Ttl::Never)).await.unwrap();
    assert!(stored.is_stored());
    let value = within(client.get("k")).await.unwrap().unwrap();
    assert_eq!(value.decode::<String>().unwrap(), "value");
}

/// Polls the future so many times at most.
async fn cut_short<F: Future>(future: F, polls: usize) {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|cx| {
        left -= 1;
        if future.as_mut().poll(cx).is_ready() || left == 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Returns everything that an error shows.
fn whole(error: &Error) -> String {
    use std::error::Error as _;
    let mut text = format!("{error}\n{error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!("\n{cause}\n{cause:?}");
        source = cause.source();
    }
    text
}

fn patient(server: &Memcached) -> ClientBuilder {
    patient_at(server, &server.address())
}

/// Returns a builder of patient clients that take what is at the address for the server.
fn patient_at(server: &Memcached, address: &str) -> ClientBuilder {
    server.client_builder_at(address).timeout(HANG).connect_timeout(HANG)
}

/// Returns a builder of clients that give up soon, for servers that are silent.
fn hasty(address: &str) -> ClientBuilder {
    let soon = Duration::from_millis(300);
    Client::builder().server(address).timeout(2 * soon).connect_timeout(soon)
}

fn root_of(server: &Memcached) -> Tls {
    Tls::new().root_file(server.certificates().unwrap().root())
}

fn certificates() -> (TempDir, Certificates) {
    let directory = tempfile::tempdir().unwrap();
    let made = Certificates::for_hosts(directory.path(), &["127.0.0.1", "localhost"]).unwrap();
    (directory, made)
}

/// Returns bytes that no compression and no lucky shift makes look right.
fn noise(size: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(size as u64);
    (0..size).map(|_| random.u8(..)).collect()
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(HANG, future).await.expect("it hangs")
}
