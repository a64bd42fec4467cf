//! A cached function whose options have been checked against its signature.

use syn::{Expr, Ident, ItemFn, LitStr, Type, TypeReference, ext::IdentExt};

use crate::{
    crate_path::CratePath,
    diag::{Diag, Slot},
    model::{
        mentions,
        signature::{Argument, Signature},
    },
    parse::cached::{CachedOptions, Time},
};

/// Everything that is written out for one `#[cached]` function.
pub(crate) struct CachedFn {
    pub(crate) item: ItemFn,
    pub(crate) signature: Signature,
    pub(crate) place: Place,
    /// The parts of the key in their order.
    pub(crate) key: Vec<KeyPart>,
    /// For each argument, whether the key can be written only with it.
    pub(crate) in_key: Vec<bool>,
    pub(crate) name: Option<LitStr>,
    pub(crate) version: Option<u32>,
    pub(crate) ttl: Option<Time>,
    pub(crate) none: Option<Time>,
    pub(crate) cache: Option<Expr>,
    pub(crate) crate_path: CratePath,
}

/// Where the function stands, which decides what may stand beside it.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Place {
    /// In a module or in the body of a function: a companion type may stand beside it.
    Module,
    /// In an `impl` or a trait: only functions may.
    Type,
}

/// One part of a key.
pub(crate) enum KeyPart {
    Argument(Ident),
    Expr(Expr),
}

impl CachedFn {
    /// Checks options and function together; mistakes go to `diag`.
    pub(crate) fn new(item: ItemFn, mut options: CachedOptions, diag: &mut Diag) -> Option<Self> {
        let signature = Signature::read(&item, diag)?;
        let place = if signature.receiver.is_some() || mentions::own_type(&item.sig, &item.block) {
            Place::Type
        } else {
            Place::Module
        };
        check_attributes(&item, diag);
        check_skip(&options, &signature, diag);
        check_receiver(&options, &signature, diag);
        check_times(&options, diag);
        if place == Place::Module {
            check_name(&item.sig.ident, diag);
            for (slot, expr) in module_expressions(&options) {
                check_module_expression(slot, expr, &signature, diag);
            }
        }
        let key = key_parts(&options, &signature);
        let in_key = arguments_in_key(&key, &signature);
        if options.key.get().is_none() {
            check_mutable(&in_key, &signature, diag);
        }
        Some(Self {
            signature,
            place,
            key,
            in_key,
            name: options.name.take(),
            version: options.version.take(),
            ttl: options.ttl.take(),
            none: options.none.take(),
            cache: options.cache.take(),
            crate_path: CratePath::new(options.crate_path.take()),
            item,
        })
    }

    /// Returns the arguments that the key is made of.
    pub(crate) fn key_arguments(&self) -> impl Iterator<Item = &Argument> {
        let pairs = self.signature.arguments.iter().zip(&self.in_key);
        pairs.filter(|(_, in_key)| **in_key).map(|(it, _)| it)
    }

    pub(crate) fn is_async(&self) -> bool {
        self.item.sig.asyncness.is_some()
    }
}

fn check_attributes(item: &ItemFn, diag: &mut Diag) {
    for attribute in &item.attrs {
        let last = attribute.path().segments.last();
        if last.is_some_and(|it| it.ident == "cached") {
            diag.error(attribute, "the function is cached twice: keep one `#[cached(..)]`");
        }
    }
}

fn check_skip(options: &CachedOptions, signature: &Signature, diag: &mut Diag) {
    let Some(skipped) = options.skip.get() else {
        return;
    };
    if let (Some(skip), Some(_)) = (options.skip.name(), options.key.get()) {
        diag.error(skip, "`key(..)` already says all that is in the key: leave out `skip(..)`");
    }
    for (index, name) in skipped.iter().enumerate() {
        if skipped[..index].contains(name) {
            diag.error(name, format_args!("`{name}` is skipped twice"));
        }
        let is_receiver = name == "self" && signature.receiver.is_some();
        if !is_receiver && signature.arguments.iter().all(|it| it.ident != *name) {
            diag.error(name, format_args!("`{name}` is no argument: {}", signature.names()));
        }
    }
}

/// A silent answer would hand what belongs to one receiver to another.
fn check_receiver(options: &CachedOptions, signature: &Signature, diag: &mut Diag) {
    let Some(receiver) = &signature.receiver else {
        return;
    };
    let skipped = options.skip.get();
    let is_skipped = skipped.is_some_and(|names| names.iter().any(|it| it == "self"));
    if options.key.get().is_some() || is_skipped {
        return;
    }
    let argument = signature
        .arguments
        .iter()
        .find(|it| skipped.is_none_or(|names| !names.contains(&it.ident)));
    let rest = argument.map_or_else(String::new, |it| format!(", {}", it.ident));
    diag.error(
        receiver.self_token,
        format_args!(
            "two receivers would share an entry: say what of `self` is in the key with \
             `key(self.tenant{rest})`, or `skip(self)`"
        ),
    );
}

fn check_times(options: &CachedOptions, diag: &mut Diag) {
    let (Some(Time::Seconds(ttl, _)), Some(Time::Seconds(none, text))) =
        (options.ttl.get(), options.none.get())
    else {
        return;
    };
    if none > ttl {
        diag.error(
            text,
            "`none` is longer than `ttl`: that nothing was found is kept for a shorter time than \
             what was found",
        );
    }
}

/// The companion has the name of the function and would hide a primitive type of that name.
fn check_name(name: &Ident, diag: &mut Diag) {
    const PRIMITIVES: [&str; 17] = [
        "bool", "char", "str", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32",
        "i64", "i128", "isize", "f32", "f64",
    ];
    let text = name.unraw().to_string();
    if PRIMITIVES.contains(&text.as_str()) {
        diag.error(
            name,
            format_args!(
                "a type named `{text}` stands beside the function and would hide the primitive \
                 type: give the function another name"
            ),
        );
    }
}

