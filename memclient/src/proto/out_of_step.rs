use super::ascii;

/// The stream is not what the protocol allows, and no longer to be trusted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct OutOfStep(pub(crate) Box<str>);

impl OutOfStep {
    #[cold]
    pub(crate) fn new(complaint: &str, seen: &[u8]) -> Self {
        Self(format!("{complaint}, saw {}", ascii::quote(seen)).into())
    }
}
