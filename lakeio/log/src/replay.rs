//! The files of a version: commits newest first, then the checkpoint, a bounded piece at a time.

use std::borrow::Cow;
use std::collections::VecDeque;

use arrow::array::{Array, RecordBatch, StructArray};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use url::Url;

use lakeio_store::{Call, Class, Error, Result, Runtime, Store};

use crate::actions::{Add, DeletionVector, FileLine, LazyText, SidecarAction, Text, TextMap};
use crate::cells::{map_at, number_at, struct_of, text_at, Cells};
use crate::commits::Commits;
use crate::lines::{can_skip, lines_of, parse_line, parts_of, text_of, Block, ReverseLines};
use crate::pages::{damaged, open_parquet, Pages};
use crate::parallel;
use crate::seen::{listed_twice, FileKey, Keys, Seen};
use crate::segment::{log_file, Checkpoint, LogObject};
use crate::stats::StatsSource;
use crate::table::Table;

/// Bytes of lines that are worth a thread.
const BYTES_OF_THREAD: usize = 128 << 10;

/// A file that belongs to the version.
pub(crate) struct LiveFile<'a> {
    pub(crate) add: &'a Add<'a>,
    /// Statistics from the checkpoint's typed columns, for files that have no JSON text of them.
    pub(crate) parsed: Option<StatsSource<'a>>,
    /// The file of the log that says so.
    pub(crate) log_file: &'a Url,
}

/// What of files is read from checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The statistics' text or columns.
    pub(crate) stats: bool,
    /// Everything else but path and size.
    pub(crate) details: bool,
}

/// What the caller makes of a file. Called on several threads, also for files of which a newer commit
/// turns out to have spoken; then its result does not count.
pub(crate) type Make<'a, T> = dyn Fn(&LiveFile<'_>) -> Result<T> + Sync + 'a;

/// Walks over the files of a version. Files come in an order that depends on the log alone.
pub(crate) struct Replay {
    runtime: Runtime,
    store: Store,
    call: Call,
    log: Url,
    checkpoint: Option<Checkpoint>,
    wanted: Wanted,
    commits: Commits,
    pending: VecDeque<Source>,
    current: Option<Open>,
    seen: Seen,
}

enum Source {
    Checkpoint(LogObject),
    Sidecar(SidecarAction),
}

/// What lines are of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Commit,
    Checkpoint,
}

/// What a line says of the files.
enum Said<'a, T> {
    Remove(FileKey),
    Add(FileKey, Result<T>, &'a str),
    Sidecar(SidecarAction),
}

enum Open {
    Lines(ReverseLines, Kind),
    Parquet(Url, ParquetRecordBatchReader),
}

impl Replay {
    pub(crate) fn new(table: &Table, call: &Call, wanted: Wanted) -> Self {
        let segment = &table.segment;
        let newest_first = segment.commits.iter().rev().cloned();
        let commits = Commits::new(
            &table.runtime,
            &table.store,
            &segment.log,
            &table.kept,
            newest_first,
        );
        let checkpoint = segment
            .checkpoint
            .iter()
            .flat_map(|checkpoint| &checkpoint.files);
        Replay {
            runtime: table.runtime.clone(),
            store: table.store.clone(),
            call: call.clone(),
            log: segment.log.clone(),
            checkpoint: segment.checkpoint.clone(),
            wanted,
            commits,
            pending: checkpoint.cloned().map(Source::Checkpoint).collect(),
            current: None,
            seen: Seen::of_commits(segment.commits.iter().map(|commit| commit.size).sum()),
        }
    }

