//! What servers say of themselves.

use memclient::ReplyEnd;

use super::At;

in_every_setup! {
    the_numbers_of_a_server_are_told
    parts_of_the_numbers_are_told_by_their_words
    counters_are_set_back
    words_that_no_server_knows_are_refused_in_its_words
}

async fn the_numbers_of_a_server_are_told(at: &At) {
    at.put("k", "v").await;
    assert!(at.client.get("k").await.unwrap().is_some());
    assert!(at.client.get("none").await.unwrap().is_none());

    let stats = at.client.stats().await;

    let [(server, stats)] = &stats[..] else { panic!("not one server: {stats:?}") };
    assert_eq!(Some(server.as_str()), at.client.servers().next());
    let stats = stats.as_ref().unwrap();
    assert!(stats.len() > 40 && stats.iter().count() == stats.len());
    assert_eq!(stats.get("nothing of the kind"), None);
    let numbers = stats.server();
    assert_eq!(numbers.pid, at.server.pid().map(u64::from));
    assert_eq!(numbers.version.as_deref(), stats.get("version"));
    assert_eq!(numbers.curr_items, Some(1));
    assert_eq!((numbers.get_hits, numbers.cmd_set), (Some(1), Some(1)));
    assert_eq!(numbers.limit_maxbytes, Some(at.stat("limit_maxbytes").await));
    assert!(numbers.uptime.is_some() && numbers.bytes > Some(0) && numbers.evictions == Some(0));
    assert!(numbers.curr_connections >= Some(1) && numbers.get_misses >= Some(1));
}

async fn parts_of_the_numbers_are_told_by_their_words(at: &At) {
    let before = at.client.stats_of(["items"]).await.remove(0).1.unwrap();
    assert!(before.is_empty());
    at.put("k", "v").await;

    let items = at.client.stats_of(["items"]).await.remove(0).1.unwrap();
    assert_eq!(items.iter().next().map(|(name, _)| name), Some("items:1:number"));
    assert_eq!(items.get("items:1:number"), Some("1"));
    let slabs = at.client.stats_of(["slabs"]).await.remove(0).1.unwrap();
    assert_eq!(slabs.get("active_slabs"), Some("1"));
    // Several words are as many arguments, and are answered with other lines.
    assert!(at.client.stats_of(["detail", "on"]).await.remove(0).1.unwrap().is_empty());
    at.client.raw_command("get part:k", ReplyEnd::End).await.unwrap();
    let dump = at.client.stats_of(["detail", "dump"]).await.remove(0).1.unwrap();
    assert_eq!(dump.get("part"), Some("get 1 hit 0 set 0 del 0"));
    let settings = at.client.stats_of(["settings"]).await.remove(0).1.unwrap();
    assert_eq!(settings.get("cas_enabled"), Some("yes"));
}

async fn counters_are_set_back(at: &At) {
    at.put("k", "v").await;
    assert_eq!(at.stat("cmd_set").await, 1);

    assert!(at.client.stats_of(["reset"]).await.remove(0).1.unwrap().is_empty());

    assert_eq!(at.stat("cmd_set").await, 0);
    at.put("k", "v").await;
}

async fn words_that_no_server_knows_are_refused_in_its_words(at: &At) {
    assert!(at.client.version().await.is_ok());
    let before = at.stat("total_connections").await;

    for (words, message) in [(&["nosuch"][..], "ERROR"), (&["detail"], "usage: stats detail")] {
        let error = at.client.stats_of(words).await.remove(0).1.unwrap_err();
        assert!(error.is_server_error() && error.command() == Some("stats"), "{error:?}");
        let told = error.server_message().unwrap();
        assert!(told.contains(message), "{told}");
    }

    assert!(at.client.version().await.is_ok());
    // The look itself is one more.
    assert_eq!(at.stat("total_connections").await, before + 1, "the connection is kept");
}
