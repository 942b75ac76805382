//! Whether a table can be read here: its features by name, and what the kernel says of protocol
//! and metadata together.

use std::panic::{catch_unwind, AssertUnwindSafe};

use delta_kernel::actions::{Metadata, Protocol};
use delta_kernel::table_configuration::TableConfiguration;
use delta_kernel::table_features::Operation;
use serde_json::Value;
use url::Url;

use lakeio_scan::types::Primitive;
use lakeio_store::{Class, Error, Result};

use crate::actions::{MetadataAction, ProtocolAction};

/// Reader features that are known here.
const READER_FEATURES: &[&str] = &[
    "columnMapping",
    "deletionVectors",
    "timestampNtz",
    "typeWidening",
    "typeWidening-preview",
    "v2Checkpoint",
    "vacuumProtocolCheck",
    "variantType",
    "variantType-preview",
    "variantShredding",
    "variantShredding-preview",
];

/// Writer features that appending here keeps to.
const WRITER_FEATURES: &[&str] = &[
    "appendOnly",
    "invariants",
    "inCommitTimestamp",
    "timestampNtz",
    "vacuumProtocolCheck",
    "v2Checkpoint",
    "deletionVectors",
    "domainMetadata",
    "clustering",
    "changeDataFeed",
    "columnMapping",
];

/// The names of all features, sorted: those listed, or those that the version numbers stand for.
pub(crate) fn features(protocol: &ProtocolAction) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    if protocol.min_reader_version >= 3 {
        names.extend(protocol.reader_features.iter().flatten().cloned());
    } else if protocol.min_reader_version == 2 {
        names.push("columnMapping".into());
    }
    if protocol.min_writer_version >= 7 {
        names.extend(protocol.writer_features.iter().flatten().cloned());
    } else {
        let legacy = [
            (2, "appendOnly"),
            (2, "invariants"),
            (3, "checkConstraints"),
            (4, "changeDataFeed"),
            (4, "generatedColumns"),
            (5, "columnMapping"),
            (6, "identityColumns"),
        ];
        let stands_for = legacy
            .iter()
            .filter(|(from, _)| protocol.min_writer_version >= *from);
        names.extend(stands_for.map(|(_, name)| (*name).to_string()));
    }
    names.sort();
    names.dedup();
    names
}

/// Fails with UNSUPPORTED_READER_FEATURE, naming every feature that is not known here.
pub(crate) fn check_readable(protocol: &ProtocolAction, table: &Url) -> Result<()> {
    if !(1..=3).contains(&protocol.min_reader_version) {
        return Err(unsupported(
            &format!("reader version {}", protocol.min_reader_version),
            table,
        ));
    }
    if protocol.min_reader_version < 3 {
        return Ok(());
    }
    let unknown: Vec<&str> = protocol
        .reader_features
        .iter()
        .flatten()
        .map(String::as_str)
        .filter(|name| !READER_FEATURES.contains(name))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(unsupported(&unknown.join(", "), table))
}

fn unsupported(what: &str, table: &Url) -> Error {
    Error::new(
        Class::UnsupportedReaderFeature,
        format!(
            "the table needs what this reader does not know; drop it from the table, or use a \
             newer release: {what}"
        ),
    )
    .at(table)
    .with("features", what)
}

/// Fails with UNSUPPORTED_WRITER_FEATURE, naming every feature that appending does not know.
pub(crate) fn check_appendable(protocol: &ProtocolAction, table: &Url) -> Result<()> {
    let refuse = |what: &str| {
        Err(Error::new(
            Class::UnsupportedWriterFeature,
            format!("the table needs of its writers what is not known here: {what}"),
        )
        .at(table)
        .with("features", what))
    };
    if !(1..=7).contains(&protocol.min_writer_version) {
        return refuse(&format!("writer version {}", protocol.min_writer_version));
    }
    let names = features(protocol);
    let unknown: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| !WRITER_FEATURES.contains(name))
        .collect();
    // Versions before the seventh stand for features that the table mostly does not use; what is
    // in use shows in the metadata and is looked at there.
    if protocol.min_writer_version >= 7 && !unknown.is_empty() {
        return refuse(&unknown.join(", "));
    }
    Ok(())
}

