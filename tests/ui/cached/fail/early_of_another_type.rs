use memclient::cached;

#[cached(refresh = "background", early = "1m")]
async fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
