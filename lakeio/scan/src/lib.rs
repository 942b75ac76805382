//! What is read of a Delta table and how: the scan and split documents, the row predicate, and the
//! reader that turns a split into Arrow batches of the table's logical schema.
//!
//! This crate knows data files and deletion vectors, and nothing of the Delta log: `lakeio-log`
//! makes scans and splits from a listing.

mod batch;
mod calendar;
mod civil;
mod columns;
mod compare;
mod convert;
mod data_file;
mod decompress;
mod deletion;
mod evaluate;
mod file_tree;
pub mod footer;
mod gauge;
mod guard;
mod known;
mod leaf;
mod like;
mod number;
mod pages;
pub mod predicate;
mod predicate_json;
mod prune;
mod raw;
mod reader;
mod reading;
pub mod scalar;
mod scan;
mod sources;
mod split;
mod split_bytes;
mod stored;
mod stream;
mod thrift;
pub mod types;
mod variant;
mod variant_columns;
mod variant_text;
mod variant_value;

pub use data_file::of_data_file;
pub use known::{may_match, Above, Known};
pub use reader::{ReadOptions, SplitReader};
pub use scan::{MappingMode, Scan, ScanRequest};
pub use split::{DataFile, DeletionVector, DeletionVectorStorage, Split};
