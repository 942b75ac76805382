//! One version of one table.

use std::collections::BTreeMap;

use serde_json::{json, Value};

use lakeio_store::{Call, Class, Error, Location, Result, Runtime, Store};

use crate::actions::{CommitInfo, DomainMetadataAction, Format, MetadataAction, ProtocolAction};
use crate::columns::{
    damaged, list_at, map_at, number_at, open_parquet, struct_of, text_at, Cells, Pages,
};
use crate::commits::{Commits, Kept};
use crate::lines::{can_skip, parse_line, ReverseLines};
use crate::protocol;
use crate::segment::{log_file, LogObject, Segment};
use crate::time;

/// Which version of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionSpec {
    /// The newest one.
    Latest,
    /// This one.
    Version(u64),
    /// The last commit at or before this moment, in microseconds since 1970.
    Timestamp(i64),
}

/// One version of one table, immutable. May be used from several threads.
pub struct Table {
    pub(crate) runtime: Runtime,
    pub(crate) store: Store,
    pub(crate) location: Location,
    pub(crate) segment: Segment,
    pub(crate) protocol: ProtocolAction,
    pub(crate) metadata: MetadataAction,
    pub(crate) schema: Value,
    pub(crate) domains: BTreeMap<String, DomainMetadataAction>,
    /// The commit's description, where its file is still there.
    pub(crate) commit_info: Option<CommitInfo>,
    pub(crate) kept: Kept,
}

/// What commits and checkpoint say besides files.
#[derive(Default)]
struct Found {
    protocol: Option<ProtocolAction>,
    metadata: Option<MetadataAction>,
    domains: BTreeMap<String, DomainMetadataAction>,
}

impl Table {
    /// Opens a version of the table at `location`.
    ///
    /// Fails with SOURCE_NOT_FOUND, DELTA_LOG_MISSING, DELTA_LOG_CORRUPT,
    /// DELTA_TRUNCATED_TRANSACTION_LOG, VERSION_NOT_FOUND, UNSUPPORTED_READER_FEATURE or what the
    /// store fails with.
    pub fn open(
        runtime: &Runtime,
        call: &Call,
        location: &Location,
        version: VersionSpec,
    ) -> Result<Table> {
        let store = runtime.store(location)?;
        match version {
            VersionSpec::Latest => Table::at(runtime, call, &store, location, None),
            VersionSpec::Version(version) => {
                Table::at(runtime, call, &store, location, Some(version))
            }
            VersionSpec::Timestamp(micros) => {
                let latest = Table::at(runtime, call, &store, location, None)?;
                let version = time::version_at(&latest, call, micros)?;
                if version == latest.version() {
                    return Ok(latest);
                }
                Table::at(runtime, call, &store, location, Some(version))
            }
        }
    }

    fn at(
        runtime: &Runtime,
        call: &Call,
        store: &Store,
        location: &Location,
        version: Option<u64>,
    ) -> Result<Table> {
        let segment = runtime.block_on(call, Segment::load(store, call, location, version))?;
        let kept = Kept::default();
        let (found, commit_info) = read_log(runtime, store, call, &segment, &kept)?;
        let missing = |what: &str| {
            let message = "the Delta log has no action that the version needs";
            corrupt(&segment, format!("{message}: {what}"))
        };
        let protocol = found.protocol.ok_or_else(|| missing("protocol"))?;
        protocol::check_readable(&protocol, location.url())?;
        let metadata = found.metadata.ok_or_else(|| missing("metaData"))?;
        if let Some(format) = metadata.format.as_ref().filter(|f| f.provider != "parquet") {
            return Err(Error::new(
                Class::UnsupportedReaderFeature,
                format!(
                    "the table's data files are not Parquet: {}",
                    format.provider
                ),
            )
            .at(location.url()));
        }
        let schema = schema_of(&metadata, &segment)?;
        let version = segment.version;
        protocol::check_with_kernel(&protocol, &metadata, &schema, location.url(), version)?;
        Ok(Table {
            runtime: runtime.clone(),
            store: store.clone(),
            location: location.clone(),
            segment,
            protocol,
            metadata,
            schema,
            domains: found.domains,
            commit_info,
            kept,
        })
    }

    /// The version.
    pub fn version(&self) -> u64 {
        self.segment.version
    }

    /// Where the table lies.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Whether commits carry their own timestamps at this version.
    pub(crate) fn has_commit_timestamps(&self) -> bool {
        let on = self
            .metadata
            .configuration
            .get("delta.enableInCommitTimestamps");
        on.is_some_and(|value| value.eq_ignore_ascii_case("true"))
            && protocol::features(&self.protocol)
                .iter()
                .any(|name| name == "inCommitTimestamp")
    }

    /// The value of `delta.columnMapping.mode` where the protocol lets it count.
    pub(crate) fn mapping_mode(&self) -> &str {
        let features = protocol::features(&self.protocol);
        let counts = self.protocol.min_reader_version == 2
            || features.iter().any(|name| name == "columnMapping");
        match self.metadata.configuration.get("delta.columnMapping.mode") {
            Some(mode) if counts => mode.as_str(),
            _ => "none",
        }
    }

