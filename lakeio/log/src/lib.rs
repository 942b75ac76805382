//! Versions of Delta tables: snapshots, listings, history and commits.
//!
//! The log is read here, a bounded piece at a time; the Delta kernel judges protocol and metadata.
//! Data files are `lakeio-scan`'s.

mod actions;
mod checksum;
mod columns;
mod history;
mod lines;
mod names;
mod observe;
mod protocol;
mod prune;
mod replay;
mod segment;
mod splits;
mod stats;
mod table;
mod time;

pub use history::history;
pub use observe::observe;
pub use splits::{ReadSpec, SplitBatches};
pub use table::{Table, VersionSpec};
