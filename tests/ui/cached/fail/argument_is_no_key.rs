use memclient::cached;

struct Db;

#[cached]
fn double(db: &Db, number: u32) -> u32 {
    let _ = db;
    number * 2
}

fn main() {}
