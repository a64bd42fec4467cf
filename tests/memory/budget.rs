//! The near tier under many inserts of all sizes.

use std::{env, time::Instant};

use memclient::{
    CacheBackend, Key, MokaBackend, Ttl, Value,
    backend::{Get, Set},
};

use super::{alone, held, resident};

const BUDGET: usize = 64 << 20;

/// Inserts 200,000 items, or ten million with `MEMCLIENT_LONG=1`, of 1 byte to 256 KiB, most of
/// them small.
#[tokio::test]
async fn inserts_of_mixed_sizes_stay_within_the_budget() {
    let sizes = |dice: &mut fastrand::Rng| {
        // Every size of two powers apart is equally frequent, and the largest are rare.
        let rare = if dice.u8(..64) == 0 { dice.u32(..8) } else { 0 };
        let bits = rare + dice.u32(4..12);
        dice.usize(1..=1 << bits)
    };
    insert(1, sizes, |data| Value::new(data, 0)).await;
}

#[tokio::test]
async fn inserts_of_large_values_stay_within_the_budget() {
    insert(50, |dice| dice.usize(1..400_000), |data| Value::new(data, 0)).await;
}

#[tokio::test]
async fn inserts_of_decoded_values_stay_within_the_budget() {
    let form = |data: Vec<u8>| {
        let number = data.len() as u64;
        let decoded = (String::from_utf8(data.clone()).unwrap(), number, Some(number));
        Value::new(data, 0).with_decoded(decoded)
    };
    insert(1, |dice| dice.usize(1..2_000), form).await;
}

/// Inserts values of such sizes, a share of the usual number, and measures what this process holds.
async fn insert(
    share: usize,
    size: impl Fn(&mut fastrand::Rng) -> usize,
    value: impl Fn(Vec<u8>) -> Value,
) {
    let _alone = alone().await;
    let inserts =
        if env::var_os("MEMCLIENT_LONG").is_some() { 10_000_000 } else { 200_000 } / share;
    let mut dice = fastrand::Rng::with_seed(7);
    let (began, (before, _), resident_before) = (Instant::now(), held(), resident());
    let backend = MokaBackend::builder().max_bytes(BUDGET as u64).build();
    let (mut most, mut most_held, mut most_resident) = (0, 0, 0);
    for n in 0..inserts {
        let key = Key::new(format!("key:{n}")).unwrap();
        let value = value(vec![b'7'; size(&mut dice)]);
        let how = Set::ttl(Ttl::secs(dice.u64(60..6_000)));
        assert!(backend.set(&key, value, how).await.unwrap().is_stored());
        if n % 3 == 0 {
            backend.get(&key, Get::default()).await.unwrap();
        }
        if n % 100 == 0 {
            most_held = most_held.max(held().0.saturating_sub(before));
            most_resident = most_resident.max(resident().saturating_sub(resident_before));
        }
        if n % 1_000 == 0 {
            most = most.max(backend.bytes());
        }
    }
    let share_of = |bytes: usize| bytes * 1_000 / BUDGET;
    let counted = share_of(usize::try_from(most).unwrap());
    let (allocated, resident) = (share_of(most_held), share_of(most_resident));
    println!(
        "{inserts} inserts in {:.1?}, {} items; of {BUDGET} bytes at most {counted} ‰ counted, \
         {allocated} ‰ allocated, {resident} ‰ resident",
        began.elapsed(),
        backend.len(),
    );
    assert!(counted <= 1_050, "{counted} ‰ counted");
    assert!((750..=1_050).contains(&allocated), "{allocated} ‰ allocated");
    // Where large blocks come and go, the allocator keeps more than it has given out.
    if share == 1 {
        assert!(resident <= 1_050, "{resident} ‰ resident");
    }
}
