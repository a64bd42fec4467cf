//! The errors of one macro call, gathered so that one build shows all of them.

use std::fmt::Display;

use quote::ToTokens;
use syn::Ident;

/// Gathers errors; whoever makes one must ask for them with [`Diag::finish`].
pub(crate) struct Diag {
    error: Option<syn::Error>,
    finished: bool,
}

impl Diag {
    pub(crate) fn new() -> Self {
        Self { error: None, finished: false }
    }

    /// Notes an error at all of `tokens`.
    pub(crate) fn error(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.error {
            Some(all) => all.combine(error),
            None => self.error = Some(error),
        }
    }

    /// Returns the value, or notes the error and returns `None`.
    pub(crate) fn ok<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// Returns all noted errors as one.
    pub(crate) fn finish(mut self) -> syn::Result<()> {
        self.finished = true;
        self.error.take().map_or(Ok(()), Err)
    }
}

impl Drop for Diag {
    fn drop(&mut self) {
        // A forgotten error would let a wrong item compile: our own tests must not pass then.
        debug_assert!(
            self.finished || std::thread::panicking(),
            "errors were gathered and never asked for"
        );
    }
}

/// An option that may be given once, and remembers where.
pub(crate) struct Slot<T>(Option<(Ident, T)>);

impl<T> Slot<T> {
    /// Keeps the first value; a second one is an error at its name.
    pub(crate) fn set(&mut self, name: &Ident, value: T, diag: &mut Diag) {
        if self.0.is_some() {
            diag.error(name, format_args!("`{name}` is given twice: keep one"));
            return;
        }
        self.0 = Some((name.clone(), value));
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_ref().map(|(_, value)| value)
    }

    /// Returns the name as written, the place for errors about the option as a whole.
    pub(crate) fn name(&self) -> Option<&Ident> {
        self.0.as_ref().map(|(name, _)| name)
    }

    pub(crate) fn take_named(&mut self) -> Option<(Ident, T)> {
        self.0.take()
    }

    pub(crate) fn take(&mut self) -> Option<T> {
        self.0.take().map(|(_, value)| value)
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(None)
    }
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;

    fn name(text: &str) -> Ident {
        Ident::new(text, Span::call_site())
    }

    #[test]
    fn every_error_is_kept() {
        let mut diag = Diag::new();
        diag.error(name("a"), "first");
        diag.error(name("b"), "second");
        let messages: Vec<_> =
            diag.finish().unwrap_err().into_iter().map(|error| error.to_string()).collect();
        assert_eq!(messages, ["first", "second"]);
    }

    #[test]
    fn no_error_is_a_success() {
        assert!(Diag::new().finish().is_ok());
    }

    #[test]
    #[should_panic(expected = "never asked for")]
    fn forgotten_errors_do_not_pass_unseen() {
        drop(Diag::new());
    }

    #[test]
    fn a_second_value_is_an_error_and_the_first_stays() {
        let mut diag = Diag::new();
        let mut slot = Slot::default();
        slot.set(&name("ttl"), 1, &mut diag);
        slot.set(&name("ttl"), 2, &mut diag);
        assert_eq!(slot.get(), Some(&1));
        assert_eq!(diag.finish().unwrap_err().to_string(), "`ttl` is given twice: keep one");
    }
}
