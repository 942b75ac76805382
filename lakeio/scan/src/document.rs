//! The two documents that a reader is driven by: the scan (what to read of a table, as JSON) and
//! the split (which rows of which file, as bytes). Both are versioned, plain and deterministic,
//! carry no secret and can travel to another process. `docs/formats/scan.md` is their page.

use std::collections::BTreeSet;

use serde_json::{json, Map, Value};
use url::Url;

use lakeio_store::{Class, Error, Result};

use crate::predicate::Predicate;
use crate::scalar::{parse_zone, Scalar};
use crate::types::{DataType, Field};

/// Name of the column with the file's path that `row_position` appends.
pub const FILE_COLUMN: &str = "_file";
/// Name of the column with the row's position that `row_position` appends.
pub const ROW_COLUMN: &str = "_row";

const SCAN_FORMAT: &str = "spillway.scan";
const SCAN_VERSION: u64 = 1;
const SPLIT_VERSION: u8 = 1;

/// How columns of a data file are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappingMode {
    /// By logical name.
    None,
    /// By physical name.
    Name,
    /// By field id.
    Id,
}

impl MappingMode {
    /// The value of `delta.columnMapping.mode`.
    pub fn name(self) -> &'static str {
        match self {
            MappingMode::None => "none",
            MappingMode::Name => "name",
            MappingMode::Id => "id",
        }
    }

    /// Parses a value of `delta.columnMapping.mode`.
    pub fn parse(name: &str) -> Option<MappingMode> {
        [MappingMode::None, MappingMode::Name, MappingMode::Id]
            .into_iter()
            .find(|mode| mode.name() == name)
    }
}

/// What to read of one version of one table: everything that reading a split of it needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    table: Url,
    mapping: MappingMode,
    partition_zone: String,
    schema: Vec<Field>,
    partition_columns: Vec<String>,
    columns: Vec<String>,
    predicate: Option<Predicate>,
    row_position: bool,
    identity: u32,
}

/// What a scan is made from.
#[derive(Clone, Debug)]
pub struct ScanRequest<'a> {
    /// URL of the table's root.
    pub table: &'a Url,
    /// The whole logical schema of the table (a Delta schema object).
    pub schema: &'a Value,
    /// Value of `delta.columnMapping.mode`, or `none`.
    pub mapping: MappingMode,
    /// Logical names of the partition columns.
    pub partition_columns: &'a [String],
    /// Top-level columns to read, in order; none: all but void ones.
    pub columns: Option<&'a [String]>,
    /// The row predicate's JSON form.
    pub predicate: Option<&'a Value>,
    /// Whether `_file` and `_row` are appended.
    pub row_position: bool,
    /// Zone of zone-less timestamp partition values: `UTC` or an offset.
    pub partition_zone: &'a str,
}

fn invalid_scan(message: impl Into<String>) -> Error {
    Error::new(Class::InvalidScan, message)
}

