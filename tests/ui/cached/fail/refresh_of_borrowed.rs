use memclient::cached;

#[cached(grace = "1h", refresh = "background")]
async fn length(text: &str, list: Vec<&u32>) -> usize {
    text.len() + list.len()
}

fn main() {}
