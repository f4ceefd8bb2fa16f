//! The cache at work: look-ups over a virtual tree, restoring, recording.
//!
//! `policy` says what the rules are, `store` keeps rows and blobs; this crate looks at the disk,
//! asks both, and changes files.

mod aside;
mod build_on;
mod clean;
mod defer;
mod disk;
mod environment;
mod evaluate;
mod explain;
mod hinted;
mod journal;
mod log;
mod lookup;
mod manifest;
mod modes;
mod narrow;
mod overlay;
mod own;
mod pack;
mod prepare;
mod races;
mod record;
mod remove;
mod restore;
mod root_scan;
mod run_world;
mod step;
mod times;
mod workspace;

pub use explain::{Compared, Explained};
pub use manifest::{Item, ItemKind, Manifest};
pub use record::{Pending, Recorded, RunEnd};
pub use restore::{RestoreError, Restored};
pub use step::{Step, StepId, StepSet, StepSpec};
pub use store::Left;
pub use workspace::{Checked, OpenError, Options, Workspace};
