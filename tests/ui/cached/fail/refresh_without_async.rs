use memclient::cached;

#[cached(grace = "1h", refresh = "background")]
fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
