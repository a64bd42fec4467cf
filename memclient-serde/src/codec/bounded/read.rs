//! A deserializer around any other that counts what it hands out.

use std::{fmt, marker::PhantomData};

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use crate::codec::bounded::{Budget, Stopped};

/// Returns the seed that reads a whole value within the budget.
pub(crate) fn root<T>(budget: &Budget) -> Seed<'_, PhantomData<T>> {
    Seed { inner: PhantomData, budget, place: Place::Same }
}

/// Reads one value within a budget.
#[derive(Debug)]
pub(crate) struct Seed<'b, S> {
    inner: S,
    budget: &'b Budget,
    place: Place,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Seed<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<Self::Value, D::Error> {
        let size = size_of::<S::Value>();
        let bounded = Bounded { inner, budget: self.budget, room: size };
        match self.place {
            Place::Same => return self.inner.deserialize(bounded),
            Place::Part => {}
            Place::Element => {
                self.budget.take_element().map_err(Stopped::reading)?;
                self.budget.take_memory(size).map_err(Stopped::reading)?;
            }
            Place::Value => self.budget.take_memory(size).map_err(Stopped::reading)?,
        }
        let _level = self.budget.descend().map_err(Stopped::reading)?;
        self.inner.deserialize(bounded)
    }
}

/// Where a value stands in the one around it, which decides what it costs.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// The whole value, or the name of a variant: on the level of what is around it.
    Same,
    /// A part of a value whose number of parts the type fixes.
    Part,
    /// An element of a container whose length the data claims.
    Element,
    /// The value of an entry whose key was counted as the element.
    Value,
}

struct Bounded<'b, D> {
    inner: D,
    budget: &'b Budget,
    /// The bytes of memory of the place that the value goes to. A value that is larger goes to a box.
    room: usize,
}

impl<'b, D> Bounded<'b, D> {
    #[inline]
    fn visitor<'de, V: Visitor<'de>>(
        &self,
        inner: V,
        elements: Place,
    ) -> Result<Bounding<'b, V>, Stopped> {
        if let Some(boxed) = size_of::<V::Value>().checked_sub(self.room + 1) {
            self.budget.take_memory(boxed + 1)?;
        }
        Ok(Bounding { inner, budget: self.budget, elements })
    }
}