impl Scan {
    /// Compiles a request: keeps the columns that are read or compared, checks the predicate.
    ///
    /// Fails with `COLUMN_NOT_FOUND`, `INVALID_PREDICATE`, `INVALID_REQUEST` (a column named
    /// twice, or named as one that `row_position` appends) or `UNSUPPORTED_TYPE` (of a column that
    /// is read; others may have any type).
    pub fn new(request: &ScanRequest<'_>) -> Result<Scan> {
        let invalid = |message: String| Error::new(Class::InvalidRequest, message);
        let raw = request
            .schema
            .get("fields")
            .and_then(Value::as_array)
            .ok_or_else(|| invalid_scan("the schema is not a struct"))?;
        let name_of = |field: &Value| {
            field
                .get("name")
                .and_then(Value::as_str)
                .map(str::to_string)
        };
        let is_void = |field: &Value| field.get("type").and_then(Value::as_str) == Some("void");
        let columns = match request.columns {
            Some(columns) => columns.to_vec(),
            None => raw
                .iter()
                .filter(|f| !is_void(f))
                .filter_map(name_of)
                .collect(),
        };
        let predicate = request.predicate.map(Predicate::parse).transpose()?;
        let mut wanted: BTreeSet<&str> = BTreeSet::new();
        for name in &columns {
            if !raw
                .iter()
                .any(|field| name_of(field).as_ref() == Some(name))
            {
                return Err(Error::new(
                    Class::ColumnNotFound,
                    format!("the column is not in the schema: {name}"),
                )
                .with("column", name));
            }
            if !wanted.insert(name) {
                return Err(invalid(format!("a column is named twice: {name}")));
            }
        }
        if let Some(predicate) = &predicate {
            predicate.for_each_column(&mut |column| {
                wanted.insert(&column.0[0]);
            });
        }
        let mut schema = Vec::new();
        for field in raw {
            let name = name_of(field).ok_or_else(|| invalid_scan("a field has no name"))?;
            if wanted.contains(name.as_str()) {
                let fields = Field::parse_schema(&json!({"type": "struct", "fields": [field]}))?;
                schema.extend(fields);
            }
        }
        let partition_columns = request.partition_columns.iter();
        let scan = Scan {
            table: request.table.clone(),
            mapping: request.mapping,
            partition_zone: request.partition_zone.to_string(),
            partition_columns: partition_columns
                .filter(|name| wanted.contains(name.as_str()))
                .cloned()
                .collect(),
            schema,
            columns,
            predicate,
            row_position: request.row_position,
            identity: 0,
        };
        scan.checked()
    }

    /// Everything that must hold of a scan, however it came.
    fn checked(mut self) -> Result<Scan> {
        if !self.table.path().ends_with('/') {
            let path = format!("{}/", self.table.path());
            self.table.set_path(&path);
        }
        parse_zone(&self.partition_zone).map_err(|e| {
            invalid_scan(format!(
                "the partition zone is {e}: {}",
                self.partition_zone
            ))
        })?;
        let mut names = BTreeSet::new();
        for field in &self.schema {
            if !names.insert(field.name.as_str()) {
                return Err(invalid_scan(format!(
                    "the schema names a column twice: {}",
                    field.name
                )));
            }
        }
        for name in &self.columns {
            let field = self
                .schema
                .iter()
                .find(|field| field.name == *name)
                .ok_or_else(|| invalid_scan(format!("a column is not in the schema: {name}")))?;
            if field.data_type == DataType::Void || field.data_type.has_void_part() {
                return Err(Error::new(
                    Class::UnsupportedType,
                    format!("the column type is not supported: void; leave the column out: {name}"),
                )
                .with("column", name));
            }
            if self.row_position && (name == FILE_COLUMN || name == ROW_COLUMN) {
                return Err(Error::new(
                    Class::InvalidRequest,
                    format!("a column has the name of one that row_position appends: {name}"),
                ));
            }
        }
        for name in &self.partition_columns {
            let field = self.schema.iter().find(|field| field.name == *name);
            match field.map(|field| &field.data_type) {
                Some(DataType::Primitive(_)) => {}
                _ => {
                    return Err(invalid_scan(format!(
                        "a partition column is not in the schema or not of a primitive type: {name}"
                    )))
                }
            }
        }
        if let Some(predicate) = &self.predicate {
            predicate.check(&self.schema)?;
        }
        self.identity = crc32fast::hash(self.bound().to_string().as_bytes());
        Ok(self)
    }

