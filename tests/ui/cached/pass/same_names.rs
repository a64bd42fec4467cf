//! Functions of one name in one module do not share entries.

use memclient::cached;

fn first() -> u32 {
    #[cached]
    fn inner(number: u32) -> u32 {
        number + 1
    }
    inner(0)
}

fn second() -> u32 {
    #[cached]
    fn inner(number: u32) -> u32 {
        number + 2
    }
    inner(0)
}

#[cached]
fn inner(number: u32) -> u32 {
    number + 3
}

struct Left;
struct Right;
struct Of<T>(T);

trait Named {
    fn inner(&self, number: u32) -> u32;

    #[cached(skip(self))]
    fn provided(&self, number: u32) -> u32 {
        self.inner(number)
    }
}

impl Left {
    #[cached(skip(self))]
    fn inner(&self, number: u32) -> u32 {
        number + 4
    }
}

impl Right {
    #[cached(skip(self))]
    async fn inner(&self, number: u32) -> u32 {
        number + 5
    }
}

impl Named for Left {
    #[cached(skip(self))]
    fn inner(&self, number: u32) -> u32 {
        number + 6
    }
}

impl Named for Of<u8> {
    #[cached(skip(self))]
    fn inner(&self, number: u32) -> u32 {
        number + 7
    }
}

impl Named for Of<u16> {
    #[cached(skip(self))]
    fn inner(&self, number: u32) -> u32 {
        number + 8
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for _ in 0..2 {
        assert_eq!(first(), 1);
        assert_eq!(second(), 2);
        assert_eq!(inner(0), 3);
        assert_eq!(Left.inner(0), 4);
        assert_eq!(Right.inner(0).await, 5);
        assert_eq!(Named::inner(&Left, 0), 6);
        assert_eq!(Of(0_u8).inner(0), 7);
        assert_eq!(Of(0_u16).inner(0), 8);
        assert_eq!(Left.provided(0), 6);
        assert_eq!(Of(0_u8).provided(0), 7);
        assert_eq!(Of(0_u16).provided(0), 8);
    }
}
