//! Deterministic `tar.zst` archives of file contents, named inside by their digests. Paths, modes,
//! links and directories are not here: they are the manifest's, which the caller keeps.

mod error;
mod format;
mod pack;
mod staging;
mod unpack;

pub use error::{PackError, UnpackError};
pub use pack::{Item, pack};
pub use unpack::{Wanted, unpack, verify};
