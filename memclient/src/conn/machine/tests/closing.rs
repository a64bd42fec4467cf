//! What callers are told when a connection ends.

use super::*;

#[test]
fn a_stall_is_a_timeout_for_those_only_whose_own_time_is_up() {
    let mut machine = machine();
    let now = Instant::now();
    let late = now + std::time::Duration::from_millis(1);
    let head = enqueue(&mut machine, &[get("a")]);
    let behind = machine.enqueue(Ask::Run(&[get("b")]), 0, late, false).unwrap().unwrap();
    write(&mut machine);
    machine.close(CloseReason::Stalled, &mut Vec::new());
    assert!(matches!(poll(&mut machine, head), Poll::Ready(Err(error)) if error.is_timeout()));
    assert!(matches!(poll(&mut machine, behind), Poll::Ready(Err(error)) if error.is_closed()));
    let after = machine.enqueue(Ask::Run(&[get("c")]), 0, now, false);
    assert!(after.is_err_and(|error| error.is_closed() && error.is_retryable()));
}

#[test]
fn what_was_not_sent_when_the_server_lied_may_go_elsewhere() {
    let mut machine = machine();
    let sent = enqueue(&mut machine, &[get("a")]);
    write(&mut machine);
    let unsent = enqueue(&mut machine, &[get("b")]);
    machine.close(CloseReason::OutOfStep(OutOfStep("x".into())), &mut Vec::new());
    assert!(matches!(poll(&mut machine, sent), Poll::Ready(Err(error)) if error.is_protocol()));
    assert!(
        matches!(poll(&mut machine, unsent), Poll::Ready(Err(error)) if error.is_closed() && error.is_retryable())
    );
}

#[test]
fn closing_tells_each_caller_whether_its_request_was_sent() {
    let mut machine = machine();
    let sent = enqueue(&mut machine, &[get("a")]);
    write(&mut machine);
    let unsent = enqueue(&mut machine, &[get("b")]);
    machine.close(CloseReason::Lost(None), &mut Vec::new());
    let delivery = |outcome| match outcome {
        Poll::Ready(Err(error)) => Error::delivery(&error),
        other => panic!("{other:?}"),
    };
    assert_eq!(delivery(poll(&mut machine, sent)), Delivery::Unknown);
    assert_eq!(delivery(poll(&mut machine, unsent)), Delivery::NotSent);
    let after = machine.enqueue(Ask::Run(&[command::Version]), 0, Instant::now(), false);
    assert!(after.is_err_and(|error| error.is_retryable()));
}

#[test]
fn a_closed_machine_has_nothing_to_write() {
    let mut machine = machine();
    for _ in 0..100 {
        machine.misses.note(0, 64);
    }
    want(&mut machine, &["a", "b"]);
    machine.close(CloseReason::Lost(None), &mut Vec::new());
    assert_eq!(write(&mut machine), "");
    assert_eq!(machine.deadline(), None);
}

#[test]
fn gathered_callers_are_told_of_a_close_before_and_after_the_flush() {
    let mut machine = machine();
    let sent = want(&mut machine, &["a", "b"]);
    write(&mut machine);
    let unsent = want(&mut machine, &["c"]);
    machine.close(CloseReason::Lost(None), &mut Vec::new());
    assert!(
        matches!(poll(&mut machine, sent), Poll::Ready(Err(e)) if e.delivery() == Delivery::Unknown)
    );
    assert!(matches!(poll(&mut machine, unsent), Poll::Ready(Err(e)) if e.is_retryable()));
}

#[test]
fn those_who_share_a_key_are_told_of_a_close() {
    let mut machine = machine();
    let before = busy(&mut machine);
    let tickets = ["a", "b", "a", "b", "c"].map(|key| want(&mut machine, &[key]));
    assert_eq!(write(&mut machine), "get a b c\r\n");
    receive(&mut machine, &(before + "VALUE b 0 1\r\nB\r\nVALUE c")).unwrap();
    machine.close(CloseReason::Lost(None), &mut Vec::new());
    let failed = tickets.map(|ticket| matches!(poll(&mut machine, ticket), Poll::Ready(Err(_))));
    assert_eq!(failed, [true, false, true, false, true]);
    assert!(machine.slots.are_vacant());
}
