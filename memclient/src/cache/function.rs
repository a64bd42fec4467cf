use std::sync::OnceLock;

use memclient_serde::{Fingerprint, KeyHead, Schema};

/// What is known of a cached function when it is compiled: the name of its entries and their
/// version.
#[derive(Debug)]
pub struct CachedFn {
    module: &'static str,
    function: &'static str,
    name: Option<&'static str>,
    version: Option<u32>,
    head: OnceLock<KeyHead>,
}

impl CachedFn {
    /// Returns the function of this module path and name.
    pub const fn new(module: &'static str, function: &'static str) -> Self {
        Self { module, function, name: None, version: None, head: OnceLock::new() }
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

    /// Returns the head of the keys of its entries, found out once: their name, their version, and
    /// the fingerprint of their type.
    ///
    /// Every call names the same `T`: a function has one return type.
    pub(crate) fn head<T: Schema>(&self) -> &KeyHead {
        self.head.get_or_init(|| {
            let fingerprint = Fingerprint::of::<T>();
            let place = || format!("{}.{}", self.module.replace("::", "."), self.function);
            let name = self.name.map_or_else(place, str::to_owned);
            key_head(&name, self.version, fingerprint)
        })
    }
}

/// Returns the head `name.fingerprint`, or `name.v1.fingerprint` with a version.
pub(super) fn key_head(name: &str, version: Option<u32>, fingerprint: Fingerprint) -> KeyHead {
    let version = version.map(|version| format!(".v{version}")).unwrap_or_default();
    let chars = fingerprint.chars();
    let fingerprint = std::str::from_utf8(&chars).unwrap_or_default();
    KeyHead::new(&format!("{name}{version}.{fingerprint}"))
}
