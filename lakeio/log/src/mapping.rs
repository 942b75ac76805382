//! Column mapping: by which names the columns of data files, statistics and partition values go.

use serde_json::Value;
use url::Url;

use lakeio_store::{Class, Error, Result};

use crate::actions::{MetadataAction, ProtocolAction};
use crate::protocol;

/// The value of `delta.columnMapping.mode`, or "none".
pub(crate) fn mapping_mode(metadata: &MetadataAction) -> &str {
    let mode = metadata.configuration.get("delta.columnMapping.mode");
    mode.map_or("none", String::as_str)
}

/// Fails with DELTA_LOG_CORRUPT when the metadata map columns and the protocol does not: by which
/// names the columns of the files go is then not known.
pub(crate) fn check(action: &ProtocolAction, metadata: &MetadataAction, table: &Url) -> Result<()> {
    let mode = mapping_mode(metadata);
    let features = protocol::features(action);
    let known =
        action.min_reader_version == 2 || features.iter().any(|name| name == "columnMapping");
    if mode == "none" || known {
        return Ok(());
    }
    Err(Error::new(
        Class::DeltaLogCorrupt,
        format!(
            "protocol and metadata of the Delta log contradict each other; add the feature \
             columnMapping to the table, or set delta.columnMapping.mode to none: the mode is \
             {mode}, and the protocol does not have the feature"
        ),
    )
    .at(table))
}

/// Takes the names and ids of column mapping out of the schema of a table that has no mapping (any
/// more): they are nobody's, and columns go by their names.
pub(crate) fn clear(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(metadata)) = members.get_mut("metadata") {
                metadata.retain(|key, _| !key.starts_with("delta.columnMapping."));
            }
            for key in ["fields", "type", "elementType", "keyType", "valueType"] {
                members.get_mut(key).into_iter().for_each(clear);
            }
        }
        Value::Array(fields) => fields.iter_mut().for_each(clear),
        _ => {}
    }
}

/// The logical names of a path of physical ones.
pub(crate) fn logical_path(fields: &[Value], physical: &[&str]) -> Vec<String> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_of_a_mapping_stays() {
        let field = |kind: Value| {
            json!({"name": "a", "type": kind, "nullable": true, "metadata": {
                "comment": "c", "delta.columnMapping.id": 1,
                "delta.columnMapping.physicalName": "b"}})
        };
        let plain = |kind: Value| json!({"name": "a", "type": kind, "nullable": true, "metadata": {"comment": "c"}});
        let schema = |field: &dyn Fn(Value) -> Value| {
            let inner = json!({"type": "struct", "fields": [field("long".into())]});
            let list = json!({"type": "array", "elementType": inner, "containsNull": true});
            json!({"type": "struct", "fields": [field(inner), field(list)]})
        };
        let mut mapped = schema(&field);
        clear(&mut mapped);
        assert_eq!(mapped, schema(&plain));
    }
}
