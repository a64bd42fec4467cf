use memclient::cached;

#[cached(tll = "10m", version = "x", skip(dbb))]
fn double(db: &str, _: u32) {
    let _ = db;
}

fn main() {}
