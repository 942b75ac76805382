//! What the files of a version say besides data files: protocol, metadata and domains, the newest of
//! each, and the description of its commit.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, StructArray};

use lakeio_store::{Call, Class, Error, Result, Runtime, Store};

use crate::actions::{
    CommitInfo, DomainMetadataAction, FileLine, Format, Line, MetadataAction, ProtocolAction,
};
use crate::cells::{list_at, map_at, number_at, struct_of, text_at, Cells};
use crate::commits::{Commits, Kept};
use crate::lines::{parse_line, ReverseLines};
use crate::pages::{damaged, open_parquet, Pages};
use crate::segment::{log_file, LogObject, Segment};

/// What commits and checkpoint say besides files.
#[derive(Default)]
pub(crate) struct Found {
    pub protocol: Option<ProtocolAction>,
    pub metadata: Option<MetadataAction>,
    pub domains: BTreeMap<String, DomainMetadataAction>,
}

impl Found {
    fn over(mut self, older: Found) -> Found {
        self.protocol = self.protocol.or(older.protocol);
        self.metadata = self.metadata.or(older.metadata);
        for (name, domain) in older.domains {
            self.domains.entry(name).or_insert(domain);
        }
        self
    }

    fn add(&mut self, line: Line) {
        if self.protocol.is_none() {
            self.protocol = line.protocol;
        }
        if self.metadata.is_none() {
            self.metadata = line.meta_data;
        }
        if let Some(domain) = line.domain_metadata {
            self.domains.entry(domain.domain.clone()).or_insert(domain);
        }
    }
}

/// What the files of a version say besides files, and the description of its commit.
pub(crate) fn read_log(
    runtime: &Runtime,
    store: &Store,
    call: &Call,
    segment: &Segment,
    kept: &Kept,
) -> Result<(Found, Option<CommitInfo>)> {
    let mut found = Found::default();
    let mut commit_info = None;
    let newest_first = segment.commits.iter().rev().cloned();
    let mut commits = Commits::new(runtime, store, &segment.log, kept, newest_first);
    while let Some((object, lines)) = commits.next(call)? {
        let described = object.version == segment.version;
        let info = read_commit(runtime, call, lines, described, &mut found)?;
        if described {
            commit_info = info;
        }
    }
    let Some(checkpoint) = &segment.checkpoint else {
        return Ok((found, commit_info));
    };
    if checkpoint.version == segment.version {
        let mut tip = Commits::new(runtime, store, &segment.log, kept, segment.tip.clone());
        while let Some((_, lines)) = tip.next(call)? {
            commit_info = read_commit(runtime, call, lines, true, &mut Found::default())?;
        }
    }
    for object in &checkpoint.files {
        let mut older = Found::default();
        read_checkpoint(runtime, store, call, segment, object, &mut older)?;
        found = found.over(older);
    }
    Ok((found, commit_info))
}

/// Adds what a commit says to what newer ones said; gives its description when that is wanted.
fn read_commit(
    runtime: &Runtime,
    call: &Call,
    mut lines: ReverseLines,
    described: bool,
    found: &mut Found,
) -> Result<Option<CommitInfo>> {
    let url = lines.url().clone();
    let mut info = None;
    let others = ["add", "remove", "cdc", "txn", "commitInfo"];
    let others = &others[..others.len() - usize::from(described)];
    while let Some(line) = lines.next(runtime, call, others)? {
        let mut action: Line = parse_line(line, &url)?;
        if action == Line::default() {
            // Damage shows at the end of a file, which is why its last line is not passed over.
            parse_line::<FileLine<'_>>(line, &url)?;
        }
        info = action.commit_info.take().or(info);
        found.add(action);
    }
    if lines.given() == 0 {
        return Err(
            Error::new(Class::DeltaLogCorrupt, "a commit of the Delta log is empty").at(&url),
        );
    }
    Ok(info)
}

