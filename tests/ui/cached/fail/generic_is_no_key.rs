use memclient::cached;

#[cached]
fn shown<T: ToString>(value: T) -> String {
    value.to_string()
}

fn main() {}
