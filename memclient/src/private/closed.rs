//! What `fail = "closed"` makes of a function: one that does not run where the cache cannot be
//! reached.

use super::outcome::{Gives, Outcome, Takes};
use crate::{cache::Share, error::Error};

/// A return type that can say that the cache could not be reached.
#[diagnostic::on_unimplemented(
    message = "`fail = \"closed\"` is for functions that can return an error of the cache, and \
               `{Self}` has none",
    label = "no error in it is made from `memclient::Error`",
    note = "return `Result<T, E>` with an `E` that is `From<memclient::Error>`, or leave out `fail`"
)]
pub trait FromFailure {
    fn from_failure(error: Error) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T, E: From<Error>> FromFailure for Result<T, E> {
    fn from_failure(error: Error) -> Self {
        Err(error.into())
    }
}

/// The shape `O` of a function that fails where the cache cannot be reached.
#[derive(Debug)]
pub struct Closed<O: Outcome>(O, fn(Error) -> O::Return);

#[expect(clippy::expl_impl_clone_on_copy, reason = "a derive asks the same of what is returned")]
impl<O: Outcome> Clone for Closed<O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O: Outcome> Copy for Closed<O> {}

pub fn closed<O, R>(outcome: O) -> Closed<O>
where
    O: Outcome<Return = R>,
    R: FromFailure,
{
    Closed(outcome, R::from_failure)
}

/// Returns what a function of many keys answers where the cache cannot be reached.
pub fn closed_many<R: FromFailure>() -> Option<fn(Error) -> R> {
    Some(R::from_failure)
}

impl<O: Outcome> Outcome for Closed<O> {
    type Return = O::Return;
    type Value = O::Value;
    type Found = O::Found;

    fn found(value: Option<O::Value>) -> Option<O::Found> {
        O::found(value)
    }

    fn share(self) -> Option<Share<O::Return>> {
        self.0.share()
    }

    fn refuse(self) -> Option<fn(Error) -> O::Return> {
        Some(self.1)
    }
}

impl<O: Takes<V>, V> Takes<V> for Closed<O> {
    fn take(value: &V) -> Option<Option<O::Value>> {
        O::take(value)
    }
}

impl<O: Gives<V>, V> Gives<V> for Closed<O> {
    fn give(found: O::Found) -> Option<V> {
        O::give(found)
    }
}
