use memclient::cached;

#[cached(ttl = "1m")]
struct User {
    id: u64,
}

fn main() {}
