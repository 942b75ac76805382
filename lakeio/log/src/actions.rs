//! The actions of a Delta log, as its JSON lines and checkpoint rows give them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::Deserialize as DeriveDeserialize;

/// Text that borrows from the line where it has no escapes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_string())))
            }
            fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// Text of which a line's own words are kept until they are asked for: statistics are full of
/// escapes, and most readers want none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LazyText<'a> {
    /// As it is.
    Plain(&'a str),
    /// As a JSON string, with its quotes.
    Json(&'a str),
}

impl<'a> LazyText<'a> {
    /// The text.
    pub(crate) fn text(&self) -> Cow<'a, str> {
        match self {
            LazyText::Plain(text) => Cow::Borrowed(*text),
            LazyText::Json(json) => {
                let inner = &json[1..json.len() - 1];
                if !inner.contains('\\') {
                    return Cow::Borrowed(inner);
                }
                // It has been read as a string already; what is none of Unicode tells nothing.
                Cow::Owned(serde_json::from_str(json).unwrap_or_default())
            }
        }
    }

    /// The text after `{"numRecords":`, when it begins so, as far as it has no escapes.
    pub(crate) fn after_records(&self) -> Option<&'a str> {
        match self {
            LazyText::Plain(text) => text.strip_prefix("{\"numRecords\":"),
            LazyText::Json(json) => json.strip_prefix("\"{\\\"numRecords\\\":"),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for LazyText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&'de serde_json::value::RawValue>::deserialize(deserializer)?.get();
        if json.starts_with('"') {
            return Ok(LazyText::Json(json));
        }
        Err(serde::de::Error::custom("statistics are not a string"))
    }
}

/// A JSON object of strings, in the order of the line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TextMap<'a>(pub(crate) Vec<(Text<'a>, Option<Text<'a>>)>);

impl<'de: 'a, 'a> Deserialize<'de> for TextMap<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MapVisitor;
        impl<'de> Visitor<'de> for MapVisitor {
            type Value = TextMap<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(TextMap(entries))
            }
        }
        deserializer.deserialize_map(MapVisitor)
    }
}

/// Where the deleted rows of a file are listed.
#[derive(Clone, Debug, PartialEq, Eq, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeletionVector {
    pub(crate) storage_type: String,
    pub(crate) path_or_inline_dv: String,
    pub(crate) offset: Option<i64>,
    pub(crate) size_in_bytes: i64,
    pub(crate) cardinality: i64,
}

impl DeletionVector {
    /// What tells two vectors of one file apart.
    pub(crate) fn unique_id(&self) -> String {
        match self.offset {
            Some(offset) => format!("{}{}@{offset}", self.storage_type, self.path_or_inline_dv),
            None => format!("{}{}", self.storage_type, self.path_or_inline_dv),
        }
    }
}

/// A data file of the table.
#[derive(Clone, Debug, PartialEq, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Add<'a> {
    #[serde(borrow)]
    pub(crate) path: Text<'a>,
    #[serde(borrow, default)]
    pub(crate) partition_values: TextMap<'a>,
    pub(crate) size: i64,
    #[serde(default)]
    pub(crate) modification_time: i64,
    #[serde(borrow, default)]
    pub(crate) stats: Option<LazyText<'a>>,
    #[serde(default)]
    pub(crate) deletion_vector: Option<DeletionVector>,
    #[serde(default)]
    pub(crate) base_row_id: Option<i64>,
}

/// A data file that is no longer of the table.
#[derive(Clone, Debug, PartialEq, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Remove<'a> {
    #[serde(borrow)]
    pub(crate) path: Text<'a>,
    #[serde(default)]
    pub(crate) deletion_vector: Option<DeletionVector>,
}

/// What readers and writers must know.
#[derive(Clone, Debug, PartialEq, Eq, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProtocolAction {
    pub(crate) min_reader_version: i32,
    pub(crate) min_writer_version: i32,
    #[serde(default)]
    pub(crate) reader_features: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) writer_features: Option<Vec<String>>,
}

/// The format of data files.
#[derive(Clone, Debug, PartialEq, Eq, DeriveDeserialize)]
pub(crate) struct Format {
    pub(crate) provider: String,
    #[serde(default)]
    pub(crate) options: BTreeMap<String, String>,
}

/// What the table is.
#[derive(Clone, Debug, PartialEq, Eq, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MetadataAction {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) format: Option<Format>,
    pub(crate) schema_string: String,
    #[serde(default)]
    pub(crate) partition_columns: Vec<String>,
    #[serde(default)]
    pub(crate) configuration: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) created_time: Option<i64>,
}

