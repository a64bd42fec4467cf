use bytes::{Bytes, BytesMut};
use shuttle::future;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::random;
use crate::net::Pipe;

/// A server that answers in order, now and then several requests at once.
pub(super) struct Server {
    /// After how many answers it goes.
    pub(super) answers: usize,
    /// Whether it reads and says nothing.
    pub(super) silent: bool,
}

impl Default for Server {
    fn default() -> Self {
        Self { answers: usize::MAX, silent: false }
    }
}

impl Server {
    pub(super) async fn run(self, mut pipe: Pipe) {
        let (mut requests, mut replies) = (BytesMut::new(), BytesMut::new());
        let mut left = self.answers;
        while left > 0 {
            if !matches!(pipe.read_buf(&mut requests).await, Ok(1..)) {
                return;
            }
            while let Some(end) = requests.iter().position(|&byte| byte == b'\n') {
                let line = requests.split_to(end + 1);
                if !self.silent && left > 0 {
                    answer(std::str::from_utf8(&line).unwrap().trim_end(), &mut replies);
                    left -= 1;
                }
                if random(1) == 0 && pipe.write_all_buf(&mut replies).await.is_err() {
                    return;
                }
            }
            if pipe.write_all_buf(&mut replies).await.is_err() {
                return;
            }
            if random(3) == 0 {
                future::yield_now().await;
            }
        }
    }
}

/// Returns what the server has under a key: the key itself, unless its name says that there is none.
pub(super) fn value(key: &str) -> Option<Bytes> {
    (!key.starts_with("none")).then(|| Bytes::copy_from_slice(key.as_bytes()))
}

fn answer(line: &str, replies: &mut BytesMut) {
    let mut words = line.split(' ');
    match words.next() {
        Some("mg") => {
            let (key, opaque) = (words.next().unwrap(), words.next_back().unwrap());
            let reply = match value(key) {
                Some(_) => format!("VA {} f0 {opaque}\r\n{key}\r\n", key.len()),
                None => format!("EN {opaque}\r\n"),
            };
            replies.extend_from_slice(reply.as_bytes());
        }
        Some("get") => {
            for key in words.filter(|key| value(key).is_some()) {
                let item = format!("VALUE {key} 0 {}\r\n{key}\r\n", key.len());
                replies.extend_from_slice(item.as_bytes());
            }
            replies.extend_from_slice(b"END\r\n");
        }
        _ => panic!("an unknown request: {line}"),
    }
}
