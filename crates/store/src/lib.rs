//! What is remembered: entries, path sets and blobs in the shared cache; ledger, stat index and
//! step locks of one workspace. The only crate that opens a database; what the bytes in it mean
//! (path sets, manifests, values, reads) is the business of the crates above.

mod blob;
mod body;
mod cache;
mod connect;
mod db;
mod error;
mod insert;
mod ledger;
mod lock;
mod lookup;
mod prune;
mod session;
mod stat_index;
mod state;
mod verify;

pub use blob::{Blob, BlobWriter};
pub use cache::{Cache, Stats};
pub use error::StoreError;
pub use insert::Insert;
pub use ledger::{Left, Owner, Run, Standing, StepKey};
pub use lock::StepLock;
pub use lookup::{Chunk, Entry, set_digest};
pub use prune::Pruned;
pub use state::State;

/// Result of anything here.
pub type Result<T> = std::result::Result<T, StoreError>;
