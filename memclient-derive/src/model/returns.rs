//! What the companion's functions hand in and out, taken from the return type as written.
//!
//! Nothing about caching hangs on this: whether a function may fail or find nothing is decided by
//! type, in the library. The tokens only choose how the signatures of `put` and `peek` are spelled.

use syn::{GenericArgument, PathArguments, Type};

use crate::model::cached_fn::CachedFn;

/// The types in the signatures of `put` and `peek`.
pub(crate) struct Spelled<'a> {
    /// `put(.., value: &Value)`.
    pub(crate) value: &'a Type,
    /// `peek(..) -> Result<Option<Found>, Error>`.
    pub(crate) found: &'a Type,
}

/// Returns the types for a function: where it has its errors kept, all is a value; one of many keys
/// has a value for each.
pub(crate) fn of(model: &CachedFn) -> Spelled<'_> {
    if let Some(batch) = &model.batch {
        return Spelled { value: &batch.value, found: &batch.value };
    }
    let returns = &model.signature.returns;
    if model.keeps_errors.is_some() {
        return Spelled { value: returns, found: returns };
    }
    spelled(returns)
}

/// Takes `Result<..>` and `Option<..>` off; what hides them, such as an alias, stays whole.
fn spelled(returns: &Type) -> Spelled<'_> {
    let found = argument_of("Result", returns).unwrap_or(returns);
    let value = argument_of("Option", found).unwrap_or(found);
    Spelled { value, found }
}

/// Returns `T` of `Name<T, ..>`.
fn argument_of<'a>(name: &str, ty: &'a Type) -> Option<&'a Type> {
    match ty {
        Type::Group(group) => return argument_of(name, &group.elem),
        Type::Paren(paren) => return argument_of(name, &paren.elem),
        _ => {}
    }
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    if path.qself.is_some() || last.ident != name {
        return None;
    }
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;
    use syn::parse_quote;

    use super::*;

    #[test]
    fn result_and_option_are_taken_off_where_they_are_seen() {
        let check = |returns: Type, value: Type, found: Type| {
            let spelled = spelled(&returns);
            let text = |ty: &Type| ty.to_token_stream().to_string();
            assert_eq!(text(spelled.value), text(&value));
            assert_eq!(text(spelled.found), text(&found));
        };
        check(parse_quote!(User), parse_quote!(User), parse_quote!(User));
        check(parse_quote!(Result<User, E>), parse_quote!(User), parse_quote!(User));
        check(parse_quote!(std::io::Result<Vec<u8>>), parse_quote!(Vec<u8>), parse_quote!(Vec<u8>));
        check(parse_quote!(Option<User>), parse_quote!(User), parse_quote!(Option<User>));
        check(
            parse_quote!(Result<Option<User>, E>),
            parse_quote!(User),
            parse_quote!(Option<User>),
        );
        check(parse_quote!(fmt::Result), parse_quote!(fmt::Result), parse_quote!(fmt::Result));
        check(parse_quote!(R), parse_quote!(R), parse_quote!(R));
    }
}
