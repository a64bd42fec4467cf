//! What `codec = ".."` makes of a value: the same one, written in another format.

use std::marker::PhantomData;

use memclient_serde::{
    __private::{decode_with, encode_with},
    CacheValue, Codec, DecodeError, EncodeError, Payload, Schema, SchemaWriter,
};
use serde::{Serialize, de::DeserializeOwned};

use super::outcome::{Gives, MayBeAbsent, Outcome, Takes};
use crate::cache::{Loaded, Produced, Share};

/// A value that is stored with the codec `C`, whatever its own format is.
#[derive(Debug)]
pub struct Recoded<T, C>(T, PhantomData<fn() -> C>);

impl<T, C> Recoded<T, C> {
    const fn new(value: T) -> Self {
        Self(value, PhantomData)
    }
}

impl<T: Clone, C> Clone for Recoded<T, C> {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}

impl<T: Schema, C: Codec> Schema for Recoded<T, C> {
    fn describe(schema: &mut SchemaWriter) {
        schema.format(C::FORMAT);
        schema.nested::<T>();
    }
}

impl<T, C> CacheValue for Recoded<T, C>
where
    T: Schema + Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
    C: Codec + 'static,
{
    fn encode(&self) -> Result<Payload, EncodeError> {
        encode_with::<C, T>(&self.0)
    }

    fn decode(payload: &Payload) -> Result<Self, DecodeError> {
        decode_with::<C, T>(payload).map(Self::new)
    }
}

macro_rules! loaded {
    ($([$($error:ident)?] $return:ty: $produced:expr, $from_value:expr, $absent:expr;)*) => {$(
        impl<T, C $(, $error)?> Loaded<Recoded<T, C>> for $return
        where
            T: CacheValue,
            Recoded<T, C>: CacheValue,
        {
            fn produced(self) -> Produced<Recoded<T, C>, Self> {
                $produced(<Self as Loaded<T>>::produced(self))
            }

            fn from_value(value: Recoded<T, C>) -> Self {
                $from_value(value.0)
            }

            fn absent() -> Option<Self> {
                $absent
            }
        }
    )*};
}

loaded! {
    [] T: recoded, |value| value, None;
    [] Option<T>: recoded, Some, Some(None);
    [E] Result<T, E>: recoded, Ok, None;
    [E] Result<Option<T>, E>: recoded, |value| Ok(Some(value)), Some(Ok(None));
}

fn recoded<T, C, R>(produced: Produced<T, R>) -> Produced<Recoded<T, C>, R> {
    match produced {
        Produced::Value(value) => Produced::Value(Recoded::new(value)),
        Produced::Absent(answer) => Produced::Absent(answer),
        Produced::Uncached(answer) => Produced::Uncached(answer),
    }
}

/// The shape `O`, its value stored with the codec `C`.
#[derive(Debug)]
pub struct Coded<O, C>(O, PhantomData<fn() -> C>);

pub fn coded<O, C>(outcome: O) -> Coded<O, C> {
    Coded(outcome, PhantomData)
}

impl<O: Copy, C> Clone for Coded<O, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O: Copy, C> Copy for Coded<O, C> {}

impl<O, C> Outcome for Coded<O, C>
where
    O: Outcome,
    O::Return: Loaded<Recoded<O::Value, C>>,
    Recoded<O::Value, C>: CacheValue,
{
    type Return = O::Return;
    type Value = Recoded<O::Value, C>;
    type Found = O::Found;

    fn found(value: Option<Self::Value>) -> Option<O::Found> {
        O::found(value.map(|value| value.0))
    }

    fn share(self) -> Option<Share<O::Return>> {
        self.0.share()
    }
}

impl<O: MayBeAbsent, C> MayBeAbsent for Coded<O, C> where Self: Outcome {}

impl<O, C, V> Takes<V> for Coded<O, C>
where
    O: Takes<V>,
    Self: Outcome<Value = Recoded<O::Value, C>>,
{
    fn take(value: &V) -> Option<Option<Self::Value>> {
        Some(O::take(value)?.map(Recoded::new))
    }
}

impl<O, C, V> Gives<V> for Coded<O, C>
where
    O: Gives<V>,
    Self: Outcome<Found = O::Found>,
{
    fn give(found: O::Found) -> Option<V> {
        O::give(found)
    }
}
