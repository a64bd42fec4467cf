//! What callers who share a connection are promised, and what servers that fail or lie may cost.

use std::{future::Future, time::Duration};

use memclient::{Client, ClientBuilder, Delivery, Dialect, Error, Step, Ttl, Value};
use memclient_tests::{Answer, Gate, Memcached, Request, Script, Scripted, polled};
use tokio::task::JoinSet;

/// Longer than anything here takes; passing it is a hang.
const HANG: Duration = Duration::from_secs(30);

const VERSION: &str = "VERSION 1.6.18\r\n";

mod sharing {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_thousand_tasks_share_few_connections_and_each_gets_its_own_answers() {
        let server = Memcached::start().await.unwrap();
        let client = patient(&server.address()).build().unwrap();
        let before = total_connections(&server).await;

        let mut tasks = JoinSet::new();
        for number in 0..1000 {
            let client = client.clone();
            tasks.spawn(async move {
                let key = format!("key:{number}");
                put(&client, &key).await;
                for _ in 0..5 {
                    holds(&client, &key).await;
                    assert_eq!(client.get(format!("none:{number}")).await.unwrap(), None);
                }
            });
        }
        within(tasks.join_all()).await;

        // The look itself is one more.
        let opened = total_connections(&server).await - before - 1;
        assert!((1..=4).contains(&opened), "{opened} connections were opened");
    }

    #[tokio::test]
    async fn a_pool_of_one_opens_one_connection() {
        let server = Memcached::start().await.unwrap();
        let client = patient(&server.address()).max_pool_size(1).build().unwrap();
        let before = total_connections(&server).await;

        let mut tasks = JoinSet::new();
        for number in 0..1000 {
            let client = client.clone();
            tasks.spawn(async move { put(&client, &format!("key:{number}")).await });
        }
        within(tasks.join_all()).await;

        assert_eq!(total_connections(&server).await, before + 2);
    }

