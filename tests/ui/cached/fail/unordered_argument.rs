use memclient::cached;

use std::collections::HashMap;

#[cached]
fn count(numbers: &HashMap<u32, u32>) -> u32 {
    numbers.len() as u32
}

fn main() {}
