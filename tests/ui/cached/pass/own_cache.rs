//! A cache that the function names, and expressions in options.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use memclient::{Cache, cached};

static CACHE: LazyLock<Cache> = LazyLock::new(new_cache);

fn new_cache() -> Cache {
    Cache::builder().build().unwrap()
}

const MINUTE: Duration = Duration::from_secs(60);

fn short() -> Duration {
    Duration::from_secs(1)
}

#[cached(cache = CACHE, ttl = MINUTE * 2, none = short())]
fn length(text: &str) -> Option<usize> {
    Some(text.len())
}

struct Service {
    cache: Cache,
    ttl: Duration,
    runs: AtomicU32,
}

impl Service {
    fn new() -> Self {
        Self { cache: new_cache(), ttl: MINUTE, runs: AtomicU32::new(0) }
    }

    #[cached(cache = self.cache, ttl = self.ttl, skip(self))]
    async fn length(&self, text: &str) -> usize {
        self.runs.fetch_add(1, Ordering::Relaxed);
        text.len()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(length("abc"), Some(3));
    length::put("abc", &4).unwrap();
    assert_eq!(length("abc"), Some(4));

    let (first, second) = (Service::new(), Service::new());
    for service in [&first, &first, &second] {
        assert_eq!(service.length("abc").await, 3);
        assert_eq!(service.runs.load(Ordering::Relaxed), 1, "each has its own");
    }
}
