//! When commits were made, and which one was the last at a moment.
//!
//! A commit's time is its in-commit timestamp where the table has them. Else it is the time at
//! which its file was written, moved on where needed so that it is after the commit before it.

use lakeio_store::{Call, Class, Error, Result};

use crate::actions::{CommitInfo, Line};
use crate::commits::Commits;
use crate::lines::{parse_line, ReverseLines};
use crate::segment::{list, log_file, truncated, LogObject};
use crate::table::Table;

/// In microseconds since 1970, when the commit of the table's version was made.
pub(crate) fn of_table(table: &Table, call: &Call) -> Result<i64> {
    if table.has_commit_timestamps() {
        if let Some(ms) = table
            .commit_info
            .as_ref()
            .and_then(|info| info.in_commit_timestamp)
        {
            return Ok(ms.saturating_mul(1000));
        }
        if table.segment.tip.is_some() {
            return Err(no_timestamp(table, table.version()));
        }
    }
    let commits = listed(table, call)?;
    let files = monotonic(&commits);
    let own = files
        .iter()
        .find(|(version, _)| *version == table.version())
        .map(|(_, ms)| *ms);
    let checkpoint = || {
        let files = &table.segment.checkpoint.as_ref()?.files;
        files.iter().map(|file| file.modified_ms).max()
    };
    Ok(own.or_else(checkpoint).unwrap_or(0).saturating_mul(1000))
}

/// The last version that was committed at or before `micros`. REQUIRES: `latest` is the latest
/// version of the table.
pub(crate) fn version_at(latest: &Table, call: &Call, micros: i64) -> Result<u64> {
    // Commit times are whole milliseconds; the moment lies in or after one.
    let ms = micros.div_euclid(1000);
    let commits = listed(latest, call)?;
    let commits: Vec<LogObject> = commits
        .into_iter()
        .filter(|commit| commit.version <= latest.version())
        .collect();
    let Some(first) = commits.first().cloned() else {
        return Err(truncated(
            "the Delta log has no commit files left, so that their times are not known",
            &latest.segment.log,
        ));
    };
    let enabled_from = if latest.has_commit_timestamps() {
        let property = |name: &str| latest.metadata.configuration.get(name);
        let version = property("delta.inCommitTimestampEnablementVersion");
        let version = version
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(0);
        Some(commits.partition_point(|commit| commit.version < version))
    } else {
        None
    };
    let (by_file, by_info) = commits.split_at(enabled_from.unwrap_or(commits.len()));
    // In-commit timestamps grow strictly, so that few commits need to be read.
    let (mut low, mut high) = (0, by_info.len());
    while low < high {
        let middle = (low + high) / 2;
        if in_commit_ms(latest, call, &by_info[middle])? <= ms {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if low > 0 {
        return Ok(by_info[low - 1].version);
    }
    let times = monotonic(by_file);
    if let Some((version, _)) = times.iter().rev().find(|(_, time)| *time <= ms) {
        return Ok(*version);
    }
    let earliest = match times.first() {
        Some((_, time)) => *time,
        None => in_commit_ms(latest, call, &first)?,
    };
    Err(Error::new(
        Class::VersionNotFound,
        format!(
            "no commit that is still there was made at or before the timestamp; the first is \
             version {} at {}: {}",
            first.version,
            in_words(earliest),
            in_words(ms)
        ),
    )
    .at(latest.location.url())
    .with("timestamp_us", micros)
    .with("earliest", first.version)
    .with("earliest_us", earliest.saturating_mul(1000)))
}

/// All commits that are still there, oldest first.
fn listed(table: &Table, call: &Call) -> Result<Vec<LogObject>> {
    let log = &table.segment.log;
    let listing = table
        .runtime
        .block_on(call, list(&table.store, call, &table.location, log, 0))?;
    Ok(listing.commits.into_values().collect())
}

/// Versions and times, each time after the one before.
pub(crate) fn monotonic(commits: &[LogObject]) -> Vec<(u64, i64)> {
    let mut last = i64::MIN;
    commits
        .iter()
        .map(|commit| {
            last = commit.modified_ms.max(last.saturating_add(1));
            (commit.version, last)
        })
        .collect()
}

fn in_commit_ms(table: &Table, call: &Call, commit: &LogObject) -> Result<i64> {
    let (runtime, store, log) = (&table.runtime, &table.store, &table.segment.log);
    let mut commits = Commits::new(runtime, store, log, &table.kept, [commit.clone()]);
    let info = match commits.next(call)? {
        Some((_, lines)) => read_info(table, call, lines)?,
        None => None,
    };
    info.and_then(|info| info.in_commit_timestamp)
        .ok_or_else(|| no_timestamp(table, commit.version))
}

/// The description of a commit: the last one in its file.
pub(crate) fn read_info(
    table: &Table,
    call: &Call,
    mut lines: ReverseLines,
) -> Result<Option<CommitInfo>> {
    let url = lines.url().clone();
    let others = [
        "add",
        "remove",
        "cdc",
        "metaData",
        "protocol",
        "txn",
        "domainMetadata",
    ];
    while let Some(line) = lines.next(&table.runtime, call, &others)? {
        if let Some(info) = parse_line::<Line>(line, &url)?.commit_info {
            return Ok(Some(info));
        }
    }
    if lines.given() == 0 {
        return Err(
            Error::new(Class::DeltaLogCorrupt, "a commit of the Delta log is empty").at(&url),
        );
    }
    Ok(None)
}

fn no_timestamp(table: &Table, version: u64) -> Error {
    Error::new(
        Class::DeltaLogCorrupt,
        format!(
            "a commit lacks the in-commit timestamp that the table promises: version {version}"
        ),
    )
    .at(log_file(&table.segment.log, &crate::names::commit(version)))
}

/// Milliseconds since 1970 in RFC 3339's form.
fn in_words(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms).map_or_else(
        || format!("{ms} ms since 1970"),
        |time| time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_moved_on_where_files_lie() {
        let at = |version, modified_ms| LogObject {
            version,
            name: String::new(),
            size: 1,
            modified_ms,
        };
        let commits = [at(3, 100), at(4, 100), at(5, 50), at(6, 200)];
        assert_eq!(
            monotonic(&commits),
            [(3, 100), (4, 101), (5, 102), (6, 200)]
        );
    }
}