    /// Parses the document. Another version, an unknown member or a damaged one is `INVALID_SCAN`.
    pub fn parse(text: &str) -> Result<Scan> {
        let value: Value = serde_json::from_str(text)
            .map_err(|e| invalid_scan(format!("the scan is not JSON: {e}")))?;
        let object = value
            .as_object()
            .ok_or_else(|| invalid_scan("the scan is not an object"))?;
        if object.get("format").and_then(Value::as_str) != Some(SCAN_FORMAT) {
            return Err(invalid_scan(
                "the document is not a scan; make one with lakeio_table_scan",
            ));
        }
        match object.get("version").and_then(Value::as_u64) {
            Some(SCAN_VERSION) => {}
            version => {
                return Err(invalid_scan(format!(
                    "the scan has a version that is not known: {}; make it anew with this release",
                    version.map_or("none".to_string(), |v| v.to_string())
                )))
            }
        }
        const MEMBERS: [&str; 10] = [
            "format",
            "version",
            "table",
            "mapping",
            "partition_zone",
            "schema",
            "partition_columns",
            "columns",
            "predicate",
            "row_position",
        ];
        if let Some(key) = object.keys().find(|key| !MEMBERS.contains(&key.as_str())) {
            return Err(invalid_scan(format!(
                "a member of the scan is not known: {key}"
            )));
        }
        let get = |key: &str| -> Result<&Value> {
            object
                .get(key)
                .ok_or_else(|| invalid_scan(format!("a member of the scan is missing: {key}")))
        };
        let wrong =
            |key: &str| invalid_scan(format!("a member of the scan has a wrong value: {key}"));
        let text = |key: &str| get(key)?.as_str().ok_or_else(|| wrong(key));
        let names = |key: &str| -> Result<Vec<String>> {
            let list = get(key)?.as_array().ok_or_else(|| wrong(key))?;
            list.iter()
                .map(|name| name.as_str().map(str::to_string).ok_or_else(|| wrong(key)))
                .collect()
        };
        let scan = Scan {
            table: Url::parse(text("table")?).map_err(|_| wrong("table"))?,
            mapping: MappingMode::parse(text("mapping")?).ok_or_else(|| wrong("mapping"))?,
            partition_zone: text("partition_zone")?.to_string(),
            schema: Field::parse_schema(get("schema")?)?,
            partition_columns: names("partition_columns")?,
            columns: names("columns")?,
            predicate: match get("predicate")? {
                Value::Null => None,
                value => Some(Predicate::parse(value)?),
            },
            row_position: get("row_position")?
                .as_bool()
                .ok_or_else(|| wrong("row_position"))?,
            identity: 0,
        };
        scan.checked()
    }

    /// What a split is bound to: all that decides which rows it has. Which columns of them are given
    /// is not part of it, so the same splits can be read for other columns.
    fn bound(&self) -> Value {
        let mut document = self.to_json();
        if let Some(members) = document.as_object_mut() {
            members.remove("columns");
            members.remove("row_position");
        }
        document
    }

    fn to_json(&self) -> Value {
        json!({
            "format": SCAN_FORMAT,
            "version": SCAN_VERSION,
            "table": self.table.as_str(),
            "mapping": self.mapping.name(),
            "partition_zone": self.partition_zone,
            "schema": DataType::Struct(self.schema.clone()).to_json(),
            "partition_columns": self.partition_columns,
            "columns": self.columns,
            "predicate": self.predicate.as_ref().map(Predicate::to_json),
            "row_position": self.row_position,
        })
    }

    /// The document. Equal scans give equal bytes.
    pub fn print(&self) -> String {
        self.to_json().to_string()
    }

    /// URL of the table's root, ending in `/`.
    pub fn table(&self) -> &Url {
        &self.table
    }

    /// How columns of a data file are found.
    pub fn mapping(&self) -> MappingMode {
        self.mapping
    }

    /// The columns that are read or compared, in the table's order.
    pub fn schema(&self) -> &[Field] {
        &self.schema
    }

    /// Names of the columns to give, in order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The partition columns among `schema`.
    pub fn partition_columns(&self) -> &[String] {
        &self.partition_columns
    }

    /// The row predicate.
    pub fn predicate(&self) -> Option<&Predicate> {
        self.predicate.as_ref()
    }

