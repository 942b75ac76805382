//! Making an empty table.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{json, Map, Value};

use lakeio_scan::types::{DataType, Field, Primitive};
use lakeio_store::{Call, Class, Error, Location, Result, Runtime};

use crate::doubt;
use crate::names;
use crate::segment::{list, log_file, log_url};

/// What an empty table is to be.
#[derive(Clone, Debug)]
pub struct CreateSpec {
    /// A Delta schema: an object of type struct.
    pub schema: Value,
    /// Logical names of the columns that the table is partitioned by.
    pub partition_columns: Vec<String>,
    /// The table's properties.
    pub properties: BTreeMap<String, String>,
    /// The table's name.
    pub name: Option<String>,
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}

/// Who writes, in commits and files.
pub(crate) const ENGINE: &str = concat!("Spillway lakeio/", env!("CARGO_PKG_VERSION"));

/// Creates an empty table; fails with ALREADY_EXISTS when a log is there, and with COMMIT_UNKNOWN when
/// an answer was lost and it cannot be told whether it was created.
pub fn create(
    runtime: &Runtime,
    call: &Call,
    location: &Location,
    spec: &CreateSpec,
) -> Result<Value> {
    let fields = Field::parse_schema(&spec.schema)
        .map_err(|e| e.reclass_if(Class::InvalidScan, Class::InvalidRequest))?;
    check_nullable(&spec.schema).map_err(|e| e.at(location.url()))?;
    check_schema(&fields, &spec.partition_columns).map_err(|e| e.at(location.url()))?;
    let mut features = BTreeSet::new();
    fields
        .iter()
        .for_each(|field| collect_features(&field.data_type, &mut features));
    property_features(&spec.properties, &mut features).map_err(|e| e.at(location.url()))?;

    let store = runtime.store(location)?;
    let log = log_url(location);
    let exists = || {
        Error::new(
            Class::AlreadyExists,
            "a Delta table is already at the location",
        )
        .at(&log)
    };
    match runtime.block_on(call, list(&store, call, location, &log, 0)) {
        Ok(_) => return Err(exists()),
        Err(error)
            if matches!(
                error.class(),
                Class::SourceNotFound | Class::DeltaLogMissing
            ) => {}
        Err(error) => return Err(error),
    }
    let url = log_file(&log, &names::commit(0));
    let commit = first_commit(spec, &features);
    let put = store.put_if_absent(call, &url, commit.clone().into());
    let made = match runtime.block_on(call, put) {
        Ok(()) => true,
        Err(error) if error.class() == Class::AlreadyExists => false,
        Err(error) => doubt::committed(runtime, &store, &url, &commit, error)?,
    };
    match made {
        true => Ok(json!({ "version": 0 })),
        false => Err(exists()),
    }
}

/// The lines of version 0.
fn first_commit(spec: &CreateSpec, features: &BTreeSet<&'static str>) -> String {
    let now = now_ms();
    let mut info = Map::new();
    if features.contains("inCommitTimestamp") {
        info.insert("inCommitTimestamp".into(), now.into());
    }
    info.extend([
        ("timestamp".to_string(), json!(now)),
        ("operation".to_string(), json!("CREATE TABLE")),
        (
            "operationParameters".to_string(),
            json!({
                "partitionBy": json!(spec.partition_columns).to_string(),
                "isManaged": "false",
                "properties": json!(spec.properties).to_string(),
            }),
        ),
        ("isBlindAppend".to_string(), json!(true)),
        ("operationMetrics".to_string(), json!({})),
        ("engineInfo".to_string(), json!(ENGINE)),
        ("txnId".to_string(), json!(uuid::Uuid::new_v4().to_string())),
    ]);
    let metadata = json!({
        "id": uuid::Uuid::new_v4().to_string(),
        "name": spec.name,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": spec.schema.to_string(),
        "partitionColumns": spec.partition_columns,
        "configuration": spec.properties,
        "createdTime": now,
    });
    format!(
        "{}\n{}\n{}\n",
        json!({ "commitInfo": info }),
        json!({ "metaData": metadata }),
        json!({ "protocol": protocol(features) }),
    )
}

fn invalid(message: String) -> Error {
    Error::new(Class::InvalidRequest, message)
}