    /// The description document of `lakeio_table_describe`.
    pub fn describe(&self, call: &Call) -> Result<Value> {
        let fingerprint = match &self.segment.tip {
            Some(tip) => {
                let url = log_file(&self.segment.log, &tip.name);
                match self.runtime.block_on(call, self.store.get(call, &url)) {
                    Ok(bytes) => crate::observe::fingerprint(&bytes),
                    Err(error) if error.class() == Class::ObjectNotFound => String::new(),
                    Err(error) => return Err(error),
                }
            }
            None => String::new(),
        };
        Ok(json!({
            "url": self.location.url().as_str(),
            "version": self.segment.version,
            "table_id": self.metadata.id,
            "commit_fingerprint": fingerprint,
            "timestamp_us": time::of_table(self, call)?,
            "schema": self.schema,
            "partition_columns": self.metadata.partition_columns,
            "clustering_columns": self.clustering_columns(),
            "properties": self.metadata.configuration,
            "reader_version": self.protocol.min_reader_version,
            "writer_version": self.protocol.min_writer_version,
            "features": protocol::features(&self.protocol),
            "primary_key": self.primary_key(),
            "name": self.metadata.name.as_deref().unwrap_or(""),
            "description": self.metadata.description.as_deref().unwrap_or(""),
            "created_us": self.metadata.created_time.map(|ms| ms.saturating_mul(1000)),
            "warnings": self.warnings(),
        }))
    }

    fn fields(&self) -> &[Value] {
        self.schema["fields"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Logical paths, with dots, of the columns that the table is clustered by.
    fn clustering_columns(&self) -> Vec<String> {
        let Some(domain) = self.domains.get("delta.clustering").filter(|d| !d.removed) else {
            return Vec::new();
        };
        let configuration: Value = serde_json::from_str(&domain.configuration).unwrap_or_default();
        let columns = configuration["clusteringColumns"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        columns
            .iter()
            .filter_map(|path| {
                let names: Option<Vec<&str>> = path.as_array()?.iter().map(Value::as_str).collect();
                Some(logical_path(self.fields(), &names?).join("."))
            })
            .collect()
    }

    /// The columns that `spillway.primary_key` names, a JSON list or separated by commas, or those
    /// of a primary key kept as a constraint.
    fn primary_key(&self) -> Vec<String> {
        let properties = &self.metadata.configuration;
        let text = properties
            .get("spillway.primary_key")
            .or_else(|| properties.get("delta.constraints.primaryKey"))
            .or_else(|| properties.get("delta.constraints.primary_key"));
        let Some(text) = text else { return Vec::new() };
        let names: Vec<String> = serde_json::from_str(text).unwrap_or_else(|_| {
            text.split(',')
                .map(|name| name.trim().trim_matches('`').to_string())
                .filter(|name| !name.is_empty())
                .collect()
        });
        let known = |name: &String| self.fields().iter().any(|f| f["name"] == name.as_str());
        if names.iter().all(known) {
            names
        } else {
            Vec::new()
        }
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for field in self.fields() {
            if field["type"] == "void" {
                let name = field["name"].as_str().unwrap_or("");
                warnings.push(format!(
                    "a column of type void is left out, as it holds no data: {name}"
                ));
            }
        }
        warnings
    }
}

fn logical_path(fields: &[Value], physical: &[&str]) -> Vec<String> {
    let mut fields = fields;
    let mut path = Vec::new();
    for name in physical {
        let found = fields.iter().find(|field| {
            let mapped = field["metadata"]["delta.columnMapping.physicalName"].as_str();
            mapped.or_else(|| field["name"].as_str()) == Some(name)
        });
        let logical = found
            .and_then(|field| field["name"].as_str())
            .unwrap_or(name);
        path.push(logical.to_string());
        fields = found
            .and_then(|field| field["type"]["fields"].as_array())
            .map_or(&[], Vec::as_slice);
    }
    path
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

    fn add(&mut self, line: crate::actions::Line<'_>) {
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

fn corrupt(segment: &Segment, message: impl Into<String>) -> Error {
    Error::new(Class::DeltaLogCorrupt, message).at(&segment.log)
}

fn schema_of(metadata: &MetadataAction, segment: &Segment) -> Result<Value> {
    let schema: Value = serde_json::from_str(&metadata.schema_string)
        .map_err(|e| corrupt(segment, format!("the table's schema is not JSON: {e}")))?;
    if schema["type"] == "struct" && schema["fields"].is_array() {
        return Ok(schema);
    }
    Err(corrupt(segment, "the table's schema is not a struct"))
}

/// What the files of a version say besides files, and the description of its commit.
fn read_log(
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
    loop {
        let given = lines.given() + 1;
        let Some(line) = lines.next(runtime, call)? else {
            break;
        };
        if can_skip(line, given, &["add", "remove", "cdc", "txn"])
            || (!described && can_skip(line, given, &["commitInfo"]))
        {
            continue;
        }
        let mut action = parse_line(line, &url)?;
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
        loop {
            let given = lines.given() + 1;
            let Some(line) = lines.next(runtime, call)? else {
                break;
            };
            if !can_skip(line, given, &others) {
                found.add(parse_line(line, &url)?);
            }
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

fn rows_of(column: &arrow::array::StructArray) -> impl Iterator<Item = usize> + '_ {
    use arrow::array::Array;
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
            .and_then(|c| text_at(arrow::array::AsArray::as_string_opt::<i32>(c), row))
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
