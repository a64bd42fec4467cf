//! The path under which generated code finds the library.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::Path;

/// `::memclient`, or what `crate = ...` names.
pub(crate) struct CratePath(Option<Path>);

impl CratePath {
    pub(crate) fn new(given: Option<Path>) -> Self {
        Self(given)
    }

    /// Returns the only module that generated code names.
    pub(crate) fn private(&self) -> TokenStream {
        self.private_at(Span::call_site())
    }

    /// Returns the same with a place, so that an error about what follows is shown there.
    pub(crate) fn private_at(&self, span: Span) -> TokenStream {
        let Some(path) = &self.0 else {
            return quote_spanned!(span=> ::memclient::__private);
        };
        quote_spanned!(span=> #path::__private)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_found_by_its_own_name_unless_told_otherwise() {
        let check = |given: Option<Path>, expected: &str| {
            assert_eq!(CratePath::new(given).private().to_string().replace(' ', ""), expected);
        };
        check(None, "::memclient::__private");
        check(Some(syn::parse_quote!(crate::deps::mc)), "crate::deps::mc::__private");
    }
}