    /// Whether `_file` and `_row` are appended.
    pub fn row_position(&self) -> bool {
        self.row_position
    }

    /// The field of a column of `schema`.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.schema.iter().find(|field| field.name == name)
    }

    /// Offset, in seconds east of UTC, of zone-less timestamp partition values.
    pub fn partition_zone_seconds(&self) -> i32 {
        parse_zone(&self.partition_zone).unwrap_or(0)
    }

    /// The Arrow schema that splits of this scan read as.
    pub fn arrow_schema(&self) -> arrow::datatypes::SchemaRef {
        use arrow::datatypes::{DataType as ArrowType, Field as ArrowField, Schema};
        let mut fields: Vec<ArrowField> = self
            .columns
            .iter()
            .filter_map(|name| self.field(name))
            .map(Field::arrow)
            .collect();
        if self.row_position {
            fields.push(ArrowField::new(FILE_COLUMN, ArrowType::Utf8, false));
            fields.push(ArrowField::new(ROW_COLUMN, ArrowType::Int64, false));
        }
        std::sync::Arc::new(Schema::new(fields))
    }
}

/// Where a deletion vector is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionVectorStorage {
    /// `u`: a file named by a UUID under the table's root.
    Relative,
    /// `i`: in the log itself.
    Inline,
    /// `p`: a file of absolute path.
    Absolute,
}

/// A deletion vector as the log describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionVector {
    /// Where it is.
    pub storage: DeletionVectorStorage,
    /// Path or base85 text, by `storage`.
    pub path_or_inline: String,
    /// Start within the file.
    pub offset: Option<u32>,
    /// Bytes of the serialized vector.
    pub size: u32,
    /// Rows that it deletes.
    pub cardinality: u64,
}

impl DeletionVectorStorage {
    /// Parses the log's `storageType`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "u" => Some(Self::Relative),
            "i" => Some(Self::Inline),
            "p" => Some(Self::Absolute),
            _ => None,
        }
    }

    /// The log's `storageType`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Relative => "u",
            Self::Inline => "i",
            Self::Absolute => "p",
        }
    }
}

/// A data file as the log lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFile<'a> {
    /// The log's path: relative to the table's root or absolute, percent-encoded.
    pub path: &'a str,
    /// Bytes.
    pub size: u64,
    /// Milliseconds since 1970.
    pub modification_time: i64,
    /// Physical name and value of each partition column.
    pub partition_values: &'a [(String, Option<String>)],
    /// Rows that are deleted.
    pub deletion_vector: Option<DeletionVector>,
    /// Rows in the file, deleted ones included, where the statistics say.
    pub rows: Option<u64>,
    /// Row tracking's first id.
    pub base_row_id: Option<i64>,
}

/// A data file or a row-group range of it, with what of the log reading it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    scan: u32,
    path: String,
    size: u64,
    modification_time: i64,
    partition_values: Vec<Option<String>>,
    deletion_vector: Option<DeletionVector>,
    row_groups: Option<std::ops::Range<u32>>,
    rows: Option<u64>,
    base_row_id: Option<i64>,
}

impl Split {
    /// The split that is a whole file. Fails with `DELTA_LOG_CORRUPT` when the file lacks the value
    /// of a partition column, or has one that is not of the column's type.
    pub fn new(scan: &Scan, file: &DataFile<'_>) -> Result<Split> {
        let corrupt = |message: String| Error::new(Class::DeltaLogCorrupt, message).at(file.path);
        let mut values = Vec::with_capacity(scan.partition_columns.len());
        for name in &scan.partition_columns {
            let field = scan
                .field(name)
                .ok_or_else(|| Error::internal("an unchecked scan"))?;
            // Logs of before a table was mapped by name have logical names, which are then physical.
            let found = file
                .partition_values
                .iter()
                .find(|(key, _)| key == field.physical());
            let (_, value) = found.ok_or_else(|| {
                corrupt(format!("a file has no value of a partition column: {name}"))
            })?;
            values.push(value.clone());
        }
        let split = Split {
            scan: scan.identity,
            path: file.path.to_string(),
            size: file.size,
            modification_time: file.modification_time,
            partition_values: values,
            deletion_vector: file.deletion_vector.clone(),
            row_groups: None,
            rows: file.rows,
            base_row_id: file.base_row_id,
        };
        split.partition_scalars(scan)?;
        Ok(split)
    }

