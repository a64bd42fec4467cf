//! A function of many keys, which is cached key by key.

use syn::{
    Expr, ExprPath, GenericArgument, Ident, ItemFn, Lifetime, PathArguments, ReceiverKind, Token,
    Type, TypeReference, WherePredicate, parse_quote, parse_quote_spanned, punctuated::Punctuated,
    spanned::Spanned, visit::Visit,
};

use crate::{
    crate_path::CratePath,
    diag::Diag,
    model::{mentions, signature::Signature},
    parse::cached::{CachedOptions, Share},
};

/// What makes a function one of many keys.
pub(crate) struct Batch {
    /// The argument that has the keys.
    pub(crate) keys: Ident,
    /// The type of one of them.
    pub(crate) id: Type,
    /// Whether the function takes them as a slice, and not as a `Vec`.
    pub(crate) by_slice: bool,
    /// The type of one value.
    pub(crate) value: Type,
    /// The function whose entries they are, if they are not its own.
    pub(crate) shared: Option<Shared>,
}

/// The function of one key, and the arguments of its key.
pub(crate) struct Shared {
    pub(crate) function: ExprPath,
    /// Those of the batch, by their names, where none are written.
    pub(crate) arguments: Option<Punctuated<Expr, Token![,]>>,
}

impl Batch {
    /// Takes the options of a batch; from then on the argument with the keys stands for one of them.
    pub(super) fn take(
        options: &mut CachedOptions,
        signature: &mut Signature,
        crate_path: &CratePath,
        diag: &mut Diag,
    ) -> Option<Self> {
        let Some(keys) = options.batch.take() else {
            if let Some(share) = options.share.name() {
                diag.error(share, "`share` is for a function of many keys: add `batch = ids`");
            }
            return None;
        };
        check_options(options, diag);
        check_arguments(&keys, signature, diag);
        check_tags(&keys, options, diag);
        let returns = &signature.returns;
        if is_no_map(returns) {
            diag.error(
                returns,
                "a function with `batch` returns each key with its value: `HashMap<Id, T>` or \
                 `Result<HashMap<Id, T>, E>`",
            );
        }
        let private = crate_path.private();
        let value = parse_quote!(<#returns as #private::Batch>::Value);
        let shared = options.share.take().map(|share| match share {
            Share::Function(function) => Shared { function, arguments: None },
            Share::Call(function, arguments) => Shared { function, arguments: Some(arguments) },
        });
        let names = signature.names();
        let Some(argument) = signature.arguments.iter_mut().find(|it| it.ident == keys) else {
            diag.error(&keys, format_args!("`{keys}` is no argument: {names}"));
            return None;
        };
        let Some((id, by_slice)) = element(&argument.ty) else {
            diag.error(
                &argument.ty,
                format_args!(
                    "a batch takes its keys as `{keys}: &[Id]` or `{keys}: Vec<Id>`, without a \
                     lifetime: it is handed those that are missing"
                ),
            );
            return None;
        };
        argument.ty = parse_quote!(&#id);
        Some(Self { keys, id, by_slice, value, shared })
    }

    /// Returns what each function of the companion asks of the returned type, so that one which is no
    /// map of values is told once, at that type, and not wherever a value is spoken of.
    ///
    /// Not where the type depends on more: what is asked of it would hide what it is.
    pub(super) fn promise(
        &self,
        item: &ItemFn,
        returns: &Type,
        crate_path: &CratePath,
    ) -> Option<WherePredicate> {
        let id = &self.id;
        let is_open = |ty: &Type| {
            let mut search = FindLifetime(false);
            search.visit_type(ty);
            search.0
        };
        let generics = &item.sig.generics;
        let is_generic = generics.params.len() > generics.lifetimes().count();
        if is_generic || is_open(returns) || is_open(id) {
            return None;
        }
        let span = returns.span();
        let private = crate_path.private_at(span);
        Some(parse_quote_spanned!(span=> #returns: #private::Batch<Id = #id>))
    }

    /// Says whether the entries are the function's own.
    pub(crate) fn is_own(&self) -> bool {
        self.shared.is_none()
    }
}

/// Says whether a type is, by a name that nobody gives to another, none that a batch may return: for
/// those that are meant most often, one message. Of others the compiler says it, by type.
fn is_no_map(returns: &Type) -> bool {
    const OTHERS: [&str; 9] =
        ["Arc", "BTreeMap", "BTreeSet", "Box", "HashSet", "Option", "String", "Vec", "VecDeque"];
    match returns {
        Type::Group(group) => is_no_map(&group.elem),
        Type::Paren(paren) => is_no_map(&paren.elem),
        Type::Array(_) | Type::Tuple(_) => true,
        Type::Path(path) if path.qself.is_none() => match path.path.segments.last() {
            Some(last) if last.ident == "Result" => match &last.arguments {
                PathArguments::AngleBracketed(arguments) => match arguments.args.first() {
                    Some(GenericArgument::Type(value)) => is_no_map(value),
                    _ => false,
                },
                _ => false,
            },
            Some(last) => OTHERS.iter().any(|name| last.ident == name),
            None => false,
        },
        _ => false,
    }
}

struct FindLifetime(bool);

impl Visit<'_> for FindLifetime {
    fn visit_type_reference(&mut self, _: &TypeReference) {
        self.0 = true;
    }

    fn visit_lifetime(&mut self, _: &Lifetime) {
        self.0 = true;
    }
}

/// Many keys are loaded at once, so nothing hangs on one of their values.
fn check_options(options: &CachedOptions, diag: &mut Diag) {
    let names = [
        options.ttl_for.name(),
        options.cache_if.name(),
        options.on_error.name(),
        options.refresh.name(),
        options.soft_timeout.name(),
        options.single_flight.name(),
        options.entry.name(),
    ];
    for name in names.into_iter().flatten() {
        diag.error(
            name,
            format_args!(
                "`{name}` is for functions of one key: leave it out where there is `batch`"
            ),
        );
    }
    let Some(share) = options.share.get() else {
        return;
    };
    let (Share::Function(function) | Share::Call(function, _)) = share;
    let function = function.path.segments.last().map(|it| it.ident.to_string()).unwrap_or_default();
    let with_arguments = matches!(share, Share::Call(..));
    let key = options.key.name();
    let skip = options.skip.name().filter(|_| with_arguments);
    let names = [
        options.ttl.name(),
        options.none.name(),
        options.grace.name(),
        options.jitter.name(),
        options.throttle.name(),
        options.lease.name(),
        options.near.name(),
        options.name.name(),
        options.version.name(),
        options.cache.name(),
        options.tags.name(),
        options.codec.name(),
        options.compress.name(),
        key,
        skip,
    ];
    for name in names.into_iter().flatten() {
        diag.error(
            name,
            format_args!(
                "the entries are those of `{function}`, which says what they are: leave `{name}` out"
            ),
        );
    }
}

fn check_tags(keys: &Ident, options: &CachedOptions, diag: &mut Diag) {
    for tag in options.tags.get().into_iter().flatten() {
        if mentions::variable(tag, keys) {
            diag.error(
                tag,
                "a tag of each key would have each loaded alone: tag by something that the keys of a \
                 call have in common",
            );
        }
    }
}

/// The function may run more than once for one call.
fn check_arguments(keys: &Ident, signature: &Signature, diag: &mut Diag) {
    if let Some(receiver) = &signature.receiver
        && !matches!(receiver.kind, ReceiverKind::Reference(_, _, None))
    {
        diag.error(receiver, "a batch may run the method more than once: take `&self`");
    }
    for argument in signature.arguments.iter().filter(|it| it.ident != *keys) {
        if matches!(&argument.ty, Type::Reference(TypeReference { mutability: Some(_), .. })) {
            diag.error(
                &argument.ty,
                format_args!(
                    "a batch may run the function more than once, so `{}` cannot be `&mut`",
                    argument.ident
                ),
            );
        }
    }
}

/// Returns the type of one key, and whether they come as a slice.
fn element(ty: &Type) -> Option<(Type, bool)> {
    match ty {
        Type::Group(group) => element(&group.elem),
        Type::Paren(paren) => element(&paren.elem),
        // The slice that the function gets is one of those that are missing, and lives no longer.
        Type::Reference(TypeReference { elem, mutability: None, lifetime: None, .. }) => {
            match &**elem {
                Type::Slice(slice) => Some(((*slice.elem).clone(), true)),
                _ => None,
            }
        }
        Type::Path(path) => {
            let last = path.path.segments.last().filter(|last| last.ident == "Vec")?;
            let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
            match arguments.args.first() {
                Some(GenericArgument::Type(id)) if arguments.args.len() == 1 => {
                    Some((id.clone(), false))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use quote::{ToTokens, quote};

    use super::*;

    fn batch(item: &str) -> (Option<String>, usize) {
        let mut diag = Diag::new();
        let mut options = CachedOptions::parse(quote!(batch = ids), &mut diag);
        let item: ItemFn = syn::parse_str(item).unwrap();
        let mut signature = Signature::read(&item, &mut diag).unwrap();
        let path = CratePath::new(None);
        let batch = Batch::take(&mut options, &mut signature, &path, &mut diag).unwrap();
        let promise = batch.promise(&item, &signature.returns, &path);
        let errors = diag.finish().err().map_or(0, |all| all.into_iter().count());
        (promise.map(|it| it.to_token_stream().to_string().replace(' ', "")), errors)
    }

    #[test]
    fn what_a_batch_returns_is_asked_once_where_it_hangs_on_nothing() {
        let check = |item: &str, expected: Option<&str>| {
            let (promise, errors) = batch(item);
            assert_eq!((promise.as_deref(), errors), (expected, 0), "{item}");
        };
        check(
            "fn f(ids: &[u64]) -> Found { todo!() }",
            Some("Found:::memclient::__private::Batch<Id=u64>"),
        );
        check("fn f<T: Load>(ids: &[u64]) -> HashMap<u64, T> { todo!() }", None);
        check("fn f<const N: usize>(ids: &[u64]) -> HashMap<u64, [u8; N]> { todo!() }", None);
        check("fn f(ids: Vec<&str>) -> HashMap<u64, u8> { todo!() }", None);
        check("fn f<'a>(ids: Vec<u8>) -> HashMap<u8, Cow<'a, str>> { todo!() }", None);
    }

    #[test]
    fn what_is_no_map_by_its_name_is_told_at_once() {
        let check = |returns: &str, expected| {
            let (_, errors) = batch(&format!("fn f(ids: &[u64]) -> {returns} {{ todo!() }}"));
            assert_eq!(errors, expected, "{returns}");
        };
        check("HashMap<u64, String>", 0);
        check("Result<HashMap<u64, Vec<String>>, E>", 0);
        check("io::Result<Found>", 0);
        check("Found", 0);
        check("fmt::Result", 0);
        check("Vec<String>", 1);
        check("std::vec::Vec<(u64, String)>", 1);
        check("Result<BTreeMap<u64, String>, E>", 1);
        check("Option<HashMap<u64, String>>", 1);
        check("(u64, String)", 1);
    }
}
