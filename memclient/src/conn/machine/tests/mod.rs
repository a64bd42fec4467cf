//! The machine, fed by hand.

mod closing;
mod dialects;
mod gathered;
mod order;

use super::*;
use crate::proto::{Dialect, Reply, command};

fn machine() -> Machine {
    Machine::new(Limits { max_value: 1024 }, 1 << 20)
}

fn enqueue<R: Request>(machine: &mut Machine, requests: &[R]) -> Ticket {
    machine.enqueue(Ask::Run(requests), 0, Instant::now(), false).unwrap().unwrap()
}

/// Asks for values that others may join.
fn want(machine: &mut Machine, keys: &[&str]) -> Ticket {
    let keys: Vec<WireKey<'_>> = keys.iter().map(|key| WireKey::bare(key)).collect();
    let ask = Ask::<Get<'_>>::Values(&keys);
    machine.enqueue(ask, 0, Instant::now(), false).unwrap().unwrap()
}

/// Returns so many keys.
fn numbered(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{name}{number}")).collect()
}

fn strs(keys: &[String]) -> Vec<&str> {
    keys.iter().map(String::as_str).collect()
}

/// Returns what the server says when it has all of these keys.
fn found(keys: &[String]) -> String {
    let items = keys.iter().map(|key| format!("VALUE {key} 0 0\r\n\r\n"));
    items.collect::<Vec<_>>().concat()
}

/// Has so much under way that what a few callers want next goes in one command; returns what the
/// server answers first, to a caller who has left.
fn busy(machine: &mut Machine) -> String {
    let keys = numbered("before", 96);
    let ticket = want(machine, &strs(&keys));
    write(machine);
    machine.abandon(ticket);
    found(&keys) + "END\r\n"
}

/// Has everything written, and returns it.
fn write(machine: &mut Machine) -> BytesMut {
    machine.take_output(BytesMut::new())
}

fn get(key: &str) -> Get<'_> {
    Get { key: WireKey::bare(key), details: false, usage: false }
}

fn receive(machine: &mut Machine, bytes: &str) -> Result<usize, OutOfStep> {
    receive_more(machine, &mut BytesMut::new(), bytes)
}

/// Receives bytes behind what the machine has left in the buffer.
fn receive_more(
    machine: &mut Machine,
    buffer: &mut BytesMut,
    bytes: &str,
) -> Result<usize, OutOfStep> {
    let mut wakers = Vec::new();
    buffer.extend_from_slice(bytes.as_bytes());
    machine.handle_bytes(buffer, &mut wakers).map(|()| wakers.len())
}

fn poll(machine: &mut Machine, ticket: Ticket) -> Poll<Result<Replies>> {
    machine.poll_replies(ticket, Waker::noop())
}

#[track_caller]
fn data(outcome: Poll<Result<Replies>>) -> Option<String> {
    match outcome {
        Poll::Ready(Ok(Replies::One(Reply::Answer(reply)))) => {
            reply.data.map(|data| String::from_utf8_lossy(&data).into_owned())
        }
        other => panic!("no single reply: {other:?}"),
    }
}

#[track_caller]
fn items(outcome: Poll<Result<Replies>>) -> Vec<Option<String>> {
    let text = |reply| match reply {
        Reply::Item(item) => item.map(|(_, data)| String::from_utf8_lossy(&data).into_owned()),
        Reply::Answer(reply) => reply.data.map(|data| String::from_utf8_lossy(&data).into_owned()),
        other => panic!("no item: {other:?}"),
    };
    match outcome {
        Poll::Ready(Ok(Replies::One(reply))) => vec![text(reply)],
        Poll::Ready(Ok(Replies::Many(replies))) => replies.into_iter().map(text).collect(),
        other => panic!("no replies: {other:?}"),
    }
}

fn classic() -> Machine {
    let mut machine = machine();
    machine.speak(Spoken::choose(Dialect::Classic, "1.5.6").unwrap());
    machine
}
