//! Sums over the files of a version.

use serde_json::{json, Value};

use lakeio_store::{Call, Result};

use crate::checksum::Count;
use crate::replay::{LiveFile, Replay, Wanted};
use crate::splits::{records_of, size_of};
use crate::table::Table;

impl Table {
    /// The document of `lakeio_table_totals`: one pass over the version's files.
    pub fn totals(&self, call: &Call) -> Result<Value> {
        let wanted = Wanted {
            stats: true,
            details: false,
        };
        let mut replay = Replay::new(self, call, wanted);
        let mut count = Count::start(&self.runtime, &self.store, call, &self.segment)?;
        let (mut files, mut bytes, mut vectors) = (0u64, 0u64, 0u64);
        let mut rows = Some(0u64);
        let make = |file: &LiveFile<'_>| {
            let deleted = match &file.add.deletion_vector {
                Some(vector) => u64::try_from(vector.cardinality).ok(),
                None => Some(0),
            };
            let own = records_of(file).zip(deleted);
            let own = own.and_then(|(all, gone)| all.checked_sub(gone));
            Ok((size_of(file)?, own, file.add.deletion_vector.is_some()))
        };
        while replay.next(&make, &mut |(size, own, has_vector)| {
            files += 1;
            count.add(size);
            bytes = bytes.saturating_add(size);
            vectors += u64::from(has_vector);
            rows = rows.zip(own).map(|(sum, own)| sum.saturating_add(own));
            Ok(())
        })? {}
        count.finish(&self.segment)?;
        Ok(json!({
            "files": files,
            "bytes": bytes,
            "rows": rows,
            "deletion_vectors": vectors,
        }))
    }
}
