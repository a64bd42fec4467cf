use std::sync::OnceLock;

use memclient_serde::{Fingerprint, Schema};

/// What is known of a cached function when it is compiled: the name of its entries and their
/// version.
#[derive(Debug)]
pub struct CachedFn {
    module: &'static str,
    function: &'static str,
    name: Option<&'static str>,
    version: Option<u32>,
    resolved: OnceLock<(Box<str>, Fingerprint)>,
}

impl CachedFn {
    /// Returns the function of this module path and name.
    pub const fn new(module: &'static str, function: &'static str) -> Self {
        Self { module, function, name: None, version: None, resolved: OnceLock::new() }
    }

    /// Returns the function with this name for its entries instead of `module.function`.
    pub const fn name(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Returns the function with this version for its entries.
    pub const fn version(mut self, version: u32) -> Self {
        self.version = Some(version);
        self
    }

    pub(crate) fn version_number(&self) -> Option<u32> {
        self.version
    }

    /// Returns the name of the entries and the fingerprint of their type, found out once.
    ///
    /// Every call names the same `T`: a function has one return type.
    pub(crate) fn resolve<T: Schema>(&self) -> (&str, Fingerprint) {
        let (name, fingerprint) = self.resolved.get_or_init(|| {
            let name = match self.name {
                Some(name) => name.into(),
                None => format!("{}.{}", self.module.replace("::", "."), self.function).into(),
            };
            (name, Fingerprint::of::<T>())
        });
        (name, *fingerprint)
    }
}
