//! The checksum that a writer left of a version, against what the log lists.

use serde::Deserialize;

use lakeio_store::{Call, Class, Error, Result, Runtime, Store};

use crate::names;
use crate::segment::{log_file, of_log, Segment};

/// Counts the files of a version as they are listed; at the end they must be as many, and as
/// large, as the version's checksum file says. That notices a commit that lost whole lines, which
/// nothing else can.
#[derive(Debug)]
pub(crate) struct Count {
    expected: Option<Checksum>,
    files: i64,
    bytes: i64,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    num_files: i64,
    table_size_bytes: i64,
}

impl Count {
    /// Reads the checksum of the segment's version. One that is not there, or is damaged itself,
    /// is no evidence of anything.
    pub(crate) fn start(
        runtime: &Runtime,
        store: &Store,
        call: &Call,
        segment: &Segment,
    ) -> Result<Self> {
        let mut count = Count {
            expected: None,
            files: 0,
            bytes: 0,
        };
        if segment.has_checksum {
            let url = log_file(&segment.log, &names::checksum(segment.version));
            match runtime.block_on(call, store.get(call, &url)) {
                Ok(bytes) => count.expected = serde_json::from_slice(&bytes).ok(),
                Err(error) if error.class() == Class::ObjectNotFound => {}
                Err(error) => return Err(of_log(error)),
            }
        }
        Ok(count)
    }

    /// Counts a file.
    pub(crate) fn add(&mut self, size: u64) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add_unsigned(size);
    }

    /// Fails with DELTA_LOG_CORRUPT when the files are not those of the checksum.
    pub(crate) fn finish(&self, segment: &Segment) -> Result<()> {
        let found = Checksum {
            num_files: self.files,
            table_size_bytes: self.bytes,
        };
        match self.expected {
            Some(expected) if expected != found => Err(Error::new(
                Class::DeltaLogCorrupt,
                format!(
                    "the Delta log lists other files than the version's checksum counts; restore \
                     the log, or remove the checksum if it is known to be wrong: {} files of {} \
                     bytes, counted {} of {}",
                    found.num_files,
                    found.table_size_bytes,
                    expected.num_files,
                    expected.table_size_bytes
                ),
            )
            .at(log_file(&segment.log, &names::checksum(segment.version)))),
            _ => Ok(()),
        }
    }
}
