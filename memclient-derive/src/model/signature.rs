//! The signature of a function, and the forms of it that cannot be cached.

use syn::{
    FnArg, Ident, ItemFn, Pat, PatIdent, Receiver, ReturnType, Safety, Type, TypeImplTrait,
    visit::Visit,
};

use crate::{
    diag::Diag,
    model::future::{self, Future},
};

/// A signature whose arguments all have names.
pub(crate) struct Signature {
    pub(crate) receiver: Option<Receiver>,
    pub(crate) arguments: Vec<Argument>,
    /// What the function returns, or its future brings.
    pub(crate) returns: Type,
    /// The future that the function returns, if it does.
    pub(crate) future: Option<Future>,
}

/// One argument besides `self`.
pub(crate) struct Argument {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
}

impl Signature {
    /// Reads a signature, or notes every reason why it cannot be cached.
    pub(crate) fn read(function: &ItemFn, diag: &mut Diag) -> Option<Self> {
        refuse_qualifiers(function, diag);
        let mut receiver = None;
        let mut arguments = Vec::new();
        for input in &function.sig.inputs {
            match input {
                FnArg::Receiver(found) => receiver = Some(found.clone()),
                FnArg::Typed(typed) => {
                    let ident = argument_name(&typed.pat, diag);
                    for attribute in typed.attrs.iter().filter(|it| is_cfg(it)) {
                        diag.error(
                            attribute,
                            "an argument that is not always there would change the key: write one \
                             function for each configuration",
                        );
                    }
                    arguments
                        .extend(ident.map(|ident| Argument { ident, ty: (*typed.ty).clone() }));
                }
            }
        }
        let (returns, future) = returns(function, diag)?;
        Some(Self { receiver, arguments, returns, future })
    }

    /// Returns what `skip(..)` may name, for errors.
    pub(crate) fn names(&self) -> String {
        let receiver = self.receiver.iter().map(|_| "`self`".to_owned());
        let arguments = self.arguments.iter().map(|it| format!("`{}`", it.ident));
        let all: Vec<_> = receiver.chain(arguments).collect();
        if all.is_empty() {
            return "there are none".to_owned();
        }
        format!("there are {}", all.join(", "))
    }
}

fn refuse_qualifiers(function: &ItemFn, diag: &mut Diag) {
    let signature = &function.sig;
    if let Some(token) = &signature.constness {
        diag.error(token, "a `const fn` cannot be cached: the cache is not there while compiling");
    }
    if let Safety::Unsafe(token) = &signature.safety {
        diag.error(
            token,
            "an `unsafe fn` cannot be cached: cache a safe function that upholds its contract and \
             calls it",
        );
    }
    if let Some(abi) = &signature.abi {
        diag.error(
            abi,
            "an `extern fn` cannot be cached: cache a Rust function and call it from this one",
        );
    }
    if let Some(variadic) = &signature.variadic {
        diag.error(
            variadic,
            "a function with a variable number of arguments cannot be cached: pass a slice",
        );
    }
}

/// Attributes on arguments reach a macro unread, so `cfg` would be missed.
fn is_cfg(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr")
}

fn argument_name(pattern: &Pat, diag: &mut Diag) -> Option<Ident> {
    if let Pat::Ident(PatIdent { ident, subpat: None, .. }) = pattern {
        return Some(ident.clone());
    }
    diag.error(
        pattern,
        "an argument of a cached function needs a name: take it apart inside of the function",
    );
    None
}

fn returns(function: &ItemFn, diag: &mut Diag) -> Option<(Type, Option<Future>)> {
    let ReturnType::Type(_, ty) = &function.sig.output else {
        diag.error(
            &function.sig.ident,
            "the function returns nothing, so there is nothing to cache: give it a return type",
        );
        return None;
    };
    let (output, future) = match future::returned(ty) {
        _ if function.sig.asyncness.is_some() => (&**ty, Some(Future::Async)),
        Some((form, output)) => (output, Some(form)),
        None => (&**ty, None),
    };
    match returned_mistake(output) {
        Some(message) => {
            diag.error(output, message);
            None
        }
        None => Some((output.clone(), future)),
    }
}