    /// The part of a file that these row groups are. `rows`: rows in them, deleted ones included.
    pub fn part(&self, row_groups: std::ops::Range<u32>, rows: u64) -> Split {
        Split {
            row_groups: Some(row_groups),
            rows: Some(rows),
            ..self.clone()
        }
    }

    /// The log's path: relative to the table's root or absolute, percent-encoded.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// URL of the data file.
    pub fn url(&self, scan: &Scan) -> Result<Url> {
        resolve(scan.table(), &self.path)
    }

    /// Bytes of the whole file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Milliseconds since 1970 when the file was written.
    pub fn modification_time(&self) -> i64 {
        self.modification_time
    }

    /// Rows that are deleted.
    pub fn deletion_vector(&self) -> Option<&DeletionVector> {
        self.deletion_vector.as_ref()
    }

    /// The row groups that belong to the split; none: all.
    pub fn row_groups(&self) -> Option<std::ops::Range<u32>> {
        self.row_groups.clone()
    }

    /// Rows of the split, deleted ones included, where known.
    pub fn rows(&self) -> Option<u64> {
        self.rows
    }

    /// Row tracking's first id of the file.
    pub fn base_row_id(&self) -> Option<i64> {
        self.base_row_id
    }

    /// Fails unless the split was made for `scan`.
    pub fn check(&self, scan: &Scan) -> Result<()> {
        if self.scan == scan.identity && self.partition_values.len() == scan.partition_columns.len()
        {
            return Ok(());
        }
        Err(
            invalid_scan("the split belongs to another scan; list the splits of this one")
                .at(&self.path),
        )
    }

    /// The values of the scan's partition columns, in their order.
    pub fn partition_scalars(&self, scan: &Scan) -> Result<Vec<Option<Scalar>>> {
        let zone = scan.partition_zone_seconds();
        let mut scalars = Vec::with_capacity(self.partition_values.len());
        for (name, value) in scan.partition_columns.iter().zip(&self.partition_values) {
            let Some(DataType::Primitive(primitive)) = scan.field(name).map(|f| &f.data_type)
            else {
                return Err(Error::internal("an unchecked scan"));
            };
            let scalar =
                Scalar::parse_partition(*primitive, value.as_deref(), zone).map_err(|reason| {
                    let value = value.as_deref().unwrap_or_default();
                    Error::new(
                        Class::DeltaLogCorrupt,
                        format!("a partition value of column {name} is {reason}: {value}"),
                    )
                    .at(&self.path)
                    .with("column", name)
                })?;
            scalars.push(scalar);
        }
        Ok(scalars)
    }

    /// The split as bytes. Equal splits give equal bytes.
    pub fn print(&self) -> Vec<u8> {
        let mut out = Writer(vec![SPLIT_VERSION]);
        out.0.extend_from_slice(&self.scan.to_le_bytes());
        out.text(&self.path);
        out.number(self.size);
        out.signed(self.modification_time);
        out.number(self.partition_values.len() as u64);
        for value in &self.partition_values {
            out.option(value.as_ref(), |out, value| out.text(value));
        }
        out.option(self.deletion_vector.as_ref(), |out, vector| {
            out.0.push(vector.storage.name().as_bytes()[0]);
            out.text(&vector.path_or_inline);
            out.option(vector.offset, |out, offset| out.number(offset.into()));
            out.number(vector.size.into());
            out.number(vector.cardinality);
        });
        out.option(self.row_groups.as_ref(), |out, range| {
            out.number(range.start.into());
            out.number(range.end.into());
        });
        out.option(self.rows, Writer::number);
        out.option(self.base_row_id, Writer::signed);
        let check = crc32fast::hash(&out.0);
        out.0.extend_from_slice(&check.to_le_bytes());
        out.0
    }

