use memclient::cached;

#[cached]
fn push(list: &mut Vec<u32>, number: u32) -> u32 {
    list.push(number);
    number
}

fn main() {}
