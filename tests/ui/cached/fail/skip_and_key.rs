use memclient::cached;

#[cached(skip(db), key(number))]
fn double(db: &str, number: u32) -> u32 {
    let _ = db;
    number * 2
}

fn main() {}