/// Returns the expressions that the companion evaluates too.
fn module_expressions(options: &CachedOptions) -> impl Iterator<Item = (&Ident, &Expr)> {
    fn time(slot: &Slot<Time>) -> Option<(&Ident, &Expr)> {
        match (slot.name(), slot.get()) {
            (Some(name), Some(Time::Expr(expr))) => Some((name, expr)),
            _ => None,
        }
    }
    let cache = options.cache.name().zip(options.cache.get());
    [time(&options.ttl), time(&options.none), cache].into_iter().flatten()
}

fn check_module_expression(option: &Ident, expr: &Expr, signature: &Signature, diag: &mut Diag) {
    for argument in &signature.arguments {
        let name = &argument.ident;
        if mentions::variable(expr, name) {
            diag.error(
                expr,
                format_args!(
                    "`{option}` is the same for every call, so it cannot use the argument \
                     `{name}`: name a static, a constant or a function"
                ),
            );
        }
    }
}

/// What a body writes through `&mut` would be missing on a hit.
fn check_mutable(in_key: &[bool], signature: &Signature, diag: &mut Diag) {
    for (argument, in_key) in signature.arguments.iter().zip(in_key) {
        let is_mutable =
            matches!(&argument.ty, Type::Reference(TypeReference { mutability: Some(_), .. }));
        if is_mutable && *in_key {
            let name = &argument.ident;
            diag.error(
                &argument.ty,
                format_args!(
                    "what is written to `{name}` is not written again when the value comes from \
                     the cache: take it by `&` or by value, or `skip({name})` if it is only a handle"
                ),
            );
        }
    }
}

fn key_parts(options: &CachedOptions, signature: &Signature) -> Vec<KeyPart> {
    if let Some(parts) = options.key.get() {
        return parts.iter().cloned().map(KeyPart::Expr).collect();
    }
    let skipped = options.skip.get().map_or(&[][..], Vec::as_slice);
    let arguments = signature.arguments.iter().map(|it| &it.ident);
    arguments.filter(|name| !skipped.contains(name)).cloned().map(KeyPart::Argument).collect()
}

fn arguments_in_key(key: &[KeyPart], signature: &Signature) -> Vec<bool> {
    let used = |argument: &Argument| {
        key.iter().any(|part| match part {
            KeyPart::Argument(name) => *name == argument.ident,
            KeyPart::Expr(expr) => mentions::variable(expr, &argument.ident),
        })
    };
    signature.arguments.iter().map(used).collect()
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;
    use quote::quote;

    use super::*;

    fn model(options: TokenStream, item: &str) -> Result<CachedFn, Vec<String>> {
        let mut diag = Diag::new();
        let options = CachedOptions::parse(options, &mut diag);
        let model = CachedFn::new(syn::parse_str(item).unwrap(), options, &mut diag);
        diag.finish()
            .map_err(|all| all.into_iter().map(|it| it.to_string()).collect::<Vec<_>>())?;
        Ok(model.unwrap())
    }

    #[track_caller]
    fn refused(options: TokenStream, item: &str, part: &str) {
        let errors = model(options, item).err().unwrap_or_default();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].contains(part), "{errors:?}");
    }

    #[track_caller]
    fn key_arguments(options: TokenStream, item: &str, expected: &[&str]) {
        let model = model(options, item).unwrap();
        let names: Vec<_> = model.key_arguments().map(|it| it.ident.to_string()).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn the_key_is_made_of_what_is_not_skipped() {
        let item = "fn f(db: &Db, a: u32, b: u32) -> u32 { a }";
        key_arguments(quote!(skip(db)), item, &["a", "b"]);
        key_arguments(quote!(), "fn f() -> u32 { 1 }", &[]);
    }

    #[test]
    fn the_key_arguments_are_those_that_the_expressions_use() {
        let item = "fn f(db: &Db, user: &User, lang: &str) -> u32 { 1 }";
        key_arguments(quote!(key(user.id, format!("{lang}"))), item, &["user", "lang"]);
    }

    #[test]
    fn options_and_signature_must_agree() {
        let free = "fn f(db: &mut Db, id: u32) -> u32 { id }";
        refused(quote!(skip(db, idd)), free, "`idd` is no argument: there are `db`, `id`");
        refused(quote!(skip(db, db)), free, "skipped twice");
        refused(quote!(skip(db), key(id)), free, "leave out `skip(..)`");
        refused(quote!(skip(self, db)), free, "`self` is no argument");
        refused(quote!(), free, "`skip(db)` if it is only a handle");
        refused(quote!(skip(db), cache = db.cache), free, "cannot use the argument `db`");
        refused(quote!(skip(db), ttl = "1m", none = "2m"), free, "`none` is longer than `ttl`");
    }

    #[test]
    fn what_meets_the_companion_is_refused() {
        let twice = "#[memclient::cached] fn f(id: u32) -> u32 { id }";
        refused(quote!(), twice, "cached twice");
        let primitive = "fn str(id: u32) -> u32 { id }";
        refused(quote!(), primitive, "hide the primitive type");
    }

    #[test]
    fn a_receiver_is_never_left_out_in_silence() {
        let method = "fn f(&self, db: &Db, id: u32) -> u32 { id }";
        refused(quote!(skip(db)), method, "`key(self.tenant, id)`, or `skip(self)`");
        assert!(model(quote!(skip(self, db)), method).is_ok());
        assert!(model(quote!(key(self.tenant, id), ttl = self.ttl), method).is_ok());
    }
}