    /// Parses the bytes. Anything that `print` did not give is `INVALID_SCAN`.
    pub fn parse(bytes: &[u8]) -> Result<Split> {
        let damaged = || invalid_scan("the split is damaged; list the splits anew");
        match bytes.first() {
            Some(&SPLIT_VERSION) => {}
            Some(version) => {
                return Err(invalid_scan(format!(
                    "the split has a version that is not known: {version}; list the splits anew"
                )))
            }
            None => return Err(damaged()),
        }
        let (body, check) = bytes.split_last_chunk::<4>().ok_or_else(damaged)?;
        if crc32fast::hash(body) != u32::from_le_bytes(*check) {
            return Err(damaged());
        }
        let mut input = Reader(&body[1..]);
        Self::read(&mut input)
            .filter(|_| input.0.is_empty())
            .ok_or_else(damaged)
    }

    fn read(input: &mut Reader<'_>) -> Option<Split> {
        let small = |value: u64| u32::try_from(value).ok();
        let scan = u32::from_le_bytes(input.bytes(4)?.try_into().ok()?);
        let path = input.text()?;
        let size = input.number()?;
        let modification_time = input.signed()?;
        let count = usize::try_from(input.number()?)
            .ok()
            .filter(|n| *n <= input.0.len())?;
        let mut partition_values = Vec::with_capacity(count);
        for _ in 0..count {
            partition_values.push(input.option(Reader::text)?);
        }
        let deletion_vector = input.option(|input| {
            let storage = std::str::from_utf8(input.bytes(1)?).ok()?;
            Some(DeletionVector {
                storage: DeletionVectorStorage::parse(storage)?,
                path_or_inline: input.text()?,
                offset: input.option(|input| small(input.number()?))?,
                size: small(input.number()?)?,
                cardinality: input.number()?,
            })
        })?;
        let row_groups = input.option(|input| {
            let (start, end) = (small(input.number()?)?, small(input.number()?)?);
            (start <= end).then_some(start..end)
        })?;
        Some(Split {
            scan,
            path,
            size,
            modification_time,
            partition_values,
            deletion_vector,
            row_groups,
            rows: input.option(Reader::number)?,
            base_row_id: input.option(Reader::signed)?,
        })
    }
}

