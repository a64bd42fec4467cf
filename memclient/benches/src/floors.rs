//! The floors: what bare sockets reach with the same server, runtime and core.

use std::{collections::VecDeque, io, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    measure::Meter,
    peers::{Contender, Found, Outcome, TTL_SECONDS},
    workload::{BATCH, Data, Operation, Random, Workload},
};

/// A connection per task; each writes a request, reads until the answer is complete, and looks at
/// nothing but its length.
pub(crate) struct PingPong {
    server: SocketAddr,
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl PingPong {
    /// Sends the request and returns the answer, which ends with `end`.
    async fn exchange(&mut self, end: &[u8]) -> io::Result<&[u8]> {
        self.stream.write_all(&self.request).await?;
        self.answer.clear();
        while !self.answer.ends_with(end) {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(&self.answer)
    }
}

impl Contender for PingPong {
    async fn open(server: SocketAddr, _pool: usize) -> Outcome<Self> {
        let stream = connect(server).await?;
        let (request, answer) = (Vec::with_capacity(8192), Vec::with_capacity(64 * 1024));
        Ok(Self { server, stream, request, answer })
    }

    async fn share(&self) -> Outcome<Self> {
        Self::open(self.server, 0).await
    }

    async fn get(&mut self, key: &str) -> Outcome<usize> {
        self.request.clear();
        encode_get(&mut self.request, [key]);
        let value = self.exchange(b"\r\nEND\r\n").await?.len() - END;
        Ok(value.saturating_sub(value_overhead(key.len(), value)))
    }

    async fn set(&mut self, key: &str, value: &Bytes) -> Outcome<()> {
        self.request.clear();
        encode_set(&mut self.request, key, value);
        match self.exchange(b"\r\n").await? {
            b"HD\r\n" => Ok(()),
            other => Err(format!("a set was answered with {}", other.escape_ascii()).into()),
        }
    }

    async fn get_many(&mut self, keys: &[String]) -> Outcome<Found> {
        self.request.clear();
        encode_get(&mut self.request, keys.iter().map(String::as_str));
        let answer = self.exchange(b"\r\nEND\r\n").await?.len();
        let each = (answer - END) / keys.len();
        let value = each.saturating_sub(value_overhead(keys[0].len(), each));
        Ok(Found { values: keys.len(), bytes: value * keys.len() })
    }
}

/// What a pipelined loop asks with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Style {
    /// One request per operation: `mg` and `ms`.
    Single,
    /// Gets of a quarter of the window with one `get`.
    Gathered,
}

/// One connection, as many operations in flight as the workload has tasks, nobody to wake: whole
/// answers are counted by their known lengths.
pub(crate) struct Pipeline {
    stream: TcpStream,
    style: Style,
    workload: Workload,
    data: Arc<Data>,
}

/// A request that is on its way.
struct Flying {
    answer: usize,
    operations: usize,
}

impl Pipeline {
    pub(crate) async fn open(
        server: SocketAddr,
        style: Style,
        workload: Workload,
        data: Arc<Data>,
    ) -> io::Result<Self> {
        Ok(Self { stream: connect(server).await?, style, workload, data })
    }

    /// Returns true when this style differs from the other one under the workload.
    pub(crate) fn applies(style: Style, workload: Workload) -> bool {
        style == Style::Single
            || workload.tasks >= 16 && matches!(workload.operation, Operation::Get | Operation::Mix)
    }

    /// Runs until the meter says that it is over.
    pub(crate) async fn run(mut self, meter: &Meter) -> io::Result<()> {
        let (mut random, mut turn, mut in_flight) = (Random::new(0), 0, 0);
        let (mut flying, mut available) = (VecDeque::<Flying>::with_capacity(2048), 0);
        let (mut requests, mut answers) = (Vec::with_capacity(1 << 20), vec![0; 256 * 1024]);
        while !meter.is_over() {
            requests.clear();
            loop {
                let before = requests.len();
                let request = self.encode(&mut requests, turn, &mut random);
                if in_flight > 0 && in_flight + request.operations > self.workload.tasks {
                    requests.truncate(before);
                    break;
                }
                turn += 1;
                in_flight += request.operations;
                flying.push_back(request);
            }
            self.stream.write_all(&requests).await?;
            let read = self.stream.read(&mut answers).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            available += read;
            let mut done = 0;
            while let Some(first) = flying.front().filter(|first| first.answer <= available) {
                available -= first.answer;
                done += first.operations;
                flying.pop_front();
            }
            // A reply ends where its length says, or the lengths are wrong.
            if available == 0 && answers[..read].last() != Some(&b'\n') {
                return Err(io::Error::other("an answer has another length than expected"));
            }
            in_flight -= done;
            meter.record_many(done as u64);
        }
        Ok(())
    }

