use std::rc::Rc;

use memclient::cached;

#[cached]
async fn double(number: u32) -> u32 {
    let number = Rc::new(number);
    std::future::ready(()).await;
    *number * 2
}

fn send(_: impl Send) {}

fn main() {
    send(double(1));
}