fn read_checkpoint(
    runtime: &Runtime,
    store: &Store,
    call: &Call,
    segment: &Segment,
    object: &LogObject,
    found: &mut Found,
) -> Result<()> {
    let url = log_file(&segment.log, &object.name);
    if object.name.ends_with(".json") {
        let mut lines = ReverseLines::open(runtime, store, call, &url, Some(object.size))?;
        let others = ["add", "remove", "sidecar", "txn", "checkpointMetadata"];
        while let Some(line) = lines.next(runtime, call, &others)? {
            found.add(parse_line(line, &url)?);
        }
        return Ok(());
    }
    let pages = Pages::open(runtime, store, call, &url, Some(object.size))?;
    let reader = open_parquet(pages, &url, |path| {
        ["protocol.", "metaData.", "domainMetadata."]
            .iter()
            .any(|part| path.starts_with(part))
    })?;
    for batch in reader {
        let batch = batch.map_err(|e| damaged(&url, &e))?;
        let part = |name: &'static str| {
            struct_of(&batch, name).map(|column| (column, Cells::new(&url, name, column)))
        };
        if let Some((column, cells)) = part("protocol") {
            for protocol in rows_of(column).filter_map(|row| protocol_at(&cells, row).transpose()) {
                found.protocol.get_or_insert(protocol?);
            }
        }
        if let Some((column, cells)) = part("metaData") {
            for metadata in rows_of(column).filter_map(|row| metadata_at(&cells, row).transpose()) {
                found.metadata.get_or_insert(metadata?);
            }
        }
        if let Some((column, cells)) = part("domainMetadata") {
            for domain in rows_of(column).filter_map(|row| domain_at(&cells, row).transpose()) {
                let domain = domain?;
                found.domains.entry(domain.domain.clone()).or_insert(domain);
            }
        }
    }
    Ok(())
}

fn rows_of(column: &StructArray) -> impl Iterator<Item = usize> + '_ {
    (0..column.len()).filter(|row| column.is_valid(*row))
}

fn text(cells: &Cells<'_>, field: &'static str, row: usize) -> Result<Option<String>> {
    Ok(text_at(cells.texts(field)?, row).map(str::to_string))
}

/// The protocol in a row. Some writers leave the struct there and its fields NULL: then none, here
/// and in the functions below.
fn protocol_at(cells: &Cells<'_>, row: usize) -> Result<Option<ProtocolAction>> {
    let version = |field| -> Result<Option<i64>> { Ok(number_at(cells.numbers(field)?, row)) };
    if version("minReaderVersion")?.is_none() {
        return Ok(None);
    }
    let number = |field| -> Result<i32> {
        let number = version(field)?.and_then(|n| i32::try_from(n).ok());
        cells.required(field, number)
    };
    Ok(Some(ProtocolAction {
        min_reader_version: number("minReaderVersion")?,
        min_writer_version: number("minWriterVersion")?,
        reader_features: list_at(cells.lists("readerFeatures")?, row),
        writer_features: list_at(cells.lists("writerFeatures")?, row),
    }))
}

fn domain_at(cells: &Cells<'_>, row: usize) -> Result<Option<DomainMetadataAction>> {
    let Some(domain) = text(cells, "domain", row)? else {
        return Ok(None);
    };
    Ok(Some(DomainMetadataAction {
        domain,
        configuration: text(cells, "configuration", row)?.unwrap_or_default(),
        removed: false,
    }))
}

fn metadata_at(cells: &Cells<'_>, row: usize) -> Result<Option<MetadataAction>> {
    let text = |field| text(cells, field, row);
    let Some(id) = text("id")? else {
        return Ok(None);
    };
    let format = match cells.structs("format")? {
        Some(format) => format
            .column_by_name("provider")
            .and_then(|c| text_at(AsArray::as_string_opt::<i32>(c), row))
            .map(|provider| Format {
                provider: provider.into(),
                options: BTreeMap::new(),
            }),
        None => None,
    };
    let configuration = map_at(cells.maps("configuration")?, row).unwrap_or_default();
    Ok(Some(MetadataAction {
        id,
        name: text("name")?,
        description: text("description")?,
        format,
        schema_string: cells.required("schemaString", text("schemaString")?)?,
        partition_columns: list_at(cells.lists("partitionColumns")?, row).unwrap_or_default(),
        configuration: configuration
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
            .collect(),
        created_time: number_at(cells.numbers("createdTime")?, row),
    }))
}
