//! Versions of Delta tables: snapshots, listings, history and commits.
//!
//! The log is read here, a bounded piece at a time; the Delta kernel judges protocol and metadata.
//! Data files are `lakeio-scan`'s.

mod actions;
mod append;
mod append_columns;
mod append_files;
mod cells;
mod checksum;
mod commits;
mod create;
mod doubt;
mod gather;
mod history;
mod lines;
mod mapping;
mod metadata;
mod names;
mod observe;
mod pages;
mod parallel;
mod parquet_file;
mod protocol;
mod prune;
mod replay;
mod seen;
mod segment;
mod splits;
mod stats;
mod table;
mod time;
mod totals;
mod transaction;
mod valid_json;
mod value_text;

pub use append::{append, AppendSpec};
pub use create::{create, CreateSpec};
pub use history::history;
pub use observe::observe;
pub use parquet_file::write_parquet;
pub use splits::{ReadSpec, SplitBatches};
pub use table::{Table, VersionSpec};