    /// Shows what `make` made of the files of the next piece to `sink`; false when there is no next
    /// piece. Fails with DELTA_LOG_CORRUPT when a file is listed twice, or the checkpoint does not
    /// list as many as `_last_checkpoint` says.
    pub(crate) fn next<T: Send>(
        &mut self,
        make: &Make<'_, T>,
        sink: &mut dyn FnMut(T) -> Result<()>,
    ) -> Result<bool> {
        self.call.check()?;
        let Some(open) = &mut self.current else {
            if let Some((_, lines)) = self.commits.next(&self.call)? {
                self.current = Some(Open::Lines(lines, Kind::Commit));
                return Ok(true);
            }
            return match self.pending.pop_front() {
                None => self.check_checkpoint().map(|()| false),
                Some(source) => {
                    self.current = Some(self.open(source)?);
                    Ok(true)
                }
            };
        };
        let more = match open {
            Open::Lines(lines, kind) => match lines.next_block(&self.runtime, &self.call)? {
                None => false,
                Some(block) => {
                    let (url, kind) = (lines.url().clone(), *kind);
                    self.block_piece(&url, &block, kind, make, sink)?;
                    true
                }
            },
            Open::Parquet(url, reader) => match reader.next() {
                None => false,
                Some(batch) => {
                    let batch = batch.map_err(|e| damaged(url, &e))?;
                    let sidecars = sidecars_of(url, &batch)?;
                    self.pending
                        .extend(sidecars.into_iter().map(Source::Sidecar));
                    let mut sink = |file: &LiveFile<'_>| sink(make(file)?);
                    batch_piece(url, &batch, &mut self.seen, self.wanted, &mut sink)?;
                    true
                }
            },
        };
        if !more {
            self.current = None;
        }
        Ok(true)
    }

