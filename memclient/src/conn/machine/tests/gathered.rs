//! Gets of many callers.

use super::*;

/// Returns these keys as commands of so many, and what a server that has them all answers.
fn in_commands_of(share: usize, keys: &[String]) -> (String, String) {
    let commands = keys.chunks(share).map(|keys| format!("get {}\r\n", keys.join(" ")));
    let answers = keys.chunks(share).map(|keys| found(keys) + "END\r\n");
    (commands.collect(), answers.collect())
}

#[test]
fn values_that_several_callers_want_are_asked_for_together() {
    let mut machine = machine();
    let [a, b, c] = ["a", "b", "c"].map(|key| want(&mut machine, &[key]));
    assert_eq!(write(&mut machine), "get a b c\r\n");
    let mut buffer = BytesMut::new();
    assert_eq!(receive_more(&mut machine, &mut buffer, "VALUE b 0 1\r\nB\r\n"), Ok(0));
    assert!(poll(&mut machine, a).is_pending(), "it may yet turn up behind");
    assert!(poll(&mut machine, b).is_pending(), "another value of it may turn up behind");
    assert_eq!(receive_more(&mut machine, &mut buffer, "END\r\n"), Ok(2));
    assert_eq!(items(poll(&mut machine, a)), [None], "it was passed over");
    assert_eq!(items(poll(&mut machine, b)), [Some("B".into())]);
    assert!(poll(&mut machine, c).is_pending(), "an END alone is no proof of a miss");
    assert_eq!(write(&mut machine), "mg c v f O0\r\n");
    assert_eq!(receive(&mut machine, "EN O0\r\n"), Ok(1));
    assert_eq!(items(poll(&mut machine, c)), [None]);
    assert!(machine.is_quiet());
}

#[test]
fn one_caller_may_want_many_values_and_one_of_them_twice() {
    let mut machine = machine();
    let many = want(&mut machine, &["a", "b", "a", "z"]);
    let one = want(&mut machine, &["b"]);
    assert_eq!(write(&mut machine), "get a b z\r\n");
    assert_eq!(receive(&mut machine, "VALUE a 0 1\r\nA\r\nEND\r\n"), Ok(0));
    assert_eq!(write(&mut machine), "mg b v f O0\r\nmg b v f O1\r\nmg z v f O2\r\n");
    let again = "VA 1 f0 O0\r\nB\r\nVA 1 f0 O1\r\nB\r\nEN O2\r\n";
    assert_eq!(receive(&mut machine, again), Ok(0));
    assert_eq!(
        items(poll(&mut machine, many)),
        [Some("A".into()), Some("B".into()), Some("A".into()), None]
    );
    assert_eq!(items(poll(&mut machine, one)), [Some("B".into())]);
}

#[test]
fn many_values_go_in_several_commands_and_what_one_caller_wants_in_one() {
    let mut machine = machine();
    let keys = numbered("k", 96);
    for key in &keys {
        want(&mut machine, &[key]);
    }
    let (commands, answers) = in_commands_of(24, &keys);
    assert_eq!(write(&mut machine), commands);
    receive(&mut machine, &answers).unwrap();
    assert!(machine.is_quiet());
    want(&mut machine, &strs(&keys[..20]));
    want(&mut machine, &strs(&keys[20..25]));
    let [many, few] = [&keys[..20], &keys[20..25]].map(|keys| keys.join(" "));
    assert_eq!(write(&mut machine), format!("get {many}\r\nget {few}\r\n"));
}

#[test]
fn a_server_that_is_found_idle_gets_more_commands() {
    let mut machine = machine();
    let keys = numbered("k", 96);
    for _ in 0..100 {
        let few = &keys[..2];
        for key in few {
            want(&mut machine, &[key]);
        }
        write(&mut machine);
        receive(&mut machine, &(found(few) + "END\r\n")).unwrap();
    }
    for key in &keys {
        want(&mut machine, &[key]);
    }
    assert_eq!(write(&mut machine), in_commands_of(8, &keys).0);
}

#[test]
fn a_key_that_many_want_is_asked_for_once() {
    let mut machine = machine();
    let before = busy(&mut machine);
    let tickets = ["a", "b", "a", "b", "c", "a"].map(|key| want(&mut machine, &[key]));
    assert_eq!(write(&mut machine), "get a b c\r\n");
    machine.abandon(tickets[2]);
    let mut buffer = BytesMut::new();
    let found = before + "VALUE a 0 1\r\nA\r\nVALUE c 0 1\r\nC\r\n";
    assert_eq!(receive_more(&mut machine, &mut buffer, &found), Ok(0));
    assert_eq!(items(poll(&mut machine, tickets[0])), [Some("A".into())]);
    assert_eq!(items(poll(&mut machine, tickets[5])), [Some("A".into())]);
    assert!(poll(&mut machine, tickets[1]).is_pending());
    receive_more(&mut machine, &mut buffer, "END\r\n").unwrap();
    assert_eq!(items(poll(&mut machine, tickets[4])), [Some("C".into())]);
    assert_eq!(items(poll(&mut machine, tickets[1])), [None]);
    assert_eq!(items(poll(&mut machine, tickets[3])), [None]);
    assert!(machine.is_settled());
    let late = want(&mut machine, &["a"]);
    assert_eq!(write(&mut machine), "get a\r\n", "what is on its way is nobody else's answer");
    machine.abandon(late);
}

#[test]
fn a_value_that_comes_after_those_behind_it_is_no_miss() {
    let mut machine = machine();
    let [a, b] = ["a", "b"].map(|key| want(&mut machine, &[key]));
    write(&mut machine);
    let mixed = "VALUE b 0 1\r\nB\r\nVALUE a 0 1\r\nA\r\nEND\r\n";
    let complaint = receive(&mut machine, mixed).unwrap_err();
    machine.close(CloseReason::OutOfStep(complaint), &mut Vec::new());
    for ticket in [a, b] {
        assert!(matches!(poll(&mut machine, ticket), Poll::Ready(Err(_))));
    }
}

