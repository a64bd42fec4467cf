//! What the words of `compress = ".."` stand for; those of a feature are there with it.

use memclient_serde::Compression;

/// As zlib itself does by default.
#[cfg(feature = "zlib")]
pub const fn zlib() -> Compression {
    Compression::zlib(6)
}

/// As zstd itself does by default.
#[cfg(feature = "zstd")]
pub const fn zstd() -> Compression {
    Compression::zstd(3)
}

#[cfg(feature = "lz4")]
pub const fn lz4() -> Compression {
    Compression::lz4()
}

pub const fn none() -> Compression {
    Compression::NONE
}
