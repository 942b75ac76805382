//! Types of a Delta schema: parsed from the schema's JSON, printed back, and the Arrow types that
//! they read as.

use std::sync::Arc;

use arrow::datatypes::{DataType as ArrowType, Field as ArrowField, Fields, TimeUnit};
use lakeio_store::{Class, Error, Result};
use serde_json::{json, Map, Value};

/// Metadata key of a Delta field: the column-mapping id.
pub const MAPPING_ID: &str = "delta.columnMapping.id";
/// Metadata key of a Delta field: the name of the column in data files and partition values.
pub const MAPPING_NAME: &str = "delta.columnMapping.physicalName";
/// Arrow field metadata key: the column-mapping id, where the table has one.
pub const ARROW_ID: &str = "spillway.id";
/// Arrow field metadata key: the logical type where Arrow's alone does not tell it.
pub const ARROW_TYPE: &str = "spillway.type";

/// Deepest nesting of a schema that is accepted: deeper ones come from a damaged log only.
const MAX_DEPTH: usize = 64;

/// A type without parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Primitive {
    /// True or false.
    Boolean,
    /// 8-bit signed integer.
    Byte,
    /// 16-bit signed integer.
    Short,
    /// 32-bit signed integer.
    Integer,
    /// 64-bit signed integer.
    Long,
    /// 32-bit IEEE number.
    Float,
    /// 64-bit IEEE number.
    Double,
    /// Fixed-point number: precision 1 to 38, scale 0 to precision.
    Decimal(u8, u8),
    /// UTF-8 text; char(n) and varchar(n) too.
    String,
    /// Bytes.
    Binary,
    /// Days since 1970-01-01, proleptic Gregorian.
    Date,
    /// Microseconds since 1970-01-01T00:00:00Z.
    Timestamp,
    /// Microseconds since 1970-01-01T00:00:00 of no zone.
    TimestampNtz,
}

/// A Delta data type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataType {
    /// A type without parts.
    Primitive(Primitive),
    /// Named fields.
    Struct(Vec<Field>),
    /// A list.
    Array(Box<Element>),
    /// Keys and values.
    Map(Box<Element>, Box<Element>),
    /// Semi-structured data.
    Variant,
    /// The type of a column that is always NULL.
    Void,
}

/// The element of an array, or the key or value of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its type.
    pub data_type: DataType,
    /// Whether it may be NULL; false for map keys.
    pub nullable: bool,
}

/// A column or a field of a struct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Logical name.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// Whether the schema allows NULL.
    pub nullable: bool,
    /// Column-mapping id.
    pub id: Option<i64>,
    /// Column-mapping physical name.
    pub physical_name: Option<String>,
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Class::InvalidScan, message)
}

impl Primitive {
    /// Parses a Delta primitive type name, `decimal(p,s)` included; none when it is not one.
    pub fn parse(name: &str) -> Option<Primitive> {
        Some(match name {
            "boolean" => Primitive::Boolean,
            "byte" => Primitive::Byte,
            "short" => Primitive::Short,
            "integer" => Primitive::Integer,
            "long" => Primitive::Long,
            "float" => Primitive::Float,
            "double" => Primitive::Double,
            "string" => Primitive::String,
            "binary" => Primitive::Binary,
            "date" => Primitive::Date,
            "timestamp" => Primitive::Timestamp,
            "timestamp_ntz" => Primitive::TimestampNtz,
            // Spark's name of decimal without parameters.
            "decimal" => Primitive::Decimal(10, 0),
            _ => {
                let inner = |prefix: &str| name.strip_prefix(prefix)?.strip_suffix(')');
                if inner("char(").or_else(|| inner("varchar(")).is_some() {
                    return Some(Primitive::String);
                }
                let (precision, scale) = inner("decimal(")?.split_once(',')?;
                let precision: u8 = precision.trim().parse().ok()?;
                let scale: u8 = scale.trim().parse().ok()?;
                if precision == 0 || precision > 38 || scale > precision {
                    return None;
                }
                Primitive::Decimal(precision, scale)
            }
        })
    }

    /// The Delta name of the type.
    pub fn name(self) -> String {
        match self {
            Primitive::Boolean => "boolean".into(),
            Primitive::Byte => "byte".into(),
            Primitive::Short => "short".into(),
            Primitive::Integer => "integer".into(),
            Primitive::Long => "long".into(),
            Primitive::Float => "float".into(),
            Primitive::Double => "double".into(),
            Primitive::Decimal(precision, scale) => format!("decimal({precision},{scale})"),
            Primitive::String => "string".into(),
            Primitive::Binary => "binary".into(),
            Primitive::Date => "date".into(),
            Primitive::Timestamp => "timestamp".into(),
            Primitive::TimestampNtz => "timestamp_ntz".into(),
        }
    }

