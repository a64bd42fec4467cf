use memclient::cached;

struct Socket;

#[cached]
fn open(port: u16) -> Socket {
    let _ = port;
    Socket
}

fn main() {}
