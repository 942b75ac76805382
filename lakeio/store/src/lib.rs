//! Object stores, errors and bounds that the other lakeio crates stand on.
//!
//! Nothing here knows of Delta or Parquet. A [`Runtime`] hands out a [`Store`] for a [`Location`];
//! everything that may block takes a [`Call`]; everything that can fail gives an [`Error`].

mod attempts;
mod azure_options;
mod call;
mod classify;
mod environment;
mod error;
mod gcs_options;
mod listing;
mod local;
mod location;
mod metrics;
mod nearest;
mod object_reader;
mod options;
mod probe;
mod profile;
mod remote;
mod runtime;
mod s3_options;
mod store;
mod wire;
mod writer;

pub use call::{Call, Cancel};
pub use environment::Environment;
pub use error::{Class, Code, Error, Result};
pub use listing::list_all;
pub use location::{is_absolute_url, Location, Options, StoreKind};
pub use metrics::Metrics;
pub use nearest::nearest;
pub use object_reader::ObjectReader;
pub use probe::probe;
pub use runtime::{CredentialsFn, Runtime, RuntimeOptions};
pub use store::{get_all, ObjectMeta, Store};
pub use writer::ObjectWriter;
