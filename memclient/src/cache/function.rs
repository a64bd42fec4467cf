use std::{
    any::TypeId,
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use memclient_serde::{CacheValue, Fingerprint, KeyHead};

use super::{Cache, core::Core};
use crate::{error::Error, events::Event};

/// What is known of a cached function when it is compiled: the name of its entries and their
/// version.
#[derive(Debug)]
pub struct CachedFn {
    module: &'static str,
    function: &'static str,
    /// The line and the column that it stands in.
    place: (u32, u32),
    name: Option<&'static str>,
    version: Option<u32>,
    /// The head for the type that it returned first, which is that of nearly all functions.
    first: OnceLock<(TypeId, KeyHead)>,
    /// Those of a generic function's other types.
    others: RwLock<Vec<(TypeId, &'static KeyHead)>>,
    /// Where the caches stand in which its entries are known to be its own.
    caches: [AtomicUsize; CHECKED_CACHES],
    told: AtomicBool,
}

/// In so many caches a function is compared with others of its name; one that goes through more
/// would pay for the comparison with every call.
const CHECKED_CACHES: usize = 4;

impl CachedFn {
    /// Returns the function of this module path and name, at this line and column.
    pub const fn new(module: &'static str, function: &'static str, place: (u32, u32)) -> Self {
        Self {
            module,
            function,
            place,
            name: None,
            version: None,
            first: OnceLock::new(),
            others: RwLock::new(Vec::new()),
            caches: [const { AtomicUsize::new(0) }; CHECKED_CACHES],
            told: AtomicBool::new(false),
        }
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
    pub(crate) fn head<T: CacheValue>(&self) -> &KeyHead {
        let ty = TypeId::of::<T>();
        let (first, head) = self.first.get_or_init(|| (ty, self.new_head::<T>()));
        if *first == ty { head } else { self.other_head::<T>(ty) }
    }

    /// Says whether its entries in the cache are known to be its own.
    #[inline]
    pub(crate) fn is_known_in(&self, cache: &Cache) -> bool {
        let address = Arc::as_ptr(cache.shared()).addr();
        self.caches.iter().any(|known| known.load(Ordering::Relaxed) == address)
    }

    /// Returns the function that keeps its entries in the cache under the same head and place, if
    /// this one is not the first to do so.
    ///
    /// The first to ask has them; with whoever comes later it would share them in silence.
    #[cold]
    pub(crate) fn rival(
        &'static self,
        cache: &Cache,
        head: &KeyHead,
        place: &str,
    ) -> Option<&'static Self> {
        let address = Arc::as_ptr(cache.shared()).addr();
        let free = self.caches.iter().find(|known| known.load(Ordering::Relaxed) == 0)?;
        let mut owners =
            OWNERS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        let owner = owners
            .entry((address, format!("{head:?}{place}")))
            .or_insert_with(|| Owner { function: self, _cache: Arc::downgrade(cache.shared()) });
        if owner.function.is_same(self) {
            free.store(address, Ordering::Relaxed);
            return None;
        }
        Some(owner.function)
    }

    /// Tells that another function has the entries.
    pub(crate) fn refused(&self, rival: &Self) -> Error {
        let (name, mine, theirs) = (self.entries(), self.path(), rival.path());
        Error::config(format!(
            "`{mine} and `{theirs} both keep their entries under the name `{name}`, so each would \
             answer for the other: give one of them another `name`"
        ))
    }

    /// Tells the observer the same, once.
    pub(crate) fn tell_refused(&self, cache: &Cache, rival: &Self) {
        if !self.told.swap(true, Ordering::Relaxed) {
            cache.core().tell(&Event::NameTaken { error: &self.refused(rival) });
        }
    }

    #[cold]
    fn other_head<T: CacheValue>(&self, ty: TypeId) -> &KeyHead {
        let find = |heads: &[(TypeId, &'static KeyHead)]| {
            heads.iter().find(|(known, _)| *known == ty).map(|(_, head)| *head)
        };
        let known = find(&self.others.read().unwrap_or_else(PoisonError::into_inner));
        known.unwrap_or_else(|| {
            let mut others = self.others.write().unwrap_or_else(PoisonError::into_inner);
            find(&others).unwrap_or_else(|| {
                // As long-lived as the function; there are as many as the program names types.
                let head: &'static KeyHead = Box::leak(Box::new(self.new_head::<T>()));
                others.push((ty, head));
                head
            })
        })
    }

    fn new_head<T: CacheValue>(&self) -> KeyHead {
        key_head(&self.entries(), self.version, Fingerprint::of::<T>())
    }

    fn entries(&self) -> String {
        let place = || format!("{}.{}", self.module.replace("::", "."), self.function);
        self.name.map_or_else(place, str::to_owned)
    }

    fn path(&self) -> String {
        let (line, _) = self.place;
        format!("{}::{}` in line {line}", self.module, self.function)
    }

    /// Says whether both are of one function: its method and the method that returns its entries
    /// each have their own.
    fn is_same(&self, other: &Self) -> bool {
        let identity = |it: &Self| (it.module, it.function, it.place);
        identity(self) == identity(other)
    }
}

/// The functions that keep entries, by the address of the cache and the beginning of their keys.
static OWNERS: OnceLock<Mutex<HashMap<(usize, String), Owner>>> = OnceLock::new();

struct Owner {
    function: &'static CachedFn,
    /// While this is there, no other cache has its address.
    _cache: Weak<Core>,
}

/// Returns the head `name.fingerprint`, or `name.v1.fingerprint` with a version.
pub(super) fn key_head(name: &str, version: Option<u32>, fingerprint: Fingerprint) -> KeyHead {
    let version = version.map(|version| format!(".v{version}")).unwrap_or_default();
    let chars = fingerprint.chars();
    let fingerprint = std::str::from_utf8(&chars).unwrap_or_default();
    KeyHead::new(&format!("{name}{version}.{fingerprint}"))
}
