//! Functions that are asynchronous without the word: they return a future.

use syn::{
    AssocType, GenericArgument, Path, PathArguments, Type, TypeParamBound, TypePath,
    punctuated::Punctuated, token,
};

/// How a function is asynchronous.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Future {
    /// `async fn`.
    Async,
    /// A boxed future, as `#[async_trait]` writes it.
    Boxed,
    /// `impl Future`.
    Opaque,
}

/// Returns what kind of future a type is, and what it brings.
pub(super) fn returned(ty: &Type) -> Option<(Future, &Type)> {
    match ty {
        Type::Group(group) => returned(&group.elem),
        Type::Paren(paren) => returned(&paren.elem),
        Type::ImplTrait(opaque) => Some((Future::Opaque, output(&opaque.bounds)?)),
        Type::Path(path) => Some((Future::Boxed, boxed_output(path)?)),
        _ => None,
    }
}

/// Tells whether a type is a future by its name, also one that [`returned`] cannot read.
pub(super) fn is_one(path: &TypePath) -> bool {
    let last = path.path.segments.last();
    last.is_some_and(|it| it.ident == "Pin" || it.ident == "BoxFuture")
}

/// The `T` of `Pin<Box<dyn Future<Output = T>>>` and of `BoxFuture<'_, T>`.
fn boxed_output(path: &TypePath) -> Option<&Type> {
    let last = path.path.segments.last()?;
    if last.ident == "BoxFuture" || last.ident == "LocalBoxFuture" {
        return argument(&last.arguments);
    }
    let boxed = (last.ident == "Pin").then(|| argument(&last.arguments))??;
    let Type::Path(boxed) = boxed else { return None };
    let last = boxed.path.segments.last()?;
    let inner = (last.ident == "Box").then(|| argument(&last.arguments))??;
    let Type::TraitObject(object) = inner else { return None };
    output(&object.bounds)
}

/// The `T` of `Future<Output = T> + Send`.
fn output(bounds: &Punctuated<TypeParamBound, token::Plus>) -> Option<&Type> {
    bounds.iter().find_map(|bound| match bound {
        TypeParamBound::Trait(bound) => output_of(&bound.path),
        _ => None,
    })
}

fn output_of(path: &Path) -> Option<&Type> {
    let last = path.segments.last().filter(|it| it.ident == "Future")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(AssocType { ident, ty, .. }) if ident == "Output" => Some(ty),
        _ => None,
    })
}

/// The only type among arguments.
fn argument(arguments: &PathArguments) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = arguments else { return None };
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
    fn a_future_is_known_by_its_form() {
        let check = |ty: Type, expected: Option<Future>| {
            let found = returned(&ty);
            assert_eq!(found.map(|(form, _)| form), expected);
            let output = found.map(|(_, output)| output.to_token_stream().to_string());
            assert!(output.is_none_or(|output| output == "Option < u32 >"));
        };
        let boxed = Some(Future::Boxed);
        check(parse_quote!(Pin<Box<dyn Future<Output = Option<u32>> + Send + 'a>>), boxed);
        check(
            parse_quote!(
                ::core::pin::Pin<
                    Box<dyn ::core::future::Future<Output = Option<u32>> + ::core::marker::Send>,
                >
            ),
            boxed,
        );
        check(parse_quote!(BoxFuture<'_, Option<u32>>), boxed);
        check(parse_quote!(impl Future<Output = Option<u32>> + Send), Some(Future::Opaque));
        check(parse_quote!(Pin<Box<Later>>), None);
        check(parse_quote!(Box<dyn Future<Output = Option<u32>>>), None);
        check(parse_quote!(Option<u32>), None);
    }
}