    /// Shows the files that lines speak of. They are read by several threads.
    fn block_piece<T: Send>(
        &mut self,
        url: &Url,
        block: &Block,
        kind: Kind,
        make: &Make<'_, T>,
        sink: &mut dyn FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let threads = parallel::width().min(1 + block.bytes.len() / BYTES_OF_THREAD);
        let parts: Vec<(&[u8], bool)> = parts_of(&block.bytes, threads)
            .into_iter()
            .enumerate()
            .map(|(index, part)| (part, block.ends_file && index == 0))
            .collect();
        let keys = self.seen.keys();
        let read = |(part, ends_file)| read_lines(url, part, ends_file, kind, keys, make);
        for said in parallel::map(&parts, read).into_iter().flatten() {
            match said? {
                Said::Remove(key) => {
                    self.seen.insert(key);
                }
                Said::Sidecar(sidecar) => self.pending.push_back(Source::Sidecar(sidecar)),
                Said::Add(key, made, line) => {
                    let is_live = match kind {
                        Kind::Commit => self.seen.insert(key),
                        Kind::Checkpoint => self.seen.is_new_in_checkpoint(key),
                    };
                    if is_live {
                        if !self.seen.show(key) {
                            let add = parse_line::<FileLine<'_>>(line, url)?.add;
                            let path = add.map(|add| add.path.as_str().to_string());
                            return Err(listed_twice(&path.unwrap_or_default(), url));
                        }
                        sink(made?)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the checkpoint, all of which was read, listed what it should.
    fn check_checkpoint(&self) -> Result<()> {
        let Some(checkpoint) = &self.checkpoint else {
            return Ok(());
        };
        let found = self.seen.checkpointed();
        match (checkpoint.adds, checkpoint.files.first()) {
            (Some(expected), Some(file)) if expected != found => Err(Error::new(
                Class::DeltaLogCorrupt,
                format!(
                    "a checkpoint lists another number of files than _last_checkpoint says; \
                     restore the checkpoint, or remove it if the commits before it are all \
                     there: {found} files, {expected} expected"
                ),
            )
            .at(log_file(&self.log, &file.name))),
            _ => Ok(()),
        }
    }

    fn open(&self, source: Source) -> Result<Open> {
        let (runtime, store, call) = (&self.runtime, &self.store, &self.call);
        let lines = |object: &LogObject| {
            let url = log_file(&self.log, &object.name);
            ReverseLines::open(runtime, store, call, &url, Some(object.size))
        };
        match source {
            Source::Checkpoint(object) if object.name.ends_with(".json") => {
                lines(&object).map(|lines| Open::Lines(lines, Kind::Checkpoint))
            }
            Source::Checkpoint(object) => {
                let url = log_file(&self.log, &object.name);
                self.open_parquet(url, Some(object.size))
            }
            Source::Sidecar(sidecar) => {
                let name = sidecar.path.rsplit('/').next().unwrap_or("");
                let url = log_file(&self.log, &format!("_sidecars/{name}"));
                let size = Some(sidecar.size_in_bytes).filter(|size| *size > 0);
                self.open_parquet(url, size)
            }
        }
    }

    fn open_parquet(&self, url: Url, size: Option<u64>) -> Result<Open> {
        let pages = Pages::open(&self.runtime, &self.store, &self.call, &url, size)?;
        let wanted = self.wanted;
        let reader = open_parquet(pages, &url, |path| {
            let mut parts = path.split('.');
            match (parts.next(), parts.next()) {
                (Some("sidecar"), _) => true,
                (Some("add"), Some("path" | "size" | "deletionVector")) => true,
                (Some("add"), Some("stats" | "stats_parsed")) => wanted.stats,
                (Some("add"), Some("partitionValues" | "modificationTime" | "baseRowId")) => {
                    wanted.details
                }
                _ => false,
            }
        })?;
        Ok(Open::Parquet(url, reader))
    }
}

/// What the lines of `bytes` say of files, last first, up to one that is damaged.
fn read_lines<'a, T>(
    url: &Url,
    bytes: &'a [u8],
    ends_file: bool,
    kind: Kind,
    keys: &Keys,
    make: &Make<'_, T>,
) -> Vec<Result<Said<'a, T>>> {
    let others: &[&str] = match kind {
        Kind::Commit => &["commitInfo", "cdc", "metaData", "protocol", "txn"],
        Kind::Checkpoint => &["remove", "txn", "checkpointMetadata"],
    };
    let mut found = Vec::new();
    for (index, line) in lines_of(bytes).enumerate() {
        if can_skip(line, ends_file && index == 0, others) {
            continue;
        }
        if let Err(error) = read_line(url, line, kind, keys, make, &mut found) {
            found.push(Err(error));
            break;
        }
    }
    found
}

fn read_line<'a, T>(
    url: &Url,
    line: &'a [u8],
    kind: Kind,
    keys: &Keys,
    make: &Make<'_, T>,
    found: &mut Vec<Result<Said<'a, T>>>,
) -> Result<()> {
    let line = text_of(line, url)?;
    let action: FileLine<'_> = parse_line(line, url)?;
    if let Some(remove) = action.remove.filter(|_| kind == Kind::Commit) {
        let key = keys.of(remove.path.as_str(), remove.deletion_vector.as_ref());
        found.push(Ok(Said::Remove(key)));
    }
    if let Some(sidecar) = action.sidecar.filter(|_| kind == Kind::Checkpoint) {
        found.push(Ok(Said::Sidecar(sidecar)));
    }
    if let Some(add) = &action.add {
        let key = keys.of(add.path.as_str(), add.deletion_vector.as_ref());
        let made = make(&LiveFile {
            add,
            parsed: None,
            log_file: url,
        });
        found.push(Ok(Said::Add(key, made, line)));
    }
    Ok(())
}

/// The sidecars that rows of a checkpoint name.
fn sidecars_of(url: &Url, batch: &RecordBatch) -> Result<Vec<SidecarAction>> {
    let Some(column) = struct_of(batch, "sidecar") else {
        return Ok(Vec::new());
    };
    let cells = Cells::new(url, "sidecar", column);
    let (paths, sizes) = (cells.texts("path")?, cells.numbers("sizeInBytes")?);
    let rows = (0..batch.num_rows()).filter(|row| column.is_valid(*row));
    let sidecar = |row| {
        Some(SidecarAction {
            path: text_at(paths, row)?.to_string(),
            size_in_bytes: u64::try_from(number_at(sizes, row).unwrap_or(0)).unwrap_or(0),
        })
    };
    Ok(rows.filter_map(sidecar).collect())
}

/// Shows the files that rows of a checkpoint or sidecar name.
fn batch_piece(
    url: &Url,
    batch: &RecordBatch,
    seen: &mut Seen,
    wanted: Wanted,
    sink: &mut dyn FnMut(&LiveFile<'_>) -> Result<()>,
) -> Result<()> {
    let Some(column) = struct_of(batch, "add") else {
        return Ok(());
    };
    let cells = Cells::new(url, "add", column);
    let paths = cells.texts("path")?;
    let sizes = cells.numbers("size")?;
    let times = cells.numbers("modificationTime")?;
    let row_ids = cells.numbers("baseRowId")?;
    let values = cells.maps("partitionValues")?;
    let stats = cells.texts("stats")?;
    let parsed = cells.structs("stats_parsed")?;
    let vectors = cells.structs("deletionVector")?;
    for row in (0..batch.num_rows()).filter(|row| column.is_valid(*row)) {
        // Some writers leave the struct there and its fields NULL.
        let Some(path) = text_at(paths, row) else {
            continue;
        };
        let deletion_vector = match vectors {
            Some(vectors) => vector_at(url, vectors, row)?,
            None => None,
        };
        let key = seen.keys().of(path, deletion_vector.as_ref());
        if !seen.is_new_in_checkpoint(key) {
            continue;
        }
        if !seen.show(key) {
            return Err(listed_twice(path, url));
        }
        let partition_values = match wanted.details {
            true => text_map(cells.required("partitionValues", map_at(values, row))?),
            false => TextMap::default(),
        };
        let stats = text_at(stats, row).map(LazyText::Plain);
        let parsed = match (&stats, parsed) {
            (None, Some(parsed)) if parsed.is_valid(row) => Some(StatsSource { parsed, row }),
            _ => None,
        };
        let add = Add {
            path: Text(Cow::Borrowed(path)),
            partition_values,
            size: cells.required("size", number_at(sizes, row))?,
            modification_time: number_at(times, row).unwrap_or(0),
            stats,
            deletion_vector,
            base_row_id: number_at(row_ids, row),
        };
        sink(&LiveFile {
            add: &add,
            parsed,
            log_file: url,
        })?;
    }
    Ok(())
}

fn text_map(entries: Vec<(String, Option<String>)>) -> TextMap<'static> {
    let text = |text: String| Text(Cow::Owned(text));
    let entries = entries.into_iter();
    TextMap(entries.map(|(k, v)| (text(k), v.map(text))).collect())
}

fn vector_at(url: &Url, vectors: &StructArray, row: usize) -> Result<Option<DeletionVector>> {
    if !vectors.is_valid(row) {
        return Ok(None);
    }
    let cells = Cells::new(url, "add.deletionVector", vectors);
    let Some(storage_type) = text_at(cells.texts("storageType")?, row) else {
        return Ok(None);
    };
    let text = |field| -> Result<String> {
        Ok(cells
            .required(field, text_at(cells.texts(field)?, row))?
            .to_string())
    };
    let number = |field| cells.required(field, number_at(cells.numbers(field)?, row));
    Ok(Some(DeletionVector {
        storage_type: storage_type.to_string(),
        path_or_inline_dv: text("pathOrInlineDv")?,
        offset: number_at(cells.numbers("offset")?, row),
        size_in_bytes: number("sizeInBytes")?,
        cardinality: number("cardinality")?,
    }))
}

/// The deletion vector in the words of the split, or damage of the log.
pub(crate) fn vector_of_split(
    vector: &DeletionVector,
    log_file: &Url,
) -> Result<lakeio_scan::DeletionVector> {
    let bad = |why: &str| {
        Error::new(
            Class::DeltaLogCorrupt,
            format!("a deletion vector of the Delta log {why}"),
        )
        .at(log_file)
    };
    Ok(lakeio_scan::DeletionVector {
        storage: lakeio_scan::DeletionVectorStorage::parse(&vector.storage_type)
            .ok_or_else(|| bad("is stored in a way that is not known"))?,
        path_or_inline: vector.path_or_inline_dv.clone(),
        offset: vector
            .offset
            .map(|offset| u32::try_from(offset).map_err(|_| bad("has an offset out of range")))
            .transpose()?,
        size: u32::try_from(vector.size_in_bytes).map_err(|_| bad("has a size out of range"))?,
        cardinality: u64::try_from(vector.cardinality)
            .map_err(|_| bad("has a negative number of rows"))?,
    })
}