    #[tokio::test]
    async fn a_pool_grows_under_load_and_shrinks_when_it_is_idle() {
        let server = Memcached::start().await.unwrap();
        let idle = Duration::from_millis(50);
        let client = patient(&server.address()).min_pool_size(2).pool_idle_timeout(Some(idle));
        let client = client.build().unwrap();
        let mut most = 0;
        for _ in 0..3 {
            let mut tasks = JoinSet::new();
            for number in 0..8 {
                let client = client.clone();
                tasks.spawn(async move {
                    for _ in 0..200 {
                        put(&client, &format!("key:{number}")).await;
                    }
                });
            }
            within(tasks.join_all()).await;
            most = most.max(open_connections(&server).await);
            within(async {
                while open_connections(&server).await > 2 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
            .await;
        }
        assert!((3..=8).contains(&most), "{most} connections at most");

        let mut fewest = most;
        for _ in 0..8 {
            tokio::time::sleep(idle / 2).await;
            fewest = fewest.min(open_connections(&server).await);
        }
        assert_eq!(fewest, 2, "the fewest stay");
        holds(&client, "key:0").await;
    }

    #[tokio::test]
    async fn a_call_dropped_at_any_point_costs_no_connection_and_shifts_no_answer() {
        let server = Memcached::start().await.unwrap();
        let client = patient(&server.address()).max_pool_size(1).build().unwrap();
        let before = total_connections(&server).await;
        put(&client, "canary").await;
        put(&client, "other").await;
        let (ttl, large) = (Ttl::Never, Value::new(vec![b'v'; 300_000], 0));

        dropped_everywhere(&client, || client.get("other")).await;
        dropped_everywhere(&client, || client.gets("none")).await;
        dropped_everywhere(&client, || client.set("k", "v", ttl)).await;
        dropped_everywhere(&client, || client.set("k", large.clone(), ttl)).await;
        dropped_everywhere(&client, || client.get("k")).await;
        dropped_everywhere(&client, || client.add("k", "v", ttl)).await;
        dropped_everywhere(&client, || client.append("k", "v")).await;
        dropped_everywhere(&client, || client.incr("canary", 1)).await;
        dropped_everywhere(&client, || client.touch("k", ttl)).await;
        dropped_everywhere(&client, || client.delete("k")).await;
        dropped_everywhere(&client, || client.get_many(&["none", "other", "k"])).await;
        dropped_everywhere(&client, || client.set_many([("k", "v"), ("l", "w")], ttl)).await;
        dropped_everywhere(&client, || client.version()).await;

        assert_eq!(total_connections(&server).await, before + 2);
    }

    #[tokio::test]
    async fn a_first_call_dropped_at_any_point_leaves_its_connection_to_the_next() {
        let server = Memcached::start().await.unwrap();
        for polls in 0..20 {
            let client = patient(&server.address()).build().unwrap();
            let before = total_connections(&server).await;

            let _ = polled(client.get("none"), polls).await;
            put(&client, "k").await;

            assert_eq!(total_connections(&server).await, before + 2, "after {polls} polls");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn callers_who_leave_do_not_disturb_those_who_stay() {
        let server = Memcached::start().await.unwrap();
        let client = patient(&server.address()).max_pool_size(1).build().unwrap();
        for number in 0..50 {
            put(&client, &format!("key:{number}")).await;
        }
        let before = total_connections(&server).await;

        let mut tasks = JoinSet::new();
        for number in 0..50 {
            let client = client.clone();
            tasks.spawn(async move {
                let key = format!("key:{number}");
                for polls in 0..100 {
                    let _ = polled(client.get(&key), polls % 7).await;
                    holds(&client, &key).await;
                }
            });
        }
        within(tasks.join_all()).await;

        assert_eq!(total_connections(&server).await, before + 1);
    }

    /// Drops the call after no poll, after one, and so on, until it is ready before it is dropped.
    async fn dropped_everywhere<F: Future>(client: &Client, call: impl Fn() -> F) {
        for polls in 0.. {
            let outcome = polled(call(), polls).await;
            holds(client, "canary").await;
            if outcome.is_some() {
                break;
            }
        }
    }
}

mod loss {
    use super::*;

    #[tokio::test]
    async fn a_write_whose_answer_was_lost_says_so_and_is_not_repeated() {
        let server = lying(|_| Answer::Close(Vec::new()));
        let client = patient(&server.address()).build().unwrap();

        let error = within(client.set("k", "v", Ttl::Never)).await.unwrap_err();

        assert!(error.is_closed(), "{error:?}");
        assert_eq!(error.delivery(), Delivery::Unknown);
        assert!(!error.is_retryable());
        assert!(error.to_string().contains("may have taken effect"), "{error}");
        answers_again(&client, &server).await;
        let received = String::from_utf8(server.received()).unwrap();
        assert_eq!(received.matches("ms k ").count(), 1, "{received}");
    }

    #[tokio::test]
    async fn every_write_of_a_lost_batch_says_that_it_may_have_happened() {
        let server = lying(|request| match &request.text() {
            line if line.starts_with("ms a ") => format!("HD {}\r\n", opaque(request)).into(),
            _ => Answer::Reset,
        });
        let client = patient(&server.address()).build().unwrap();

        let outcomes = within(client.set_many([("a", "1"), ("b", "2")], Ttl::Never)).await;

        for outcome in outcomes {
            assert_eq!(outcome.unwrap_err().delivery(), Delivery::Unknown);
        }
        answers_again(&client, &server).await;
    }

    #[tokio::test]
    async fn a_read_whose_answer_was_lost_is_repeated() {
        for lost in [
            Answer::Reset,
            Answer::Close(Vec::new()),
            Answer::Close(b"VA 100 f0 c1 t-1".to_vec()),
            Answer::Close(b"VA 100 f0 c1 t-1 O2\r\nhalf".to_vec()),
        ] {
            let server = lying(move |_| lost.clone());
            let client = patient(&server.address()).build().unwrap();

            assert_eq!(within(client.get("k")).await.unwrap(), None);

            assert_eq!(server.accepts(), 2);
        }
    }

    #[tokio::test]
    async fn half_a_reply_is_never_a_value() {
        let server = Scripted::answering(|request| match &request.text()[..] {
            "version" => VERSION.into(),
            _ => Answer::Close(format!("VA 100 f0 c1 t-1 {}\r\nhalf", opaque(request)).into()),
        })
        .unwrap();
        let client = patient(&server.address()).build().unwrap();

        let error = within(client.get("k")).await.unwrap_err();

        assert!(error.is_closed(), "{error:?}");
        assert_eq!(error.node(), Some(server.address().as_str()));
        assert_eq!(error.command(), Some("get"));
    }

    #[tokio::test]
    async fn an_idle_connection_that_the_server_closed_costs_no_operation() {
        let gate = Gate::new();
        let idle = Script::new().greet().wait(&gate).close();
        let good = Script::new().greet().expect("ms k 1 F16 O2\r\nv\r\n").send("HD O2\r\n");
        let server = Scripted::each([idle, good]).unwrap();
        let client = patient(&server.address()).build().unwrap();
        // A call that is dropped at once leaves an idle connection.
        let asked = tokio::time::timeout(Duration::from_millis(50), client.get("none")).await;
        assert!(asked.is_err());

        gate.open();

        let stored = within(async {
            loop {
                match client.set("k", "v", Ttl::Never).await {
                    // The close may cross the write; then, and only then, the write is in doubt.
                    Err(error) if error.is_closed() => {}
                    outcome => break outcome,
                }
            }
        });
        assert!(stored.await.unwrap().is_stored());
        assert_eq!(server.accepts(), 2);
    }

    #[tokio::test]
    async fn reads_outlive_the_idle_timeout_of_the_server() {
        let builder = Memcached::builder().arg("-o").arg("idle_timeout=1");
        let server = builder.start().await.unwrap();
        let client = patient(&server.address()).max_pool_size(1).build().unwrap();
        put(&client, "k").await;

        let idle = within(async {
            while server.stat("idle_kicks").await.unwrap().as_deref() == Some("0") {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        idle.await;

        holds(&client, "k").await;
        put(&client, "k").await;
    }

    #[tokio::test]
    async fn a_server_that_restarted_between_calls_costs_no_call() {
        let mut server = Memcached::start().await.unwrap();
        let client = patient(&server.address()).build().unwrap();
        put(&client, "k").await;

        server.restart().await.unwrap();

        assert_eq!(within(client.get("k")).await.unwrap(), None);
        put(&client, "k").await;
    }

    #[tokio::test]
    async fn a_server_that_comes_back_is_found_by_the_same_client() {
        let mut server = Memcached::start().await.unwrap();
        let client = patient(&server.address()).build().unwrap();
        put(&client, "k").await;
        server.stop().unwrap();
        let set = || async { client.set("k", "v", Ttl::Never).await.unwrap_err() };
        // The loss may cross the first write; from then on there is nobody to send one to.
        let first = within(set()).await;
        assert!(first.is_closed() || first.is_connect(), "{first:?}");
        let second = within(set()).await;
        assert!(second.is_connect() && second.is_retryable(), "{second:?}");
        assert_eq!(second.delivery(), Delivery::NotSent);

        server.restart().await.unwrap();

        within(until_ok(|| client.get("k"))).await;
        put(&client, "k").await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_server_killed_under_load_harms_only_the_calls_of_that_moment() {
        let mut server = Memcached::start().await.unwrap();
        let client = patient(&server.address()).build().unwrap();
        let mut tasks = JoinSet::new();
        for number in 0..20 {
            let client = client.clone();
            tasks.spawn(async move {
                let key = format!("key:{number}");
                for _ in 0..200 {
                    let _ = client.set(&key, key.as_str(), Ttl::Never).await;
                    match client.get(&key).await {
                        Ok(Some(value)) => assert_eq!(value.decode::<String>().unwrap(), key),
                        Ok(None) => {}
                        Err(error) => assert!(error.is_connect() || error.is_closed(), "{error:?}"),
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            });
        }

        server.stop().unwrap();
        server.restart().await.unwrap();

        within(tasks.join_all()).await;
        within(until_ok(|| client.get("k"))).await;
        put(&client, "k").await;
    }
}

mod silence {
    use super::*;

    #[tokio::test]
    async fn a_silent_server_is_a_timeout_that_names_the_step() {
        let server = lying(|_| "".into());
        let client = hasty(&server.address());

        let error = within(client.set("k", "v", Ttl::Never)).await.unwrap_err();

        assert!(error.is_timeout(), "{error:?}");
        assert_eq!(error.timed_out_step(), Some(Step::Reply));
        assert_eq!(error.delivery(), Delivery::Unknown);
        assert_eq!(error.node(), Some(server.address().as_str()));
        within(until_ok(|| client.get("k"))).await;
        assert_eq!(server.accepts(), 2, "a silent connection is replaced once");
    }

    #[tokio::test]
    async fn a_server_that_drips_does_not_stretch_the_deadline() {
        let server = Scripted::start(
            Script::new()
                .greet()
                .expect_line()
                .dribble("VA 100000 f0 c1 t-1 O2\r\n".to_owned() + &"x".repeat(5000)),
        )
        .unwrap();
        let client = hasty(&server.address());

        let error = within(client.get("k")).await.unwrap_err();

        assert_eq!(error.timed_out_step(), Some(Step::Reply), "{error:?}");
    }

    #[tokio::test]
    async fn a_server_that_accepts_and_says_nothing_is_a_connect_timeout() {
        let server = Scripted::start(Script::new()).unwrap();
        let client = hasty(&server.address());

        let error = within(client.set("k", "v", Ttl::Never)).await.unwrap_err();

        assert!(error.is_timeout() && error.is_connect(), "{error:?}");
        assert_eq!(error.delivery(), Delivery::NotSent);
    }

    #[tokio::test]
    async fn a_read_behind_one_that_ran_out_of_time_is_answered_on_a_fresh_connection() {
        let server = lying(|_| "".into());
        let client = Client::builder().server(server.address()).max_pool_size(1);
        let client = client.timeout(Duration::from_secs(1)).build().unwrap();

        let first = client.get("first");
        let second = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            client.get("second").await
        };
        let (first, second) = within(async { tokio::join!(first, second) }).await;

        assert!(first.unwrap_err().is_timeout());
        assert_eq!(second.unwrap(), None);
        assert_eq!(server.accepts(), 2);
    }

    #[tokio::test]
    async fn a_paused_server_is_a_timeout_and_answers_after_it_went_on() {
        let server = Memcached::start().await.unwrap();
        let client = hasty(&server.address());
        put(&client, "k").await;

        server.pause().await.unwrap();
        for _ in 0..3 {
            let error = within(client.get("k")).await.unwrap_err();
            assert!(error.is_timeout(), "{error:?}");
        }
        let error = within(client.set("k", "other", Ttl::Never)).await.unwrap_err();
        assert!(error.is_timeout(), "{error:?}");
        server.resume().await.unwrap();

        within(until_ok(|| client.get("k"))).await;
        put(&client, "k").await;
        holds(&client, "k").await;
    }
}

mod down {
    use super::*;

    #[tokio::test]
    async fn a_server_that_is_down_is_an_error_of_connecting() {
        let mut server = Memcached::start().await.unwrap();
        server.stop().unwrap();
        let client = Client::new(server.address()).unwrap();

        for _ in 0..10 {
            let error = within(client.get("k")).await.unwrap_err();

            assert!(error.is_connect() && error.is_retryable(), "{error:?}");
            assert_eq!(error.node(), Some(server.address().as_str()));
            assert!(error.to_string().contains(&server.address()), "{error}");
        }
    }

    #[tokio::test]
    async fn a_missing_socket_is_an_error_of_connecting() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("none");
        let client = Client::new(path.to_str().unwrap()).unwrap();

        let error = within(client.get("k")).await.unwrap_err();

        assert!(error.is_connect(), "{error:?}");
        assert_eq!(error.node(), path.to_str());
    }

    #[tokio::test]
    async fn a_server_that_is_down_is_not_hammered() {
        let server = Scripted::start(Script::new().close()).unwrap();
        let client = Client::new(server.address()).unwrap();

        let mut tasks = JoinSet::new();
        for _ in 0..20 {
            let client = client.clone();
            tasks.spawn(async move {
                for _ in 0..50 {
                    let error = client.set("k", "v", Ttl::Never).await.unwrap_err();
                    assert_eq!(error.delivery(), Delivery::NotSent, "{error:?}");
                }
            });
        }
        within(tasks.join_all()).await;

        let dials = server.accepts();
        assert!((1..=30).contains(&dials), "{dials} dials for 1000 calls");
    }

    #[tokio::test]
    async fn a_server_that_is_full_is_quoted_and_tried_again() {
        let full = "ERROR Too many open connections\r\n";
        for script in [Script::new().send(full), Script::new().expect_line().send(full).close()] {
            let good = Script::new().greet().expect_line().send("EN O2\r\n");
            let server = Scripted::each([script, good]).unwrap();
            let client = patient(&server.address()).build().unwrap();

            let error = within(client.set("k", "v", Ttl::Never)).await.unwrap_err();

            assert!(error.to_string().contains("Too many open connections"), "{error}");
            assert_eq!(error.delivery(), Delivery::NotSent);
            within(until_ok(|| client.get("k"))).await;
        }
    }

    #[tokio::test]
    async fn a_server_that_is_too_old_for_the_dialect_is_told_with_both_versions() {
        let old = Script::new().expect_line().send("VERSION 1.6.9\r\n");
        let new = Script::new().greet().expect_line().send("EN O2\r\n");
        let server = Scripted::each([old, new]).unwrap();
        let client = patient(&server.address()).dialect(Dialect::Meta).build().unwrap();

        let error = within(client.get("k")).await.unwrap_err();

        let text = error.to_string();
        assert!(text.contains("1.6.9") && text.contains("1.6.10"), "{text}");
        assert!(error.is_connect(), "{error:?}");
        assert_eq!(error.delivery(), Delivery::NotSent);
        within(until_ok(|| client.get("k"))).await;
    }
}

mod lies {
    use super::*;

    /// Answers the first read with `lie`, in which `$` stands for its opaque, and expects an error
    /// that quotes `seen`.
    async fn check(lie: &str, seen: &str) {
        let text = lie.to_owned();
        let server = lying(move |request| text.replace('$', &opaque(request)).into());
        let client = patient(&server.address()).max_value_size(1 << 20);
        let client = client.build().unwrap();

        let error = within(client.get("k")).await.unwrap_err();

        assert!(error.is_protocol(), "{lie:?}: {error:?}");
        assert!(error.to_string().contains(seen), "{lie:?}: {error}");
        assert_eq!(error.node(), Some(server.address().as_str()));
        answers_again(&client, &server).await;
    }

    #[tokio::test]
    async fn the_answer_to_another_question_is_refused() {
        check("EN O777\r\n", "O777").await;
        check("VA 1 f0 c1 t-1 O777\r\nv\r\n", "O777").await;
        check("EN\r\n", "EN").await;
        check("VA 1 f0 c1 t-1\r\nv\r\n", "VA 1 f0 c1 t-1").await;
        check("EN $ $\r\n", "EN O").await;
    }

    #[tokio::test]
    async fn the_answer_to_another_command_is_refused() {
        check("END\r\n", "END").await;
        check("HD $\r\n", "HD").await;
        check("NS $\r\n", "NS").await;
        check("STORED\r\n", "STORED").await;
        check("VALUE k 0 1\r\nv\r\nEND\r\n", "VALUE k 0 1").await;
        check("MN\r\n", "MN").await;
        check("HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/1.1 400").await;
        check("\u{15}\u{3}\u{1}\r\n", "\\x15").await;
    }

    #[tokio::test]
    async fn a_size_that_cannot_be_is_refused() {
        check("VA -1 f0 $\r\nv\r\n", "VA -1").await;
        check("VA f0 $\r\nv\r\n", "VA f0").await;
        check("VA 1x $\r\nv\r\n", "VA 1x").await;
        check("VA 18446744073709551616 $\r\n", "18446744073709551616").await;
        check("VA 18446744073709551615 $\r\n", "18446744073709551615").await;
        check("VA 1048577 $\r\n", "1048577").await;
    }

    #[tokio::test]
    async fn a_value_that_does_not_end_where_its_size_says_is_refused() {
        check("VA 1 f0 c1 t-1 $\r\nxyz\r\n", "yz").await;
        check("VA 3 f0 c1 t-1 $\r\nx\r\nEN O3\r\n", "does not end").await;
    }

    #[tokio::test]
    async fn a_flag_that_was_not_asked_for_is_refused() {
        check("VA 1 f0 q9 $\r\nv\r\n", "q9").await;
        check("VA 1 f4294967296 $\r\nv\r\n", "4294967296").await;
        check("VA 1 c-1 $\r\nv\r\n", "c-1").await;
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_refused() {
        check(&"x".repeat(4096), "xxxx").await;
        check("EN $\n", "EN O").await;
        check("\n", "\\n").await;
    }

    #[tokio::test]
    async fn an_error_after_which_the_stream_may_be_out_of_step_ends_the_connection() {
        check("ERROR Too many open connections\r\n", "Too many open").await;
    }

    #[tokio::test]
    async fn a_server_that_does_not_know_its_own_dialect_is_quoted_and_left() {
        let server = lying(|_| "ERROR\r\n".into());
        let client = patient(&server.address()).build().unwrap();

        let error = within(client.get("k")).await.unwrap_err();

        assert!(error.is_server_error(), "{error:?}");
        assert_eq!(error.server_message(), Some("ERROR"));
        answers_again(&client, &server).await;
    }

    #[tokio::test]
    async fn bytes_that_nobody_asked_for_reach_nobody() {
        let server = lying(|request| {
            let extra = "VA 6 f0 c1 t-1 O3\r\nforged\r\n";
            format!("EN {}\r\n{extra}", opaque(request)).into()
        });
        let client = patient(&server.address()).build().unwrap();

        assert_eq!(within(client.get("first")).await.unwrap(), None);
        for _ in 0..3 {
            within(until_ok(|| client.get("k"))).await;
            assert_eq!(within(client.get("k")).await.unwrap(), None);
        }

        assert_eq!(server.accepts(), 2);
    }

    #[tokio::test]
    async fn a_lie_fails_all_who_wait_behind_it() {
        let server = lying(|request| match &request.text() {
            line if line.starts_with("mg a ") => format!("EN {}\r\n", opaque(request)).into(),
            _ => "EN O777\r\n".into(),
        });
        let client = patient(&server.address()).build().unwrap();

        let answers = within(async {
            tokio::join!(
                biased;
                client.get("a"),
                client.get("b"),
                client.set("c", "v", Ttl::Never)
            )
        });
        let (good, lie, behind) = answers.await;

        assert_eq!(good.unwrap(), None);
        assert!(lie.unwrap_err().is_protocol());
        let behind = behind.unwrap_err();
        assert!(behind.is_protocol());
        assert_ne!(behind.delivery(), Delivery::Refused);
        answers_again(&client, &server).await;
    }

    #[tokio::test]
    async fn an_error_that_leaves_the_stream_in_step_keeps_the_connection() {
        let server = lying(|request| match &request.text() {
            line if line.starts_with("mg bad ") => "SERVER_ERROR out of memory\r\n".into(),
            line if line.starts_with("mg worse ") => "CLIENT_ERROR bad command line\r\n".into(),
            _ => format!("EN {}\r\n", opaque(request)).into(),
        });
        let client = patient(&server.address()).build().unwrap();

        for (key, words) in [("bad", "out of memory"), ("worse", "bad command line")] {
            let error = within(client.get(key)).await.unwrap_err();
            assert!(error.is_server_error(), "{error:?}");
            assert_eq!(error.server_message(), Some(words));
            assert_eq!(within(client.get("good")).await.unwrap(), None);
        }

        assert_eq!(server.accepts(), 1);
    }

    #[tokio::test]
    async fn a_reply_in_any_pieces_is_the_same_reply() {
        let reply = "VA 4 f16 c1 t-1 O2\r\na\r\nb\r\n";
        let scripts = (1..reply.len()).map(|at| {
            let script = Script::new().greet().expect_line();
            script.split(reply, at)
        });
        let server = Scripted::each(scripts).unwrap();

        for _ in 1..reply.len() {
            let client = patient(&server.address()).build().unwrap();
            let value = within(client.get("k")).await.unwrap().unwrap();
            assert_eq!(value.decode::<String>().unwrap(), "a\r\nb");
        }
    }
}

/// Starts a server that treats its first connection to `lie`, and says "no item" on all others.
fn lying(lie: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Scripted {
    Scripted::answering(move |request| match (request.connection, &request.text()[..]) {
        (_, "version") => VERSION.into(),
        (0, _) => lie(request),
        _ => format!("EN {}\r\n", opaque(request)).into(),
    })
    .unwrap()
}

/// Holds a client whose connection came to harm to its word: the next call works, on a fresh one.
async fn answers_again(client: &Client, server: &Scripted) {
    assert_eq!(within(client.get("k")).await.unwrap(), None);
    assert_eq!(server.accepts(), 2);
}

async fn until_ok<T, F: Future<Output = Result<T, Error>>>(call: impl Fn() -> F) -> T {
    loop {
        match call().await {
            Ok(output) => return output,
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// Stores the key as its own value.
async fn put(client: &Client, key: &str) {
    let stored = within(client.set(key, key, Ttl::Never)).await;
    assert!(stored.unwrap().is_stored());
}

/// Makes sure that the key has itself as its value.
async fn holds(client: &Client, key: &str) {
    let value = within(client.get(key)).await.unwrap().unwrap();
    assert_eq!(value.decode::<String>().unwrap(), key);
}

async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(HANG, future).await.expect("it hangs")
}

fn patient(address: &str) -> ClientBuilder {
    let builder = Client::builder().server(address);
    builder.timeout(Duration::from_secs(10))
}

/// Returns a client that gives up soon, for servers that are silent.
fn hasty(address: &str) -> Client {
    let builder = Client::builder().server(address);
    let builder = builder.connect_timeout(Duration::from_millis(300));
    builder.timeout(Duration::from_millis(300)).build().unwrap()
}

fn opaque(request: &Request) -> String {
    request.words().pop().unwrap_or_default()
}

/// Returns how many connections are open besides that of the question; the server may still count
/// that of the question before.
async fn open_connections(server: &Memcached) -> u64 {
    let open = server.stat("curr_connections").await.unwrap().unwrap();
    open.parse::<u64>().unwrap() - 1
}

async fn total_connections(server: &Memcached) -> u64 {
    let total = server.stat("total_connections").await.unwrap().unwrap();
    total.parse().unwrap()
}
