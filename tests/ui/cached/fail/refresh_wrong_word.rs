use memclient::cached;

#[cached(refresh = "backgruond")]
async fn double(number: u32) -> u32 {
    number * 2
}

fn main() {}