/// Fails unless every field says whether it may be NULL, at any depth: readers demand it.
fn check_nullable(schema: &Value) -> Result<()> {
    match schema {
        Value::Object(members) => {
            for field in members
                .get("fields")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                if !field["nullable"].is_boolean() {
                    let name = field["name"].as_str().unwrap_or("");
                    return Err(invalid(format!(
                        "a field of the schema does not say whether it may be NULL; give it \
                         nullable: {name}"
                    ))
                    .with("column", name));
                }
                check_nullable(&field["type"])?;
            }
            for part in ["elementType", "keyType", "valueType"] {
                members.get(part).map_or(Ok(()), check_nullable)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn check_schema(fields: &[Field], partition_columns: &[String]) -> Result<()> {
    if fields.is_empty() {
        return Err(invalid("a table needs at least one column".into()));
    }
    check_names(fields)?;
    let mut named = BTreeSet::new();
    for name in partition_columns {
        let field = fields
            .iter()
            .find(|field| field.name == *name)
            .ok_or_else(|| invalid(format!("a partition column is not in the schema: {name}")))?;
        if !matches!(field.data_type, DataType::Primitive(p) if p != Primitive::Binary) {
            return Err(invalid(format!(
                "a column of its type cannot partition a table: {name}"
            )));
        }
        if !named.insert(name) {
            return Err(invalid(format!(
                "a partition column is named twice: {name}"
            )));
        }
    }
    if named.len() == fields.len() {
        return Err(invalid(
            "a table cannot be partitioned by all of its columns".into(),
        ));
    }
    Ok(())
}

fn check_names(fields: &[Field]) -> Result<()> {
    let mut seen = BTreeSet::new();
    for field in fields {
        let name = &field.name;
        if name.is_empty() || name.contains([' ', ',', ';', '{', '}', '(', ')', '\n', '\t', '=']) {
            return Err(invalid(format!(
                "a column's name is empty or has one of ' ,;{{}}()\\n\\t=', which tables without \
                 column mapping cannot have: {name}"
            )));
        }
        if !seen.insert(name.to_lowercase()) {
            return Err(invalid(format!(
                "two columns differ in case at most: {name}"
            )));
        }
        check_type(&field.data_type, name)?;
    }
    Ok(())
}

fn check_type(data_type: &DataType, name: &str) -> Result<()> {
    match data_type {
        DataType::Primitive(_) => Ok(()),
        DataType::Struct(fields) => check_names(fields),
        DataType::Array(element) => check_type(&element.data_type, name),
        DataType::Map(key, value) => {
            check_type(&key.data_type, name)?;
            check_type(&value.data_type, name)
        }
        DataType::Variant | DataType::Void => Err(Error::new(
            Class::UnsupportedType,
            format!("a column has a type that is not written here: {name}"),
        )),
    }
}

fn collect_features(data_type: &DataType, features: &mut BTreeSet<&'static str>) {
    match data_type {
        DataType::Primitive(Primitive::TimestampNtz) => {
            features.insert("timestampNtz");
        }
        DataType::Struct(fields) => {
            fields
                .iter()
                .for_each(|field| collect_features(&field.data_type, features));
        }
        DataType::Array(element) => collect_features(&element.data_type, features),
        DataType::Map(key, value) => {
            collect_features(&key.data_type, features);
            collect_features(&value.data_type, features);
        }
        DataType::Primitive(_) | DataType::Variant | DataType::Void => {}
    }
}

fn property_features(
    properties: &BTreeMap<String, String>,
    features: &mut BTreeSet<&'static str>,
) -> Result<()> {
    const SWITCHES: &[(&str, &str)] = &[
        ("delta.enableInCommitTimestamps", "inCommitTimestamp"),
        ("delta.enableDeletionVectors", "deletionVectors"),
        ("delta.enableChangeDataFeed", "changeDataFeed"),
        ("delta.appendOnly", "appendOnly"),
    ];
    const PLAIN: &[&str] = &[
        "delta.logRetentionDuration",
        "delta.deletedFileRetentionDuration",
        "delta.checkpointInterval",
        "delta.dataSkippingNumIndexedCols",
        "delta.dataSkippingStatsColumns",
        "delta.targetFileSize",
        "delta.checkpoint.writeStatsAsJson",
        "delta.checkpoint.writeStatsAsStruct",
        "delta.enableExpiredLogCleanup",
    ];
    for (key, value) in properties {
        let switch = SWITCHES.iter().find(|(name, _)| name == key);
        if let Some((_, feature)) = switch {
            match value.as_str() {
                "true" => {
                    features.insert(feature);
                }
                "false" => {}
                _ => {
                    return Err(invalid(format!(
                        "a property is neither true nor false: {key}"
                    )))
                }
            }
        } else if key.starts_with("delta.") && !PLAIN.contains(&key.as_str()) {
            return Err(Error::new(
                Class::Unsupported,
                format!(
                    "a table property is not known here, so what it asks of writers is not \
                         either: {key}"
                ),
            ));
        }
    }
    Ok(())
}

/// The protocol that has just the features needed.
fn protocol(features: &BTreeSet<&'static str>) -> Value {
    let reader: Vec<&str> = features
        .iter()
        .copied()
        .filter(|f| matches!(*f, "timestampNtz" | "deletionVectors"))
        .collect();
    let new = features.contains("inCommitTimestamp") || !reader.is_empty();
    if !new {
        let writer = if features.contains("changeDataFeed") {
            4
        } else {
            2
        };
        return json!({ "minReaderVersion": 1, "minWriterVersion": writer });
    }
    let mut writer: BTreeSet<&str> = features.clone();
    writer.extend(["appendOnly", "invariants"]);
    if reader.is_empty() {
        json!({ "minReaderVersion": 1, "minWriterVersion": 7, "writerFeatures": writer })
    } else {
        json!({
            "minReaderVersion": 3,
            "minWriterVersion": 7,
            "readerFeatures": reader,
            "writerFeatures": writer,
        })
    }
}
