//! Whether options and function fit together; each mistake is noted at the user's own token.

use syn::{Expr, Ident, ItemFn, ReceiverKind, Type, TypeReference, ext::IdentExt, visit::Visit};

use crate::{
    diag::{Diag, Slot},
    model::{cached_fn::Place, future::Future, mentions, signature::Signature},
    parse::cached::{CachedOptions, Compress, OnError, Refresh, Time},
};

pub(super) fn check(
    item: &ItemFn,
    options: &CachedOptions,
    signature: &Signature,
    place: Place,
    in_key: &[bool],
    is_shared: bool,
    diag: &mut Diag,
) {
    check_attributes(item, diag);
    check_skip(options, signature, diag);
    if !is_shared {
        check_receiver(options, signature, diag);
    }
    check_times(options, diag);
    check_errors(options, diag);
    check_background(item, options, signature, diag);
    check_associated(options, signature, diag);
    check_tags(options, signature, in_key, diag);
    if place == Place::Module {
        check_name(&item.sig.ident, diag);
        for (slot, expr) in module_expressions(options) {
            check_module_expression(slot, expr, signature, diag);
        }
    }
    if options.key.get().is_none() && !is_shared {
        check_mutable(in_key, signature, diag);
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

/// Whoever reads or replaces an entry has only what its key is made of, and must find its tags.
fn check_tags(options: &CachedOptions, signature: &Signature, in_key: &[bool], diag: &mut Diag) {
    for tag in options.tags.get().into_iter().flatten() {
        let arguments = signature.arguments.iter().zip(in_key);
        for (argument, _) in arguments.filter(|(_, in_key)| !**in_key) {
            let name = &argument.ident;
            if mentions::variable(tag, name) {
                diag.error(
                    tag,
                    format_args!(
                        "`{name}` is not in the key, and a tag is found out from what is: put it \
                         into the key, or tag by something else"
                    ),
                );
            }
        }
    }
}

fn check_times(options: &CachedOptions, diag: &mut Diag) {
    let (Some(Time::Millis(ttl, _)), Some(Time::Millis(none, text))) =
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

fn check_errors(options: &CachedOptions, diag: &mut Diag) {
    if options.on_error.get() != Some(&OnError::Cache) {
        return;
    }
    if let Some(none) = options.none.name() {
        diag.error(
            none,
            "`on_error = \"cache\"` keeps all that is returned, `None` too: leave out `none`",
        );
    }
}

/// What runs behind the call's back needs arguments of its own, and a task to run in.
fn check_background(
    item: &ItemFn,
    options: &CachedOptions,
    signature: &Signature,
    diag: &mut Diag,
) {
    if options.refresh.get() != Some(&Refresh::Background) {
        for name in [options.early.name(), options.timeout.name()].into_iter().flatten() {
            diag.error(
                name,
                format_args!(
                    "`{name}` is for what is loaded in the background: add \
                     `refresh = \"background\"`, or leave it out"
                ),
            );
        }
        return;
    }
    if let (None, Some(refresh)) = (signature.future, options.refresh.name()) {
        diag.error(
            refresh,
            "only an `async fn` can be refreshed in the background: write it as one, or leave out \
             `refresh`",
        );
    }
    if signature.future.is_some_and(|future| future != Future::Async) {
        diag.error(
            &item.sig.output,
            "only an `async fn` can be refreshed in the background: write it as one",
        );
    }
    if let Some(receiver) = &signature.receiver
        && matches!(receiver.kind, ReceiverKind::Reference(..))
    {
        diag.error(
            receiver,
            "`refresh = \"background\"` runs the function after the call has returned, so it cannot \
             borrow: take `self: Arc<Self>`",
        );
    }
    for argument in &signature.arguments {
        let mut search = FindReference(false);
        search.visit_type(&argument.ty);
        if search.0 {
            diag.error(
                &argument.ty,
                format_args!(
                    "`refresh = \"background\"` runs the function after the call has returned, so \
                     `{}` cannot be borrowed: take it by value, or in an `Arc`",
                    argument.ident
                ),
            );
        }
    }
}

struct FindReference(bool);

impl Visit<'_> for FindReference {
    fn visit_type_reference(&mut self, reference: &TypeReference) {
        let is_static = reference.lifetime.as_ref().is_some_and(|it| it.ident == "static");
        self.0 |= !is_static;
    }
}

fn check_associated(options: &CachedOptions, signature: &Signature, diag: &mut Diag) {
    if let (Some(name), Some(_)) = (options.associated.name(), &signature.receiver) {
        diag.error(name, "`associated` is for functions of a type without `self`: leave it out");
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
    fn value(slot: &Slot<Expr>) -> Option<(&Ident, &Expr)> {
        slot.name().zip(slot.get())
    }
    let compress = match (options.compress.name(), options.compress.get()) {
        (Some(name), Some(Compress::Expr(expr))) => Some((name, expr)),
        _ => None,
    };
    let times = [
        &options.ttl,
        &options.none,
        &options.grace,
        &options.soft_timeout,
        &options.timeout,
        &options.throttle,
        &options.lease,
        &options.near,
    ];
    let values = [&options.cache, &options.early, &options.jitter, &options.single_flight];
    times.into_iter().filter_map(time).chain(values.into_iter().filter_map(value)).chain(compress)
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
