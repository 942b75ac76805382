//! One version of one table: opening and describing it.

use std::collections::BTreeMap;

use serde_json::{json, Value};

use lakeio_store::{Call, Class, Error, Location, Result, Runtime, Store};

use crate::actions::{CommitInfo, DomainMetadataAction, MetadataAction, ProtocolAction};
use crate::commits::Kept;
use crate::mapping::{self, mapping_mode};
use crate::metadata::read_log;
use crate::observe::fingerprint_of;
use crate::protocol;
use crate::segment::Segment;
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
        mapping::check(&protocol, &metadata, location.url())?;
        let mut schema = schema_of(&metadata, &segment)?;
        if mapping_mode(&metadata) == "none" {
            mapping::clear(&mut schema);
        }
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

    /// The value of `delta.columnMapping.mode`.
    pub(crate) fn mapping_mode(&self) -> &str {
        mapping_mode(&self.metadata)
    }

    /// The description document of `lakeio_table_describe`.
    pub fn describe(&self, call: &Call) -> Result<Value> {
        let segment = &self.segment;
        // Without a commit of the version, the checkpoint is of the version.
        let (tip, checkpoint) = (segment.tip.as_ref(), segment.checkpoint.as_ref());
        let work = fingerprint_of(&self.store, call, &segment.log, tip, checkpoint);
        let fingerprint = self.runtime.block_on(call, work)?;
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
                Some(mapping::logical_path(self.fields(), &names?).join("."))
            })
            .collect()
    }

    /// The columns that `spillway.primary_key` names, a JSON list or separated by commas, or those
    /// of a primary key kept as a constraint.
    fn primary_key(&self) -> Vec<String> {
        let names = self.declared_key();
        match self.unknown_of(&names).is_empty() {
            true => names,
            false => Vec::new(),
        }
    }

    /// The key that a property of the table declares, whether its columns are there or not.
    fn declared_key(&self) -> Vec<String> {
        let properties = &self.metadata.configuration;
        let text = properties
            .get("spillway.primary_key")
            .or_else(|| properties.get("delta.constraints.primaryKey"))
            .or_else(|| properties.get("delta.constraints.primary_key"));
        let Some(text) = text else { return Vec::new() };
        serde_json::from_str(text).unwrap_or_else(|_| {
            text.split(',')
                .map(|name| name.trim().trim_matches('`').to_string())
                .filter(|name| !name.is_empty())
                .collect()
        })
    }

    fn unknown_of<'a>(&self, names: &'a [String]) -> Vec<&'a str> {
        let is_known = |name: &str| self.fields().iter().any(|f| f["name"] == name);
        let names = names.iter().map(String::as_str);
        names.filter(|name| !is_known(name)).collect()
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for name in void_fields(self.fields(), "") {
            warnings.push(format!(
                "a column of type void is left out, as it holds no data: {name}"
            ));
        }
        let key = self.declared_key();
        let unknown = self.unknown_of(&key);
        if !unknown.is_empty() {
            warnings.push(format!(
                "the primary key that a property of the table declares is not used, as the table has \
                 no such column: {}",
                unknown.join(", ")
            ));
        }
        warnings
    }
}

/// Dotted names of the void fields among `fields` and the structs of them.
fn void_fields(fields: &[Value], prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for field in fields {
        let name = format!("{prefix}{}", field["name"].as_str().unwrap_or(""));
        if field["type"] == "void" {
            found.push(name);
        } else if let Some(inner) = field["type"]["fields"].as_array() {
            found.extend(void_fields(inner, &format!("{name}.")));
        }
    }
    found
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
