//! The scan: what to read of a table, as JSON. Versioned, plain and deterministic, it carries no
//! secret and can travel to another process. `docs/formats/scan.md` is its page.

use std::collections::BTreeSet;

use serde_json::{json, Map, Value};
use url::Url;

use lakeio_store::{Class, Error, Result};

use crate::civil::parse_zone;
use crate::predicate::Predicate;
use crate::types::{DataType, Field};

/// Name of the column with the file's path that `row_position` appends.
const FILE_COLUMN: &str = "_file";
/// Name of the column with the row's position that `row_position` appends.
const ROW_COLUMN: &str = "_row";

const SCAN_FORMAT: &str = "spillway.scan";
const SCAN_VERSION: u64 = 1;

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

pub(crate) fn invalid_scan(message: impl Into<String>) -> Error {
    Error::new(Class::InvalidScan, message)
}

impl Scan {
    /// Compiles a request: keeps the columns that are read or compared, checks the predicate.
    ///
    /// Fails with `COLUMN_NOT_FOUND`, `INVALID_PREDICATE`, `INVALID_REQUEST` (a column named
    /// twice, or named as one that `row_position` appends) or `UNSUPPORTED_TYPE` (of a column that
    /// is read; others may have any type).
    pub fn new(request: &ScanRequest<'_>) -> Result<Scan> {
        let raw = request
            .schema
            .get("fields")
            .and_then(Value::as_array)
            .ok_or_else(|| invalid_scan("the schema is not a struct"))?;
        let is_void = |field: &Value| field.get("type").and_then(Value::as_str) == Some("void");
        let columns = match request.columns {
            Some(columns) => columns.to_vec(),
            None => raw
                .iter()
                .filter(|f| !is_void(f))
                .filter_map(name_of)
                .map(str::to_string)
                .collect(),
        };
        let predicate = request.predicate.map(Predicate::parse).transpose()?;
        let wanted = wanted(raw, &columns, predicate.as_ref())?;
        let mut schema = Vec::new();
        for field in raw {
            let name = name_of(field).ok_or_else(|| invalid_scan("a field has no name"))?;
            if wanted.contains(name) {
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
        let object = members(&value)?;
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

    /// What a split is bound to, as a number.
    pub(crate) fn identity(&self) -> u32 {
        self.identity
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

fn name_of(field: &Value) -> Option<&str> {
    field.get("name").and_then(Value::as_str)
}

/// Names of the columns that are given or compared; checks those to give.
fn wanted<'a>(
    raw: &[Value],
    columns: &'a [String],
    predicate: Option<&'a Predicate>,
) -> Result<BTreeSet<&'a str>> {
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    for name in columns {
        if !raw.iter().any(|field| name_of(field) == Some(name)) {
            return Err(Error::new(
                Class::ColumnNotFound,
                format!("the column is not in the schema: {name}"),
            )
            .with("column", name));
        }
        if !wanted.insert(name) {
            return Err(Error::new(
                Class::InvalidRequest,
                format!("a column is named twice: {name}"),
            ));
        }
    }
    if let Some(predicate) = predicate {
        predicate.for_each_column(&mut |column| {
            wanted.insert(&column.0[0]);
        });
    }
    Ok(wanted)
}

/// The members of a scan document that is of this version and has no others.
fn members(value: &Value) -> Result<&Map<String, Value>> {
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
    if let Some(key) = object.keys().find(|key| !MEMBERS.contains(&key.as_str())) {
        return Err(invalid_scan(format!(
            "a member of the scan is not known: {key}"
        )));
    }
    Ok(object)
}

#[cfg(test)]
pub(crate) mod tests {
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

    pub(crate) fn scan(columns: Option<&[&str]>, predicate: Option<Value>) -> Result<Scan> {
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
}
