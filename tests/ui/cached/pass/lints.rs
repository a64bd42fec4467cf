//! Code of a user with strict lints compiles without a warning.

#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    unused_lifetimes,
    elided_lifetimes_in_paths,
    rust_2018_idioms,
    clippy::pedantic
)]
#![forbid(unsafe_code)]

/// Has public functions.
pub mod public {
    use memclient::cached;

    /// Adds.
    #[cached(ttl = "1m")]
    #[must_use]
    pub fn add(left: u32, mut right: u32) -> u32 {
        right += left;
        right
    }

    /// Finds.
    ///
    /// # Errors
    ///
    /// Fails for zero.
    #[cached(ttl = std::time::Duration::from_secs(60), skip(_db), name = "public.find", version = 2)]
    #[allow(clippy::unused_async)]
    pub async fn find(_db: &str, id: u32) -> Result<u32, String> {
        #[expect(unused_variables, reason = "shows that levels inside stay")]
        let unused = 1;
        if id == 0 {
            return Err("zero".into());
        }
        Ok(id)
    }

    /// Waits.
    #[cached]
    #[expect(unused_variables, reason = "the body has one")]
    pub async fn wait() -> u32 {
        let unused = 1;
        std::future::ready(1).await
    }

    /// Holds a factor.
    #[derive(Debug)]
    pub struct Factor(pub u32);

    impl Factor {
        /// Multiplies.
        #[cached(key(self.0, by))]
        #[must_use]
        pub fn times(&self, by: u32) -> u32 {
            self.0 * by
        }

        /// Multiplies later.
        #[cached(key(self.0, by), ttl = "1s")]
        pub async fn later(&self, by: u32) -> u32 {
            std::future::ready(self.0 * by).await
        }
    }
}

mod private {
    use memclient::cached;

    #[cached]
    pub(super) fn never_invalidated(text: &str) -> usize {
        text.len()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert_eq!(public::add(1, 2), 3);
    assert_eq!(public::find("", 1).await, Ok(1));
    assert_eq!(public::wait().await, 1);
    assert_eq!(public::Factor(2).times(3), 6);
    assert_eq!(public::Factor(2).later(3).await, 6);
    assert_eq!(private::never_invalidated("ab"), 2);
}
