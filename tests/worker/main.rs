//! One process of a fleet. The tests that need several processes start it several times, tell it
//! lines on its standard input, and hear from it on its standard output.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a panic is the report to the test")]

mod coherence;
mod crowd;
mod hot;
mod moves;

use std::{
    env,
    io::{BufRead, Write, stdin, stdout},
    str::FromStr,
    time::Duration,
};

use memclient::Client;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut arguments = Arguments(env::args().skip(1).collect());
    let role = arguments.take::<String>();
    match &*role {
        "crowd" => crowd::run(arguments).await,
        "coherence" => coherence::run(arguments).await,
        "hot" => hot::run(arguments).await,
        "moves" => moves::run(arguments).await,
        _ => panic!("there is no role {role}"),
    }
    // A load that hangs, or the thread that reads lines, is not to keep the process.
    std::process::exit(0);
}

/// The words after the program's name, taken one by one.
struct Arguments(std::collections::VecDeque<String>);

impl Arguments {
    fn take<T: FromStr>(&mut self) -> T {
        let word = self.0.pop_front().expect("an argument is missing");
        word.parse().ok().unwrap_or_else(|| panic!("{word:?} is no such argument"))
    }

    fn take_millis(&mut self) -> Duration {
        Duration::from_millis(self.take())
    }
}

/// Says a line to whoever started this process.
fn say(line: &str) {
    let mut stdout = stdout().lock();
    // In one piece, so that nobody hears half of it when this process is killed.
    stdout.write_all(format!("{line}\n").as_bytes()).expect("nobody listens");
    stdout.flush().expect("nobody listens");
}

/// Returns the lines that this process is told.
fn told() -> UnboundedReceiver<String> {
    let (mouth, ear) = unbounded_channel();
    std::thread::spawn(move || {
        for line in stdin().lock().lines().map_while(Result::ok) {
            if mouth.send(line).is_err() {
                break;
            }
        }
    });
    ear
}

/// Returns a client that waits long enough for a machine that is busy, once it has spoken to the
/// server.
async fn client(address: &str) -> Client {
    let patience = Duration::from_secs(30);
    let client = Client::builder().server(address).connect_timeout(patience).timeout(patience);
    let client = client.build().unwrap();
    client.get("nothing").await.unwrap();
    client
}
