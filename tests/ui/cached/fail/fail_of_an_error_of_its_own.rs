use memclient::cached;

struct Down;

#[cached(fail = "closed")]
async fn half(number: u32) -> Result<Option<u32>, Down> {
    Err(Down)
}

fn main() {}
