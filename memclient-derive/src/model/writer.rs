//! A function after which entries are removed or replaced.

use quote::ToTokens;
use syn::{Expr, ExprCall, ExprPath, ItemFn, PathArguments, ReturnType, Type, parse_quote};

use crate::{
    crate_path::CratePath,
    diag::Diag,
    model::future::{self, Future},
    parse::{
        text,
        writer::{When, WriterOptions},
    },
};

/// Which of the two attributes stands on the function.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Task {
    Invalidate,
    Put,
}

/// Everything that is written out for one writer.
pub(crate) struct Writer {
    pub(crate) item: ItemFn,
    pub(crate) task: Task,
    /// What the function returns, or its future brings.
    pub(crate) returns: Type,
    pub(crate) future: Option<Future>,
    pub(crate) targets: Vec<Target>,
    pub(crate) when: Option<When>,
    pub(crate) crate_path: CratePath,
}

/// An entry, with the value for it, if that is not the one which the writer returns.
pub(crate) struct Target {
    pub(crate) entry: Named,
    pub(crate) value: Option<Expr>,
}

/// How an entry is named.
pub(crate) enum Named {
    /// A cached function with the arguments of its key: `shop::user::<T>(id)`.
    Function(ExprPath, ExprCall),
    /// An expression, such as the call of a method that returns the entry.
    Expr(Expr),
    /// All entries with the tag of this text.
    Tag(Expr),
}

impl Writer {
    pub(crate) fn new(
        item: ItemFn,
        mut options: WriterOptions,
        task: Task,
        diag: &mut Diag,
    ) -> Self {
        let (returns, future) = returns(&item);
        if let Some(constness) = &item.sig.constness {
            diag.error(
                constness,
                "a `const fn` writes nothing: the cache is not there while compiling",
            );
        }
        if options.targets.is_empty() {
            let example = match task {
                Task::Invalidate => "#[invalidates(user(id))]",
                Task::Put => "#[cache_put(user(id))]",
            };
            diag.error(
                &item.sig.ident,
                format_args!(
                    "no entry is named: write the cached function with the arguments of its key, \
                     `{example}`"
                ),
            );
        }
        let targets = options.targets.into_iter().filter_map(|(entry, value)| {
            if let (Some(value), Task::Invalidate) = (&value, task) {
                diag.error(value, "`invalidates` takes no value: `cache_put` does");
            }
            Some(Target { entry: named(entry, task, diag)?, value })
        });
        let targets = targets.collect();
        Self {
            task,
            returns,
            future,
            targets,
            when: options.when.take(),
            crate_path: CratePath::new(options.crate_path.take()),
            item,
        }
    }
}

fn returns(item: &ItemFn) -> (Type, Option<Future>) {
    let ty = match &item.sig.output {
        ReturnType::Default => {
            return (parse_quote!(()), item.sig.asyncness.map(|_| Future::Async));
        }
        ReturnType::Type(_, ty) => &**ty,
    };
    if item.sig.asyncness.is_some() {
        return (ty.clone(), Some(Future::Async));
    }
    match future::returned(ty) {
        Some((form, output)) => (output.clone(), Some(form)),
        None => (ty.clone(), None),
    }
}

fn named(entry: Expr, task: Task, diag: &mut Diag) -> Option<Named> {
    match entry {
        Expr::Call(call) if is_tag(&call) => tag(call, task, diag),
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) if is_function(path) => {
                let path = path.clone();
                Some(Named::Function(path, call))
            }
            _ => Some(Named::Expr(Expr::Call(call))),
        },
        Expr::Group(group) => named(*group.expr, task, diag),
        entry @ Expr::MethodCall(_) => Some(Named::Expr(entry)),
        Expr::Path(path) => {
            let name = path.to_token_stream().to_string().replace(' ', "");
            diag.error(
                &path,
                format_args!(
                    "which entry of `{name}`? Write the arguments of its key: `{name}(..)`"
                ),
            );
            None
        }
        other => {
            diag.error(
                &other,
                "an entry is a cached function with the arguments of its key, `user(id)`, or a \
                 method that returns one, `self.user_entry(id)`",
            );
            None
        }
    }
}

fn is_tag(call: &ExprCall) -> bool {
    matches!(&*call.func, Expr::Path(path) if path.path.is_ident("tag"))
}

fn tag(call: ExprCall, task: Task, diag: &mut Diag) -> Option<Named> {
    if task == Task::Put {
        diag.error(
            &call,
            "a tag has no value to put: end its entries with `#[invalidates(tag(..))]`",
        );
        return None;
    }
    let shown = call.to_token_stream();
    let mut arguments = call.args.into_iter();
    if let (Some(text), None) = (arguments.next(), arguments.next()) {
        return Some(Named::Tag(diag.ok(text::formatted(text))?));
    }
    diag.error(shown, "a tag is one text: write `tag(\"org:{org}\")`");
    None
}

/// Tells a function of a module from one of a type, which by custom begins with a capital.
fn is_function(path: &ExprPath) -> bool {
    let mut segments = path.path.segments.iter().rev();
    let arguments = segments.next().map(|it| &it.arguments);
    let owner = segments.next();
    path.qself.is_none()
        && !matches!(arguments, Some(PathArguments::Parenthesized(_)))
        && owner.is_none_or(|it| !it.ident.to_string().starts_with(char::is_uppercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(entry: Expr, is_function: bool) {
        let mut diag = Diag::new();
        let named = named(entry, Task::Invalidate, &mut diag);
        diag.finish().unwrap();
        assert_eq!(matches!(named, Some(Named::Function(..))), is_function);
        assert!(named.is_some());
    }

    #[test]
    fn a_tag_is_one_text_and_nothing_to_put() {
        let read = |entry: Expr, task| {
            let mut diag = Diag::new();
            let named = named(entry, task, &mut diag);
            (matches!(named, Some(Named::Tag(_))), diag.finish().is_ok())
        };
        assert_eq!(read(parse_quote!(tag("org:{u.org}")), Task::Invalidate), (true, true));
        assert_eq!(read(parse_quote!(tag(name)), Task::Invalidate), (true, true));
        assert_eq!(read(parse_quote!(tag()), Task::Invalidate), (false, false));
        assert_eq!(read(parse_quote!(tag("a", "b")), Task::Invalidate), (false, false));
        assert_eq!(read(parse_quote!(tag("a")), Task::Put), (false, false));
    }

    #[test]
    fn functions_and_entries_are_told_apart() {
        check(parse_quote!(user(id)), true);
        check(parse_quote!(crate::shop::user::<User>(id)), true);
        check(parse_quote!(self.user_entry(id)), false);
        check(parse_quote!(Self::user_entry(id)), false);
        check(parse_quote!(Shop::user_entry(id)), false);
    }
}
