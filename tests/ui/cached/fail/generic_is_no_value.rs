use memclient::cached;

#[cached]
fn made<T: Default>(number: u32) -> T {
    let _ = number;
    T::default()
}

fn main() {}