    /// The Arrow type that columns of this type read as.
    pub fn arrow(self) -> ArrowType {
        match self {
            Primitive::Boolean => ArrowType::Boolean,
            Primitive::Byte => ArrowType::Int8,
            Primitive::Short => ArrowType::Int16,
            Primitive::Integer => ArrowType::Int32,
            Primitive::Long => ArrowType::Int64,
            Primitive::Float => ArrowType::Float32,
            Primitive::Double => ArrowType::Float64,
            Primitive::Decimal(precision, scale) => ArrowType::Decimal128(precision, scale as i8),
            Primitive::String => ArrowType::Utf8,
            Primitive::Binary => ArrowType::Binary,
            Primitive::Date => ArrowType::Date32,
            Primitive::Timestamp => ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Primitive::TimestampNtz => ArrowType::Timestamp(TimeUnit::Microsecond, None),
        }
    }
}

impl DataType {
    /// Parses a type of a Delta schema. A type that is not known is `UNSUPPORTED_TYPE`.
    pub fn parse(value: &Value) -> Result<DataType> {
        Self::parse_at(value, 0)
    }

    fn parse_at(value: &Value, depth: usize) -> Result<DataType> {
        if depth > MAX_DEPTH {
            return Err(invalid("the schema is nested too deeply"));
        }
        let object = match value {
            Value::String(name) => {
                return match name.as_str() {
                    "variant" => Ok(DataType::Variant),
                    "void" | "null" => Ok(DataType::Void),
                    name => match Primitive::parse(name) {
                        Some(primitive) => Ok(DataType::Primitive(primitive)),
                        None => Err(Error::new(
                            Class::UnsupportedType,
                            format!(
                                "the column type is not supported: {name}; leave the column out"
                            ),
                        )),
                    },
                }
            }
            Value::Object(object) => object,
            _ => return Err(invalid("a type is neither a name nor an object")),
        };
        let part = |key: &str| -> Result<DataType> {
            let part = object
                .get(key)
                .ok_or_else(|| invalid(format!("a type has no {key}")))?;
            Self::parse_at(part, depth + 1)
        };
        let flag = |key: &str| object.get(key).and_then(Value::as_bool).unwrap_or(true);
        match object.get("type").and_then(Value::as_str) {
            Some("struct") => Ok(DataType::Struct(Field::parse_all(object, depth + 1)?)),
            Some("array") => Ok(DataType::Array(Box::new(Element {
                data_type: part("elementType")?,
                nullable: flag("containsNull"),
            }))),
            Some("map") => Ok(DataType::Map(
                Box::new(Element {
                    data_type: part("keyType")?,
                    nullable: false,
                }),
                Box::new(Element {
                    data_type: part("valueType")?,
                    nullable: flag("valueContainsNull"),
                }),
            )),
            Some(other) => Err(Error::new(
                Class::UnsupportedType,
                format!("the column type is not supported: {other}; leave the column out"),
            )),
            None => Err(invalid("a type object has no type")),
        }
    }

    /// The type as JSON of a Delta schema.
    pub fn to_json(&self) -> Value {
        match self {
            DataType::Primitive(primitive) => Value::String(primitive.name()),
            DataType::Variant => Value::String("variant".into()),
            DataType::Void => Value::String("void".into()),
            DataType::Struct(fields) => {
                json!({"type": "struct", "fields": fields.iter().map(Field::to_json).collect::<Vec<_>>()})
            }
            DataType::Array(element) => json!({
                "type": "array",
                "elementType": element.data_type.to_json(),
                "containsNull": element.nullable,
            }),
            DataType::Map(key, value) => json!({
                "type": "map",
                "keyType": key.data_type.to_json(),
                "valueType": value.data_type.to_json(),
                "valueContainsNull": value.nullable,
            }),
        }
    }

    /// The Arrow type that columns of this type read as. Everything but a map's key is nullable.
    /// Void fields of structs are left out; void anywhere else is an error of the scan before this
    /// is asked.
    pub fn arrow(&self) -> ArrowType {
        match self {
            DataType::Primitive(primitive) => primitive.arrow(),
            DataType::Variant => ArrowType::Utf8,
            DataType::Void => ArrowType::Null,
            DataType::Struct(fields) => ArrowType::Struct(Field::arrow_fields(fields)),
            DataType::Array(element) => ArrowType::List(Arc::new(element.arrow("element", true))),
            DataType::Map(key, value) => ArrowType::Map(
                Arc::new(ArrowField::new(
                    "entries",
                    ArrowType::Struct(Fields::from(vec![
                        key.arrow("key", false),
                        value.arrow("value", true),
                    ])),
                    false,
                )),
                false,
            ),
        }
    }

    /// Whether a void stands where it cannot be left out: as an element, key or value.
    pub(crate) fn has_void_part(&self) -> bool {
        let part = |element: &Element| {
            element.data_type == DataType::Void || element.data_type.has_void_part()
        };
        match self {
            DataType::Primitive(_) | DataType::Variant | DataType::Void => false,
            DataType::Struct(fields) => fields.iter().any(|f| f.data_type.has_void_part()),
            DataType::Array(element) => part(element),
            DataType::Map(key, value) => part(key) || part(value),
        }
    }
}