/// Resolves a path of the log: relative to the table's root, or absolute; percent-encoded.
pub fn resolve(table: &Url, path: &str) -> Result<Url> {
    let bad = |reason: String| {
        Error::new(
            Class::DeltaLogCorrupt,
            format!("a path of the log is not valid: {reason}"),
        )
        .at(path)
    };
    let scheme = path
        .split_once(':')
        .map(|(scheme, _)| scheme)
        .filter(|scheme| {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        });
    if let (Some(_), Ok(url)) = (scheme, Url::parse(path)) {
        return Ok(url);
    }
    if path.is_empty() {
        return Err(bad("it is empty".into()));
    }
    let mut url = table.clone();
    let joined = if path.starts_with('/') {
        path.to_string()
    } else {
        format!("{}{path}", table.path())
    };
    // `set_path` keeps percent-encoded bytes as they are and takes `?` and `#` for path text.
    url.set_path(&joined);
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn signed(&mut self, value: i64) {
        self.number(((value << 1) ^ (value >> 63)) as u64);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.0.push(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.bytes(1)?[0];
            if shift == 63 && byte > 1 {
                return None;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let value = self.number()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn text(&mut self) -> Option<String> {
        let count = usize::try_from(self.number()?).ok()?;
        String::from_utf8(self.bytes(count)?.to_vec()).ok()
    }

    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.bytes(1)?[0] {
            0 => Some(None),
            1 => read(self).map(Some),
            _ => None,
        }
    }
}

/// Members of the scan that a person may want to see: used by messages and logs, never parsed.
impl std::fmt::Display for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = Map::new();
        shown.insert("table".into(), self.table.as_str().into());
        shown.insert("columns".into(), self.columns.clone().into());
        write!(f, "{}", Value::Object(shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Value {
        let field = |name: &str, kind: Value, id: i64| {
            json!({"name": name, "type": kind, "nullable": true, "metadata": {
                "comment": "dropped",
                "delta.columnMapping.id": id,
                "delta.columnMapping.physicalName": format!("col-{id}")}})
        };
        json!({"type":"struct","fields":[
            field("id", json!("long"), 1),
            field("p", json!("date"), 2),
            field("q", json!("string"), 3),
            field("weird", json!("interval day to second"), 4),
            field("nothing", json!("void"), 5),
            field("st", json!({"type":"struct","fields":[field("x", json!("variant"), 7)]}), 6)]})
    }

    fn scan(columns: Option<&[&str]>, predicate: Option<Value>) -> Result<Scan> {
        let columns: Option<Vec<String>> =
            columns.map(|columns| columns.iter().map(|c| c.to_string()).collect());
        Scan::new(&ScanRequest {
            table: &Url::parse("s3://bucket/a%20b/t").unwrap(),
            schema: &schema(),
            mapping: MappingMode::Name,
            partition_columns: &["q".to_string(), "p".to_string()],
            columns: columns.as_deref(),
            predicate: predicate.as_ref(),
            row_position: true,
            partition_zone: "UTC",
        })
    }

    fn file<'a>(values: &'a [(String, Option<String>)]) -> DataFile<'a> {
        DataFile {
            path: "q=a%2520b/part-1.parquet",
            size: 123_456_789_012,
            modification_time: -5,
            partition_values: values,
            deletion_vector: Some(DeletionVector {
                storage: DeletionVectorStorage::Relative,
                path_or_inline: "ab^-aqEH.-t@S}K{vb[*k^".into(),
                offset: Some(1),
                size: 40,
                cardinality: 6,
            }),
            rows: Some(1000),
            base_row_id: Some(-1),
        }
    }

    fn values() -> Vec<(String, Option<String>)> {
        vec![
            ("col-2".into(), Some("2024-02-29".into())),
            ("col-3".into(), None),
        ]
    }

    #[test]
    fn a_scan_keeps_what_it_needs() {
        let predicate = json!({"op":"is_null","arg":{"column":["p"]}});
        let scan = scan(Some(&["st", "id"]), Some(predicate)).unwrap();
        let names: Vec<_> = scan.schema().iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["id", "p", "st"]);
        assert_eq!(scan.partition_columns(), ["p"]);
        assert_eq!(scan.table().as_str(), "s3://bucket/a%20b/t/");
        assert!(!scan.print().contains("comment"));
        let parsed = Scan::parse(&scan.print()).unwrap();
        assert_eq!(parsed, scan);
        assert_eq!(parsed.print(), scan.print());
        let arrow = scan.arrow_schema();
        let names: Vec<_> = arrow.fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!(names, ["st", "id", "_file", "_row"]);
        assert_eq!(arrow.field(1).metadata()["spillway.id"], "1");
    }

    #[test]
    fn requests_are_checked() {
        assert_eq!(
            scan(None, None).unwrap_err().class(),
            Class::UnsupportedType
        );
        assert_eq!(
            scan(Some(&["no"]), None).unwrap_err().class(),
            Class::ColumnNotFound
        );
        assert_eq!(
            scan(Some(&["id", "id"]), None).unwrap_err().class(),
            Class::InvalidRequest
        );
        assert_eq!(
            scan(Some(&["nothing"]), None).unwrap_err().class(),
            Class::UnsupportedType
        );
        let predicate = json!({"op":"is_null","arg":{"column":["zz"]}});
        assert_eq!(
            scan(Some(&["id"]), Some(predicate)).unwrap_err().class(),
            Class::ColumnNotFound
        );
        assert!(scan(Some(&[]), None).is_ok());
    }

    #[test]
    fn damaged_scans_are_refused() {
        let good = scan(Some(&["id", "p"]), None).unwrap().print();
        for end in 0..good.len() {
            if good.is_char_boundary(end) {
                assert!(Scan::parse(&good[..end]).is_err());
            }
        }
        for (from, to) in [
            ("\"version\":1", "\"version\":2"),
            ("spillway.scan", "spillway.scam"),
            ("\"row_position\":true", "\"row_position\":1"),
            ("\"predicate\":null", "\"predicate\":null,\"more\":1"),
            ("\"columns\":[\"id\"", "\"columns\":[\"ie\""),
            ("\"partition_zone\":\"UTC\"", "\"partition_zone\":\"Mars\""),
        ] {
            assert!(good.contains(from), "{from}");
            assert_eq!(
                Scan::parse(&good.replace(from, to)).unwrap_err().class(),
                Class::InvalidScan
            );
        }
    }

    #[test]
    fn a_split_survives_parse_and_print_and_nothing_else_does() {
        let scan = scan(Some(&["id", "q", "p"]), None).unwrap();
        let values = values();
        let whole = Split::new(&scan, &file(&values)).unwrap();
        assert_eq!(
            whole.partition_scalars(&scan).unwrap(),
            [None, Some(Scalar::Date(19_782))]
        );
        assert_eq!(
            whole.url(&scan).unwrap().as_str(),
            "s3://bucket/a%20b/t/q=a%2520b/part-1.parquet"
        );
        let part = whole.part(2..5, 77);
        for split in [&whole, &part] {
            let bytes = split.print();
            assert_eq!(&Split::parse(&bytes).unwrap(), split);
            for end in 0..bytes.len() {
                assert!(Split::parse(&bytes[..end]).is_err());
            }
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(
                    Split::parse(&flipped).unwrap_err().class(),
                    Class::InvalidScan
                );
            }
        }
        whole.check(&scan).unwrap();
        // Which columns are given decides no rows; which are there to be read does.
        let reordered = super::tests::scan(Some(&["id", "p", "q"]), None).unwrap();
        whole.check(&reordered).unwrap();
        let other = super::tests::scan(Some(&["id", "q"]), None).unwrap();
        assert_eq!(whole.check(&other).unwrap_err().class(), Class::InvalidScan);
    }

    #[test]
    fn partition_values_are_checked() {
        let scan = scan(Some(&["p"]), None).unwrap();
        for values in [
            vec![],
            vec![("col-2".to_string(), Some("tomorrow".to_string()))],
        ] {
            let error = Split::new(&scan, &file(&values)).unwrap_err();
            assert_eq!(error.class(), Class::DeltaLogCorrupt);
        }
    }

    #[test]
    fn log_paths() {
        let table = Url::parse("file:///lake/t%20x/").unwrap();
        let resolved = |path: &str| resolve(&table, path).unwrap().to_string();
        assert_eq!(
            resolved("a%20b.parquet"),
            "file:///lake/t%20x/a%20b.parquet"
        );
        assert_eq!(resolved("p=a%253Ab/x"), "file:///lake/t%20x/p=a%253Ab/x");
        assert_eq!(resolved("p=a:b/x"), "file:///lake/t%20x/p=a:b/x");
        assert_eq!(resolved("s3://other/x%20y"), "s3://other/x%20y");
        assert_eq!(resolved("file:/abs/x"), "file:///abs/x");
        assert_eq!(resolved("/abs/x"), "file:///abs/x");
        assert_eq!(resolved("q?x#y"), "file:///lake/t%20x/q%3Fx%23y");
        assert!(resolve(&table, "").is_err());
    }
}
