use memclient::cached;

#[cached(ttl = "1m")]
async fn log(line: &str) {
    println!("{line}");
}

fn main() {}