#[test]
fn who_gets_two_values_for_one_key_believes_neither() {
    let mut machine = machine();
    let a = want(&mut machine, &["a"]);
    write(&mut machine);
    let mut buffer = BytesMut::new();
    receive_more(&mut machine, &mut buffer, "VALUE a 0 1\r\nA\r\n").unwrap();
    let second = "VALUE a 0 1\r\nB\r\nEND\r\n";
    let complaint = receive_more(&mut machine, &mut buffer, second).unwrap_err();
    machine.close(CloseReason::OutOfStep(complaint), &mut Vec::new());
    assert!(matches!(poll(&mut machine, a), Poll::Ready(Err(_))));
}

#[test]
fn a_refusal_is_no_miss_of_what_was_passed_over() {
    let mut machine = machine();
    let [a, b, c] = ["a", "b", "c"].map(|key| want(&mut machine, &[key]));
    write(&mut machine);
    let refused = "VALUE b 0 1\r\nB\r\nSERVER_ERROR out of memory\r\n";
    assert_eq!(receive(&mut machine, refused), Ok(0));
    assert_eq!(items(poll(&mut machine, b)), [Some("B".into())]);
    for ticket in [a, c] {
        let refused = poll(&mut machine, ticket);
        assert!(matches!(refused, Poll::Ready(Ok(Replies::One(Reply::Refused(_))))));
    }
    assert!(machine.is_quiet());
}

#[test]
fn those_who_want_many_values_fill_commands_together() {
    let mut machine = machine();
    let keys = ["a", "b", "c"].map(|letter| numbered(letter, 200));
    let [first, ..] = [0, 1, 2].map(|caller| want(&mut machine, &strs(&keys[caller])));
    assert_eq!(memchr::memchr_iter(b'\n', &write(&mut machine)).count(), 1);
    receive(&mut machine, &(found(&keys[0]) + &found(&keys[1]))).unwrap();
    assert_eq!(items(poll(&mut machine, first)).len(), 200);
    let again = want(&mut machine, &strs(&keys[0]));
    assert!(!machine.has_output(), "the others are about to want more");
    receive(&mut machine, &(found(&keys[2]) + "END\r\n")).unwrap();
    want(&mut machine, &strs(&keys[1]));
    assert_eq!(memchr::memchr_iter(b'\n', &write(&mut machine)).count(), 1);
    receive(&mut machine, &(found(&keys[0]) + &found(&keys[1][..1]))).unwrap();
    assert_eq!(items(poll(&mut machine, again)).len(), 200);
    for caller in 0..20 {
        want(&mut machine, &strs(&numbered(&format!("{caller}:"), 200)));
    }
    assert!(machine.has_output(), "a whole command waits for nobody");
}

#[test]
fn a_command_is_what_the_server_reads_at_once_and_cuts_no_caller_who_leaves_it_half_full() {
    // Each key has a hundred bytes with the space before it.
    let commands = |callers: &[usize]| {
        let mut machine = machine();
        for (caller, &count) in callers.iter().enumerate() {
            let keys: Vec<_> = (0..count).map(|key| format!("{caller}:{key:0>97}")).collect();
            want(&mut machine, &strs(&keys));
        }
        let written = write(&mut machine);
        let lines = written[..].split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| memchr::memchr_iter(b' ', line).count()).collect::<Vec<_>>()
    };
    assert_eq!(commands(&[60, 60, 60, 60, 60]), [120, 120, 60]);
    assert_eq!(commands(&[90, 90]), [90, 90]);
    assert_eq!(commands(&[50, 150]), [163, 37]);
    assert_eq!(commands(&[200]), [163, 37]);
}

#[test]
fn where_much_is_missing_values_are_asked_for_one_by_one() {
    let mut machine = machine();
    for _ in 0..10 {
        want(&mut machine, &strs(&numbered("k", 64)));
        let out = write(&mut machine);
        if out.starts_with(b"mg") {
            return;
        }
        receive(&mut machine, "END\r\n").unwrap();
        write(&mut machine);
        let first = machine.next_opaque.plus(Opaque::MODULUS - 64);
        let mut again = BytesMut::new();
        for place in 0..64 {
            again.extend_from_slice(b"EN O");
            again.extend_from_slice(first.plus(place).get().to_string().as_bytes());
            again.extend_from_slice(b"\r\n");
        }
        machine.handle_bytes(&mut again, &mut Vec::new()).unwrap();
    }
    panic!("misses are never learnt from");
}

#[test]
fn an_end_that_nobody_asked_for_is_no_miss() {
    let mut machine = machine();
    let tickets = ["a", "b"].map(|key| want(&mut machine, &[key]));
    write(&mut machine);
    assert!(receive(&mut machine, "END\r\nVALUE a 0 1\r\nA\r\n").is_err());
    assert!(tickets.into_iter().all(|ticket| poll(&mut machine, ticket).is_pending()));
}

#[test]
fn a_caller_who_left_a_gathered_command_changes_nothing_for_the_others() {
    let mut machine = machine();
    let [a, b, c] = ["a", "b", "c"].map(|key| want(&mut machine, &[key]));
    write(&mut machine);
    machine.abandon(a);
    machine.abandon(c);
    receive(&mut machine, "VALUE a 0 1\r\nA\r\nVALUE b 0 1\r\nB\r\nEND\r\n").unwrap();
    assert_eq!(items(poll(&mut machine, b)), [Some("B".into())]);
    assert!(machine.is_quiet(), "what nobody waits for is not asked for again");
}
