use memclient::cached;

use std::{future::Future, pin::Pin};

#[cached]
fn later(number: u32) -> Pin<Box<dyn Future<Output = u32> + Send>> {
    Box::pin(async move { number })
}

fn main() {}
