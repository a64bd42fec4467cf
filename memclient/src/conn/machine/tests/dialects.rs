//! What the classic dialect changes.

use super::*;

#[test]
fn in_the_classic_dialect_an_end_is_a_miss() {
    let mut machine = classic();
    let [a, b] = ["a", "b"].map(|key| want(&mut machine, &[key]));
    assert_eq!(write(&mut machine), "get a b\r\n");
    assert_eq!(receive(&mut machine, "VALUE a 0 1\r\nA\r\nEND\r\n"), Ok(0));
    assert_eq!(items(poll(&mut machine, a)), [Some("A".into())]);
    assert_eq!(items(poll(&mut machine, b)), [None]);
    assert!(machine.is_quiet() && !machine.has_output());
}

#[test]
fn a_run_of_classic_reads_is_one_command_and_its_items_carry_their_versions() {
    let mut machine = classic();
    let run =
        ["a", "b", "a"].map(|key| Get { key: WireKey::bare(key), details: true, usage: false });
    let run = enqueue(&mut machine, &run);
    let one = enqueue(&mut machine, &[get("c")]);
    assert_eq!(write(&mut machine), "gets a b a\r\nget c\r\n");
    assert_eq!(receive(&mut machine, "VALUE a 0 1 7\r\nA\r\nVALUE a 0 1 7\r\nA\r\nEND\r\n"), Ok(0));
    assert_eq!(receive(&mut machine, "END\r\n"), Ok(0));
    assert_eq!(items(poll(&mut machine, run)), [Some("A".into()), None, Some("A".into())]);
    assert_eq!(items(poll(&mut machine, one)), [None]);
    assert_eq!(machine.cost, 0);
}

#[test]
fn a_classic_item_under_another_key_is_never_handed_over() {
    let mut machine = classic();
    let ticket = enqueue(&mut machine, &[get("a")]);
    write(&mut machine);
    assert!(receive(&mut machine, "VALUE b 0 1\r\nB\r\nEND\r\n").is_err());
    assert!(poll(&mut machine, ticket).is_pending());
}

#[test]
fn what_the_dialect_cannot_say_is_refused_and_leaves_nothing_behind() {
    let mut machine = classic();
    let request = command::Info { key: WireKey::bare("a") };
    let refused = machine.enqueue(Ask::Run(&[request]), 0, Instant::now(), false);
    assert!(refused.is_err_and(|error| error.is_unsupported()));
    assert!(machine.is_quiet() && machine.cost == 0 && !machine.has_output());
}

#[test]
fn long_commands_to_touch_are_cut_where_the_server_minds() {
    let mut machine = classic();
    let keys: Vec<String> = (0..20).map(|number| format!("{number:0200}")).collect();
    let gats: Vec<_> = keys
        .iter()
        .map(|key| command::Gat { key: WireKey::bare(key), ttl: 5, cas: false })
        .collect();
    enqueue(&mut machine, &gats);
    let out = write(&mut machine);
    let lines: Vec<&[u8]> =
        out[..].split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect();
    assert!(
        lines.len() > 1
            && lines.iter().all(|line| line.len() < 2040 && line.starts_with(b"gat 5 "))
    );
    assert_eq!(machine.queue.len(), lines.len());
    machine.close(CloseReason::Lost(None), &mut Vec::new());
}
