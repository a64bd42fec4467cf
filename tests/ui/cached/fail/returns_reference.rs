use memclient::cached;

#[cached]
fn first(text: &str) -> &str {
    &text[..1]
}

fn main() {}
