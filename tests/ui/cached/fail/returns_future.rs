use memclient::cached;

use std::pin::Pin;

struct Later;

#[cached]
fn later(number: u32) -> Pin<Box<Later>> {
    let _ = number;
    Box::pin(Later)
}

fn main() {}
