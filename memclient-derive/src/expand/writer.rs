//! A writer with what it does to entries when it has written.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{AttrStyle, Expr, ExprPath, Ident, PathArguments, spanned::Spanned};

use crate::{
    expand::{
        cached_fn::typed_body,
        call::{self, private_ident},
    },
    model::{
        future::Future,
        writer::{Named, Target, Task, Writer},
    },
    parse::writer::When,
};

/// Input:
/// ```text
/// #[invalidates(user(u.id))]
/// async fn save(db: &Db, u: User) -> Result<(), E> { body }
/// ```
/// Output; what the entries are is found out before the body, which may move the arguments away:
/// ```text
/// async fn save(db: &Db, u: User) -> Result<(), E> {
///     let target = user::__memclient_target(u.id);
///     let returned = async move { body }.await;
///     if ::memclient::__private::Ends::succeeded(shape, &returned) {
///         ::memclient::__private::invalidate(target).await;
///     }
///     returned
/// }
/// ```
pub(crate) fn expand(model: &Writer) -> TokenStream {
    let private = model.crate_path.private();
    let (inner, outer): (Vec<_>, Vec<_>) =
        model.item.attrs.iter().partition(|it| matches!(it.style, AttrStyle::Inner(_)));
    let (vis, default) = (&model.item.vis, &model.item.modifiers.defaultness);
    let signature = &model.item.sig;
    let (allow, returned) = (call::allow(), private_ident("returned"));
    let targets = model.targets.iter().enumerate().map(|(at, target)| before(model, at, target));
    let afterwards = model.targets.iter().enumerate().map(|(at, target)| after(model, at, target));
    let (run, condition) = (run(model), condition(model, &returned));
    let body = quote! {
        #( #targets )*
        let #returned = #run;
        #allow
        if #condition {
            #( #afterwards )*
        }
        #returned
    };
    let body = match model.future {
        None | Some(Future::Async) => body,
        Some(Future::Boxed) => quote!(#private::Box::pin(async move { #body })),
        Some(Future::Opaque) => quote!(async move { #body }),
    };
    quote! {
        #( #outer )*
        #vis #default #signature {
            #( #inner )*
            #body
        }
    }
}

/// Writes the user's body as an expression.
fn run(model: &Writer) -> TokenStream {
    let private = model.crate_path.private();
    let (block, returns, output) = (&model.item.block, &model.returns, &model.item.sig.output);
    match model.future {
        None => quote!(#private::run(move || -> #returns #block)),
        Some(Future::Async) => {
            let body = typed_body(block, returns);
            quote!(async move { #body }.await)
        }
        Some(Future::Boxed) => quote!(#private::run(move || #output #block).await),
        Some(Future::Opaque) => quote!(#private::run(move || #block).await),
    }
}

fn before(model: &Writer, at: usize, target: &Target) -> TokenStream {
    let (name, allow) = (target_ident(at), call::allow());
    let entry = match &target.entry {
        Named::Function(path, call) => {
            let function = beside(path, "__memclient_target");
            let arguments = &call.args;
            quote_spanned!(path.span()=> #function(#arguments))
        }
        Named::Expr(expr) if model.task == Task::Invalidate => {
            let private = model.crate_path.private_at(expr.span());
            quote_spanned!(expr.span()=> #private::target(#expr))
        }
        Named::Expr(expr) => quote!(#expr),
        Named::Tag(text) => {
            let private = model.crate_path.private_at(text.span());
            let text = call::borrowed(text);
            quote_spanned!(text.span()=> #private::tag_target(#text))
        }
    };
    let value = target.value.as_ref().map(|value| {
        let name = value_ident(at);
        quote!(let #name = #value;)
    });
    quote! {
        #allow
        let #name = #entry;
        #value
    }
}

fn after(model: &Writer, at: usize, target: &Target) -> TokenStream {
    let private = model.crate_path.private();
    let name = target_ident(at);
    let (wait, suffix) = match model.future {
        Some(_) => (Some(quote!(.await)), ""),
        None => (None, "_blocking"),
    };
    if let Named::Tag(_) = target.entry {
        let invalidate = format_ident!("invalidate_tag{suffix}");
        return quote!(#private::#invalidate(#name) #wait;);
    }
    if model.task == Task::Invalidate {
        let invalidate = format_ident!("invalidate_entry{suffix}");
        let by_reference = model.future.is_none().then(|| quote!(&));
        return quote!(#private::#invalidate(#by_reference #name) #wait;);
    }
    // At what is to be kept, so that a value of another type is shown there.
    let span = target.value.as_ref().map_or_else(|| model.returns.span(), Expr::span);
    let value = match &target.value {
        Some(_) => value_ident(at),
        None => private_ident("returned"),
    };
    let put = match &target.entry {
        Named::Function(path, _) => beside(path, &format!("__memclient_put{suffix}")),
        Named::Expr(_) | Named::Tag(_) => {
            let put = format_ident!("put_entry{suffix}");
            quote!(#private::#put)
        }
    };
    quote_spanned!(span=> #put(#name, &#value) #wait;)
}

/// Writes whether there is something to be done.
fn condition(model: &Writer, returned: &Ident) -> TokenStream {
    let private = model.crate_path.private();
    let shape = call::shape(&model.crate_path, &model.returns);
    let succeeded = |shape: TokenStream| quote!(#private::Ends::succeeded(#shape, &#returned));
    let sure = |word: &Ident| call::changed(&model.crate_path, word.span(), "may_fail", &shape);
    match &model.when {
        None => succeeded(shape.clone()),
        Some(When::Ok(word)) => succeeded(sure(word)),
        Some(When::Err(word)) => {
            let succeeded = succeeded(sure(word));
            quote!(!#succeeded)
        }
        Some(When::Always) => quote!(true),
    }
}

/// Writes the path of a function of the companion: `shop::user::name::<T>` for `shop::user::<T>`.
pub(super) fn beside(path: &ExprPath, name: &str) -> TokenStream {
    let mut function = path.path.clone();
    let mut types = PathArguments::None;
    if let Some(last) = function.segments.last_mut() {
        types = std::mem::replace(&mut last.arguments, PathArguments::None);
    }
    let name = Ident::new(name, path.span());
    let types = types.to_token_stream();
    quote!(#function::#name #types)
}

fn target_ident(at: usize) -> Ident {
    private_ident(&format!("target_{at}"))
}

fn value_ident(at: usize) -> Ident {
    private_ident(&format!("value_{at}"))
}