    /// Appends the request of this turn.
    fn encode(&self, out: &mut Vec<u8>, turn: usize, random: &mut Random) -> Flying {
        let (operation, style) = (self.workload.operation, self.style);
        // The ten turns of a mix are nine gets and a set; a gathered one has one get for the nine.
        let share = (self.workload.tasks / 40).max(1);
        match (operation, style) {
            (Operation::Set, _) => self.encode_set(out, random),
            (Operation::GetMany, _) => self.encode_batch(out, BATCH, 1, random),
            (Operation::Mix, Style::Single) if turn % 10 == 9 => self.encode_set(out, random),
            (Operation::Mix, Style::Gathered) if !turn.is_multiple_of(share + 1) => {
                self.encode_set(out, random)
            }
            (Operation::Mix, Style::Gathered) => {
                self.encode_batch(out, 9 * share, 9 * share, random)
            }
            (Operation::Get, Style::Gathered) => {
                let keys = (self.workload.tasks / 4).clamp(4, 128);
                self.encode_batch(out, keys, keys, random)
            }
            (Operation::Get | Operation::Mix, Style::Single) => {
                out.extend_from_slice(b"mg ");
                out.extend_from_slice(self.data.readable(random).as_bytes());
                out.extend_from_slice(b" v\r\n");
                let size = self.data.value.len();
                Flying { answer: "VA \r\n\r\n".len() + digits(size) + size, operations: 1 }
            }
        }
    }

    fn encode_set(&self, out: &mut Vec<u8>, random: &mut Random) -> Flying {
        encode_set(out, self.data.writable(random), &self.data.value);
        Flying { answer: "HD\r\n".len(), operations: 1 }
    }

    fn encode_batch(
        &self,
        out: &mut Vec<u8>,
        keys: usize,
        operations: usize,
        random: &mut Random,
    ) -> Flying {
        let batch = if keys == BATCH { self.data.batch(random) } else { &[] };
        if keys == BATCH {
            encode_get(out, batch.iter().map(String::as_str));
        } else {
            encode_get(out, (0..keys).map(|_| self.data.readable(random)));
        }
        let size = self.data.value.len();
        let key = self.data.read[0].len();
        let each = size + VALUE + key + digits(size);
        Flying { answer: keys * each + END, operations }
    }
}

/// The length of what a classic answer ends with.
const END: usize = "END\r\n".len();

/// The length of what surrounds the key, the length and the bytes of a value.
const VALUE: usize = "VALUE  0 \r\n\r\n".len();

/// Returns what a value's line and end add to it, where line and value have `total` bytes.
fn value_overhead(key: usize, total: usize) -> usize {
    let fixed = VALUE + key;
    // The line names the value's length, so the digits depend on what they are subtracted from.
    (1..8)
        .map(|digits| fixed + digits)
        .find(|all| digits(total.saturating_sub(*all)) + fixed == *all)
        .unwrap_or(fixed)
}

fn digits(number: usize) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

fn encode_get<'a>(out: &mut Vec<u8>, keys: impl IntoIterator<Item = &'a str>) {
    out.extend_from_slice(b"get");
    for key in keys {
        out.push(b' ');
        out.extend_from_slice(key.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

fn encode_set(out: &mut Vec<u8>, key: &str, value: &[u8]) {
    use io::Write;
    // Writing to a vector does not fail.
    let _ = write!(out, "ms {key} {} T{TTL_SECONDS}\r\n", value.len());
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

async fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overhead_of_an_answer_counts_the_digits_of_its_length() {
        for size in [1, 9, 10, 99, 100, 4096] {
            let answer = format!("VALUE key 0 {size}\r\n{}\r\n", "x".repeat(size));
            assert_eq!(answer.len() - value_overhead(3, answer.len()), size);
        }
    }
}
