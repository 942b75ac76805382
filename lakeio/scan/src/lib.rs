//! What is read of a Delta table and how: the scan and split documents, the row predicate, and the
//! reader that turns a split into Arrow batches of the table's logical schema.
//!
//! This crate knows data files and deletion vectors, and nothing of the Delta log: `lakeio-log`
//! makes scans and splits from a listing.

pub mod document;
pub mod predicate;
pub mod scalar;
pub mod types;
