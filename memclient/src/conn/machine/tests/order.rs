//! Whose answer is whose.

use super::*;

#[test]
fn each_caller_gets_its_own_answer() {
    let mut machine = machine();
    let first = enqueue(&mut machine, &[get("a")]);
    let second = enqueue(&mut machine, &[get("b")]);
    assert_eq!(write(&mut machine), "mg a v f O0\r\nmg b v f O1\r\n");
    assert!(poll(&mut machine, second).is_pending());
    assert_eq!(receive(&mut machine, "VA 1 O0\r\nA\r\nVA 1 O1\r\nB\r\n"), Ok(1));
    assert_eq!(data(poll(&mut machine, second)), Some("B".into()));
    assert_eq!(data(poll(&mut machine, first)), Some("A".into()));
    assert!(machine.is_quiet());
}

#[test]
fn an_abandoned_answer_reaches_nobody_and_harms_nobody() {
    let mut machine = machine();
    let first = enqueue(&mut machine, &[get("a"), get("b")]);
    let second = enqueue(&mut machine, &[get("c")]);
    write(&mut machine);
    assert_eq!(receive(&mut machine, "VA 1 O0\r\nA\r\n"), Ok(0));
    machine.abandon(first);
    assert_eq!(receive(&mut machine, "VA 1 O1\r\nB\r\nVA 1 O2\r\nC\r\n"), Ok(0));
    assert_eq!(data(poll(&mut machine, second)), Some("C".into()));
    assert!(machine.is_settled(), "every slot is free again");
}

#[test]
fn an_answer_that_came_before_its_caller_left_frees_the_slot() {
    let mut machine = machine();
    let ticket = enqueue(&mut machine, &[get("a")]);
    write(&mut machine);
    assert_eq!(receive(&mut machine, "EN O0\r\n"), Ok(0));
    machine.abandon(ticket);
    assert_eq!(enqueue(&mut machine, &[get("b")]), ticket);
}

#[test]
fn a_run_is_answered_when_its_last_reply_is_there() {
    let mut machine = machine();
    let run = enqueue(&mut machine, &[get("a"), get("b")]);
    write(&mut machine);
    assert!(poll(&mut machine, run).is_pending());
    assert_eq!(receive(&mut machine, "EN O0\r\n"), Ok(0));
    assert_eq!(receive(&mut machine, "EN O1\r\n"), Ok(1));
    assert_eq!(items(poll(&mut machine, run)), [None, None]);
}

#[test]
fn bytes_that_nobody_asked_for_are_out_of_step() {
    let mut machine = machine();
    assert!(receive(&mut machine, "EN O0\r\n").is_err());
    let ticket = enqueue(&mut machine, &[get("a")]);
    assert!(receive(&mut machine, "EN O0\r\n").is_err(), "nothing was sent yet");
    write(&mut machine);
    assert!(receive(&mut machine, "EN O0\r\nEN O1\r\n").is_err());
    assert!(poll(&mut machine, ticket).is_ready(), "what was right before is kept");
}

#[test]
fn an_answer_with_anothers_opaque_is_never_handed_over() {
    let mut machine = machine();
    let first = enqueue(&mut machine, &[get("a")]);
    enqueue(&mut machine, &[get("b")]);
    write(&mut machine);
    assert!(receive(&mut machine, "VA 1 O1\r\nB\r\n").is_err());
    assert!(poll(&mut machine, first).is_pending());
}

#[test]
fn asking_for_nothing_leaves_nothing_behind() {
    let mut machine = machine();
    let nothing = Ask::<Get<'_>>::Values(&[]);
    let ticket = machine.enqueue(nothing, 100, Instant::now(), false).unwrap().unwrap();
    assert_eq!(machine.deadline(), None, "nothing is awaited");
    assert_eq!(machine.cost, 0, "nothing is under way");
    assert!(items(poll(&mut machine, ticket)).is_empty());
}

#[test]
fn what_is_under_way_is_bounded() {
    let mut machine = Machine::new(Limits { max_value: 1024 }, 1000);
    let ask = Ask::Run(&[command::Version]);
    let big = machine.enqueue(ask, 5000, Instant::now(), false).unwrap();
    assert!(big.is_some(), "what is larger than all the room goes alone");
    assert!(machine.enqueue(ask, 0, Instant::now(), false).unwrap().is_none());
    assert!(!machine.take_refused(), "there is no room yet");
    write(&mut machine);
    receive(&mut machine, "VERSION 1\r\n").unwrap();
    assert!(machine.take_refused());
    assert!(machine.enqueue(ask, 0, Instant::now(), false).unwrap().is_some());
}

#[test]
fn a_refusal_that_ends_the_stream_is_still_its_callers() {
    let mut machine = machine();
    let store = command::Store {
        key: WireKey::bare("a"),
        data: b"A",
        flags: 0,
        ttl: 0,
        mode: command::StoreMode::Set,
        cas: None,
    };
    let ticket = enqueue(&mut machine, &[store]);
    write(&mut machine);
    assert!(receive(&mut machine, "CLIENT_ERROR bad data chunk\r\nERROR\r\n").is_err());
    assert!(matches!(poll(&mut machine, ticket), Poll::Ready(Ok(Replies::One(Reply::Refused(_))))));
}

#[test]
fn a_caller_alone_asks_in_the_meta_dialect_at_once() {
    let mut machine = machine();
    let keys = [WireKey::bare("a")];
    let ask = Ask::<Get<'_>>::Values(&keys);
    machine.enqueue(ask, 0, Instant::now(), true).unwrap().unwrap();
    assert_eq!(write(&mut machine), "mg a v f O0\r\n");
}