fn returned_mistake(ty: &Type) -> Option<&'static str> {
    match ty {
        Type::Paren(paren) => return returned_mistake(&paren.elem),
        Type::Group(group) => return returned_mistake(&group.elem),
        Type::Tuple(tuple) if tuple.elems.is_empty() => {
            return Some(
                "the function returns `()`, so there is nothing to cache: return what is to be kept",
            );
        }
        Type::Never(_) => {
            return Some("the function never returns, so there is nothing to cache");
        }
        Type::Reference(_) => {
            return Some(
                "a cached value is read back as an owned one: return `String`, `Vec<T>` or a type \
                 of your own in place of a reference",
            );
        }
        Type::Path(path) if future::is_one(path) => {
            return Some(
                "what this future brings cannot be seen: write the function as `async fn`, or as one \
                 that returns `Pin<Box<dyn Future<Output = T> + Send>>`, `BoxFuture<'_, T>` or \
                 `impl Future<Output = T>`",
            );
        }
        _ => {}
    }
    let mut search = FindImpl(false);
    search.visit_type(ty);
    search
        .0
        .then_some("`impl Trait` does not say what to read back: name the type that is returned")
}

struct FindImpl(bool);

impl Visit<'_> for FindImpl {
    fn visit_type_impl_trait(&mut self, _: &TypeImplTrait) {
        self.0 = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(function: &ItemFn) -> Vec<String> {
        let mut diag = Diag::new();
        Signature::read(function, &mut diag);
        match diag.finish() {
            Ok(()) => Vec::new(),
            Err(all) => all.into_iter().map(|error| error.to_string()).collect(),
        }
    }

    #[test]
    fn what_can_be_cached_is_accepted() {
        let check = |function: &str| {
            let errors = errors(&syn::parse_str(function).unwrap());
            assert!(errors.is_empty(), "{function}: {errors:?}");
        };
        check("fn f() -> u32 { 1 }");
        check("async fn f<'a>(mut a: &'a str, b: impl Into<u32>) -> R { 1 }");
        check("fn f(&mut self, a: [u8; 4]) -> Result<(u32, ()), E> { 1 }");
        check("fn f<T: Load, const N: usize>(id: T::Id) -> Result<T, T::Error> { 1 }");
        check("fn f() -> Pin<Box<dyn Future<Output = u32> + Send + 'static>> { 1 }");
        check("fn f() -> impl Future<Output = Result<u32, E>> + Send { 1 }");
        check("fn f(self: Arc<Self>) -> Option<&'static str> { None }");
    }

    #[test]
    fn what_cannot_be_cached_is_refused_with_a_sentence() {
        let check = |function: &str, part: &str| {
            let errors = errors(&syn::parse_str(function).unwrap());
            assert_eq!(errors.len(), 1, "{function}: {errors:?}");
            assert!(errors[0].contains(part), "{function}: {errors:?}");
        };
        check("const fn f() -> u32 { 1 }", "`const fn`");
        check("unsafe fn f() -> u32 { 1 }", "`unsafe fn`");
        check("extern \"C\" fn f() -> u32 { 1 }", "`extern fn`");
        check("fn f() { 1 }", "returns nothing");
        check("fn f() -> () { 1 }", "returns `()`");
        check("fn f() -> ! { loop {} }", "never returns");
        check("fn f() -> &str { \"\" }", "owned");
        check("fn f() -> impl Display { 1 }", "`impl Trait`");
        check("fn f() -> Option<impl Display> { 1 }", "`impl Trait`");
        check("fn f() -> Pin<Box<Later>> { 1 }", "`async fn`");
        check("fn f() -> impl Future<Output = &str> { 1 }", "owned");
        check("fn f((a, b): (u32, u32)) -> u32 { 1 }", "needs a name");
        check("fn f(_: u32) -> u32 { 1 }", "needs a name");
        check("fn f(#[cfg(a)] a: u32) -> u32 { 1 }", "not always there");
    }

    #[test]
    fn several_reasons_are_reported_together() {
        let function = "const unsafe fn f(_: u32) { 1 }";
        assert_eq!(errors(&syn::parse_str(function).unwrap()).len(), 4);
    }
}
