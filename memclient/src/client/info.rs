//! What a server knows of an item.

use std::time::Duration;

use super::{
    Client,
    call::{Call, OVERHEAD, one, unexpected},
};
use crate::{
    conn::Ask,
    error::{Error, Result},
    proto::{Answer, Reply, Status, WireKey, command::Info},
    wire::{AsKey, CasToken, TtlLeft},
};

/// What a server knows of an item, its value left out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct KeyInfo {
    /// The bytes that the item takes in the server: its key, its value, and what the server needs
    /// beside them.
    pub size: u64,
    /// How long the item will live on. memcached says the same of an item with one second left as of
    /// one that never expires, and both are [`TtlLeft::Never`] here.
    pub ttl_left: TtlLeft,
    /// How long ago the item was last read or written, in whole seconds.
    pub last_access: Duration,
    /// Whether the item was read since it was stored.
    pub fetched: bool,
    /// The version.
    pub cas: CasToken,
    /// The slab class in which the item lies.
    pub class: u32,
}

impl Client {
    /// Returns what the server knows of the item, without counting as a read of it; `None` where
    /// there is no such item. For looking at a cache, not for working with it.
    ///
    /// # Errors
    /// When the key is none, in the classic dialect, which has no word for it
    /// ([`Error::is_unsupported`]), or when the server cannot be asked.
    ///
    /// # Cancel safety
    /// Dropping the future costs nobody anything.
    pub async fn meta_of(&self, key: impl AsKey) -> Result<Option<KeyInfo>> {
        let key = self.key(&key).map_err(|error| error.during("meta_of"))?;
        let call =
            Call { command: "meta_of", node: self.0.cluster.node(&key.key), repeatable: true };
        let bytes = key.len() + OVERHEAD;
        let replies = call.run(Ask::Run(&[Info { key }]), bytes, self.deadline()).await?;
        let info = match one(replies)? {
            Reply::Info(line, cas) => {
                let info = cas.and_then(|cas| KeyInfo::read(&line, key, cas));
                info.map(Some).ok_or_else(|| {
                    let line = line.escape_ascii();
                    Error::protocol(format!("me was answered with \"{line}\""))
                })
            }
            Reply::Answer(Answer { status: Status::Miss, .. }) => Ok(None),
            Reply::Refused(refusal) => Err(refusal.into()),
            reply => Err(unexpected(&reply)),
        };
        info.map_err(|error| call.blame(error))
    }
}

impl KeyInfo {
    /// Reads `ME key exp=-1 la=2 cas=3 fetch=no cls=4 size=5`, whose words may be in any order.
    fn read(line: &[u8], key: WireKey<'_>, cas: CasToken) -> Option<Self> {
        let mut words = line.strip_prefix(b"ME ")?.split(|&byte| byte == b' ');
        if !key.is(words.next()?) {
            return None;
        }
        let words: Vec<&str> = words.map(str::from_utf8).collect::<Result<_, _>>().ok()?;
        let word =
            |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let ttl_left = match word("exp")?.parse::<i64>().ok()? {
            -1 => TtlLeft::Never,
            // Some releases count the seconds downwards, others upwards.
            seconds => TtlLeft::Left(Duration::from_secs(seconds.unsigned_abs())),
        };
        Some(Self {
            size: word("size")?.parse().ok()?,
            ttl_left,
            last_access: Duration::from_secs(word("la")?.parse().ok()?),
            fetched: word("fetch")? == "yes",
            cas,
            class: word("cls")?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Charset, KeyRef};

    fn read(line: &str) -> Option<KeyInfo> {
        let key = KeyRef::new(b"k", Charset::Ascii).unwrap();
        KeyInfo::read(line.as_bytes(), WireKey { prefix: b"p:", key }, CasToken::new(7))
    }

    #[test]
    fn a_line_is_read_whole_and_only_for_its_own_key() {
        let info = read("ME p:k exp=-99 la=1 cas=7 fetch=yes cls=2 size=66").unwrap();
        let expected = KeyInfo {
            size: 66,
            ttl_left: TtlLeft::Left(Duration::from_secs(99)),
            last_access: Duration::from_secs(1),
            fetched: true,
            cas: CasToken::new(7),
            class: 2,
        };
        assert_eq!(info, expected);
        let endless = read("ME p:k exp=-1 la=1 cas=7 fetch=no cls=2 size=66 new=1").unwrap();
        assert!(endless.ttl_left == TtlLeft::Never && !endless.fetched);
        for wrong in [
            "ME k exp=-1 la=1 cas=7 fetch=no cls=2 size=66",
            "ME p:k la=1 cas=7 fetch=no cls=2 size=66",
            "ME p:k exp=x la=1 cas=7 fetch=no cls=2 size=66",
            "ME p:k exp=-1 la=-1 cas=7 fetch=no cls=2 size=66",
            "ME p:k",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
