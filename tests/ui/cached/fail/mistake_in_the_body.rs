use memclient::cached;

#[cached]
async fn double(number: u32) -> Result<u32, String> {
    number * 2
}

fn main() {}
