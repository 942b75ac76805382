//! Transactions of applications, which the log remembers.

use lakeio_store::{Call, Result};

use crate::actions::Line;
use crate::cells::{number_at, struct_of, text_at, Cells};
use crate::lines::{parse_line, ReverseLines};
use crate::pages::{damaged, open_parquet, Pages};
use crate::segment::log_file;
use crate::table::Table;

/// The version of the last transaction of `app_id` that the log remembers.
pub(crate) fn last_version(table: &Table, call: &Call, app_id: &str) -> Result<Option<i64>> {
    let (runtime, store, log) = (&table.runtime, &table.store, &table.segment.log);
    let in_lines = |name: &str, size: u64| -> Result<Option<i64>> {
        let url = log_file(log, name);
        let mut lines = ReverseLines::open(runtime, store, call, &url, Some(size))?;
        loop {
            let others = ["add", "remove", "cdc", "commitInfo", "sidecar"];
            let Some(line) = lines.next(runtime, call, &others)? else {
                return Ok(None);
            };
            if let Some(txn) = parse_line::<Line>(line, &url)?
                .txn
                .filter(|txn| txn.app_id == app_id)
            {
                return Ok(Some(txn.version));
            }
        }
    };
    for commit in table.segment.commits.iter().rev() {
        if let Some(version) = in_lines(&commit.name, commit.size)? {
            return Ok(Some(version));
        }
    }
    for file in table
        .segment
        .checkpoint
        .iter()
        .flat_map(|checkpoint| &checkpoint.files)
    {
        if file.name.ends_with(".json") {
            if let Some(version) = in_lines(&file.name, file.size)? {
                return Ok(Some(version));
            }
            continue;
        }
        let url = log_file(log, &file.name);
        let pages = Pages::open(runtime, store, call, &url, Some(file.size))?;
        for batch in open_parquet(pages, &url, |path| path.starts_with("txn."))? {
            let batch = batch.map_err(|e| damaged(&url, &e))?;
            let Some(column) = struct_of(&batch, "txn") else {
                continue;
            };
            let cells = Cells::new(&url, "txn", column);
            let (ids, versions) = (cells.texts("appId")?, cells.numbers("version")?);
            for row in 0..batch.num_rows() {
                if text_at(ids, row) == Some(app_id) {
                    return Ok(number_at(versions, row));
                }
            }
        }
    }
    Ok(None)
}
