//! A cached function whose options have been checked against its signature.

use syn::{Expr, Ident, ItemFn, LitStr};

use crate::{
    crate_path::CratePath,
    diag::{Diag, Slot},
    model::{
        agree,
        batch::Batch,
        future::Future,
        generics::Parameters,
        mentions,
        signature::{Argument, Signature},
    },
    parse::cached::{CachedOptions, Compress, Fail, OnError, Refresh, Time, Word},
};

/// Everything that is written out for one `#[cached]` function.
pub(crate) struct CachedFn {
    pub(crate) item: ItemFn,
    pub(crate) signature: Signature,
    pub(crate) parameters: Parameters,
    pub(crate) place: Place,
    /// The parts of the key in their order.
    pub(crate) key: Vec<KeyPart>,
    /// For each argument, whether the key can be written only with it.
    pub(crate) in_key: Vec<bool>,
    /// The texts of the tags that its entries have.
    pub(crate) tags: Vec<Expr>,
    pub(crate) name: Option<LitStr>,
    pub(crate) version: Option<u32>,
    pub(crate) policy: Policy,
    pub(crate) cache_if: Option<Expr>,
    /// What says of a value how long it is kept.
    pub(crate) ttl_for: Option<Expr>,
    pub(crate) codec: Option<Word>,
    /// The name of `on_error`, where it has errors kept.
    pub(crate) keeps_errors: Option<Ident>,
    /// The name of `fail`, where the function is not to run without the cache.
    pub(crate) fails_closed: Option<Ident>,
    pub(crate) in_background: bool,
    /// What makes it a function of many keys, if it is one.
    pub(crate) batch: Option<Batch>,
    pub(crate) cache: Option<Expr>,
    /// The method beside a method that returns its entries.
    pub(crate) entry: Option<Ident>,
    pub(crate) crate_path: CratePath,
}

/// What is handed on to the engine as it is.
pub(crate) struct Policy {
    pub(crate) times: Vec<(Ident, Time)>,
    pub(crate) none: Option<Time>,
    /// Options that are expressions, under the name of the setter.
    pub(crate) values: Vec<(Ident, Expr)>,
    pub(crate) compress: Option<Compress>,
}

impl Policy {
    /// Says whether all of it is known while compiling.
    pub(crate) fn is_constant(&self) -> bool {
        let mut times = self.times.iter().map(|(_, time)| time).chain(&self.none);
        times.all(|time| matches!(time, Time::Millis(..)))
            && self.values.iter().all(|(_, value)| matches!(value, Expr::Lit(_)))
            && matches!(self.compress, None | Some(Compress::Word(_)))
    }
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
        let mut signature = Signature::read(&item, diag)?;
        let crate_path = CratePath::new(options.crate_path.take());
        let batch = Batch::take(&mut options, &mut signature, &crate_path, diag);
        let place = place(&item, &options, &signature);
        let key = key_parts(&options, &signature);
        let in_key = arguments_in_key(&key, &signature);
        let is_shared = batch.as_ref().is_some_and(|batch| !batch.is_own());
        agree::check(&item, &options, &signature, place, &in_key, is_shared, diag);
        let mut parameters =
            Parameters::new(&item.sig.generics, &signature.arguments, &in_key, &signature.returns);
        if let Some(predicate) =
            batch.as_ref().and_then(|batch| batch.promise(&item, &signature.returns, &crate_path))
        {
            parameters.require(&predicate);
        }
        let keeps_errors = (options.on_error.get() == Some(&OnError::Cache))
            .then(|| options.on_error.name().cloned())
            .flatten();
        let fails_closed = (options.fail.get() == Some(&Fail::Closed))
            .then(|| options.fail.name().cloned())
            .flatten();
        Some(Self {
            signature,
            parameters,
            place,
            key,
            in_key,
            tags: options.tags.take().unwrap_or_default(),
            name: options.name.take(),
            version: options.version.take(),
            policy: Policy::new(&mut options),
            cache_if: options.cache_if.take(),
            ttl_for: options.ttl_for.take(),
            codec: options.codec.take(),
            keeps_errors,
            fails_closed,
            in_background: options.refresh.get() == Some(&Refresh::Background),
            cache: options.cache.take(),
            entry: options.entry.take(),
            batch,
            crate_path,
            item,
        })
    }

    /// Returns the arguments that the key is made of.
    pub(crate) fn key_arguments(&self) -> impl Iterator<Item = &Argument> {
        let pairs = self.signature.arguments.iter().zip(&self.in_key);
        pairs.filter(|(_, in_key)| **in_key).map(|(it, _)| it)
    }

    /// Says whether each result is looked at before it is kept.
    pub(crate) fn is_judged(&self) -> bool {
        self.cache_if.is_some() || self.ttl_for.is_some()
    }

    pub(crate) fn is_async(&self) -> bool {
        self.future().is_some()
    }

    pub(crate) fn future(&self) -> Option<Future> {
        self.signature.future
    }
}

impl Policy {
    fn new(options: &mut CachedOptions) -> Self {
        let times = [
            &mut options.ttl,
            &mut options.grace,
            &mut options.soft_timeout,
            &mut options.timeout,
            &mut options.throttle,
            &mut options.lease,
            &mut options.near,
        ];
        let values = [&mut options.early, &mut options.jitter, &mut options.single_flight];
        Self {
            times: times.into_iter().filter_map(Slot::take_named).collect(),
            none: options.none.take(),
            values: values.into_iter().filter_map(Slot::take_named).collect(),
            compress: options.compress.take(),
        }
    }
}

fn place(item: &ItemFn, options: &CachedOptions, signature: &Signature) -> Place {
    let is_of_a_type = signature.receiver.is_some()
        || options.associated.get().is_some()
        || options.entry.get().is_some()
        || item.sig.generics.lifetimes().any(|it| it.lifetime.ident == "async_trait")
        || mentions::own_type(&item.sig, &item.block);
    if is_of_a_type { Place::Type } else { Place::Module }
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
    fn tags_are_made_of_what_the_key_is_made_of() {
        let item = "fn f(db: &Db, org: u32, id: u32) -> u32 { id }";
        let part = "`db` is not in the key";
        refused(quote!(skip(db), tags("org:{org}", "db:{db.name}")), item, part);
        assert!(model(quote!(skip(db), tags("org:{org}", "all")), item).is_ok());
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
