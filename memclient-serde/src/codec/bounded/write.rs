//! A serializer around any other that counts what a reader would have to spend.

use std::fmt;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use crate::codec::bounded::{Budget, Stopped, Verdict};

/// A value that is written within a budget.
#[derive(Debug)]
pub(crate) struct Watched<'b, T: ?Sized> {
    value: &'b T,
    budget: &'b Budget,
    place: Place,
}

impl<'b, T: ?Sized> Watched<'b, T> {
    pub(crate) fn new(value: &'b T, budget: &'b Budget) -> Self {
        Self { value, budget, place: Place::Root }
    }
}

impl<T: Serialize + ?Sized> Serialize for Watched<'_, T> {
    fn serialize<S: Serializer>(&self, inner: S) -> Result<S::Ok, S::Error> {
        let budget = self.budget;
        let in_some = matches!(self.place, Place::Some);
        let bounded = Bounded { inner, budget, in_some };
        if let Place::Root = self.place {
            return self.value.serialize(bounded);
        }
        if let Place::Element = self.place {
            budget.take_element().map_err(Stopped::writing)?;
        }
        let _level = budget.descend().map_err(Stopped::writing)?;
        self.value.serialize(bounded)
    }
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Root,
    Part,
    Element,
    /// The inside of `Some`, newtypes between them included.
    Some,
}

struct Bounded<'b, S> {
    inner: S,
    budget: &'b Budget,
    in_some: bool,
}

impl<'b, S: Serializer> Bounded<'b, S> {
    fn parts<I>(budget: &'b Budget, inner: I) -> Parts<'b, I> {
        Parts { inner, budget }
    }

    fn check_float(&self, finite: bool) -> Result<(), S::Error> {
        if finite || !self.budget.rules.no_special_floats {
            return Ok(());
        }
        Err(refuse(self.budget, "it has no NaN and no infinity"))
    }

    fn check_null(&self) -> Result<(), S::Error> {
        if !self.in_some || !self.budget.rules.no_null_in_some {
            return Ok(());
        }
        Err(refuse(self.budget, "`Some(null)` would be read as `None`"))
    }
}

fn refuse<E: serde::ser::Error>(budget: &Budget, reason: &'static str) -> E {
    budget.stop(Verdict::Lossy(reason)).writing()
}

macro_rules! forward {
    ($($method:ident: $type:ty,)*) => {$(
        fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        }
    )*};
}

impl<'b, S: Serializer> Serializer for Bounded<'b, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Parts<'b, S::SerializeSeq>;
    type SerializeTuple = Parts<'b, S::SerializeTuple>;
    type SerializeTupleStruct = Parts<'b, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Parts<'b, S::SerializeTupleVariant>;
    type SerializeMap = Parts<'b, S::SerializeMap>;
    type SerializeStruct = Parts<'b, S::SerializeStruct>;
    type SerializeStructVariant = Parts<'b, S::SerializeStructVariant>;

    forward! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_u128: u128,
        serialize_char: char,
        serialize_str: &str,
        serialize_bytes: &[u8],
    }

    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        self.check_float(value.is_finite())?;
        self.inner.serialize_f32(value)
    }

    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        self.check_float(value.is_finite())?;
        self.inner.serialize_f64(value)
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.check_null()?;
        self.inner.serialize_none()
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.check_null()?;
        self.inner.serialize_unit()
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<S::Ok, S::Error> {
        self.check_null()?;
        self.inner.serialize_unit_struct(name)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let budget = self.budget;
        self.inner.serialize_some(&Watched { value, budget, place: Place::Some })
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let budget = self.budget;
        let place = if self.in_some { Place::Some } else { Place::Part };
        self.inner.serialize_newtype_struct(name, &Watched { value, budget, place })
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = Watched { value, budget: self.budget, place: Place::Part };
        self.inner.serialize_newtype_variant(name, index, variant, &value)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        Ok(Self::parts(self.budget, self.inner.serialize_seq(len)?))
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        Ok(Self::parts(self.budget, self.inner.serialize_tuple(len)?))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        Ok(Self::parts(self.budget, self.inner.serialize_tuple_struct(name, len)?))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let inner = self.inner.serialize_tuple_variant(name, index, variant, len)?;
        Ok(Self::parts(self.budget, inner))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        Ok(Self::parts(self.budget, self.inner.serialize_map(len)?))
    }

    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        Ok(Self::parts(self.budget, self.inner.serialize_struct(name, len)?))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let inner = self.inner.serialize_struct_variant(name, index, variant, len)?;
        Ok(Self::parts(self.budget, inner))
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// A compound value whose parts are counted.
struct Parts<'b, I> {
    inner: I,
    budget: &'b Budget,
}

impl<'b, I> Parts<'b, I> {
    fn watch<'v, T: ?Sized>(&self, value: &'v T, place: Place) -> Watched<'v, T>
    where
        'b: 'v,
    {
        Watched { value, budget: self.budget, place }
    }

    fn check_skipped<E: serde::ser::Error>(&self) -> Result<(), E> {
        if !self.budget.rules.no_skipped_fields {
            return Ok(());
        }
        Err(refuse(
            self.budget,
            "a reader cannot notice a field that `skip_serializing_if` left out",
        ))
    }
}

macro_rules! sequence {
    ($($trait:ident::$method:ident as $place:ident;)*) => {$(
        impl<I: $trait> $trait for Parts<'_, I> {
            type Ok = I::Ok;
            type Error = I::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), I::Error> {
                let value = self.watch(value, Place::$place);
                self.inner.$method(&value)
            }

            fn end(self) -> Result<I::Ok, I::Error> {
                self.inner.end()
            }
        }
    )*};
}

sequence! {
    SerializeSeq::serialize_element as Element;
    SerializeTuple::serialize_element as Part;
    SerializeTupleStruct::serialize_field as Part;
    SerializeTupleVariant::serialize_field as Part;
}

impl<I: SerializeMap> SerializeMap for Parts<'_, I> {
    type Ok = I::Ok;
    type Error = I::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), I::Error> {
        let key = self.watch(key, Place::Element);
        self.inner.serialize_key(&key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), I::Error> {
        let value = self.watch(value, Place::Part);
        self.inner.serialize_value(&value)
    }

    fn end(self) -> Result<I::Ok, I::Error> {
        self.inner.end()
    }
}

macro_rules! fields {
    ($($trait:ident)*) => {$(
        impl<I: $trait> $trait for Parts<'_, I> {
            type Ok = I::Ok;
            type Error = I::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), I::Error> {
                let value = self.watch(value, Place::Part);
                self.inner.serialize_field(name, &value)
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), I::Error> {
                self.check_skipped()?;
                self.inner.skip_field(name)
            }

            fn end(self) -> Result<I::Ok, I::Error> {
                self.inner.end()
            }
        }
    )*};
}

fields! { SerializeStruct SerializeStructVariant }
