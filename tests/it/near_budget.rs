//! The near tier under many inserts of all sizes.

use std::{env, time::Instant};

use memclient::{
    CacheBackend, Key, MokaBackend, Value,
    backend::{Get, Set},
};

const BUDGET: u64 = 64 << 20;

/// Inserts 200,000 items, or ten million with `MEMCLIENT_LONG=1`, of 1 byte to 256 KiB, most of
/// them small.
#[tokio::test]
async fn inserts_of_mixed_sizes_stay_within_the_budget() {
    let inserts = if env::var_os("MEMCLIENT_LONG").is_some() { 10_000_000 } else { 200_000 };
    let backend = MokaBackend::builder().max_bytes(BUDGET).build();
    let (began, before) = (Instant::now(), resident());
    let (mut most, mut most_resident, mut random) = (0, 0, 0x9e37_79b9_7f4a_7c15_u64);
    for n in 0..inserts {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // Every size of two powers apart is equally frequent, and the largest are rare.
        let bits = if random % 64 == 0 { random >> 8 & 7 } else { 0 } + (random >> 16 & 7) + 4;
        let size = (random >> 24) % (1 << bits) + 1;
        let key = Key::new(format!("key:{n}")).unwrap();
        let value = Value::new(vec![7; usize::try_from(size).unwrap()], 0);
        assert!(backend.set(&key, value, Set::default()).await.unwrap().is_stored());
        if n % 3 == 0 {
            backend.get(&key, Get::default()).await.unwrap();
        }
        if n % 1_000 == 0 {
            most = most.max(backend.bytes());
            most_resident = most_resident.max(resident().saturating_sub(before));
        }
    }
    println!(
        "{inserts} inserts in {:.1?}: at most {most} of {BUDGET} bytes counted, {most_resident} \
         resident",
        began.elapsed()
    );
    assert!(most <= BUDGET + BUDGET / 20, "{most}");
    assert!(most >= BUDGET / 2, "the budget was used: {most}");
}

/// Returns the memory of this process, in bytes; zero where the system does not say.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * 4096
}