/// The version of an application's last transaction.
#[derive(Clone, Debug, PartialEq, Eq, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TxnAction {
    pub(crate) app_id: String,
    pub(crate) version: i64,
}

/// Configuration of a named domain.
#[derive(Clone, Debug, PartialEq, Eq, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DomainMetadataAction {
    pub(crate) domain: String,
    #[serde(default)]
    pub(crate) configuration: String,
    #[serde(default)]
    pub(crate) removed: bool,
}

/// A file that holds part of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SidecarAction {
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) size_in_bytes: u64,
}

/// How and by whom a commit was made. Everything is optional, as other writers are free.
#[derive(Clone, Debug, Default, PartialEq, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommitInfo {
    #[serde(default)]
    pub(crate) in_commit_timestamp: Option<i64>,
    #[serde(default)]
    pub(crate) operation: Option<serde_json::Value>,
    #[serde(default)]
    pub(crate) operation_parameters: Option<serde_json::Value>,
    #[serde(default)]
    pub(crate) operation_metrics: Option<serde_json::Value>,
    #[serde(default)]
    pub(crate) engine_info: Option<serde_json::Value>,
    #[serde(default)]
    pub(crate) user_name: Option<serde_json::Value>,
    #[serde(default)]
    pub(crate) user_id: Option<serde_json::Value>,
}

/// What one line of a commit or of a JSON checkpoint says of the table; nothing when it is about files.
#[derive(Debug, Default, PartialEq, DeriveDeserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line {
    #[serde(default)]
    pub(crate) protocol: Option<ProtocolAction>,
    #[serde(default)]
    pub(crate) meta_data: Option<MetadataAction>,
    #[serde(default)]
    pub(crate) txn: Option<TxnAction>,
    #[serde(default)]
    pub(crate) domain_metadata: Option<DomainMetadataAction>,
    #[serde(default)]
    pub(crate) commit_info: Option<CommitInfo>,
}

/// What such a line says of files.
#[derive(Debug, Default, DeriveDeserialize)]
pub(crate) struct FileLine<'a> {
    #[serde(borrow, default)]
    pub(crate) add: Option<Add<'a>>,
    #[serde(borrow, default)]
    pub(crate) remove: Option<Remove<'a>>,
    #[serde(default)]
    pub(crate) sidecar: Option<SidecarAction>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_add_borrows_what_it_can() {
        let text = r#"{"add":{"path":"p=a%2520b/x","partitionValues":{"p":"a b","q":null},"size":7,"modificationTime":1,"dataChange":true,"stats":"{\"numRecords\":5}","tags":{}}}"#;
        let line: FileLine<'_> = serde_json::from_str(text).unwrap();
        let add = line.add.unwrap();
        assert!(matches!(add.path.0, Cow::Borrowed(_)));
        let stats = add.stats.unwrap();
        assert_eq!(stats.text(), r#"{"numRecords":5}"#);
        assert_eq!(stats.after_records(), Some("5}\""));
        assert_eq!(add.partition_values.0.len(), 2);
        assert_eq!(add.partition_values.0[1].1, None);
    }

    #[test]
    fn statistics_are_a_string_or_nothing() {
        let read = |stats: &str| {
            let text = format!(r#"{{"add":{{"path":"x","size":7,"stats":{stats}}}}}"#);
            serde_json::from_str::<FileLine<'_>>(&text).map(|line| {
                let stats = line.add.unwrap().stats;
                stats.map(|stats| stats.text().into_owned())
            })
        };
        assert_eq!(read("null").unwrap(), None);
        assert_eq!(read(r#""plain""#).unwrap(), Some("plain".into()));
        assert_eq!(read(r#""\u00e4\n""#).unwrap(), Some("ä\n".into()));
        assert!(read("5").is_err());
        assert!(read(r#"{"numRecords":5}"#).is_err());
        assert!(read(r#""\x""#).is_err());
    }

    #[test]
    fn vectors_are_told_apart_as_the_protocol_says() {
        let mut vector = DeletionVector {
            storage_type: "u".into(),
            path_or_inline_dv: "ab".into(),
            offset: Some(4),
            size_in_bytes: 1,
            cardinality: 1,
        };
        assert_eq!(vector.unique_id(), "uab@4");
        vector.offset = None;
        assert_eq!(vector.unique_id(), "uab");
    }
}
