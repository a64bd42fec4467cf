use memclient::cached;

#[cached]
fn show<T: ToString>(value: T) -> String {
    value.to_string()
}

fn main() {}
