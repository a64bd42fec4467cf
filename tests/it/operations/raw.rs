//! Commands that the client has no operation for.

use memclient::ReplyEnd;

use super::At;

in_every_setup! {
    a_raw_command_is_answered_with_what_the_server_says
    a_raw_reply_ends_where_the_caller_says
    a_raw_command_that_the_server_refuses_fails_with_its_words
    what_a_raw_command_does_to_its_connection_is_nobody_elses_business
    a_large_raw_reply_is_whole
}

async fn a_raw_command_is_answered_with_what_the_server_says(at: &At) {
    let mn = at.client.raw_command("mn", ReplyEnd::Line).await.unwrap();
    assert_eq!(mn, "MN");

    let server = at.client.servers().next().unwrap();
    let version = at.client.raw_command_at(server, "version", ReplyEnd::Line).await.unwrap();
    assert_eq!(version, format!("VERSION {}", at.client.version().await.unwrap()));
    let stranger = at.client.raw_command_at("h:1", "version", ReplyEnd::Line).await;
    assert!(stranger.is_err_and(|error| error.is_input()));
}

async fn a_raw_reply_ends_where_the_caller_says(at: &At) {
    at.put("k", "END\r\n").await;
    let key = format!("{}k", at.prefix);

    let items = at.client.raw_command(format!("get {key} none"), ReplyEnd::End).await.unwrap();
    assert_eq!(items, format!("VALUE {key} 16 5\r\nEND\r\n\r\n"));

    let settings = at.client.raw_command("stats settings", ReplyEnd::End).await.unwrap();
    let settings = String::from_utf8(settings.to_vec()).unwrap();
    assert!(settings.contains("STAT maxbytes "), "{settings}");
}

async fn a_raw_command_that_the_server_refuses_fails_with_its_words(at: &At) {
    for end in [ReplyEnd::Line, ReplyEnd::End] {
        let error = at.client.raw_command("nonsense", end).await.unwrap_err();
        assert_eq!(error.server_message(), Some("ERROR"));
        assert_eq!(error.command(), Some("raw_command"));
        let error = at.client.raw_command("flush_all x", end).await.unwrap_err();
        assert_eq!(error.server_message(), Some("invalid exptime argument"));
    }
}

async fn what_a_raw_command_does_to_its_connection_is_nobody_elses_business(at: &At) {
    at.put("k", "v").await;
    let before = at.stat("total_connections").await;

    // It is answered with more lines than one.
    let key = format!("{}k", at.prefix);
    let line = at.client.raw_command(format!("get {key}"), ReplyEnd::Line).await.unwrap();
    assert_eq!(line, format!("VALUE {key} 16 1"));
    assert!(at.client.raw_command("quit", ReplyEnd::Line).await.is_err_and(|it| it.is_closed()));

    assert_eq!(at.text("k").await.as_deref(), Some("v"));
    // Two looks but one, and two commands; the others' connection is the one from before.
    assert_eq!(at.stat("total_connections").await, before + 3);
}

async fn a_large_raw_reply_is_whole(at: &At) {
    let large = "v".repeat(500_000);
    at.put("k", &large).await;
    let key = format!("{}k", at.prefix);

    let reply = at.client.raw_command(format!("get {key}"), ReplyEnd::End).await.unwrap();

    assert_eq!(reply.len(), format!("VALUE {key} 16 500000\r\n\r\n").len() + 500_000);
}