fn type_metadata(field: ArrowField, data_type: &DataType, id: Option<i64>) -> ArrowField {
    let mut metadata = std::collections::HashMap::new();
    if let Some(id) = id {
        metadata.insert(ARROW_ID.to_string(), id.to_string());
    }
    if *data_type == DataType::Variant {
        metadata.insert(ARROW_TYPE.to_string(), "variant".to_string());
    }
    field.with_metadata(metadata)
}

impl Element {
    fn arrow(&self, name: &str, nullable: bool) -> ArrowField {
        let field = ArrowField::new(name, self.data_type.arrow(), nullable);
        type_metadata(field, &self.data_type, None)
    }
}

impl Field {
    /// A nullable field without column mapping.
    pub fn new(name: impl Into<String>, data_type: DataType) -> Self {
        Field {
            name: name.into(),
            data_type,
            nullable: true,
            id: None,
            physical_name: None,
        }
    }

    /// Parses the fields of a Delta schema (an object of type `struct`).
    pub fn parse_schema(schema: &Value) -> Result<Vec<Field>> {
        match DataType::parse(schema)? {
            DataType::Struct(fields) => Ok(fields),
            _ => Err(invalid("the schema is not a struct")),
        }
    }

    fn parse_all(object: &Map<String, Value>, depth: usize) -> Result<Vec<Field>> {
        let fields = object
            .get("fields")
            .and_then(Value::as_array)
            .ok_or_else(|| invalid("a struct has no fields"))?;
        fields
            .iter()
            .map(|field| Self::parse_at(field, depth))
            .collect()
    }

    fn parse_at(value: &Value, depth: usize) -> Result<Field> {
        let name = value
            .get("name")
            .and_then(Value::as_str)
            .ok_or_else(|| invalid("a field has no name"))?;
        let data_type = value
            .get("type")
            .ok_or_else(|| invalid(format!("a field has no type: {name}")))?;
        let metadata = value.get("metadata");
        let get = |key: &str| metadata.and_then(|m| m.get(key));
        Ok(Field {
            name: name.to_string(),
            data_type: DataType::parse_at(data_type, depth).map_err(|e| e.with("column", name))?,
            nullable: value
                .get("nullable")
                .and_then(Value::as_bool)
                .unwrap_or(true),
            id: get(MAPPING_ID).and_then(Value::as_i64),
            physical_name: get(MAPPING_NAME)
                .and_then(Value::as_str)
                .map(str::to_string),
        })
    }

    /// The field as JSON of a Delta schema; of its metadata only what column mapping needs.
    pub fn to_json(&self) -> Value {
        let mut metadata = Map::new();
        if let Some(id) = self.id {
            metadata.insert(MAPPING_ID.into(), id.into());
        }
        if let Some(name) = &self.physical_name {
            metadata.insert(MAPPING_NAME.into(), name.as_str().into());
        }
        json!({
            "name": self.name,
            "type": self.data_type.to_json(),
            "nullable": self.nullable,
            "metadata": metadata,
        })
    }

    /// The name of the column in data files, statistics and partition values.
    pub fn physical(&self) -> &str {
        self.physical_name.as_deref().unwrap_or(&self.name)
    }

    /// The Arrow field that the column reads as: logical name, nullable, `spillway.*` metadata.
    pub fn arrow(&self) -> ArrowField {
        let field = ArrowField::new(&self.name, self.data_type.arrow(), true);
        type_metadata(field, &self.data_type, self.id)
    }

    pub(crate) fn arrow_fields(fields: &[Field]) -> Fields {
        fields
            .iter()
            .filter(|f| f.data_type != DataType::Void)
            .map(|f| f.arrow())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_survives_parse_and_print() {
        let schema = json!({"type":"struct","fields":[
            {"name":"a","type":"decimal(9,3)","nullable":true,
             "metadata":{"delta.columnMapping.id":1,"delta.columnMapping.physicalName":"col-1"}},
            {"name":"b","type":{"type":"array","elementType":{"type":"map","keyType":"string",
             "valueType":{"type":"struct","fields":[
                {"name":"v","type":"variant","nullable":true,"metadata":{}}]},
             "valueContainsNull":true},"containsNull":false},"nullable":false,"metadata":{}}]});
        let parsed = DataType::parse(&schema).unwrap();
        assert_eq!(parsed.to_json().to_string(), schema.to_string());
        assert_eq!(DataType::parse(&parsed.to_json()).unwrap(), parsed);
    }

    #[test]
    fn unknown_types_are_named() {
        let error = DataType::parse(&json!("interval year to month")).unwrap_err();
        assert_eq!(error.class(), Class::UnsupportedType);
        assert!(error.message().contains("interval year to month"));
        assert_eq!(Primitive::parse("decimal(39,1)"), None);
        assert_eq!(Primitive::parse("decimal(4,5)"), None);
        assert_eq!(
            Primitive::parse("decimal(38, 38)"),
            Some(Primitive::Decimal(38, 38))
        );
        assert_eq!(Primitive::parse("varchar(5)"), Some(Primitive::String));
    }

    #[test]
    fn endless_nesting_is_refused() {
        let mut schema = json!("long");
        for _ in 0..1000 {
            schema = json!({"type":"array","elementType":schema,"containsNull":true});
        }
        assert!(DataType::parse(&schema).is_err());
    }
}
