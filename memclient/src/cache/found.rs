/// What is known of a key.
#[derive(Clone, Debug)]
pub(crate) enum Found<T> {
    Value(T),
    /// It is known that there is none.
    Absent,
}

impl<T> Found<T> {
    pub(crate) fn into_value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent => None,
        }
    }
}
