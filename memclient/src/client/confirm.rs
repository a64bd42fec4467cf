//! Whether an item is still the one that somebody has a copy of.

use super::{Client, call::answer, give_back::give_back};
use crate::{
    error::Result,
    proto::{Answer, Status, command::Confirm},
    wire::{CasToken, Key, TtlLeft},
};

impl Client {
    /// Says of each item whether it is still there in this version and not stale, and then how long
    /// it will live on. A server that does not speak the meta dialect cannot tell.
    pub(crate) async fn confirm(&self, items: &[(Key, CasToken)]) -> Vec<Result<Option<TtlLeft>>> {
        let requests =
            self.requests(items, (), |client, (key, _), ()| Ok(Confirm { key: client.key(key)? }));
        let answers = self.batch("get", true, requests, answer).await;
        let mut confirmed = Vec::with_capacity(items.len());
        for ((key, version), answer) in items.iter().zip(answers) {
            confirmed.push(match answer {
                Ok(answer) => {
                    // As every read that did not ask for the right to refresh the item.
                    if answer.is_won()
                        && let Ok(key) = self.key(key)
                    {
                        let call = self.read_call(key);
                        give_back(call.node, key, &answer, self.deadline()).await;
                    }
                    Ok(life_of(&answer, *version))
                }
                Err(error) if error.is_unsupported() => Ok(None),
                Err(error) => Err(error),
            });
        }
        confirmed
    }
}

/// Returns how long a good item of this version lives on.
fn life_of(answer: &Answer, version: CasToken) -> Option<TtlLeft> {
    match answer {
        Answer { status: Status::Done, cas: Some(cas), ttl: Some(ttl), stale: false, .. }
            if *cas == version && !answer.is_won() =>
        {
            Some(TtlLeft::of_seconds(*ttl))
        }
        _ => None,
    }
}