macro_rules! forward {
    ($elements:expr => $($method:ident($($name:ident: $type:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(
            self,
            $($name: $type,)*
            visitor: V,
        ) -> Result<V::Value, Self::Error> {
            let visitor = self.visitor(visitor, $elements).map_err(Stopped::reading)?;
            self.inner.$method($($name,)* visitor)
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Bounded<'_, D> {
    type Error = D::Error;

    forward! { Place::Element =>
        deserialize_any()
        deserialize_seq()
        deserialize_map()
        deserialize_ignored_any()
    }

    forward! { Place::Part =>
        deserialize_bool()
        deserialize_i8()
        deserialize_i16()
        deserialize_i32()
        deserialize_i64()
        deserialize_i128()
        deserialize_u8()
        deserialize_u16()
        deserialize_u32()
        deserialize_u64()
        deserialize_u128()
        deserialize_f32()
        deserialize_f64()
        deserialize_char()
        deserialize_str()
        deserialize_bytes()
        deserialize_option()
        deserialize_unit()
        deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str)
        deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
        deserialize_identifier()
    }

    // The borrowing forms check a length against the input before anything is allocated; the owned
    // forms of bincode allocate what the length claims.
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.deserialize_bytes(visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// A visitor that passes the budget on to what it is given.
struct Bounding<'b, V> {
    inner: V,
    budget: &'b Budget,
    elements: Place,
}

macro_rules! visit {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method<E: serde::de::Error>(self, value: $type) -> Result<Self::Value, E> {
            self.inner.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Bounding<'_, V> {
    type Value = V::Value;

    visit! {
        visit_bool: bool,
        visit_i8: i8,
        visit_i16: i16,
        visit_i32: i32,
        visit_i64: i64,
        visit_i128: i128,
        visit_u8: u8,
        visit_u16: u16,
        visit_u32: u32,
        visit_u64: u64,
        visit_u128: u128,
        visit_f32: f32,
        visit_f64: f64,
        visit_char: char,
        visit_str: &str,
        visit_borrowed_str: &'de str,
        visit_string: String,
        visit_bytes: &[u8],
        visit_borrowed_bytes: &'de [u8],
        visit_byte_buf: Vec<u8>,
    }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Self::Value, D::Error> {
        let _level = self.budget.descend().map_err(Stopped::reading)?;
        self.inner.visit_some(Bounded { inner, budget: self.budget, room: size_of::<V::Value>() })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Self::Value, D::Error> {
        let _level = self.budget.descend().map_err(Stopped::reading)?;
        let room = size_of::<V::Value>();
        self.inner.visit_newtype_struct(Bounded { inner, budget: self.budget, room })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<Self::Value, A::Error> {
        let hint = inner.size_hint().map(|hint| self.budget.take_hint(hint));
        let Self { budget, elements, .. } = self;
        self.inner.visit_seq(Parts { inner, budget, elements, hint })
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<Self::Value, A::Error> {
        let hint = inner.size_hint().map(|hint| self.budget.take_hint(hint));
        let Self { budget, elements, .. } = self;
        self.inner.visit_map(Parts { inner, budget, elements, hint })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<Self::Value, A::Error> {
        self.inner.visit_enum(Bounded { inner, budget: self.budget, room: size_of::<V::Value>() })
    }
}

/// The elements of a sequence, or the entries of a map.
struct Parts<'b, A> {
    inner: A,
    budget: &'b Budget,
    elements: Place,
    hint: Option<usize>,
}

impl<'b, A> Parts<'b, A> {
    fn seed<S>(&mut self, inner: S, place: Place) -> Seed<'b, S> {
        if let Some(hint) = &mut self.hint {
            *hint = hint.saturating_sub(1);
        }
        Seed { inner, budget: self.budget, place }
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Parts<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S>(&mut self, seed: S) -> Result<Option<S::Value>, Self::Error>
    where
        S: DeserializeSeed<'de>,
    {
        let seed = self.seed(seed, self.elements);
        self.inner.next_element_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.hint
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Parts<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S>(&mut self, seed: S) -> Result<Option<S::Value>, Self::Error>
    where
        S: DeserializeSeed<'de>,
    {
        let seed = self.seed(seed, self.elements);
        self.inner.next_key_seed(seed)
    }

    fn next_value_seed<S>(&mut self, seed: S) -> Result<S::Value, Self::Error>
    where
        S: DeserializeSeed<'de>,
    {
        let place = match self.elements {
            Place::Element => Place::Value,
            _ => Place::Part,
        };
        let seed = Seed { inner: seed, budget: self.budget, place };
        self.inner.next_value_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.hint
    }
}

impl<'de, 'b, A: EnumAccess<'de>> EnumAccess<'de> for Bounded<'b, A> {
    type Error = A::Error;
    type Variant = Bounded<'b, A::Variant>;

    fn variant_seed<S>(self, seed: S) -> Result<(S::Value, Self::Variant), Self::Error>
    where
        S: DeserializeSeed<'de>,
    {
        let Self { inner, budget, room } = self;
        let seed = Seed { inner: seed, budget, place: Place::Same };
        let (name, inner) = inner.variant_seed(seed)?;
        Ok((name, Bounded { inner, budget, room }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), Self::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S>(self, seed: S) -> Result<S::Value, Self::Error>
    where
        S: DeserializeSeed<'de>,
    {
        let seed = Seed { inner: seed, budget: self.budget, place: Place::Part };
        self.inner.newtype_variant_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let visitor = self.visitor(visitor, Place::Part).map_err(Stopped::reading)?;
        self.inner.tuple_variant(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let visitor = self.visitor(visitor, Place::Part).map_err(Stopped::reading)?;
        self.inner.struct_variant(fields, visitor)
    }
}
