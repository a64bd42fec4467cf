//! How long items live.

use std::time::{Duration, SystemTime};

use memclient::{Client, Ttl, TtlLeft};
use memclient_tests::Scripted;

use super::{At, at::about};

in_every_setup! {
    a_life_of_31_days_is_one
    a_life_below_a_second_is_not_for_ever
    a_life_of_nothing_is_over_at_once
    a_life_until_a_time_is_counted_from_now
    an_endless_life_is_told
}

async fn a_life_of_31_days_is_one(at: &At) {
    let days = 31 * 24 * 60 * 60;

    at.put_for("k", Duration::from_secs(days)).await;

    assert!(about(days).contains(&at.seconds_left("k").await));
}

async fn a_life_below_a_second_is_not_for_ever(at: &At) {
    at.put_for("k", Duration::from_millis(1)).await;

    // Within its second the item may be there or not, but not for longer.
    match at.client.gets("k").await.unwrap().map(|item| item.ttl_left) {
        None => {}
        Some(TtlLeft::Left(left)) => assert!(left <= Duration::from_secs(1)),
        Some(left) => assert!(left == TtlLeft::Unknown && !at.is_meta()),
    }
}

async fn a_life_of_nothing_is_over_at_once(at: &At) {
    let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    for ttl in
        [Ttl::Immediately, Ttl::After(Duration::ZERO), Ttl::At(past), Ttl::At(SystemTime::now())]
    {
        at.put("k", "old").await;

        at.put_for("k", ttl).await;

        assert_eq!(at.client.get("k").await.unwrap(), None, "{ttl:?}");
    }
}

async fn a_life_until_a_time_is_counted_from_now(at: &At) {
    at.put_for("k", SystemTime::now() + Duration::from_secs(1000)).await;

    assert!(about(1000).contains(&at.seconds_left("k").await));
}

async fn an_endless_life_is_told(at: &At) {
    at.put_for("k", Ttl::Never).await;

    assert_eq!(at.left("k").await, None);
    let item = at.client.gets("k").await.unwrap().unwrap();
    assert_eq!(item.ttl_left, if at.is_meta() { TtlLeft::Never } else { TtlLeft::Unknown });
}

#[tokio::test]
async fn lives_are_sent_in_whole_seconds_rounded_up() {
    let server = Scripted::answering(|request| match request.words() {
        words if words[0] == "version" => "VERSION 1.6.18\r\n".to_owned(),
        words => format!("HD {}\r\n", words.last().unwrap()),
    })
    .unwrap();
    let client = Client::new(server.address()).unwrap();

    for (millis, seconds) in [(1, 1), (999, 1), (1000, 1), (1001, 2), (59_500, 60)] {
        let key = format!("k{millis}");
        let ttl = Duration::from_millis(millis);
        assert!(client.set(&key, "v", ttl).await.unwrap().is_stored());
        let sent = String::from_utf8(server.received()).unwrap();
        let line = sent.lines().find(|line| line.contains(&key)).unwrap();
        assert!(line.contains(&format!(" T{seconds} ")), "{line}");
    }
}
