use memclient_serde::CacheValue;

/// What a loader of a `T` may return: `T`, `Option<T>`, `Result<T, E>` or `Result<Option<T>, E>`.
///
/// Found by type, so that aliases of these mean the same. `Err` is never kept; `None` is kept where
/// the policy says how long ([`Policy::none`](crate::Policy::none)).
#[diagnostic::on_unimplemented(
    message = "a loader of `{T}` cannot return `{Self}`",
    note = "return `{T}`, `Option<{T}>`, `Result<{T}, E>` or `Result<Option<{T}>, E>`"
)]
pub trait Loaded<T>: Sized {
    /// Says what there is to keep.
    fn produced(self) -> Produced<T, Self>;

    /// Returns what the loader would have returned for this value.
    fn from_value(value: T) -> Self;

    /// Returns what the loader would have returned where there is none; `None` where it cannot say
    /// that.
    fn absent() -> Option<Self>;
}

/// A loader's result, by what is to be kept of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Produced<T, R> {
    /// A value.
    Value(T),
    /// There is none, said in the loader's own return type.
    Absent(R),
    /// What is not to be kept, such as an error.
    Uncached(R),
}

impl<T, R: Loaded<T>> Produced<T, R> {
    /// Returns what the loader returned.
    pub fn into_answer(self) -> R {
        match self {
            Self::Value(value) => R::from_value(value),
            Self::Absent(answer) | Self::Uncached(answer) => answer,
        }
    }
}

impl<T: CacheValue> Loaded<T> for T {
    fn produced(self) -> Produced<T, Self> {
        Produced::Value(self)
    }

    fn from_value(value: T) -> Self {
        value
    }

    fn absent() -> Option<Self> {
        None
    }
}

impl<T: CacheValue> Loaded<T> for Option<T> {
    fn produced(self) -> Produced<T, Self> {
        self.map_or(Produced::Absent(None), Produced::Value)
    }

    fn from_value(value: T) -> Self {
        Some(value)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: CacheValue, E> Loaded<T> for Result<T, E> {
    fn produced(self) -> Produced<T, Self> {
        match self {
            Ok(value) => Produced::Value(value),
            Err(error) => Produced::Uncached(Err(error)),
        }
    }

    fn from_value(value: T) -> Self {
        Ok(value)
    }

    fn absent() -> Option<Self> {
        None
    }
}

impl<T: CacheValue, E> Loaded<T> for Result<Option<T>, E> {
    fn produced(self) -> Produced<T, Self> {
        match self {
            Ok(Some(value)) => Produced::Value(value),
            Ok(None) => Produced::Absent(Ok(None)),
            Err(error) => Produced::Uncached(Err(error)),
        }
    }

    fn from_value(value: T) -> Self {
        Ok(Some(value))
    }

    fn absent() -> Option<Self> {
        Some(Ok(None))
    }
}