/// Lets the kernel judge protocol, schema, mapping and partitioning together.
pub(crate) fn check_with_kernel(
    protocol: &ProtocolAction,
    metadata: &MetadataAction,
    schema: &Value,
    table: &Url,
    version: u64,
) -> Result<()> {
    let mut known = schema.clone();
    replace_foreign_types(&mut known);
    let judge = || -> std::result::Result<(), delta_kernel::KernelError> {
        let protocol = Protocol::try_new(
            protocol.min_reader_version,
            protocol.min_writer_version,
            protocol.reader_features.clone(),
            protocol.writer_features.clone(),
        )?;
        let metadata = Metadata::from_parts(
            metadata.id.clone(),
            metadata.name.clone(),
            metadata.description.clone(),
            "parquet".into(),
            Default::default(),
            known.to_string(),
            metadata.partition_columns.clone(),
            metadata.created_time,
            metadata.configuration.clone().into_iter().collect(),
        );
        let table = TableConfiguration::try_new(metadata, protocol, table.clone(), version)?;
        table.ensure_operation_supported(Operation::Scan)
    };
    match catch_unwind(AssertUnwindSafe(judge)) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(from_kernel(&error, table)),
        Err(_) => Err(Error::new(
            Class::DeltaLogCorrupt,
            "protocol and metadata of the Delta log make no sense together",
        )
        .at(table)),
    }
}

fn from_kernel(error: &delta_kernel::KernelError, table: &Url) -> Error {
    use delta_kernel::KernelError as K;
    match error {
        K::Backtraced { source, .. } => from_kernel(source, table),
        K::Unsupported(what) => unsupported(what, table),
        other => Error::new(
            Class::DeltaLogCorrupt,
            format!("protocol and metadata of the Delta log contradict each other: {other}"),
        )
        .at(table),
    }
}

/// Puts a type that the kernel knows where it does not know one; columns of such types are judged
/// when they are read.
fn replace_foreign_types(schema: &mut Value) {
    let Some(fields) = schema.get_mut("fields").and_then(Value::as_array_mut) else {
        return;
    };
    for field in fields {
        if let Some(data_type) = field.get_mut("type") {
            replace_foreign_type(data_type);
        }
    }
}

fn replace_foreign_type(data_type: &mut Value) {
    let known = match data_type {
        Value::String(name) => Primitive::parse(name).is_some() || name == "variant",
        Value::Object(members) => match members.get("type").and_then(Value::as_str) {
            Some("struct") => {
                replace_foreign_types(data_type);
                return;
            }
            Some("array" | "map") => {
                for part in ["elementType", "keyType", "valueType"] {
                    if let Some(part) = members.get_mut(part) {
                        replace_foreign_type(part);
                    }
                }
                return;
            }
            _ => false,
        },
        _ => return,
    };
    if !known {
        *data_type = Value::String("string".into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protocol(reader: i32, writer: i32, names: Option<&[&str]>) -> ProtocolAction {
        let names = names.map(|names| names.iter().map(|n| n.to_string()).collect::<Vec<_>>());
        ProtocolAction {
            min_reader_version: reader,
            min_writer_version: writer,
            reader_features: names.clone().filter(|_| reader == 3),
            writer_features: names,
        }
    }

    #[test]
    fn unknown_features_are_named() {
        let table = Url::parse("file:///t").unwrap();
        let strange = protocol(3, 7, Some(&["deletionVectors", "catalogManaged", "zebra"]));
        let error = check_readable(&strange, &table).unwrap_err();
        assert_eq!(error.class(), Class::UnsupportedReaderFeature);
        assert!(
            error.message().ends_with("catalogManaged, zebra"),
            "{error}"
        );
        assert!(check_readable(&protocol(4, 7, None), &table).is_err());
        assert!(check_readable(&protocol(2, 5, None), &table).is_ok());
    }

    #[test]
    fn version_numbers_stand_for_features() {
        assert_eq!(
            features(&protocol(2, 5, None)),
            [
                "appendOnly",
                "changeDataFeed",
                "checkConstraints",
                "columnMapping",
                "generatedColumns",
                "invariants"
            ]
        );
    }

    #[test]
    fn foreign_types_do_not_keep_the_other_columns_from_being_read() {
        let field = |name: &str, kind: Value| serde_json::json!({"name": name, "type": kind, "nullable": true, "metadata": {}});
        let list = serde_json::json!(
            {"type": "array", "elementType": "geometry", "containsNull": true});
        let schema = serde_json::json!({"type": "struct", "fields": [
            field("id", "long".into()),
            field("a", "interval year to month".into()),
            field("b", "uint64".into()),
            field("c", "decimal(39,0)".into()),
            field("d", serde_json::json!({"type": "udt"})),
            field("e", "void".into()),
            field("f", list),
        ]});
        let metadata = MetadataAction {
            id: "t".into(),
            name: None,
            description: None,
            format: None,
            schema_string: schema.to_string(),
            partition_columns: Vec::new(),
            configuration: Default::default(),
            created_time: None,
        };
        let table = Url::parse("file:///t").unwrap();
        check_with_kernel(&protocol(1, 2, None), &metadata, &schema, &table, 0).unwrap();
    }
}
